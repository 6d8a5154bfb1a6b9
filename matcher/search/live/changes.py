"""What instances tell one another about changed offers."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from matcher.domain.offer_changes import FeedPosition, OfferChanges


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
