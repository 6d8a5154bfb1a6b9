"""The region that is served and the offers on its roads: what is replaced, all at once, when a new version of the region comes."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from matcher.domain.money import CostRate
from matcher.domain.offer import Offer
from matcher.geocoding.geocoder import Geocoder
from matcher.places.resolve import ResolvePlaces
from matcher.progress import Progress, no_progress
from matcher.roads.asked import MeetingPoints
from matcher.search.describe import MatchRoads
from matcher.search.find import SearchIndex
from matcher.search.live.fitted import FittedIndex
from matcher.search.live.load import BulkIndex, Loaded, LoadOffers

Write = Callable[[FittedIndex], object]


class SearchedIndex(BulkIndex, SearchIndex, Protocol):
    """An index that is filled, written to and searched."""


@dataclass(frozen=True, eq=False)
class ServedRegion:
    """One version of a region with all that is made from it. Whoever holds one sees roads, names and offers that belong together.

    rate: the cost of driving under which the index compares prices, where one is known.
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
        """The index behind whatever puts offers on these roads."""
        return FittedIndex(self.index, self.roads, self.resolve_places)

    def emptied(self) -> ServedRegion:
        """The same region without any offers yet."""
        return replace(self, index=self.make_index())


class LiveOffers:
    """The offers in memory, in whichever region is served now; implements `services.ports.OfferIndex`. Thread-safe.

    A region, or the same region with all offers read anew, is filled beside the one in use and then takes its place at once. What is written
    meanwhile goes into both. Searches that are under way finish on what they began with.
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
        """What is served now."""
        return self._now

    def whenever_replaced(self, tell: Callable[[ServedRegion], None]) -> None:
        """Tell of what is served from now on, on the event loop, before any other task runs there."""
        self._tell = tell

    def __len__(self) -> int:
        return len(self._now.index)

    def put(self, offer: Offer) -> None:
        """As `OfferIndex.put`; computes when the offer is of another import or was published under other speeds."""
        self._write(lambda index: index.put(offer))

    def remove(self, offer_id: UUID) -> None:
        """As `OfferIndex.remove`."""
        self._write(lambda index: index.remove(offer_id))

    def _write(self, write: Write) -> None:
        with self._lock:
            if self._meanwhile is not None:
                self._meanwhile.append(write)
            fitted = self._now.fitted
        write(fitted)

    async def reload(self) -> Loaded:
        """Read all offers anew, on the same roads. Raises DatabaseUnavailable, and then everything stays as it is."""
        async with self._one_at_a_time:
            return await self._fill(self._now.emptied(), no_progress)

    async def replace(self, fresh: ServedRegion, progress: Progress = no_progress) -> Loaded:
        """Fill a region, and serve it from then on. Raises DatabaseUnavailable, and then everything stays as it is."""
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
        """The writes since the last call; when there are none, `fresh` is in use from now on."""
        with self._lock:
            assert self._meanwhile is not None
            writes, self._meanwhile = self._meanwhile, []
            if not writes:
                self._now = fresh
            return writes


def _repeat(writes: list[Write], fitted: FittedIndex) -> None:
    for write in writes:
        write(fitted)
