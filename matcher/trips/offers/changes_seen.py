"""What instances tell one another about changed offers."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """How far an instance has read the changes of offers. Opaque; good for one run of one server."""

    snapshot: str
    times_forgotten: int
    server: str


@dataclass(frozen=True, slots=True)
class OfferChanges:
    """The offers that were changed after a position, each once, and the position after them. `last_seq` numbers the newest change.

    `missed`: some changes have been forgotten since, or the server is not the same any more: all offers must be read anew.
    """

    offer_ids: tuple[UUID, ...]
    position: FeedPosition
    last_seq: int
    missed: bool = False


class ChangeListener(Protocol):
    """Hears of changes from the moment it was made."""

    async def read(self, position: FeedPosition) -> OfferChanges:
        """What was committed after a position. Raises DatabaseUnavailable."""

    async def wait(self, at_most_s: float) -> None:
        """Return when something may have changed, and after `at_most_s` seconds. Raises DatabaseUnavailable when it cannot hear."""


class ChangeFeed(Protocol):
    """What other instances write."""

    def listening(self) -> AbstractAsyncContextManager[ChangeListener]:
        """A listener; its connection is closed with the block. Raises DatabaseUnavailable."""
