"""The life of an offer: published, read, listed, changed, cancelled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from typing import Any
from uuid import UUID, uuid4

from yarl import URL

from tests.api.live import (
    HALF_WAY,
    LA_SERENA,
    TONGOY_ROAD,
    Live,
    a_search,
    an_offer,
    around,
    morning,
    next_week,
    quiet_morning,
)
from tests.polylines import decode_polyline


async def test_a_published_offer_is_answered_with_its_route(live: Live) -> None:
    token = await live.key("driver")
    before = datetime.now(UTC)
    answer = await live.call(
        "POST", "/v1/offers", token, json=an_offer(comment="blue\nhatchback", preferences={"pets": False})
    )
    offer = answer.json
    assert answer.status == 201
    assert answer.headers["Location"] == f"/v1/offers/{offer['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert UUID(offer["id"]).version == 7
    assert (offer["status"], offer["version"], offer["seats"], offer["seats_left"]) == ("OPEN", 1, 3, 3)
    assert (offer["flexibility_s"], offer["max_detour_s"]) == (900, 900)
    assert (offer["comment"], offer["preferences"]) == ("blue\nhatchback", {"pets": False})
    assert "max_detour_m" not in offer
    assert offer["departure"] == morning().isoformat()
    drive = timedelta(seconds=round(offer["duration_s"]))
    assert datetime.fromisoformat(offer["arrival"]) - datetime.fromisoformat(offer["departure"]) == drive
    assert offer["arrival"].endswith(morning().isoformat()[-6:])
    assert before <= datetime.fromisoformat(offer["created_at"]) <= datetime.now(UTC)
    assert 10_000 < offer["distance_m"] < 20_000
    assert offer["origin"]["lat"] == TONGOY_ROAD["lat"]
    assert offer["origin"]["label"]
    assert 0 <= offer["origin"]["road_distance_m"] < 100
    points = decode_polyline(offer["polyline"])
    length = sum(a.distance_m(b) for a, b in pairwise(points))
    assert abs(length - offer["distance_m"]) < 0.02 * offer["distance_m"]


async def test_defaults_of_detour_and_flexibility(live: Live) -> None:
    offer = await live.published(await live.key("driver"), max_detour_s=None)
    assert offer["flexibility_s"] == 900
    assert offer["max_detour_s"] == max(300, round(0.2 * offer["duration_s"]))


async def test_an_address_is_resolved_and_kept(live: Live) -> None:
    offer = await live.published(await live.key("driver"), destination={"address": "Avenida La Cantera, Coquimbo"})
    assert offer["destination"]["address"] == "Avenida La Cantera, Coquimbo"
    assert "La Cantera" in offer["destination"]["label"]
    assert "address" not in offer["origin"]


async def test_times_come_back_in_the_offset_they_came_in(live: Live) -> None:
    token = await live.key("driver")
    for offset in ("+05:45", "-03:00", "Z"):
        sent = morning().isoformat()[:-6] + ".123456" + offset
        offer = await live.published(token, departure=sent)
        assert offer["departure"] == sent
        read = (await live.call("GET", f"/v1/offers/{offer['id']}", token)).json
        assert read["departure"] == sent
        assert read["arrival"].endswith(offset)


async def test_numbers_are_numbers_whatever_their_spelling(live: Live) -> None:
    offer = await live.published(await live.key("driver"), seats=3.0, flexibility_s=6e2)
    assert (offer["seats"], offer["flexibility_s"]) == (3, 600)


async def test_a_comment_may_have_lines_of_any_kind(live: Live) -> None:
    comment = "blue hatchback\r\nby the\tkiosk\n🚗"
    assert (await live.published(await live.key("driver"), comment=comment))["comment"] == comment


async def test_an_offer_is_read_as_it_was_published(live: Live) -> None:
    token = await live.key("driver")
    offer = await live.published(token, via=[HALF_WAY], max_detour_m=5000)
    answer = await live.call("GET", f"/v1/offers/{offer['id']}", token)
    assert (answer.status, answer.headers["ETag"]) == (200, '"1"')
    assert answer.json == offer
    assert len(offer["via"]) == 1


async def test_unknown_ids(live: Live, driver: str) -> None:
    for unknown in (str(uuid4()), "42", "00000000-0000-0000-0000-00000000000g", "a" * 1000):
        for method in ("GET", "DELETE"):
            answer = await live.call(method, f"/v1/offers/{unknown}", driver)
            assert (answer.status, answer.problem()["code"]) == (404, "offer_not_found")
        answer = await live.call("PATCH", f"/v1/offers/{unknown}", driver, json={"seats": 1}, headers={"If-Match": "*"})
        assert (answer.status, answer.problem()["code"]) == (404, "offer_not_found")


async def test_pages_hold_every_offer_once_in_the_order_of_departure(live: Live) -> None:
    token, operator = await live.key("driver"), await live.key("ops")
    day = quiet_morning()
    made = [await live.published(token, departure=(day + timedelta(hours=h)).isoformat()) for h in (2, 0, 1, 0, 3)]
    pages = await _pages(live, token, "/v1/offers?limit=2")
    assert len(pages) == 3
    seen = list(chain(*pages))
    assert {offer["id"] for offer in seen} == {offer["id"] for offer in made}
    assert len(seen) == len(made)
    assert seen == sorted(seen, key=lambda offer: (offer["departure"], offer["id"]))
    assert all("polyline" not in offer for offer in seen)
    since = str(URL("/v1/offers").with_query({"limit": "100", "from": day.isoformat()}))
    everybody = chain(*await _pages(live, operator, since))
    assert [offer["id"] for offer in everybody if offer in seen] == [offer["id"] for offer in seen]


async def _pages(live: Live, token: str, path: str) -> list[list[dict[str, Any]]]:
    pages = []
    while path:
        answer = await live.call("GET", path, token)
        assert answer.status == 200
        pages.append(answer.json["offers"])
        link = answer.headers.get("Link")
        assert (link is not None) == ("next_cursor" in answer.json)
        path = "" if link is None else link.removeprefix("<").removesuffix('>; rel="next"')
    return pages


async def test_pages_are_filtered_by_state_and_departure(live: Live) -> None:
    token = await live.key("driver")
    early, middle, late = [await live.published(token, departure=next_week(hour).isoformat()) for hour in (7, 8, 9)]
    await live.call("DELETE", f"/v1/offers/{late['id']}", token)

    async def listed(**query: str) -> list[str]:
        answer = await live.call("GET", str(URL("/v1/offers").with_query(query)), token)
        assert answer.status == 200
        return [offer["id"] for offer in answer.json["offers"]]

    assert await listed(status="CANCELLED") == [late["id"]]
    assert await listed(status="OPEN") == [early["id"], middle["id"]]
    assert await listed(**{"from": middle["departure"]}) == [middle["id"], late["id"]]
    assert await listed(to=middle["departure"]) == [early["id"], middle["id"]]
    assert await listed(**{"from": next_week(10).isoformat()}) == []


async def test_a_cursor_belongs_to_its_filters(live: Live) -> None:
    token = await live.key("driver")
    for _ in range(2):
        await live.published(token)
    cursor = (await live.call("GET", "/v1/offers?limit=1", token)).json["next_cursor"]
    assert (await live.call("GET", f"/v1/offers?cursor={cursor}", token)).status == 200
    answer = await live.call("GET", f"/v1/offers?cursor={cursor}&status=OPEN", token)
    assert (answer.status, answer.problem()["code"]) == (422, "invalid_cursor")


async def test_a_change_replaces_what_it_names_and_keeps_the_rest(live: Live) -> None:
    token = await live.key("driver")
    offer = await live.published(token, comment="blue", max_detour_m=4000, preferences={"pets": True, "music": False})
    path = f"/v1/offers/{offer['id']}"

    async def change(patch: dict[str, Any], kind: str = "application/merge-patch+json") -> dict[str, Any]:
        version = (await live.call("GET", path, token)).headers["ETag"]
        answer = await live.call("PATCH", path, token, json=patch, headers={"If-Match": version, "Content-Type": kind})
        assert answer.status == 200, answer.body
        assert answer.headers["ETag"] == f'"{answer.json["version"]}"'
        assert (await live.call("GET", path, token)).json == answer.json
        changed: dict[str, Any] = answer.json
        return changed

    changed = await change({"seats": 5, "departure": next_week(9).isoformat()}, "application/json")
    kept = offer.keys() - {"seats", "seats_left", "departure", "arrival", "version", "updated_at", "price_advice"}
    assert {key: changed[key] for key in kept} == {key: offer[key] for key in kept}
    assert (changed["seats"], changed["seats_left"], changed["version"]) == (5, 5, 2)
    assert changed["departure"] == next_week(9).isoformat()

    assert (await change({"preferences": {"pets": None, "talk": True}}))["preferences"] == {
        "music": False,
        "talk": True,
    }
    assert (await change({"preferences": None}))["preferences"] == {}
    assert (await change({"comment": None}))["comment"] == ""
    assert "max_detour_m" not in await change({"max_detour_m": None})
    assert (await change({"max_detour_m": 0}))["max_detour_m"] == 0
    there = await change({"destination": HALF_WAY})
    assert there["distance_m"] < offer["distance_m"]
    assert there["polyline"] != offer["polyline"]
    assert len((await change({"via": [{"lat": -29.955, "lon": -71.32}]}))["via"]) == 1
    assert (await change({"via": None}))["via"] == []
    assert (await change({}))["destination"] == there["destination"]


async def test_bad_changes(live: Live) -> None:
    token = await live.key("driver")
    offer = await live.published(token)
    path, match = f"/v1/offers/{offer['id']}", {"If-Match": '"1"'}
    bad: list[tuple[dict[str, Any], str, str]] = [
        ({"seats": 0}, "invalid_input", "/seats"),
        ({"seats": None}, "invalid_input", "/seats"),
        ({"departure": None}, "invalid_input", "/departure"),
        ({"origin": None}, "invalid_input", "/origin"),
        ({"flexibility_s": None}, "invalid_input", "/flexibility_s"),
        ({"id": offer["id"]}, "invalid_input", "/id"),
        ({"status": "CANCELLED"}, "invalid_input", "/status"),
        ({"preferences": {"jazz": None}}, "invalid_input", "/preferences/jazz"),
        ({"departure": "2020-01-01T00:00:00Z"}, "departure_in_past", "/departure"),
        ({"origin": {"lat": 0, "lon": 0}}, "place_too_far_from_road", "/origin"),
        ({"destination": TONGOY_ROAD}, "places_too_close", "/destination"),
    ]
    for patch, code, pointer in bad:
        answer = await live.call("PATCH", path, token, json=patch, headers=match)
        problem = answer.problem()
        assert (answer.status, problem["code"], problem["errors"][0]["pointer"]) == (422, code, pointer), patch
    assert (await live.call("GET", path, token)).json == offer


async def test_a_cancelled_offer_stays_readable_and_is_not_found_any_more(live: Live) -> None:
    token, rider = await live.key("driver"), await live.key("rider")
    day = quiet_morning()
    offer = await live.published(token, departure=day.isoformat())
    path = f"/v1/offers/{offer['id']}"
    assert offer["id"] in await _found(live, rider, day)
    first = await live.call("DELETE", path, token)
    assert (first.status, first.json["status"], first.json["version"]) == (200, "CANCELLED", 2)
    again = await live.call("DELETE", path, token)
    assert (again.status, again.body, again.headers["ETag"]) == (200, first.body, first.headers["ETag"])
    assert (await live.call("GET", path, token)).json == first.json
    assert offer["id"] not in await _found(live, rider, day)
    changed = await live.call("PATCH", path, token, json={"seats": 1}, headers={"If-Match": '"2"'})
    assert (changed.status, changed.problem()["code"]) == (409, "offer_not_open")


async def test_an_offer_that_was_changed_is_found_as_it_is_now(live: Live) -> None:
    token, rider = await live.key("driver"), await live.key("rider")
    day = quiet_morning()
    offer = await live.published(token, origin=LA_SERENA, destination=TONGOY_ROAD, departure=day.isoformat())
    assert offer["id"] not in await _found(live, rider, day)
    places = {"origin": TONGOY_ROAD, "destination": LA_SERENA}
    await live.call("PATCH", f"/v1/offers/{offer['id']}", token, json=places, headers={"If-Match": "*"})
    assert offer["id"] in await _found(live, rider, day)


async def _found(live: Live, rider: str, day: datetime) -> set[str]:
    answer = await live.call("POST", "/v1/match", rider, json=a_search(departure=around(day)))
    assert answer.status == 200, answer.body
    return {match["offer_id"] for match in answer.json["matches"]}
