"""Brings what other instances write into the offers in memory."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from matcher.domain.errors.tree import NotReady
from matcher.domain.offer import FeedPosition, Offer, OfferChanges
from matcher.search.live.load import Loaded
from matcher.search.live.region import LiveOffers
from matcher.trips.offers.repository import OfferRepository

_AT_ONCE = 500
_log = logging.getLogger(__name__)


class ChangeListener(Protocol):
    """Hears of changes from the moment it was made."""

    async def read(self, position: FeedPosition) -> OfferChanges:
        """What was committed after a position. Raises DatabaseUnavailable."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the offers in memory are behind the database: `seconds`, and the last change `seq` they contain."""

    seconds: float
    seq: int


class FollowChanges:
    """Keeps an index, loaded up to a position, up to date with the database. One call at a time.

    This instance's own changes arrive as well and are ignored, as their versions are not newer.
    """

    def __init__(
        self,
        offers: OfferRepository,
        index: LiveOffers,
        executor: Executor,
        *,
        loaded: Loaded,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._offers = offers
        self._index = index
        self._executor = executor
        self._clock = clock
        self._position: FeedPosition = loaded.position
        self._current_at = clock()
        self._seq = 0

    @property
    def lag(self) -> Lag:
        """How far behind the index is at most."""
        return Lag(max(0.0, self._clock() - self._current_at), self._seq)

    @property
    def position(self) -> FeedPosition:
        """The index contains what was committed before it."""
        return self._position

    async def catch_up(self, listener: ChangeListener) -> int:
        """Apply all changes committed before this call; returns how many offers. Raises DatabaseUnavailable."""
        began = self._clock()
        changes = await listener.read(self._position)
        if changes.missed:
            _log.warning("changes of offers were missed: all are read again")
            loaded = await self._index.reload()
            self._position, self._current_at, self._seq = loaded.position, began, changes.last_seq
            _log.info("%d offers were read again", loaded.offers)
            return loaded.offers
        for first in range(0, len(changes.offer_ids), _AT_ONCE):
            await self._take(changes.offer_ids[first : first + _AT_ONCE])
        self._position, self._current_at, self._seq = changes.position, began, changes.last_seq
        return len(changes.offer_ids)

    async def _take(self, offer_ids: Sequence[UUID]) -> None:
        found = await self._offers.get_many(offer_ids)
        await asyncio.get_running_loop().run_in_executor(self._executor, self._put_all, found)
        for offer_id in set(offer_ids) - {offer.id for offer in found}:
            self._index.remove(offer_id)

    def _put_all(self, offers: Sequence[Offer]) -> None:
        for offer in offers:
            self._index.put(offer)


class CheckLag:
    """A probe of `CheckHealth` that fails when the index is more than `limit_s` behind."""

    def __init__(self, follow: FollowChanges, limit_s: float) -> None:
        self._follow = follow
        self._limit_s = limit_s

    async def __call__(self) -> str:
        lag = self._follow.lag
        if lag.seconds > self._limit_s:
            raise NotReady(f"the offer index is {lag.seconds:.0f} s behind the database")
        return f"ok, {lag.seconds:.1f} s behind, change {lag.seq}"
