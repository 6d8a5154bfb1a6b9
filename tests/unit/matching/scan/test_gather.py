"""The scan over thousands of rows: where blocks meet, where the bound is taken, and what each offer is turned away
for.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from matcher.domain.match import MatchRequest, TurnedAway, WindowKind
from matcher.domain.offer import Offer
from matcher.matching.base.positions import INFINITE
from matcher.matching.index.index import OfferIndex
from matcher.matching.index.zones import BLOCK
from matcher.matching.scan.gather import gather
from matcher.matching.scan.query import Query
from matcher.roads.engine import RoadEngine
from tests.builders import NOW, Street, a_request, a_ring, an_engine, an_offer
from tests.property.oracle import judge
from tests.property.scenarios import a_spot, a_town, some_offer, some_request


def scan(engine: RoadEngine, index: OfferIndex, request: MatchRequest) -> tuple[list[UUID], Counter[str], int | None]:
    """(offers that fit, reasons of the others, nearest miss) by the scan alone."""
    query = Query.of(request, NOW)
    snapshot = index.snapshot(request.rider_id)
    direct = engine.cost(query.pickup, query.dropoff)
    assert direct is not None
    with engine.sweep(query.pickup, query.dropoff) as distance:
        found = gather(snapshot, engine.edges, distance, direct, query)
    reasons = Counter({reason.value: count for reason, count in found.turned_away.items()})
    assert found.considered == len(found) + reasons.total()
    return [snapshot.rows.offer_id(int(row)) for row in found.rows], reasons, found.nearest_miss_ms


@pytest.mark.parametrize("seed", range(4))
def test_thousands_of_rows_are_judged_as_one_by_one(seed: int) -> None:
    """Rows cross block borders; each kind of offer is repeated, so that the oracle needs to judge each kind once."""
    random_ = random.Random(seed)
    streets = a_town(random_, 7, 7, round_numbers=False)
    engine = an_engine(streets)
    spots = [a_spot(random_, streets) for _ in range(5)]
    kinds = [some_offer(random_, streets, spots, number, round_numbers=False, vias=False) for number in range(40)]
    index = OfferIndex(engine)
    times: Counter[int] = Counter()
    for number in range(2 * BLOCK + 100):
        kind = random_.randrange(len(kinds))
        times[kind] += 1
        index.put(copy_of(kinds[kind], kind, number))
    for _ in range(5):
        request = some_request(random_, streets, spots, round_numbers=False)
        fitting, reasons, miss = scan(engine, index, request)
        expected_reasons: Counter[str] = Counter()
        expected_rides: Counter[int] = Counter()
        for kind, offer in enumerate(kinds):
            verdict = judge(streets, [offer], request, NOW)
            expected_rides[kind] += len(verdict.rides) * times[kind]
            for reason, count in verdict.turned_away.items():
                expected_reasons[reason] += count * times[kind]
        assert Counter(offer_id.int >> 64 for offer_id in fitting) == +expected_rides
        assert reasons == expected_reasons
        assert miss == judge(streets, kinds, request, NOW).nearest_miss_ms


def copy_of(offer: Offer, kind: int, number: int) -> Offer:
    """The same offer under an id that tells its kind."""
    return replace(offer, id=UUID(int=kind << 64 | number))


@pytest.mark.parametrize("number", [0, BLOCK - 1, BLOCK, 2 * BLOCK - 1, 2 * BLOCK])
def test_the_one_that_fits_is_found_at_either_end_of_a_block(number: int) -> None:
    engine = an_engine(a_ring())
    index = OfferIndex(engine)
    for k in range(2 * BLOCK + 1):
        index.put(an_offer(seats_left=1 if k == number else 0, offer_id=UUID(int=k)))
    fitting, reasons, _ = scan(engine, index, a_request())
    assert fitting == [UUID(int=number)]
    assert reasons == {"no_seats": 2 * BLOCK}


def test_the_nearest_miss_is_the_least_over_all_blocks_and_only_of_those_that_fit_otherwise() -> None:
    """A ring of two-way minutes: riding one edge against the driver's way costs 2 min, two edges 4 min."""
    engine = an_engine(a_ring())
    index = OfferIndex(engine)
    request = a_request((0, 0.5), (5, 0.5))  # one edge against the way of offers from edge 0 to edge 2
    for k in range(BLOCK + 5):
        index.put(an_offer(max_detour_s=10 if k != BLOCK + 2 else 100))
    late = an_offer(max_detour_s=119, departure=NOW + timedelta(hours=2))
    index.put(late)
    fitting, reasons, miss = scan(engine, index, request)
    assert (fitting, miss) == ([], 20_000)
    assert reasons == {TurnedAway.DETOUR: BLOCK + 5, TurnedAway.OUTSIDE_WINDOW: 1}
    assert scan(engine, index, a_request((0, 0.5), (5, 0.5), latest=NOW + timedelta(hours=3)))[2] == 1_000


