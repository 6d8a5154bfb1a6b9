"""The served region and the offers on its roads, replaced as a whole by a new version of the region."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from uuid import UUID

from matcher.domain.money import CostRate
from matcher.domain.offer import Offer
from matcher.geocoding.geocoder import Geocoder
from matcher.places.resolve import ResolvePlaces
from matcher.progress import Progress, no_progress
from matcher.roads.foot.meeting_points import MeetingPoints
from matcher.search.describe import MatchRoads
from matcher.search.live.fitted import FittedIndex
from matcher.search.live.load import Loaded, LoadOffers, SearchedIndex

Write = Callable[[FittedIndex], object]


@dataclass(frozen=True, eq=False)
class ServedRegion:
    """One version of a region: roads, names and offers that belong together.

    rate: the cost of driving that the index compares prices with, None when unknown.
    """

    roads: MatchRoads
    geocoder: Geocoder
    meeting_points: MeetingPoints | None
    resolve_places: ResolvePlaces
    load: LoadOffers
    rate: CostRate | None
    make_index: Callable[[], SearchedIndex]
    index: SearchedIndex

    @functools.cached_property
    def fitted(self) -> FittedIndex:
        """The index behind a door that fits offers to these roads."""
        return FittedIndex(self.index, self.roads, self.resolve_places)

    def emptied(self) -> ServedRegion:
        return replace(self, index=self.make_index())


class LiveOffers:
    """The offers in memory, on the region that is served now. Thread-safe; implements `OfferIndex`.

    A new region, or the same one with all offers read again, is filled beside the one in use and then replaces it at
    once. Offers written meanwhile go into both. Running searches finish on the region they began with.
    """

    def __init__(self, first: ServedRegion, executor: Executor) -> None:
        self._now = first
        self._executor = executor
        self._tell: Callable[[ServedRegion], None] = lambda _: None
        self._lock = threading.Lock()
        self._one_at_a_time = asyncio.Lock()
        self._meanwhile: list[Write] | None = None

    @property
    def now(self) -> ServedRegion:
        return self._now

    def whenever_replaced(self, tell: Callable[[ServedRegion], None]) -> None:
        """Call `tell` with each new region, on the event loop, before any other task runs there."""
        self._tell = tell

    def __len__(self) -> int:
        return len(self._now.index)

    def put(self, offer: Offer) -> None:
        """As `OfferIndex.put`; computes when the offer is of another import or was published under other speeds."""
        self._write(lambda index: index.put(offer))

    def remove(self, offer_id: UUID) -> None:
        self._write(lambda index: index.remove(offer_id))

    def _write(self, write: Write) -> None:
        with self._lock:
            if self._meanwhile is not None:
                self._meanwhile.append(write)
            fitted = self._now.fitted
        write(fitted)

    async def reload(self) -> Loaded:
        """Read all offers again, on the same roads. Raises DatabaseUnavailable and then changes nothing."""
        async with self._one_at_a_time:
            return await self._fill(self._now.emptied(), no_progress)

    async def replace(self, fresh: ServedRegion, progress: Progress = no_progress) -> Loaded:
        """Fill a region and serve it. Raises DatabaseUnavailable and then changes nothing."""
        async with self._one_at_a_time:
            return await self._fill(fresh, progress)

    async def _fill(self, fresh: ServedRegion, progress: Progress) -> Loaded:
        with self._lock:
            self._meanwhile = []
        try:
            loaded = await fresh.load(fresh.index, progress)
            while writes := self._written_meanwhile(fresh):
                await asyncio.get_running_loop().run_in_executor(self._executor, _repeat, writes, fresh.fitted)
        finally:
            with self._lock:
                self._meanwhile = None
        self._tell(fresh)
        return loaded

    def _written_meanwhile(self, fresh: ServedRegion) -> list[Write]:
        """The writes since the last call; when there are none, `fresh` is served."""
        with self._lock:
            assert self._meanwhile is not None
            writes, self._meanwhile = self._meanwhile, []
            if not writes:
                self._now = fresh
            return writes


def _repeat(writes: list[Write], fitted: FittedIndex) -> None:
    for write in writes:
        write(fitted)
