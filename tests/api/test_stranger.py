"""A stranger makes every call there is, and nothing in any answer or log line says where the driver starts and ends, or
where others board.

Trips are published at marked places; then every answer is searched byte by byte: for the digits of the marked
coordinates, and, wherever something decodes to coordinates (objects, lists, polylines, the parts of signed ids), for
points within 50 m of a marked place.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
import structlog

from matcher.domain.errors.tree import InvalidCoordinate
from matcher.domain.place import Coordinate
from tests.api.authorisation import ROWS
from tests.api.booking import asked, move
from tests.api.live import Answer, Live, a_search, around, quiet_morning
from tests.polylines import decode_polyline

#: Where the driver lives and works, and where the driver passes on purpose.
HOME = {"lat": -29.962713, "lon": -71.336817}
WORK = {"lat": -29.899317, "lon": -71.243119}
SCHOOL = {"lat": -29.931713, "lon": -71.272319}
#: The doors of a rider who is booked: in side streets, 180 m from the way that the stranger goes.
DOOR = {"lat": -29.9484618, "lon": -71.3363782}
OFFICE = {"lat": -29.9298526, "lon": -71.2694203}
MARKED = {"home": HOME, "work": WORK, "school": SCHOOL, "door": DOOR, "office": OFFICE}
NEAR_M = 50.0

#: The stranger's own places, far from all of these.
FROM = {"lat": -29.9536, "lon": -71.3379}
TO = {"lat": -29.9085, "lon": -71.2516}


def decoded(value: object) -> Iterator[Coordinate]:
    """Every coordinate that somebody could read out of a JSON value."""
    if isinstance(value, dict):
        lat, lon = value.get("lat", value.get("origin_lat")), value.get("lon", value.get("origin_lon"))
        if isinstance(lat, int | float) and isinstance(lon, int | float):
            yield Coordinate(lat=lat, lon=lon)
        for member in value.values():
            yield from decoded(member)
    elif isinstance(value, list):
        if len(value) == 2 and all(isinstance(number, int | float) for number in value):
            for lat, lon in (value, value[::-1]):
                with suppress(InvalidCoordinate):
                    yield Coordinate(lat=lat, lon=lon)
        for member in value:
            yield from decoded(member)
    elif isinstance(value, str) and len(value) > 5:
        with suppress(ValueError, IndexError, InvalidCoordinate):
            yield from decode_polyline(value)
        for part in value.split("."):
            with suppress(ValueError, binascii.Error, RecursionError):
                inside = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
                if not isinstance(inside, int | float):
                    yield from decoded(inside)


def told(text: str, *, coordinates: bool = True) -> set[str]:
    """The marked places that a text tells."""
    found = set()
    for name, place in MARKED.items():
        # 4 decimals are 11 m; both numbers, however they are written.
        digits = [re.escape(f"{abs(place[axis]):.6f}"[:-2]) for axis in ("lat", "lon")]
        if all(re.search(number, text) for number in digits):
            found.add(name)
        if coordinates:
            with suppress(ValueError):
                at = Coordinate(**place)
                if any(at.distance_m(other) < NEAR_M for other in decoded(json.loads(text))):
                    found.add(name)
    return found


def read(answer: Answer) -> set[str]:
    """The marked places that an answer tells, headers included."""
    return told(answer.body.decode()) | told(str(dict(answer.headers)), coordinates=False)


@pytest.fixture
async def trip(live: Live) -> dict[str, Any]:
    """A trip between marked places, on which a rider with marked doors is booked; and what belongs to it."""
    driver, rider = await live.key("driver", "marked-driver"), await live.key("rider", "marked-rider")
    departure = quiet_morning()
    offer = await live.published(
        driver, origin=HOME, destination=WORK, via=[SCHOOL], departure=departure.isoformat(), max_detour_s=3000, seats=4
    )
    day = around(departure)
    booking = await asked(live, rider, offer, origin=DOOR, destination=OFFICE, departure=day)
    confirmed = await move(live, driver, booking, "CONFIRMED")
    assert confirmed.status == 200, confirmed.body
    waiting = await live.call(
        "POST", "/v1/requests", rider, json=a_search(origin=DOOR, destination=OFFICE, departure=day, seats=8)
    )
    assert waiting.status == 201, waiting.body
    series = await live.call(
        "POST", "/v1/series", driver,
        json={"origin": HOME, "destination": WORK, "via": [SCHOOL], "date": departure.date().isoformat(),
         "departure": "03:45",
              "return": {"departure": "05:30"}, "seats": 1},
    )  # fmt: skip
    assert series.status == 201, series.body
    return {
        "offer": offer, "booking": booking, "driver": driver, "rider": rider, "departure": departure,
        "request": waiting.json, "series": series.json,
    }  # fmt: skip


def test_the_search_finds_what_it_is_to_find() -> None:
    """A test that cannot fail is a defect: here is what it must notice."""
    assert told(json.dumps({"at": {"lat": HOME["lat"] + 0.0003, "lon": HOME["lon"]}})) == {"home"}
    assert told(json.dumps({"at": [DOOR["lon"], DOOR["lat"]]})) == {"door"}
    assert told(f"no JSON, near {WORK['lat']} and {WORK['lon']}") == {"work"}
    token = base64.urlsafe_b64encode(json.dumps({"p": [SCHOOL["lat"], SCHOOL["lon"]]}).encode()).decode().rstrip("=")
    assert told(json.dumps({"id": f"x.{token}.y"})) == {"school"}
    assert told(json.dumps({"at": FROM, "to": TO})) == set()


async def test_the_driver_sees_what_is_theirs(live: Live, trip: dict[str, Any]) -> None:
    answer = await live.call("GET", f"/v1/offers/{trip['offer']['id']}", trip["driver"])
    assert {"home", "work", "school"} <= read(answer)


async def searches(live: Live, token: str, departure: datetime) -> list[Answer]:
    """Searches that find the trip, miss it narrowly, and ask for everything."""
    base: dict[str, Any] = {
        "origin": FROM,
        "destination": TO,
        "departure": around(departure),
        "limit": 50,
        "explain": True,
    }
    variants: list[dict[str, Any]] = [
        {},
        {"max_walk_m": 400},  # not as far as the door, where a car that stops there anyhow would be the best to board
        {"seats": 4},
        {"seats": 8},
        {"arrival": around(departure), "departure": None},
        {"origin": {"address": "Avenida Costanera"}},
        {"origin": TO, "destination": FROM},
        {"preferences": {"smoking": True}},
    ]
    answers = []
    for changes in variants:
        body = {key: value for key, value in (base | changes).items() if value is not None}
        answers.append(await live.call("POST", "/v1/match", token, json=body))
    return answers


async def test_no_answer_to_a_stranger_tells_a_marked_place(live: Live, trip: dict[str, Any]) -> None:
    ids = {
        "offer_id": trip["offer"]["id"], "booking_id": trip["booking"]["id"], "webhook_id": trip["offer"]["id"],
        "delivery_number": "1", "user": "marked-driver", "request_id": trip["request"]["id"],
        "series_id": trip["series"]["id"],
    }  # fmt: skip
    for role in ("rider", "driver", "partner"):
        stranger = await live.key(role)
        for row in ROWS:
            if (row.method, row.path) in {("DELETE", "/v1/me"), ("GET", "/v1/events")}:
                continue
            path = re.sub(r"{(\w+)}", lambda name: ids.get(name[1], trip["offer"]["id"]), row.path)
            answer = await live.call(row.method, path + row.query, stranger, **dict(row.sent))
            assert read(answer) == set(), (role, row.name)


async def test_no_search_tells_a_marked_place(live: Live, trip: dict[str, Any]) -> None:
    stranger = await live.key("rider")
    answers = await searches(live, stranger, trip["departure"])
    assert any(
        match["offer_id"] == trip["offer"]["id"]
        for answer in answers
        if answer.status == 200
        for match in answer.json["matches"]
    ), "a search that finds nothing tells nothing"
    assert [read(answer) for answer in answers] == [set()] * len(answers)


async def test_keeping_a_search_tells_no_marked_place(live: Live, trip: dict[str, Any]) -> None:
    """Neither what fits at once, nor the search made again, nor what is told of a trip that comes later."""
    stranger = await live.key("rider")
    wish = a_search(origin=FROM, destination=TO, departure=around(trip["departure"]), max_walk_m=400)
    kept = await live.call("POST", "/v1/requests", stranger, json=wish)
    assert trip["offer"]["id"] in {match["offer_id"] for match in kept.json["present"]["matches"]}
    later = await live.published(
        trip["driver"], origin=HOME, destination=WORK, via=[SCHOOL], departure=trip["departure"].isoformat(),
        max_detour_s=3000
    )  # fmt: skip
    path = f"/v1/requests/{kept.json['id']}"
    for _ in range(200):
        found = await live.call("GET", path, stranger)
        if later["id"] in {one["offer_id"] for one in found.json["found"]}:
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("the trip that came later is not told")
    answers = [kept, found]
    answers += [await live.call("GET", call, stranger) for call in ("/v1/requests", f"{path}/matches", "/v1/me/export")]
    assert "match_found" in answers[-1].body.decode()
    assert [read(answer) for answer in answers] == [set()] * len(answers)


async def test_a_driver_does_not_see_the_doors_of_who_waits(live: Live) -> None:
    driver, rider = await live.key("driver"), await live.key("rider", "marked-waiting")
    departure = quiet_morning()
    offer = await live.published(
        driver, origin=FROM, destination=TO, departure=departure.isoformat(), max_detour_s=3000
    )
    wish = a_search(origin=DOOR, destination=OFFICE, departure=around(departure))
    assert (await live.call("POST", "/v1/requests", rider, json=wish)).status == 201
    fitting = await live.call("GET", f"/v1/offers/{offer['id']}/requests", driver)
    assert fitting.json["fitting"] == 1
    for answer in (fitting, await live.call("GET", "/v1/me/export", driver)):
        assert read(answer) == set()
        assert "marked-waiting" not in answer.body.decode()


async def test_asking_for_a_seat_tells_neither_side_a_marked_place(live: Live, trip: dict[str, Any]) -> None:
    """Until it is confirmed; and afterwards the rider still knows only the meeting points."""
    stranger = await live.key("rider")
    booking = await asked(
        live, stranger, trip["offer"], origin=FROM, destination=TO, departure=around(trip["departure"])
    )
    path = f"/v1/bookings/{booking['id']}"

    async def seen_by_stranger() -> set[str]:
        places: set[str] = set()
        for call in (path, "/v1/bookings", "/v1/me/export"):
            places |= read(await live.call("GET", call, stranger))
        return places

    assert await seen_by_stranger() == set()
    assert (await move(live, trip["driver"], booking, "CONFIRMED")).status == 200
    assert await seen_by_stranger() == set()
    # The other rider's places are not told to this one, nor this one's to the other.
    theirs = await live.call("GET", f"/v1/bookings/{trip['booking']['id']}", trip["rider"])
    assert theirs.json["pickup"]["exact"]
    assert str(FROM["lat"]) not in theirs.body.decode()


async def test_the_driver_does_not_see_a_door_before_agreeing(live: Live) -> None:
    driver, rider = await live.key("driver"), await live.key("rider")
    departure = quiet_morning()
    offer = await live.published(
        driver, origin=FROM, destination=TO, departure=departure.isoformat(), max_detour_s=3000
    )
    booking = await asked(live, rider, offer, origin=DOOR, destination=OFFICE, departure=around(departure))
    for path in (f"/v1/bookings/{booking['id']}", "/v1/bookings", "/v1/me/export", f"/v1/offers/{offer['id']}"):
        assert read(await live.call("GET", path, driver)) == set(), path
    assert (await move(live, driver, booking, "CONFIRMED")).status == 200
    assert {"door", "office"} <= read(await live.call("GET", f"/v1/bookings/{booking['id']}", driver))


async def test_no_log_line_tells_a_place_an_address_a_key_or_a_name(
    live: Live, trip: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("debug"))
    caplog.set_level(logging.DEBUG)
    try:
        with structlog.testing.capture_logs() as lines:
            stranger = await live.key("rider", "logged-stranger")
            await searches(live, stranger, trip["departure"])
            await live.published(trip["driver"], origin=HOME, destination={"address": "Balmaceda, La Serena"})
            await asked(live, stranger, trip["offer"], origin=FROM, destination=TO, departure=around(trip["departure"]))
            await live.call("PUT", "/v1/me/blocks/marked-driver", stranger)
            await live.call("GET", "/v1/me/export", trip["driver"])
            await live.call("GET", f"/v1/offers/{trip['offer']['id']}/requests", trip["driver"])
            await live.call("POST", "/v1/requests", stranger, json=a_search(origin=DOOR, destination=OFFICE))
            await live.call("GET", f"/v1/series/{trip['series']['id']}", trip["driver"])
            await live.call("GET", f"/v1/reverse?lat={HOME['lat']}&lon={HOME['lon']}", stranger)
            await live.call("POST", "/v1/match", stranger, json=a_search(origin={"lat": HOME["lat"], "lon": 999}))
    finally:
        structlog.configure(wrapper_class=before)
    text = "\n".join([*(json.dumps(line, default=str) for line in lines), *(r.getMessage() for r in caplog.records)])
    assert len(lines) > 10
    assert not re.search(r"-?(29|71)\.\d{3,}", text), "a coordinate finer than a kilometre"
    for word in ("Balmaceda", "Costanera", "ck_", stranger.split("_", 2)[2], "marked-driver", "logged-stranger"):
        assert word not in text
