"""What a driver is told of their own trip, what they may change about it, and what erasing leaves."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from matcher.domain.place import Coordinate, RoadPosition
from matcher.postgres.embedded.server import EmbeddedPostgres
from tests.api.booking import asked, move, seen
from tests.api.live import Live, a_search, around, quiet_morning
from tests.conftest import database_url
from tests.privacy.attacker import Map, at

HOME = Coordinate(lat=-29.9484618, lon=-71.3363782)
WORK = Coordinate(lat=-29.899317, lon=-71.243119)
#: The doors of a rider, near their public points.
DOOR, OFFICE = {"lat": -29.9581, "lon": -71.3355}, {"lat": -29.906, "lon": -71.259}


@pytest.fixture(scope="module")
def drawn(public: Live, folders: dict[float, Path]) -> Map:
    return Map.of(folders[500.0])


def neighbour(drawn: Map) -> Coordinate:
    """Another door of the same neighbourhood."""
    doors = [drawn.roads.locate(door) for door in drawn.neighbourhood(HOME)]
    return max(doors, key=HOME.distance_m)


async def test_a_driver_is_told_where_riders_see_the_trip(public: Live, drawn: Map) -> None:
    driver, day = await public.key("driver"), quiet_morning()
    offer = await public.published(driver, origin=at(HOME), destination=at(WORK), departure=day.isoformat())
    assert (offer["origin"]["lat"], offer["origin"]["lon"]) == (HOME.lat, HOME.lon)
    point = drawn.roads.public_position(drawn.stop(HOME))
    where = drawn.roads.locate(point)
    shown = offer["public_origin"]
    assert (shown["lat"], shown["lon"]) == pytest.approx((where.lat, where.lon))
    lead = datetime.fromisoformat(offer["departure"]) - datetime.fromisoformat(offer["leave_home_at"])
    assert lead == timedelta(milliseconds=drawn.ms(drawn.stop(HOME), point))
    to = drawn.roads.public_position(drawn.stop(WORK))
    assert offer["duration_s"] == drawn.ms(point, to) / 1000
    listed = await public.call("GET", "/v1/offers", driver)
    assert [one["public_origin"] for one in listed.json["offers"]] == [shown]


async def test_the_default_detour_has_room_for_the_doors_of_a_rider(public: Live, exact: Live) -> None:
    limits = {}
    for name, live in (("public", public), ("exact", exact)):
        offer = await live.published(await live.key("driver"), origin=DOOR, destination=OFFICE, max_detour_s=None)
        limits[name] = offer["max_detour_s"] - max(300, round(0.2 * offer["duration_s"]))
    assert limits == {"public": 240, "exact": 0}


async def test_moving_house_within_the_neighbourhood_is_no_news(public: Live, drawn: Map) -> None:
    driver, rider, day = await public.key("driver"), await public.key("rider"), quiet_morning()
    offer = await public.published(
        driver, origin=at(HOME), destination=at(WORK), departure=day.isoformat(), max_detour_s=2400
    )
    booking = await asked(public, rider, offer, origin=DOOR, destination=OFFICE, departure=around(day))
    assert (await move(public, driver, booking, "CONFIRMED")).status == 200
    before, path = await seen(public, rider, booking), f"/v1/offers/{offer['id']}"
    events = (await public.call("GET", "/v1/me/export", rider)).json["events"]
    moved = await public.call("PATCH", path, driver, json={"origin": at(neighbour(drawn))}, headers={"If-Match": "*"})
    assert moved.status == 200, moved.body
    assert moved.json["public_origin"] == offer["public_origin"]
    assert moved.json["origin"] != offer["origin"]
    assert moved.json["leave_home_at"] != offer["leave_home_at"]
    assert await seen(public, rider, booking) == before
    assert (await public.call("GET", "/v1/me/export", rider)).json["events"] == events


async def test_a_door_can_be_shown_and_hidden_again(public: Live) -> None:
    driver = await public.key("driver")
    offer = await public.published(driver, origin=at(HOME), destination=at(WORK))
    path = f"/v1/offers/{offer['id']}"
    shown = await public.call("PATCH", path, driver, json={"show_door": True}, headers={"If-Match": "*"})
    assert shown.json["show_door"]
    assert "public_origin" not in shown.json
    assert shown.json["origin"] == offer["origin"]
    assert shown.json["duration_s"] != offer["duration_s"]
    hidden = await public.call("PATCH", path, driver, json={"show_door": False}, headers={"If-Match": "*"})
    assert {name: hidden.json[name] for name in offer if name not in {"version", "updated_at"}} == {
        name: offer[name] for name in offer if name not in {"version", "updated_at"}
    }


async def test_a_trip_within_one_neighbourhood_is_refused_to_both(public: Live, drawn: Map) -> None:
    driver, rider = await public.key("driver"), await public.key("rider")
    ends = {"origin": at(HOME), "destination": at(neighbour(drawn))}
    day = quiet_morning()
    trip = await public.call("POST", "/v1/offers", driver, json=ends | {"departure": day.isoformat(), "seats": 1})
    search = await public.call("POST", "/v1/match", rider, json=a_search(**ends, departure=around(day)))
    for answer in (trip, search):
        problem = answer.problem()
        assert (answer.status, problem["code"]) == (422, "places_too_close")
        assert "neighbourhood" in problem["detail"]
    shown = ends | {"departure": day.isoformat(), "seats": 1, "show_door": True}
    assert (await public.call("POST", "/v1/offers", driver, json=shown)).status == 201


async def test_export_and_erasure_know_the_door(public: Live, embedded_server: EmbeddedPostgres) -> None:
    driver, rider, day = await public.key("driver"), await public.key("rider"), quiet_morning()
    offer = await public.published(
        driver, origin=at(HOME), destination=at(WORK), departure=day.isoformat(), max_detour_s=2400
    )
    booking = await asked(public, rider, offer, origin=DOOR, destination=OFFICE, departure=around(day))
    assert (await move(public, driver, booking, "CONFIRMED")).status == 200
    (held,) = (await public.call("GET", "/v1/me/export", driver)).json["offers"]
    assert (held["doors"]["origin"]["lat"], held["doors"]["origin"]["lon"]) == (HOME.lat, HOME.lon)
    assert held["origin_lat"] == offer["public_origin"]["lat"] or abs(held["origin_lat"] - HOME.lat) > 1e-4
    assert (await public.call("DELETE", "/v1/me", driver)).status == 204
    connection = await asyncpg.connect(database_url(embedded_server.url, "public_points"))
    try:
        row = await connection.fetchrow("SELECT driver_id, doors FROM offers WHERE id = $1", offer["id"])
    finally:
        await connection.close()
    assert row is not None
    assert row["driver_id"].startswith("erased:")
    assert row["doors"] is None


def test_positions_of_a_public_point_are_the_crossing_and_its_doors(drawn: Map) -> None:
    point = drawn.roads.public_position(drawn.stop(HOME))
    door = RoadPosition(point.edge, 1.0)
    assert drawn.ms(point, door) + drawn.ms(door, point) == drawn.roads.allowance_ms == 120_000
