"""How far an instance has read the changes of offers, and what it has read."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """How far an instance has read the changes of offers. Opaque; good for one run of one server."""

    snapshot: str
    times_forgotten: int
    server: str


@dataclass(frozen=True, slots=True)
class OfferChanges:
    """The offers that were changed after a position, each once, and the position after them.

    `last_seq` numbers the newest change.

    `missed`: some changes have been forgotten since, or the server is not the same any more: all offers must be read
    anew.
    """

    offer_ids: tuple[UUID, ...]
    position: FeedPosition
    last_seq: int
    missed: bool = False
