"""What the use cases ask of stored offers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from matcher.domain.idempotency import IdempotencyRequest, KeptAnswer, StoredAnswer
from matcher.domain.money import Money
from matcher.domain.offer import FeedPosition, Offer, OfferStatus, TripFields
from matcher.matching.index.load_direct import DirectOffers
from matcher.matching.index.load_stops import OffersWithStops
from matcher.postgres.store import KeysetPage


@dataclass(frozen=True, slots=True)
class CurrentState:
    """What the database says of an offer now."""

    version: int
    status: OfferStatus
    seats_left: int
    length_cm: int
    stated: TripFields

    @property
    def seats_offered(self) -> int:
        return self.stated.seats

    @property
    def price(self) -> Money | None:
        return self.stated.price


class OpenOffers(Protocol):
    """The OPEN offers of a region as they were at one moment."""

    @property
    def position(self) -> FeedPosition:
        """Changes after it are those that are not in here."""

    @property
    def count(self) -> int:
        """How many there are."""

    async def direct(self, take: Callable[[DirectOffers], Awaitable[None]]) -> None:
        """Hand over, some ten thousand at a time, the trips without stops whose positions hold for the fingerprint."""

    async def with_stops(self, take: Callable[[OffersWithStops], Awaitable[None]]) -> None:
        """The same for the trips with stops."""

    def others(self) -> AsyncIterator[Sequence[Offer]]:
        """The rest of them, in chunks."""


class OfferRepository(Protocol):
    """Offers on disk. A method that returns has committed; DatabaseUnavailable when it cannot say."""

    async def insert(self, offer: Offer, kept: KeptAnswer | None = None) -> None:
        """Store a new offer and, in the same transaction, the answer to the call.

        Of several calls with one key at once the first stores; the others wait for it, write nothing, and raise
        AnsweredBefore. Raises IdempotencyKeyReused when the fingerprint differs.
        """

    async def find_answer(self, idempotency: IdempotencyRequest) -> StoredAnswer | None:
        """The answer stored under this key, or None. Raises IdempotencyKeyReused when the fingerprint differs."""

    async def get(self, offer_id: UUID) -> Offer:
        """Raises OfferNotFound."""

    async def list_page(
        self,
        *,
        driver_id: str | None,
        status: OfferStatus | None,
        departure_from: datetime | None,
        departure_to: datetime | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> KeysetPage[Offer]:
        """At most `limit` offers ordered by (departure, id), after `after`; both departure bounds are inclusive.

        `driver_id` None means anybody's.
        """

    async def update(self, offer: Offer, *, expected_version: int) -> None:
        """Replace all but id, driver and created_at of an OPEN offer whose version is still `expected_version`.

        `offer.version` must be expected_version + 1. Raises OfferNotFound, StaleVersion, or OfferNotOpen, in that
        order of looking.
        """

    async def mark_past(self, now: datetime, *, limit: int = 10_000) -> list[UUID]:
        """Set OPEN offers whose latest arrival is before `now` to PAST, at most `limit`; returns their ids."""

    async def get_many(self, offer_ids: Sequence[UUID]) -> list[Offer]:
        """Those that exist, whatever their status, in no order."""

    async def refit(self, offers: Sequence[Offer]) -> int:
        """Store the road positions, the drive and the fingerprint of offers whose version is still the one given.

        Returns how many. All of one fingerprint.

        Nothing that a person has said changes, so the version stays, and nobody is told.
        """

    def open_offers(self, region: str, fingerprint: str) -> AbstractAsyncContextManager[OpenOffers]:
        """All OPEN offers of a region, from one snapshot that keeps its connection as long as the block."""

    async def current(self, offer_ids: Sequence[UUID]) -> dict[UUID, CurrentState]:
        """The present state of those that exist."""
