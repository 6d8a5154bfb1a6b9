"""The attacker finds doors where these are public, and where they are not, does no better than who does not ask at all.

`exact` is the same service without public points: there the attacks must succeed, or they prove nothing.
HYPOTHESIS_PROFILE=thorough attacks more doors with more calls.
"""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from matcher.domain.place import Coordinate, RoadPosition
from tests.api.booking import ask, move
from tests.api.live import Live, quiet_morning
from tests.privacy.attacker import FOUND_M, Map, Seen, at, fits_until, passing

_THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
DOORS = 12 if _THOROUGH else 3
PLACES = 60 if _THOROUGH else 14

#: A neighbourhood of Coquimbo, and where its people work.
HOME = Coordinate(lat=-29.9484618, lon=-71.3363782)
WORK = Coordinate(lat=-29.899317, lon=-71.243119)
OFFICE = Coordinate(lat=-29.9045, lon=-71.2489)
MIDDLE = Coordinate(lat=-29.93, lon=-71.27)


@dataclass(frozen=True)
class Street:
    """A neighbourhood as the attacker knows it, and the doors in it that are looked for."""

    map: Map
    doors: list[RoadPosition]
    chosen: list[RoadPosition]

    def where(self, door: RoadPosition) -> Coordinate:
        return self.map.roads.locate(door)


@pytest.fixture(scope="module")
def street(public: Live, folders: dict[float, Path]) -> Street:
    """Some doors of one neighbourhood, drawn."""
    drawn = Map.of(folders[500.0])
    doors = drawn.neighbourhood(HOME)
    met = [door for door in doors if drawn.roads.door_position(door) is not None]
    return Street(drawn, doors, random.Random(5).sample(met, DOORS))


Attack = Callable[[Live, Street, RoadPosition, random.Random], Awaitable[RoadPosition]]


async def one_trip(live: Live, street: Street, door: RoadPosition, draw: random.Random) -> RoadPosition:
    """Where the driver of a single trip lives."""
    return await _driver(live, street, door, draw, trips=1)


async def ten_trips(live: Live, street: Street, door: RoadPosition, draw: random.Random) -> RoadPosition:
    """Where somebody lives who drives to ten different places."""
    return await _driver(live, street, door, draw, trips=10)


