"""What other instances write reaches the offers in memory here."""

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
from matcher.domain.offer import Offer
from matcher.domain.offer_changes import FeedPosition
from matcher.search.live.changes import ChangeListener
from matcher.search.live.load import Loaded
from matcher.trips.offer_index import OfferIndex
from matcher.trips.offers.repository import OfferRepository

_AT_ONCE = 500
_log = logging.getLogger(__name__)


class ReloadableIndex(OfferIndex, Protocol):
    """An index that can be filled anew while searches go on."""

    async def reload(self) -> Loaded:
        """Read all offers anew, without losing what is written meanwhile. Raises DatabaseUnavailable."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the offers in memory are behind the database: what was committed `seconds` ago is in, up to change `seq`."""

    seconds: float
    seq: int


class FollowChanges:
    """Keeps an index, loaded up to a position, in line with the database. One call at a time.

    What this instance wrote itself comes by again and is ignored, as its version is not newer.
    """

    def __init__(
        self,
        offers: OfferRepository,
        index: ReloadableIndex,
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
        """What was committed before it is in the index."""
        return self._position

    async def catch_up(self, listener: ChangeListener) -> int:
        """Take in everything that was committed before this call; returns how many offers that were. Raises DatabaseUnavailable."""
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
    """A probe of `CheckHealth`: says how far behind the index is, and fails when that is too much."""

    def __init__(self, follow: FollowChanges, limit_s: float) -> None:
        self._follow = follow
        self._limit_s = limit_s

    async def __call__(self) -> str:
        """Raises NotReady."""
        lag = self._follow.lag
        if lag.seconds > self._limit_s:
            raise NotReady(f"the offers in memory are {lag.seconds:.0f} s behind the database")
        return f"ok, {lag.seconds:.1f} s behind, change {lag.seq}"
