"""Planning on newer roads than those that a booking was made on."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from matcher.domain.errors.bookings import OfferChanged
from matcher.domain.place import Coordinate
from matcher.trips.planner import TripPlanner, TripRoads
from tests.builders_bookings import a_booking
from tests.fakes import OneStraightRoad
from tests.fakes_bookings import FitsAsItIs


def test_a_place_is_put_on_newer_roads_within_the_snap_limit_of_the_settings() -> None:
    roads, booking = cast("TripRoads", OneStraightRoad()), a_booking()
    off_road = Coordinate(lat=0.01, lon=0.5)  # 1,112 m from the road
    places = (booking.pickup.place, booking.dropoff.place)
    pickup, dropoff = (replace(place, coordinate=off_road) for place in places)
    booking = replace(
        booking,
        region_fingerprint="of an older import",
        pickup=replace(booking.pickup, place=pickup),
        dropoff=replace(booking.dropoff, place=dropoff),
    )
    found = TripPlanner(roads, FitsAsItIs(), snap_limit_m=1_200.0).on_present_roads(booking)
    assert found.pickup.place.road_distance_m == pytest.approx(1_112, abs=1)
    with pytest.raises(OfferChanged):
        TripPlanner(roads, FitsAsItIs(), snap_limit_m=1_000.0).on_present_roads(booking)
