"""Limits of a trip with riders that decide at one moment, or one metre, and no earlier."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from matcher.domain.errors.bookings import PromisedToRiders
from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.offer import Offer
from matcher.roads.engine import RoadEngine
from matcher.roads.hierarchy.topology import Topology
from matcher.trips.keep_promises import keep_promises
from matcher.trips.planner import PlannedLegs, TripPlanner, has_left, shift_for
from tests.builders import NOW, Street, a_network, a_place, an_offer
from tests.builders_bookings import a_booking, a_point
from tests.fakes_bookings import FitsAsItIs

MINUTE = timedelta(minutes=1)
#: Two kilometres of main road, and half a kilometre to a house beside it.
STREETS = [
    Street(0, 1, 100_000, 60_000, 60_000),
    Street(1, 2, 100_000, 60_000, 60_000),
    Street(1, 3, 50_000, 30_000, 30_000),
]


@pytest.fixture(scope="module")
def planner() -> TripPlanner:
    network = a_network(STREETS)
    return TripPlanner(
        RoadEngine("test", "fingerprint", network, Topology.build(network)), FitsAsItIs(), snap_limit_m=1000.0
    )


def a_trip(departure: datetime = NOW + 60 * MINUTE, flexibility_s: int = 900) -> Offer:
    """Along the main road, two minutes."""
    offer = an_offer((0, 0.0), (1, 1.0), departure=departure, flexibility_s=flexibility_s)
    return replace(offer, duration_ms=120_000, length_cm=200_000)


def test_nobody_is_promised_to_be_met_before_they_can_have_walked_there(planner: TripPlanner) -> None:
    leaves = NOW + 10 * MINUTE
    offer = a_trip(leaves, flexibility_s=900)
    for walk_min, at in ((10, leaves), (13, leaves + 3 * MINUTE)):
        pickup = replace(
            a_point(a_place(0, 0.0), leaves, tolerance=30 * MINUTE), earliest=None, walk_ms=60_000 * walk_min
        )
        dropoff = replace(a_point(a_place(1, 1.0), leaves, tolerance=30 * MINUTE), earliest=None)
        assert planner.board(offer, a_booking(pickup=pickup, dropoff=dropoff), NOW).booking.pickup.at == at


def test_a_trip_has_left_at_the_moment_of_its_departure() -> None:
    offer = replace(a_trip(), departure_shift_ms=-1)
    assert not has_left(offer, offer.departure - timedelta(milliseconds=2))
    assert has_left(offer, offer.departure - timedelta(milliseconds=1))


def test_no_trip_is_planned_to_have_left_already() -> None:
    """Somebody cannot be met in time any more: then the trip leaves at once, and not in the past."""
    offer = a_trip(NOW + 5 * MINUTE, flexibility_s=1800)
    late = Stop(StopKind.PICKUP, a_place(1, 0.0), UUID(int=1), 1, None, NOW - MINUTE)
    drives = PlannedLegs(((60_000, 100_000), (60_000, 100_000)))
    assert shift_for(replace(offer, booked_stops=(late,)), drives, NOW) == -300_000


def test_a_seat_that_is_left_on_the_way_is_free_again(planner: TripPlanner) -> None:
    """Two riders one after the other need one seat; together they need two."""
    first, second = UUID(int=1), UUID(int=2)
    board = [Stop(StopKind.PICKUP, a_place(0, 0.5), who, 1) for who in (first, second)]
    alight = [Stop(StopKind.DROPOFF, a_place(0, 0.5), who, 1) for who in (first, second)]
    before = replace(a_trip(), booked_stops=(board[0], alight[0], board[1], alight[1]), seats_offered=2)
    kept = keep_promises(planner, before, replace(before, seats_offered=1), NOW)
    assert (kept.seats_offered, kept.seats_left) == (1, 0)
    together = replace(before, booked_stops=(*board, *alight))
    with pytest.raises(PromisedToRiders):
        keep_promises(planner, together, replace(together, seats_offered=1), NOW)


@pytest.mark.parametrize(("seconds", "metres", "kept"), [(60, 1000, True), (59, None, False), (60, 999, False)])
def test_a_budget_shrinks_to_what_riders_have_been_promised_and_no_further(
    planner: TripPlanner, seconds: int, metres: int | None, kept: bool
) -> None:
    leaves = NOW + 60 * MINUTE
    rider = a_booking(
        pickup=a_point(a_place(2, 1.0), leaves + 1.5 * MINUTE), dropoff=a_point(a_place(1, 1.0), leaves + 3 * MINUTE)
    )
    before = planner.board(a_trip(leaves), rider, NOW).offer
    changed = replace(before, max_detour_s=seconds, max_detour_m=metres)
    if kept:
        assert keep_promises(planner, before, changed, NOW) == changed
    else:
        with pytest.raises(PromisedToRiders):
            keep_promises(planner, before, changed, NOW)
