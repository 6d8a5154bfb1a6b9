"""What kept requests need from storage, as Protocols."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from matcher.domain.idempotency import IdempotencyRequest, StoredAnswer
from matcher.search.requests.kept_request import FoundOffer, KeptRequest


@dataclass(frozen=True, slots=True)
class FoundPair:
    """A request and the version of an offer that fits it."""

    request_id: UUID
    offer_id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class ChangedOffers:
    """The offers that changed after a snapshot, each once, and the snapshot after them.

    `missed`: some changes cannot be told any more. `more`: there are further ones, which come after `seen`.
    """

    offer_ids: tuple[UUID, ...]
    seen: str
    missed: bool
    more: bool


@dataclass(frozen=True, slots=True)
class RequestPage:
    """One keyset page, oldest first; `next_cursor` is the (created_at, id) to go on after, None at the end."""

    requests: tuple[KeptRequest, ...]
    next_cursor: tuple[datetime, UUID] | None


class RequestRepository(Protocol):
    """Kept requests on disk."""

    async def insert(
        self,
        kept: KeptRequest,
        *,
        searched: str,
        shown: Sequence[UUID],
        most: int,
        idempotency: tuple[IdempotencyRequest, StoredAnswer] | None = None,
    ) -> StoredAnswer | None:
        """Store a new one, with the offers its rider was shown and the answer to the call; or return the answer that was kept before.

        searched: the snapshot of the offers that were searched. Raises TooManyKeptRequests, IdempotencyKeyReused.
        """

    async def find_answer(self, idempotency: IdempotencyRequest) -> StoredAnswer | None:
        """The answer stored under this key, or None. Raises IdempotencyKeyReused when the fingerprint differs."""

    async def get(self, request_id: UUID) -> KeptRequest:
        """Raises RequestNotFound."""

    async def list_page(self, rider_id: str, limit: int, after: tuple[datetime, UUID] | None) -> RequestPage:
        """One rider's, ordered by id, which is by age."""

    async def found(self, request_id: UUID, limit: int) -> list[FoundOffer]:
        """The offers its rider has been told of, newest first."""

    async def delete(self, request_id: UUID) -> None:
        """Raises RequestNotFound."""

    async def waiting(self, region: str, seen: str | None, now: datetime) -> tuple[list[KeptRequest], str]:
        """(requests that wait and were kept after the snapshot `seen`, all of them without one; the snapshot to go on from)."""

    async def present(self, request_ids: Sequence[UUID], now: datetime) -> dict[UUID, bool]:
        """Those that still wait, and whether their riders share now that they are women."""


class MatchingTurn(Protocol):
    """One process matches; what it notes becomes true with the end of the turn."""

    async def progress(self) -> str | None:
        """The snapshot up to which all changes have been matched; None at the very first time."""

    async def changed(self, seen: str, most: int | None = None) -> ChangedOffers:
        """What has changed after a snapshot: all of it, or about `most` changes, the earliest."""

    async def unsettled(self, now: datetime, limit: int) -> list[tuple[UUID, str | None]]:
        """(id, snapshot that was searched for it, None when it has to be searched for) of requests that nobody has settled."""

    async def unsettle(self, now: datetime) -> int:
        """Have every request that waits searched for; returns how many."""

    async def known(self, offer_ids: Sequence[UUID]) -> dict[UUID, set[UUID]]:
        """By offer, the requests whose riders know of it."""

    async def settle(self, request_ids: Sequence[UUID]) -> None:
        """What came after their own search has been matched with these requests."""

    async def note_progress(self, seen: str) -> None:
        """All changes up to a snapshot have been matched."""

    async def tell(self, pairs: Sequence[FoundPair], riders: dict[UUID, str], now: datetime) -> int:
        """Write an event for the rider of each pair that is still true and that the rider does not know of; returns how many."""


class MatchingTurns(Protocol):
    """Who matches."""

    def turn(self, region: str) -> AbstractAsyncContextManager[MatchingTurn | None]:
        """A turn, all or nothing; None while another process has it. Raises DatabaseUnavailable."""
