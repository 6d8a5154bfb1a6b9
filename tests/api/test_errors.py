"""What bad input gets: a table of status, code and pointer; none of it reaches a 5xx."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.live import HALF_WAY, TONGOY_ROAD, Live, a_search, an_offer, next_week

MALFORMED = (400, "malformed_json", None)
JSON = {"Content-Type": "application/json"}


def invalid(*pointers: str) -> tuple[int, str, set[str]]:
    """A body with faults at exactly these pointers."""
    return 422, "invalid_input", set(pointers)


def deep(levels: int) -> str:
    return '{"origin": ' + "[" * levels + "]" * levels + "}"


BAD_OFFERS: list[tuple[str, dict[str, Any], tuple[int, str, set[str] | None]]] = [
    ("nothing", {}, invalid("/origin", "/destination", "/departure", "/seats")),
    ("an unknown field", an_offer(colour="blue"), invalid("/colour")),
    ("an unknown field of a place", an_offer(origin={**TONGOY_ROAD, "floor": 3}), invalid("/origin/floor")),
    ("a name that needs escaping", an_offer(**{"a/b~c": 1}), invalid("/a~1b~0c")),
    ("no seats", an_offer(seats=0), invalid("/seats")),
    ("nine seats", an_offer(seats=9), invalid("/seats")),
    ("half a seat", an_offer(seats=2.5), invalid("/seats")),
    ("seats in words", an_offer(seats="3"), invalid("/seats")),
    ("true seats", an_offer(seats=True), invalid("/seats")),
    ("a huge number of seats", an_offer(seats=10**30), invalid("/seats")),
    ("a latitude of 91", an_offer(origin={"lat": 91, "lon": 0}), invalid("/origin/lat")),
    ("a longitude of -181", an_offer(origin={"lat": 0, "lon": -181}), invalid("/origin/lon")),
    ("a latitude in words", an_offer(origin={"lat": "-29.9", "lon": 0}), invalid("/origin/lat")),
    ("half a coordinate", an_offer(origin={"lat": -29.9}), invalid("/origin/lon")),
    ("no place at all", an_offer(origin={}), invalid("/origin")),
    ("two places in one", an_offer(origin={**TONGOY_ROAD, "address": "Balmaceda"}), invalid("/origin")),
    ("a place as a list", an_offer(origin=[-29.9, -71.2]), invalid("/origin")),
    ("an empty address", an_offer(origin={"address": ""}), invalid("/origin/address")),
    ("a blank address", an_offer(origin={"address": "  "}), invalid("/origin/address")),
    ("an address with NUL", an_offer(origin={"address": "a\0b"}), invalid("/origin/address")),
    ("an endless address", an_offer(origin={"address": "a" * 201}), invalid("/origin/address")),
    ("a comment with NUL", an_offer(comment="a\0b"), invalid("/comment")),
    ("a long comment", an_offer(comment="a" * 501), invalid("/comment")),
    ("six places on the way", an_offer(via=[HALF_WAY] * 6), invalid("/via")),
    ("a bad place on the way", an_offer(via=[HALF_WAY, {"lat": 1}]), invalid("/via/1/lon")),
    ("an unknown preference", an_offer(preferences={"jazz": True}), invalid("/preferences/jazz")),
    ("a preference in words", an_offer(preferences={"music": "yes"}), invalid("/preferences/music")),
    ("no offset", an_offer(departure="2099-12-01T07:45:00"), invalid("/departure")),
    ("a day only", an_offer(departure="2099-12-01"), invalid("/departure")),
    ("a blank for the T", an_offer(departure="2099-12-01 07:45:00Z"), invalid("/departure")),
    ("a unix time", an_offer(departure=1764583200), invalid("/departure")),
    ("a unix time in words", an_offer(departure="1764583200"), invalid("/departure")),
    ("30 February", an_offer(departure="2099-02-30T07:45:00Z"), invalid("/departure")),
    ("the year 9999", an_offer(departure="9999-12-31T23:59:59-12:00"), invalid("/departure")),
    ("the year 0001", an_offer(departure="0001-01-01T00:00:00+12:00"), invalid("/departure")),
    ("an offset of 25 hours", an_offer(departure="2099-12-01T07:45:00+25:00"), invalid("/departure")),
    ("negative flexibility", an_offer(flexibility_s=-1), invalid("/flexibility_s")),
    ("a day of flexibility", an_offer(flexibility_s=86_400), invalid("/flexibility_s")),
    ("null for a default", {**an_offer(), "flexibility_s": None}, invalid("/flexibility_s")),
    ("a day of detour", an_offer(max_detour_s=86_400), invalid("/max_detour_s")),
    ("a detour around the world", an_offer(max_detour_m=10**8), invalid("/max_detour_m")),
    (
        "every fault at once",
        an_offer(origin={"lat": 91, "lon": 181}, seats=0, departure="now", via=[{}], comment=7),
        invalid("/origin/lat", "/origin/lon", "/seats", "/departure", "/via/0", "/comment"),
    ),
    ("a past departure", an_offer(departure="2020-01-01T00:00:00Z"), (422, "departure_in_past", {"/departure"})),
    ("a far departure", an_offer(departure="2150-01-01T00:00:00Z"), (422, "departure_too_far_ahead", {"/departure"})),
    ("the open sea", an_offer(origin={"lat": -29.9, "lon": -72.5}), (422, "place_too_far_from_road", {"/origin"})),
    ("null island", an_offer(destination={"lat": 0, "lon": 0}), (422, "place_too_far_from_road", {"/destination"})),
    ("a sea on the way", an_offer(via=[HALF_WAY, {"lat": 0, "lon": 0}]), (422, "place_too_far_from_road", {"/via/1"})),
    ("a round trip to nowhere", an_offer(destination=TONGOY_ROAD), (422, "places_too_close", {"/destination"})),
    (
        "an unknown address",
        an_offer(destination={"address": "Xqzwv Qqqq 77"}),
        (422, "address_not_found", {"/destination/address"}),
    ),
]


@pytest.mark.parametrize(("body", "expected"), [row[1:] for row in BAD_OFFERS], ids=[row[0] for row in BAD_OFFERS])
async def test_bad_offers(
    live: Live, driver: str, body: dict[str, Any], expected: tuple[int, str, set[str] | None]
) -> None:
    answer = await live.call("POST", "/v1/offers", driver, json=body)
    _assert_problem(answer.status, answer.problem(), expected)


async def test_a_refused_offer_is_not_stored(live: Live) -> None:
    token = await live.key("driver")
    await live.call("POST", "/v1/offers", token, json=an_offer(seats=9))
    assert (await live.call("GET", "/v1/offers", token)).json == {"offers": []}


BAD_BODIES: list[tuple[str, bytes, dict[str, str], tuple[int, str, set[str] | None]]] = [
    ("an empty body", b"", JSON, MALFORMED),
    ("half a body", b'{"origin": {', JSON, MALFORMED),
    ("more than one body", b"{} {}", JSON, MALFORMED),
    ("broken UTF-8", b'{"comment": "\xff\xfe"}', JSON, MALFORMED),
    ("half a surrogate pair", b'{"comment": "\\ud800"}', JSON, MALFORMED),
    ("UTF-16", json.dumps(an_offer()).encode("utf-16"), JSON, MALFORMED),
    ("JSON 150 deep", deep(150).encode(), JSON, (422, "invalid_input", None)),
    ("JSON 100,000 deep", deep(100_000).encode(), JSON, MALFORMED),
    ("an open-ended JSON", b"[" * 200_000, JSON, MALFORMED),
    ("a member twice", json.dumps(an_offer()).encode()[:-1] + b', "seats": 2}', JSON, MALFORMED),
    ("a list", b"[]", JSON, (422, "invalid_input", {""})),
    ("a text", b'"offer"', JSON, (422, "invalid_input", {""})),
    ("null", b"null", JSON, (422, "invalid_input", {""})),
    (
        "NaN",
        json.dumps(an_offer(origin={"lat": float("nan"), "lon": float("-inf")})).encode(),
        JSON,
        invalid("/origin/lat", "/origin/lon"),
    ),
    ("a number beyond all", json.dumps(an_offer()).replace("-29.953", "1e999").encode(), JSON, invalid("/origin/lat")),
    ("300 KB", b" " * 300_000, JSON, (413, "body_too_large", None)),
    ("300 KB of compressed air", zlib.compress(b" " * 300_000), {**JSON, "Content-Encoding": "deflate"}, (413,
     "body_too_large", None)),
    ("not the coding it says", b"{}", {**JSON, "Content-Encoding": "gzip"}, MALFORMED),
    ("an unknown coding", b"{}", {**JSON, "Content-Encoding": "zap"}, (415, "unsupported_media_type", None)),
    ("a coding that is known but not read", b"{}", {**JSON, "Content-Encoding": "br"}, (415, "unsupported_media_type",
     None)),
    ("no media type", b"{}", {"Content-Type": ""}, (415, "unsupported_media_type", None)),
    ("a form", b"seats=3", {"Content-Type": "application/x-www-form-urlencoded"}, (415, "unsupported_media_type",
     None)),
    ("a merge patch", b"{}", {"Content-Type": "application/merge-patch+json"}, (415, "unsupported_media_type", None)),
    ("latin-1", b"{}", {"Content-Type": "application/json; charset=latin-1"}, (415, "unsupported_media_type", None)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "headers", "expected"), [row[1:] for row in BAD_BODIES], ids=[row[0] for row in BAD_BODIES]
)
async def test_bad_bodies(
    live: Live, driver: str, body: bytes, headers: dict[str, str], expected: tuple[int, str, set[str] | None]
) -> None:
    answer = await live.call("POST", "/v1/offers", driver, data=body, headers=headers)
    _assert_problem(answer.status, answer.problem(), expected)


async def test_a_body_of_unknown_length_is_not_read_to_its_end(live: Live, driver: str) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 3_000_000:
            sent += 10_000
            yield b" " * 10_000

    answer = await live.call("POST", "/v1/offers", driver, data=endless(), headers=JSON)
    _assert_problem(answer.status, answer.problem(), (413, "body_too_large", None))


async def test_a_gzipped_body_is_read(live: Live, driver: str) -> None:
    body = zlib.compress(json.dumps(an_offer(seats=9)).encode())
    answer = await live.call("POST", "/v1/offers", driver, data=body, headers={**JSON, "Content-Encoding": "deflate"})
    _assert_problem(answer.status, answer.problem(), invalid("/seats"))


def window(earliest: str, latest: str) -> dict[str, str]:
    return {"earliest": earliest, "latest": latest}


_EARLY, _LATE = next_week(7).isoformat(), next_week(9).isoformat()
BAD_SEARCHES: list[tuple[str, dict[str, Any], tuple[int, str, set[str] | None]]] = [
    ("nothing", {}, invalid("/origin", "/destination")),
    ("no window", a_search(departure=None), invalid("")),
    ("two windows", a_search(arrival=window(_EARLY, _LATE)), invalid("")),
    ("null for a window", {**a_search(), "arrival": None}, invalid("/arrival")),
    ("half a window", a_search(departure={"earliest": _EARLY}), invalid("/departure/latest")),
    ("a window in no zone", a_search(departure=window("2099-01-01T07:00:00", _LATE)), invalid("/departure/earliest")),
    ("a window that ends first", a_search(departure=window(_LATE, _EARLY)), (422, "invalid_window", {"/departure"})),
    (
        "an arrival that ends first",
        a_search(departure=None, arrival=window(_LATE, _EARLY)),
        (422, "invalid_window", {"/arrival"}),
    ),
    (
        "a window of a week",
        a_search(departure=window("2099-01-01T00:00:00Z", "2099-01-08T00:00:00Z")),
        (422, "invalid_window", {"/departure"}),
    ),
    (
        "a window that is over",
        a_search(departure=window("2020-01-01T00:00:00Z", "2020-01-01T01:00:00Z")),
        (422, "departure_in_past", {"/departure/latest"}),
    ),
    ("no seat", a_search(seats=0), invalid("/seats")),
    ("nine seats", a_search(seats=9), invalid("/seats")),
    ("no matches wanted", a_search(limit=0), invalid("/limit")),
    ("51 matches wanted", a_search(limit=51), invalid("/limit")),
    ("a walk of a day", a_search(max_walk_m=5_001), invalid("/max_walk_m")),
    ("explain in words", a_search(explain="yes"), invalid("/explain")),
    ("an unknown field", a_search(budget=3), invalid("/budget")),
    ("the open sea", a_search(origin={"lat": -29.9, "lon": -72.5}), (422, "place_too_far_from_road", {"/origin"})),
    (
        "an unknown address",
        a_search(origin={"address": "Xqzwv Qqqq 77"}),
        (422, "address_not_found", {"/origin/address"}),
    ),
]


@pytest.mark.parametrize(("body", "expected"), [row[1:] for row in BAD_SEARCHES], ids=[row[0] for row in BAD_SEARCHES])
async def test_bad_searches(
    live: Live, rider: str, body: dict[str, Any], expected: tuple[int, str, set[str] | None]
) -> None:
    answer = await live.call("POST", "/v1/match", rider, json=body)
    _assert_problem(answer.status, answer.problem(), expected)


def parameters(*names: str) -> tuple[int, str, set[str]]:
    return 422, "invalid_query", set(names)


BAD_QUERIES: list[tuple[str, tuple[int, str, set[str] | None]]] = [
    ("/v1/offers?limit=0", parameters("limit")),
    ("/v1/offers?limit=101", parameters("limit")),
    ("/v1/offers?limit=ten", parameters("limit")),
    ("/v1/offers?limit=1.0", parameters("limit")),
    ("/v1/offers?limit=%201", parameters("limit")),
    ("/v1/offers?limit=%D9%A3", parameters("limit")),
    ("/v1/offers?limit=", parameters("limit")),
    ("/v1/offers?limit=1&limit=1", parameters("limit")),
    ("/v1/offers?page=2", parameters("page")),
    ("/v1/offers?status=open", parameters("status")),
    ("/v1/offers?from=2099-01-01", parameters("from")),
    ("/v1/offers?from=2099-01-01T00:00:00+03:00", parameters("from")),
    ("/v1/offers?from=2099-01-02T00:00:00Z&to=2099-01-01T00:00:00Z", parameters("to")),
    ("/v1/offers?limit=0&page=2&status=x", parameters("limit", "page", "status")),
    ("/v1/offers?cursor=abc", (422, "invalid_cursor", {"cursor"})),
    ("/v1/offers?cursor=" + "A" * 43, (422, "invalid_cursor", {"cursor"})),
    ("/v1/offers?cursor=%00", (422, "invalid_cursor", {"cursor"})),
    ("/v1/offers?cursor=%C3%A9", (422, "invalid_cursor", {"cursor"})),
    ("/v1/geocode", parameters("q")),
    ("/v1/geocode?q=", parameters("q")),
    ("/v1/geocode?q=%00", parameters("q")),
    ("/v1/geocode?q=M%FCller&limit=3", parameters("q")),
    ("/v1/geocode?q=%ED%A0%80", parameters("q")),
    ("/v1/geocode?q=a&%FF=1", parameters("\ufffd")),
    ("/v1/geocode?q=" + "a" * 201, parameters("q")),
    ("/v1/geocode?q=a&limit=21", parameters("limit")),
    ("/v1/geocode?q=a&lat=1", parameters("lon")),
    ("/v1/geocode?q=a&lat=nan&lon=inf", parameters("lat", "lon")),
    ("/v1/geocode?q=a&q=b", parameters("q")),
    ("/v1/reverse", parameters("lat", "lon")),
    ("/v1/reverse?lat=91&lon=181", parameters("lat", "lon")),
    ("/v1/reverse?lat=-29.9&lon=-71.2&zoom=3", parameters("zoom")),
]


@pytest.mark.parametrize(("path", "expected"), BAD_QUERIES, ids=[row[0][:60] for row in BAD_QUERIES])
async def test_bad_queries(live: Live, driver: str, path: str, expected: tuple[int, str, set[str] | None]) -> None:
    status, headers, body = await live.raw(
        f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {driver}\r\n\r\n".encode()
    )
    assert headers["content-type"] == "application/problem+json"
    problem = json.loads(body)
    assert (status, problem["code"]) == expected[:2], problem
    assert {fault["parameter"] for fault in problem["errors"]} == expected[2], problem


async def test_an_ambiguous_address_lists_the_candidates(live: Live, rider: str) -> None:
    answer = await live.call("POST", "/v1/match", rider, json=a_search(origin={"address": "Balmaceda"}))
    problem = answer.problem()
    _assert_problem(answer.status, problem, (422, "address_ambiguous", {"/origin/address"}))
    assert {place["label"] for place in problem["candidates"]} == {"Balmaceda, Coquimbo", "Balmaceda, La Serena"}
    assert all({"lat", "lon"} <= place.keys() for place in problem["candidates"])


def _assert_problem(status: int, problem: dict[str, Any], expected: tuple[int, str, set[str] | None]) -> None:
    assert (status, problem["code"]) == expected[:2], problem
    if expected[2] is not None:
        assert {fault["pointer"] for fault in problem["errors"]} == expected[2], problem


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "the body is empty: send a JSON object"),
        (json.dumps(an_offer(seat=3)), "`seat` is not a known field: did you mean `seats`?"),
        (json.dumps(an_offer(via=[HALF_WAY] * 6)), "`via` must have at most 5 items, not 6"),
        (
            json.dumps(an_offer(departure="2099-12-01T07:45:00+99:00")),
            "is not a valid date and time, or its offset is not valid",
        ),
        (
            json.dumps(an_offer(comment="a\0b")),
            "`comment` must not have control characters other than line breaks and tabs",
        ),
        (
            json.dumps(an_offer(origin={"address": " "})),
            "`origin/address` must be a single line with a visible character",
        ),
        (
            json.dumps(an_offer(price={"amount": 2.5, "currency": "eur"})),
            "`price/currency` must be an ISO 4217 currency code such as EUR",
        ),
    ],
)
async def test_what_is_said_helps(live: Live, body: str, said: str) -> None:
    answer = await live.call("POST", "/v1/offers", await live.key("driver"), data=body, headers=JSON)
    assert said in answer.json["detail"]
