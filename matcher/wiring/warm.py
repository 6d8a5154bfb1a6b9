"""Run every kernel once, so that no search waits for compilation (90 s) or for loading compiled code (1 s)."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from matcher.check.plain_dijkstra import PlainDijkstra
from matcher.domain.match import MatchRequest, TimeWindow, WindowKind
from matcher.domain.offer import NO_PREFERENCES, Offer, OfferStatus
from matcher.domain.place import Place, RoadPosition
from matcher.matching.index.by_time import SlotSnapshot
from matcher.matching.index.index import OfferIndex
from matcher.matching.index.tables import IdTable
from matcher.matching.pipeline import find_candidates_by_time
from matcher.matching.rank.scoring import PARTS, ScoreWeights
from matcher.matching.scan.query import MeetingCandidate, Query
from matcher.progress import Progress, no_progress
from matcher.roads.engine import RoadEngine
from matcher.roads.foot.meeting_points import MeetingPoints
from matcher.roads.foot.walking import Walks
from matcher.roads.region.store import SAMPLE_NAME, RegionStore, ensure_sample
from matcher.roads.warm import warm_kernels

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def compile_kernels(progress: Progress = no_progress) -> None:
    """Compile everything, by importing the bundled region into a temporary folder and searching on it.

    The compiled code is kept beside the sources, or in NUMBA_CACHE_DIR, and is read from there by later processes.
    """
    warm_kernels(progress)
    with tempfile.TemporaryDirectory(prefix="carpool-warm-") as folder:
        store = RegionStore(Path(folder))
        ensure_sample(store, progress)
        progress("opening the roads")
        region = store.get(SAMPLE_NAME)
        engine = RoadEngine(region.name, region.fingerprint, region.network, region.topology)
        progress("compiling what a search needs")
        exercise(engine, MeetingPoints(region.network, Walks(region.walk_network)))
        PlainDijkstra(region.network).tree(RoadPosition(edge=0, fraction=0.5))


def exercise(engine: RoadEngine, meeting_points: MeetingPoints | None = None) -> None:
    """Drive, walk and search once between two places of a region, with offers of nobody's, in an index of its own."""
    last = engine.network.street_count - 1
    here, there = _place(engine, 0), _place(engine, last)
    drive = engine.drive([here.position, there.position])
    if drive is None:
        return
    offer = Offer(
        id=UUID(int=1), driver_id="warm-up", region=engine.name, region_fingerprint=engine.fingerprint,
        status=OfferStatus.OPEN, version=1, origin=here, destination=there, via=(), departure=_NOON, flexibility_s=900,
        seats_offered=1, seats_left=1, max_detour_s=900, max_detour_m=None, preferences=NO_PREFERENCES, comment="",
        duration_ms=drive.duration_ms, length_cm=drive.length_cm, created_at=_NOON, updated_at=_NOON,
    )  # fmt: skip
    index = OfferIndex(engine, block=8)  # small, so that its tables grow
    index.put(offer)
    index.put(replace(offer, id=UUID(int=2), departure=_NOON + timedelta(hours=1)))
    index.put(replace(offer, id=UUID(int=3), via=(_place(engine, last // 2),)))
    for number in range(4, 70):  # more than the first tables hold
        index.put(replace(offer, id=UUID(int=number)))
    index.put(replace(offer, id=UUID(int=4), version=2))
    for number in range(4, 70):
        index.remove(UUID(int=number))
    index.compact()
    ids = np.zeros(1, np.uint64)
    IdTable().find_many(ids, ids, ids, ids)  # what loading many at once asks
    doors = [MeetingCandidate(place.position, 0) for place in (here, there)]
    if meeting_points is not None:
        meeting_points.candidates(here, 300.0)
    ways = [
        _With(engine, few_offers) for few_offers in (0, len(index))
    ]  # all roads swept, and only those that few offers need
    weights = ScoreWeights()
    weights.describe((0.0,) * len(PARTS))
    for kind, walks, roads in itertools.product(WindowKind, (False, True), ways):
        request = MatchRequest(
            rider_id="warm-up rider", origin=here, destination=there,
            window=TimeWindow(_NOON, _NOON + timedelta(hours=1)), window_kind=kind, seats=1,
            max_walk_m=0, limit=1, preferences=NO_PREFERENCES,
        )  # fmt: skip
        query = Query.of(request, _NOON, doors if walks else (), doors[::-1] if walks else ())
        slot = SlotSnapshot(roads, index.snapshot(request.rider_id))
        found = find_candidates_by_time([slot, slot], query, weights, 1)
        engine.points(here.position, there.position, found.drive)


class _With:
    """An engine that holds so many offers for few."""

    def __init__(self, engine: RoadEngine, few_offers: int) -> None:
        self._engine = engine
        self.few_offers = few_offers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def _place(engine: RoadEngine, edge: int) -> Place:
    """The middle of an edge, as a place that was snapped."""
    coordinate = engine.locate(RoadPosition(edge=edge, fraction=0.5))
    snapped = engine.snap(coordinate, limit_m=1000.0)
    assert snapped is not None, "a point of a road lies within a kilometre of a road"
    return Place(coordinate, "", snapped.position, snapped.distance_m)
