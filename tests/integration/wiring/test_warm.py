"""After `carpool warm` nothing is left to compile: mapped arrays, offers with stops, bulk loads, searches."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = '''
import gc, random, sys, tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from numba.core.dispatcher import Dispatcher

from matcher.matching.index.index import OfferIndex
from matcher.matching.index.load_direct import DirectOffers
from matcher.matching.pipeline import find_candidates
from matcher.matching.scan.query import MeetingCandidate, Query
from matcher.matching.rank.scoring import ScoreWeights
from matcher.roads.engine import RoadEngine
from matcher.roads.foot.meeting_points import MeetingPoints
from matcher.roads.region.store import SAMPLE_NAME, RegionStore, ensure_sample
from matcher.roads.foot.walking import Walks
from matcher.roads.warm import warm_kernels
from matcher.wiring.warm import exercise
from matcher.domain.match import WindowKind
from matcher.domain.place import RoadPosition
from tests.builders import NOW, a_request, an_offer
from tests.bulk_columns import columns_with_stops_of


def compiled():
    """How many machine codes there are of each of our kernels."""
    kernels = [item for item in gc.get_objects() if isinstance(item, Dispatcher)]
    return {f"{k.py_func.__module__}.{k.__name__}": len(k.signatures) for k in kernels
            if k.py_func.__module__.startswith("matcher.")}


with tempfile.TemporaryDirectory() as folder:
    store = RegionStore(Path(folder))
    ensure_sample(store, public_spacing_m=0)
    region = store.get(SAMPLE_NAME)
    engine = RoadEngine(region.name, region.fingerprint, region.network, region.topology)
    points = MeetingPoints(region.network, Walks(region.walk_network))
    warm_kernels()
    exercise(engine, points)
    before = compiled()
    rng = random.Random(1)
    spot = lambda: (rng.randrange(region.network.edge_count), rng.random())
    index = OfferIndex(engine)
    offers = [an_offer(spot(), spot(), via=[spot()] * (k % 3), max_detour_s=14_400) for k in range(1500)]
    for offer in offers:
        index.put(offer)
    for offer in offers[:700]:
        index.remove(offer.id)
    again = [replace(offer, id=UUID(int=2**80 + k), version=2) for k, offer in enumerate(offers)]
    index.put_many(DirectOffers.of([offer for offer in again if not offer.via]))
    index.put_many(columns_with_stops_of([offer for offer in again if offer.via]))
    index.compact()
    assert len(index) > 1500, len(index)
    feasible = walking = 0
    on_map = lambda engine, place: replace(place, coordinate=engine.locate(place.position))
    for k in range(20):
        kind = list(WindowKind)[k % 2]
        request = a_request(spot(), spot(), window_kind=kind, earliest=NOW, latest=NOW + timedelta(hours=4),
                            seats=1 + k % 3, preferences={"pets": True} if k % 4 else {})
        query = Query.of(request, NOW)
        if k % 2:
            ends = on_map(engine, request.origin), on_map(engine, request.destination)
            query = query.meeting_at(*([MeetingCandidate(c.position, c.walk_ms) for c in points.candidates(end, 900.0)]
                                       for end in ends))
            walking += query.walks
        found = find_candidates(index.snapshot("rider"), engine, query, ScoreWeights(), 1 + k)
        feasible += found.feasible
        engine.drive([request.origin.position, request.destination.position])
        engine.snap(engine.locate(RoadPosition(*spot())), limit_m=100.0)
    assert feasible > 100, feasible
    assert walking > 5, walking
    assert len(before) > 10, before
    after = compiled()
    late = {name: count for name, count in after.items() if count != before.get(name, 0)}
    print("compiled late:", late)
    sys.exit(1 if late else 0)
'''


def test_a_warmed_process_compiles_nothing_when_it_loads_and_in_its_first_searches() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3_000:]
