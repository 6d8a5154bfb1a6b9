"""What use cases about people need from the world, as Protocols: who signs tokens, who blocks whom, what is held on a person."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from jwt import PyJWK

from matcher.people.block import Block


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key of an issuer, good for one algorithm only. `id` is its `kid`, None when it has none."""

    id: str | None
    algorithm: str
    key: PyJWK


class SigningKeys(Protocol):
    """The public keys by which an issuer's tokens are known."""

    async def find(self, key_id: str | None, algorithm: str) -> SigningKey | None:
        """The key of this id and algorithm; without an id the only key for the algorithm, or None.

        An unknown id makes it look for new keys, though not often. Raises IssuerUnavailable when no keys were ever had.
        """


class BlockRepository(Protocol):
    """Blocks on disk."""

    async def put(self, block: Block) -> Block | None:
        """Store a block; the one that says the same already stays, and is returned. None when the blocker has MAX_BLOCKS."""

    async def list_blocks(self, blocker: str) -> list[Block]:
        """All blocks of one blocker, oldest first."""

    async def remove(self, blocker: str, name: str) -> str | None:
        """Take back the block with this id or of this user name; whom it was about, None when there is no such block."""

    async def hidden_from(self, user: str) -> frozenset[str]:
        """Everybody whom the user has blocked or who has blocked the user."""

    async def find_driver(self, offer_id: UUID) -> str | None:
        """Who drives an offer, or None."""

    async def find_other(self, booking_id: UUID, user: str) -> str | None:
        """The other person of a booking of the user's, or None when there is no such booking of theirs."""


class Blocks(Protocol):
    """Who is hidden from whom."""

    async def hidden_from(self, user: str) -> frozenset[str]:
        """Everybody whom the user has blocked or who has blocked the user. Raises DatabaseUnavailable."""


class PeopleRepository(Protocol):
    """What persons share of themselves, on disk."""

    async def is_woman(self, user: str) -> bool:
        """Whether the user shares being a woman."""

    async def share(self, user: str, *, woman: bool, now: datetime, expected: bool | None = None) -> list[UUID]:
        """Note what the user shares, here and in all their OPEN offers; the ids of those that have changed.

        Raises StaleVersion when they do not share what was `expected`, SharingInUse.
        """


class PersonalData(Protocol):
    """Everything that is held on one person, wherever it is."""

    def export(self, user: str) -> AsyncGenerator[tuple[str, Any], None]:
        """(area, one thing that it holds), area by area, all as it was at one moment."""

    async def erase(self, user: str, pseudonym: str, erasure_id: UUID, now: datetime) -> dict[str, int]:
        """Take the person out of everything; how many rows remain under the pseudonym, by area. Raises TripsStillOpen."""
