"""Loads the stored offers into an index, at start and when changes were missed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

from matcher.domain.offer import FeedPosition, Offer
from matcher.matching.index.by_time import SlotSnapshot
from matcher.matching.index.load_direct import DirectOffers
from matcher.matching.index.load_stops import OffersWithStops
from matcher.places.resolve import ResolvePlaces
from matcher.progress import Progress, no_progress
from matcher.roads.asked import RoadsByTime
from matcher.search.live.fitted import FittedIndex
from matcher.trips.offers.repository import OfferRepository
from matcher.trips.writer import OpenOfferIndex

#: Chunks of columns in progress: enough to keep several threads busy, few enough to need little memory.
_IN_FLIGHT = 6


class SearchedIndex(OpenOfferIndex, Protocol):
    """An OpenOfferIndex that is filled in bulk, and searched."""

    def put_many(self, offers: DirectOffers | OffersWithStops) -> int:
        """Add or replace; versions that are not newer are ignored. Returns how many had no route."""

    def compact(self) -> None:
        """Sort what has been added into the order that searches run fastest on."""

    def snapshot(self, searcher: str, hidden: Collection[str] = ()) -> Sequence[SlotSnapshot]:
        """The present offers by slot, without those of `hidden` drivers."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many offers can be matched, how many were snapped again, and how many no road fits any more.

    The feed of changes continues from `position`.
    """

    offers: int
    moved: int
    lost: int
    position: FeedPosition


class LoadOffers:
    """Fills an index with every OPEN offer of the region, from one snapshot of the database.

    An offer whose positions belong to another import of the region is snapped and driven again, and stored under the
    same version. One that no road fits any more stays as it is, is not matched, and is logged by its id.
    """

    def __init__(
        self, offers: OfferRepository, roads: RoadsByTime, resolve_places: ResolvePlaces, executor: Executor
    ) -> None:
        self._offers = offers
        self._roads = roads
        self._resolve_places = resolve_places
        self._executor = executor

    async def __call__(self, index: SearchedIndex, progress: Progress = no_progress) -> Loaded:
        progress("loading offers")
        async with self._offers.open_offers(self._roads.name, self._roads.fingerprint) as stored:
            packing = _Packing(index, self._executor, stored.count, progress)
            await stored.direct(packing.take)
            await stored.with_stops(packing.take)
            lost = await packing.finish()
            moved = 0
            fitted = FittedIndex(index, self._roads, self._resolve_places)
            loop = asyncio.get_running_loop()
            async for chunk in stored.others():
                changed, gone = await loop.run_in_executor(self._executor, _put_all, fitted, chunk)
                await self._offers.refit(changed)
                packing.tell(len(chunk))
                moved, lost = moved + len(changed), lost + gone
            progress("sorting offers")
            await loop.run_in_executor(self._executor, index.compact)
        return Loaded(offers=len(index), moved=moved, lost=lost, position=stored.position)


class _Packing:
    """Packs chunks of columns into the index on several threads while further chunks arrive."""

    def __init__(self, index: SearchedIndex, executor: Executor, expected: int, progress: Progress) -> None:
        self._index = index
        self._executor = executor
        self._expected = expected
        self._progress = progress
        self._waiting: set[asyncio.Future[int]] = set()
        self._lost = 0
        self._done = 0

    async def take(self, columns: DirectOffers | OffersWithStops) -> None:
        """Start packing a chunk; returns when there is room for another."""
        loop = asyncio.get_running_loop()
        self._waiting.add(loop.run_in_executor(self._executor, self._index.put_many, columns))
        self.tell(len(columns))
        if len(self._waiting) >= _IN_FLIGHT:
            await self._collect(asyncio.FIRST_COMPLETED)

    async def finish(self) -> int:
        """Wait for the rest; returns how many offers had no route."""
        if self._waiting:
            await self._collect(asyncio.ALL_COMPLETED)
        return self._lost

    def tell(self, more: int) -> None:
        """Report that `more` offers were read."""
        self._done += more
        self._progress("loading offers", self._done, self._expected)

    async def _collect(self, when: str) -> None:
        done, self._waiting = await asyncio.wait(self._waiting, return_when=when)
        self._lost += sum(part.result() for part in done)


def _put_all(index: FittedIndex, offers: Sequence[Offer]) -> tuple[list[Offer], int]:
    """(those that had to be moved to these roads, how many went in not at all)."""
    moved: list[Offer] = []
    lost = 0
    for offer in offers:
        fitted = index.put_fitted(offer)
        if fitted is None:
            lost += 1
        elif fitted is not offer:
            moved.append(fitted)
    return moved, lost