def test_a_rider_on_the_drivers_own_edge_needs_neither_end_of_it() -> None:
    """The way round the block is an hour; along the edge it is seconds.

    A bound over the ends would turn the offer away.
    """
    hour = 3_600_000
    streets = [Street(0, 1, 100_000, 10_000), Street(1, 2, 100_000, hour), Street(2, 0, 100_000, hour)]
    engine = an_engine(streets)
    index = OfferIndex(engine)
    fits = an_offer((0, 0.1), (0, 0.9), max_detour_s=0, departure=NOW + timedelta(hours=1))
    index.put(fits)
    index.put(
        an_offer((0, 0.5), (0, 0.9), max_detour_s=60)
    )  # begins behind the pickup: it would have to go all the way round
    fitting, reasons, miss = scan(engine, index, a_request((0, 0.3), (0, 0.6), latest=NOW + timedelta(hours=5)))
    assert fitting == [fits.id]
    assert reasons == {"detour": 1}
    assert miss == 2 * hour + 10_000 - 60_000  # to the pickup once round


def test_limits_are_met_exactly() -> None:
    """The detour is two minutes and two kilometres: exactly that much is enough, a second or a metre less is not."""
    engine = an_engine(a_ring())
    request = a_request((0, 0.5), (5, 0.5))
    for seconds, metres, fits, reason in [
        (120, None, True, None),
        (119, None, False, "detour"),
        (120, 2_000, True, None),
        (120, 1_999, False, "detour_length"),
        (119, 1_999, False, "detour"),
    ]:
        index = OfferIndex(engine)
        index.put(an_offer((0, 0.5), (2, 0.5), max_detour_s=seconds, max_detour_m=metres))
        fitting, reasons, _ = scan(engine, index, request)
        assert bool(fitting) is fits
        assert list(reasons) == ([] if reason is None else [reason])


@pytest.mark.parametrize("kind", list(WindowKind))
@pytest.mark.parametrize(
    ("from_ms", "to_ms", "fits"),
    [(0, 0, True), (-60_000, -1, False), (1, 60_000, False), (-60_000, 0, True), (0, 60_000, True)],
)
def test_windows_are_closed_to_the_millisecond(kind: WindowKind, from_ms: int, to_ms: int, fits: bool) -> None:
    """The pickup is 15 s after departure, the ride takes 75 s; the driver waits for nobody."""
    engine = an_engine(a_ring())
    index = OfferIndex(engine)
    index.put(an_offer((0, 0.5), (2, 0.5), flexibility_s=0))
    moment = NOW + timedelta(hours=1, seconds=15 if kind is WindowKind.DEPARTURE else 90)
    request = a_request(
        (0, 0.75),
        (2, 0.0),
        earliest=moment + timedelta(milliseconds=from_ms),
        latest=moment + timedelta(milliseconds=to_ms),
        window_kind=kind,
    )
    fitting, _, _ = scan(engine, index, request)
    assert bool(fitting) is fits


def test_where_no_way_leads_to_the_rider_the_detour_is_too_long_but_no_near_miss() -> None:
    """The offer drives within a part of the town that cannot be left."""
    streets = [
        Street(0, 1, 100, 1_000), Street(1, 0, 100, 1_000), Street(1, 2, 100, 1_000),
        Street(2, 3, 100, 1_000), Street(3, 2, 100, 1_000),
    ]  # fmt: skip
    engine = an_engine(streets)
    assert engine.pack_drive(an_offer((3, 0.5)).origin.position, an_offer((0, 0.5)).origin.position) is None
    index = OfferIndex(engine)
    index.put(an_offer((3, 0.25), (3, 0.75), max_detour_s=14_400))
    fitting, reasons, miss = scan(engine, index, a_request((0, 0.5), (1, 0.5)))
    assert (fitting, miss) == ([], None)
    assert reasons == {"detour": 1}
    assert INFINITE >> 32 > 14_400_000