async def _driver(live: Live, street: Street, door: RoadPosition, draw: random.Random, trips: int) -> RoadPosition:
    token = await live.key("driver")
    seen: list[Seen] = []
    for to in [WORK, *street.map.around(MIDDLE, trips - 1, 4_000, draw)]:
        day = quiet_morning()
        offer = await live.published(
            token, origin=at(street.where(door)), destination=at(to), departure=day.isoformat(), max_detour_s=7200
        )
        count = max(6, PLACES // trips)
        seen += await passing(live, offer["id"], street.map.around(HOME, count, 3_000, draw), to, day)
    return street.map.guess(street.doors, seen, lambda door, one: street.map.ms(door, one.position))


async def weekly_series(live: Live, street: Street, door: RoadPosition, draw: random.Random) -> RoadPosition:
    """Where somebody lives who drives every Tuesday and Thursday, there and back."""
    token = await live.key("driver")
    body = {
        "origin": at(street.where(door)), "destination": at(WORK), "weekdays": ["TU", "TH"], "departure": "04:15",
        "return": {"departure": "15:15"}, "seats": 3, "max_detour_s": 7200,
    }  # fmt: skip
    series = await live.call("POST", "/v1/series", token, json=body)
    assert series.status == 201, series.body
    seen: list[Seen] = []
    for occurrence in series.json["occurrences"][2:]:
        if occurrence["direction"] == "OUT":
            day = datetime.fromisoformat(occurrence["departure"])
            places = street.map.around(HOME, max(4, PLACES // 4), 3_000, draw)
            seen += await passing(live, occurrence["offer_id"], places, WORK, day)
    await live.call("DELETE", f"/v1/series/{series.json['id']}", token, headers={"If-Match": "*"})
    return street.map.guess(street.doors, seen, lambda door, one: street.map.ms(door, one.position))


async def rider_aboard(live: Live, street: Street, door: RoadPosition, draw: random.Random) -> RoadPosition:
    """Where a rider lives who is booked on the trips of three others."""
    rider = await live.key("rider")
    seen: list[Seen] = []
    for origin in street.map.around(HOME, 3, 2_500, draw):
        seen += await _behind(live, street, door, draw, rider, origin)

    def drive(door: RoadPosition, one: Seen) -> float:
        assert one.begin is not None
        return street.map.ms(one.begin, door) + street.map.ms(door, one.position)

    return street.map.guess(street.doors, seen, drive)


async def _behind(
    live: Live, street: Street, door: RoadPosition, draw: random.Random, rider: str, origin: Coordinate
) -> list[Seen]:
    """When a driver from an origin that the attacker knows passes, after the rider has boarded."""
    driver, day = await live.key("driver"), quiet_morning()
    offer = await live.published(
        driver, origin=at(origin), destination=at(WORK), departure=day.isoformat(), max_detour_s=7200, flexibility_s=0
    )
    window = {"earliest": (day - timedelta(hours=1)).isoformat(), "latest": (day + timedelta(hours=1)).isoformat()}
    body = {"origin": at(street.where(door)), "destination": at(OFFICE), "departure": window}
    found = await live.call("POST", "/v1/match", rider, json=body)
    (match,) = [match for match in found.json["matches"] if match["offer_id"] == offer["id"]]
    booked = await ask(live, rider, match)
    assert (await move(live, driver, booked.json, "CONFIRMED")).status == 200
    places = street.map.around(MIDDLE, max(6, PLACES // 3), 2_500, draw)
    begin = street.map.stop(origin)
    if "public_origin" in offer:
        begin = street.map.roads.public_position(begin)
    return [replace(one, begin=begin) for one in await passing(live, offer["id"], places, WORK, day)]


async def rider_waiting(live: Live, street: Street, door: RoadPosition, draw: random.Random) -> RoadPosition:
    """Where a rider lives who waits for a trip, from when trips of the attacker's fit."""
    driver, rider = await live.key("driver"), await live.key("rider")
    day = quiet_morning()
    end = day + timedelta(minutes=30)
    window = {"earliest": (day - timedelta(minutes=30)).isoformat(), "latest": end.isoformat()}
    wish = {"origin": at(street.where(door)), "destination": at(WORK), "departure": window}
    kept = await live.call("POST", "/v1/requests", rider, json=wish)
    assert kept.status == 201, kept.body
    seen: list[Seen] = []
    for origin in street.map.around(HOME, PLACES // 2, 3_000, draw):
        trip: dict[str, Any] = {
            "origin": at(origin), "destination": at(WORK), "seats": 3, "flexibility_s": 0, "max_detour_s": 7200,
        }  # fmt: skip
        until = await fits_until(live, driver, trip, day - timedelta(minutes=20), end + timedelta(minutes=5), 200)
        begin = street.map.stop(origin)
        if await _points(live, driver, trip, day):
            begin = street.map.roads.public_position(begin)
        seen.append(Seen(begin, until))
    await live.call("DELETE", f"/v1/requests/{kept.json['id']}", rider)

    return street.map.guess(street.doors, seen, lambda door, one: -street.map.ms(one.position, door))


async def _points(live: Live, driver: str, trip: dict[str, Any], day: datetime) -> bool:
    answer = await live.call("POST", "/v1/offers?dry_run=true", driver, json=trip | {"departure": day.isoformat()})
    return "public_origin" in answer.json


ATTACKS: Sequence[Attack] = (one_trip, weekly_series, ten_trips, rider_aboard, rider_waiting)


@pytest.mark.timeout(3_600 if _THOROUGH else 300)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_a_door_is_found_where_doors_stand_for_themselves(exact: Live, street: Street, attack: Attack) -> None:
    missed_m = []
    for number, door in enumerate(street.chosen):
        guess = await attack(exact, street, door, random.Random(number))
        missed_m.append(street.map.apart_m(guess, door))
    assert sum(missed <= FOUND_M for missed in missed_m) >= 0.6 * len(missed_m), missed_m


@pytest.mark.timeout(3_600 if _THOROUGH else 300)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_a_door_is_not_found_in_its_neighbourhood(public: Live, street: Street, attack: Attack) -> None:
    """All doors of the neighbourhood lead to the same guess, so it is as good as one made before the first call."""
    guesses = [await attack(public, street, door, random.Random(1)) for door in street.chosen]
    assert len(set(guesses)) == 1
