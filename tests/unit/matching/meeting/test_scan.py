"""Prices, potentials and what a search for walkers looks at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.place import RoadPosition
from matcher.matching.base.positions import INFINITE
from matcher.matching.base.reach import FAR
from matcher.matching.index.index import OfferIndex
from matcher.matching.meeting.candidates import potentials
from matcher.matching.pipeline import Candidates, find_candidates
from matcher.matching.rank.scoring import PRICE_UNIT, ScoreWeights
from matcher.matching.scan.hints import FartherWalk
from matcher.matching.scan.query import MeetingCandidate, Query
from tests.builders import NOW, Street, a_place, a_request, a_ring, an_engine, an_offer


def test_prices_are_weights_over_ceilings() -> None:
    assert ScoreWeights().prices == (PRICE_UNIT, PRICE_UNIT // 4)
    assert ScoreWeights(detour=0.1, walk=0.2, detour_ceiling_s=100, walk_ceiling_s=100).prices == (
        PRICE_UNIT // 2,
        PRICE_UNIT,
    )
    assert ScoreWeights(detour=0.1, walk=0.1, detour_ceiling_s=400, walk_ceiling_s=100).prices[0] == PRICE_UNIT // 4
    assert ScoreWeights(detour=0, walk=0).prices == (0, 0)


@given(
    ms=st.lists(st.lists(st.integers(0, 10_000) | st.none(), min_size=3, max_size=3), min_size=1, max_size=4),
    cm=st.integers(0, 2**31),
)
def test_potentials_never_add_up_to_more_than_the_drive(ms: list[list[int | None]], cm: int) -> None:
    costs = [[int(INFINITE) if time is None else (time << 32) | cm for time in row] for row in ms]
    a, b = potentials(np.array(costs, dtype=np.int64))
    assert (a >= 0).all()
    assert (b >= 0).all()
    for k, row in enumerate(ms):
        for c, time in enumerate(row):
            assert a[k] + b[c] <= (FAR if time is None else time)


def test_potentials_of_sums_are_tight() -> None:
    """Where drives are sums of a way out and a way in, nothing is lost."""
    out, into = np.array([5_000, 9_000, 7_000]), np.array([1_000, 4_000])
    a, b = potentials((out[:, None] + into[None, :] + 60_000) << 32)
    assert ((a[:, None] + b[None, :]) == out[:, None] + into[None, :] + 60_000).all()


def search(index: OfferIndex, pickups: list[MeetingCandidate], weights: ScoreWeights) -> Candidates:
    """From 0.75 of street 0 to 0.25 of street 2."""
    door = MeetingCandidate(RoadPosition(2, 0.25), 0)
    query = Query.of(a_request(), NOW, [MeetingCandidate(RoadPosition(0, 0.75), 0), *pickups], [door])
    return find_candidates(index.snapshot("rider"), index._roads, query, weights, 10)


@pytest.mark.parametrize(("walk_s", "choice"), [(119, 1), (120, 0), (121, 0)])
def test_a_second_of_detour_is_worth_four_of_walk_and_of_equals_the_shorter_walk(walk_s: int, choice: int) -> None:
    index = OfferIndex(an_engine(a_ring()))
    index.put(an_offer((1, 0.0), (2, 0.5)))  # 30 s to the rider's door and back
    (found,) = search(index, [MeetingCandidate(RoadPosition(1, 0.0), walk_s * 1000)], ScoreWeights()).best
    assert found.pickup_choice == choice
    assert found.detour_ms == (0 if choice else 30_000)
    assert found.at_doors == ((30_000, 50_000) if choice else None)


@pytest.mark.parametrize("via", [(), [(1, 0.5)]], ids=["straight", "with a stop"])
def test_of_equals_the_shorter_walk_is_taken_though_it_is_looked_at_later(via: list[tuple[int, float]]) -> None:
    """No detour and 100 s of walk, or 15 s of detour and 40 s of walk."""
    index = OfferIndex(an_engine(a_ring()))
    index.put(an_offer((1, 0.0), (2, 0.5), via=via))
    nearer = MeetingCandidate(RoadPosition(0, 0.875), 40_000)
    (found,) = search(index, [MeetingCandidate(RoadPosition(1, 0.0), 100_000), nearer], ScoreWeights()).best
    assert (found.pickup_choice, found.detour_ms, found.walk_ms) == (2, 15_000, 40_000)


def test_weights_decide_between_detour_and_walk() -> None:
    index = OfferIndex(an_engine(a_ring()))
    index.put(an_offer((1, 0.0), (2, 0.5)))
    corner = [MeetingCandidate(RoadPosition(1, 0.0), 1_000)]
    assert search(index, corner, ScoreWeights(detour=0)).best[0].pickup_choice == 0
    corner = [MeetingCandidate(RoadPosition(1, 0.0), 1_500_000)]
    assert search(index, corner, ScoreWeights(walk=0)).best[0].pickup_choice == 1


def test_of_equal_candidates_the_earlier_is_taken() -> None:
    index = OfferIndex(an_engine(a_ring()))
    index.put(an_offer((1, 0.0), (2, 0.5)))
    twins = [MeetingCandidate(RoadPosition(1, 0.0), 1_000)] * 3
    assert search(index, twins, ScoreWeights()).best[0].pickup_choice == 1


def test_longer_walks_are_only_looked_at_when_little_was_found() -> None:
    index = OfferIndex(an_engine(a_ring()))
    looked: list[int] = []

    def candidates() -> tuple[list[MeetingCandidate], list[MeetingCandidate]]:
        looked.append(len(index))
        return [MeetingCandidate(RoadPosition(0, 0.75), 0)], [MeetingCandidate(RoadPosition(2, 0.25), 0)]

    farther = [FartherWalk(300, candidates)]
    for _ in range(3):
        index.put(an_offer((1, 0.0), (2, 0.5), max_detour_s=0))
    query = Query.of(a_request(), NOW)
    assert find_candidates(index.snapshot("r"), index._roads, query, ScoreWeights(), 5, farther=farther).feasible == 0
    assert looked == [3]
    for _ in range(3):
        index.put(an_offer())
    assert find_candidates(index.snapshot("r"), index._roads, query, ScoreWeights(), 5, farther=farther).feasible == 3
    assert looked == [3]


def test_nobody_is_sent_to_a_pickup_that_cannot_be_reached_in_time() -> None:
    """The driver leaves now, and waits for nobody."""
    index = OfferIndex(an_engine(a_ring()))
    index.put(an_offer((1, 0.0), (2, 0.5), departure=NOW, flexibility_s=0, max_detour_s=0))
    request = a_request(earliest=NOW - timedelta(hours=1), latest=NOW + timedelta(hours=1))
    for walk_ms, fits in ((0, 1), (1, 0)):
        doors = [MeetingCandidate(RoadPosition(0, 0.75), 0), MeetingCandidate(RoadPosition(1, 0.0), walk_ms)]
        query = Query.of(request, NOW, doors, [MeetingCandidate(RoadPosition(2, 0.25), 0)])
        assert find_candidates(index.snapshot("r"), index._roads, query, ScoreWeights(), 5).feasible == fits


@pytest.mark.parametrize(
    ("booked", "pickup", "dropoff"),
    [
        pytest.param(((6, 0.75), (0, 0.25)), (0, 0.75), (2, 0.25), id="boards where the last leg begins"),
        pytest.param(((2, 0.75), (4, 0.25)), (0, 0.5), (2, 0.25), id="alights where the first leg ends"),
    ],
)
def test_who_stands_on_a_stops_own_one_way_street_is_not_passed_over(
    booked: tuple[tuple[int, float], tuple[int, float]], pickup: tuple[int, float], dropoff: tuple[int, float]
) -> None:
    """Around a one-way ring it is a whole round to a place just behind; along the street itself it is no detour at all.
    The only seat is
    taken between two stops, so that no other leg speaks for the offer."""
    ring = [Street(k, (k + 1) % 8, 100_000, 60_000) for k in range(8)]
    stops = tuple(
        Stop(kind, a_place(*spot), UUID(int=9), 1)
        for kind, spot in zip((StopKind.PICKUP, StopKind.DROPOFF), booked, strict=True)
    )
    offer = replace(an_offer((6, 0.5), (4, 0.5), seats_left=1, max_detour_s=0), booked_stops=stops)
    index = OfferIndex(an_engine(ring))
    index.put(replace(offer, duration_ms=360_000, length_cm=600_000))
    doors = [MeetingCandidate(RoadPosition(*place), 0) for place in (pickup, dropoff)]
    query = Query.of(a_request(pickup, dropoff), NOW, [doors[0]] * 2, [doors[1]] * 2)
    (found,) = find_candidates(index.snapshot("r"), index._roads, query, ScoreWeights(), 5).best
    assert (found.detour_ms, found.detour_cm) == (0, 0)


@pytest.mark.parametrize(("budget_s", "fits"), [(60, 1), (59, 0)])
def test_a_trip_with_stops_that_has_just_enough_detour_left_is_not_passed_over(budget_s: int, fits: int) -> None:
    """The rider waits half a minute off the driver's first leg, and both streets are far from the driver's own
    stops.
    """
    line = [Street(k, k + 1, 100_000, 60_000, 60_000) for k in range(8)]
    index = OfferIndex(an_engine([*line, Street(2, 9, 50_000, 30_000, 30_000)]))
    index.put(an_offer((0, 0.5), (7, 0.5), via=[(6, 0.5)], max_detour_s=budget_s))
    doors = [MeetingCandidate(RoadPosition(*place), 0) for place in ((8, 1.0), (3, 0.5))]
    request = a_request((8, 1.0), (3, 0.5), earliest=NOW, latest=NOW + timedelta(hours=4))
    query = Query.of(request, NOW, [doors[0]] * 2, [doors[1]] * 2)
    assert find_candidates(index.snapshot("r"), index._roads, query, ScoreWeights(), 5).feasible == fits
