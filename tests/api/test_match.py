"""A search over HTTP: ranked matches whose numbers agree with each other, and an account of every offer."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from matcher.domain.place import Coordinate
from tests.api.live import HALF_WAY, Live, a_search, an_offer, around, next_week, quiet_morning
from tests.polylines import decode_polyline


async def _search(live: Live, token: str, **changes: Any) -> dict[str, Any]:
    answer = await live.call("POST", "/v1/match", token, json=a_search(**changes))
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


async def test_an_offer_is_found_by_the_next_search(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    day = quiet_morning()
    offer = await live.published(driver, departure=day.isoformat())
    found = await _search(live, rider, departure=around(day))
    (match,) = [match for match in found["matches"] if match["offer_id"] == offer["id"]]
    assert 0 < match["score"] <= 1
    total = sum(part["value"] * part["weight"] for part in match["parts"].values())
    assert abs(total - match["score"]) < 1e-4
    assert abs(sum(part["weight"] for part in match["parts"].values()) - 1) < 1e-6
    assert 0 <= match["detour_s"] <= offer["max_detour_s"]
    assert match["seats_left"] == 3
    assert match["pickup"]["label"]
    window = around(day)
    boards, alights = (datetime.fromisoformat(match[end]["time"]) for end in ("pickup", "dropoff"))
    assert datetime.fromisoformat(window["earliest"]) <= boards <= datetime.fromisoformat(window["latest"])
    assert abs((alights - boards).total_seconds() - match["ride_s"]) < 1
    assert match["pickup"]["time"].endswith(day.isoformat()[-6:])
    points = decode_polyline(match["polyline"])
    length = sum(a.distance_m(b) for a, b in pairwise(points))
    assert abs(length - match["ride_m"]) < 0.02 * match["ride_m"]


async def test_a_match_has_the_words_that_its_driver_means_for_riders(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    day = quiet_morning()
    offer = await live.published(driver, departure=day.isoformat(), comment="blue hatchback\nby the kiosk")

    async def shown() -> str:
        found = await _search(live, rider, departure=around(day), limit=50)
        (comment,) = [match["comment"] for match in found["matches"] if match["offer_id"] == offer["id"]]
        return str(comment)

    assert await shown() == "blue hatchback\nby the kiosk"
    change = {"comment": None}
    await live.call("PATCH", f"/v1/offers/{offer['id']}", driver, json=change, headers={"If-Match": "*"})
    assert await shown() == ""


async def test_every_offer_is_accounted_for(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    day = quiet_morning()
    made = [await live.published(driver, departure=day.isoformat(), seats=seats) for seats in (2, 3, 4)]
    found = await _search(live, rider, departure=around(day), limit=1)
    assert found["considered"] == found["feasible"] + sum(found["turned_away"].values())
    assert (found["feasible"], len(found["matches"])) == (len(made), 1)
    assert found["took_ms"] > 0
    scores = [match["score"] for match in (await _search(live, rider, departure=around(day)))["matches"]]
    assert len(scores) == len(made)
    assert scores == sorted(scores, reverse=True)


async def test_measures_are_told_when_asked_for(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    await live.published(driver)
    plain, explained = await _search(live, rider), await _search(live, rider, explain=True)
    assert "stages_ms" not in plain
    assert plain["matches"][0]["parts"]["detour"].keys() == {"value", "weight"}
    assert explained["stages_ms"]
    detour = explained["matches"][0]["parts"]["detour"]
    assert detour.keys() == {"value", "weight", "measured", "ceiling", "unit"}
    assert (detour["measured"], detour["unit"]) == (explained["matches"][0]["detour_s"], "s")


async def test_nobody_is_an_answer_with_hints(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    await live.published(driver, departure=next_week(3, 0).isoformat(), flexibility_s=0)
    window = {"earliest": next_week(3, 40).isoformat(), "latest": next_week(3, 50).isoformat()}
    found = await _search(live, rider, departure=window)
    assert found["matches"] == []
    assert all(hint.keys() >= {"code", "would_match", "detail"} for hint in found["hints"])
    assert "widen_window" in {hint["code"] for hint in found["hints"]}


async def test_a_window_may_be_about_the_arrival(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    offer = await live.published(driver, departure=next_week(15).isoformat(), flexibility_s=0)
    window = {"earliest": next_week(15, 5).isoformat(), "latest": next_week(15, 30).isoformat()}
    found = await _search(live, rider, departure=None, arrival=window, limit=50)
    (match,) = [match for match in found["matches"] if match["offer_id"] == offer["id"]]
    assert next_week(15, 5) <= datetime.fromisoformat(match["dropoff"]["time"]) <= next_week(15, 30)


async def test_nobody_rides_with_themselves(live: Live) -> None:
    user = await live.key("partner")
    day = quiet_morning()
    offer = await live.published(user, departure=day.isoformat())
    found = await _search(live, user, departure=around(day))
    assert offer["id"] not in {match["offer_id"] for match in found["matches"]}
    assert found["turned_away"]["own_offer"] >= 1


async def test_seats_and_detour_limits_hold(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    day = quiet_morning()
    two = await live.published(driver, departure=day.isoformat(), seats=2)
    await live.published(driver, departure=day.isoformat(), seats=8, max_detour_s=0)
    await live.published(driver, departure=day.isoformat(), seats=8, max_detour_m=0)
    found = await _search(live, rider, departure=around(day))
    assert [match["offer_id"] for match in found["matches"]] == [two["id"]]
    assert found["turned_away"]["detour"] >= 1
    assert found["turned_away"]["detour_length"] >= 1
    three = await _search(live, rider, departure=around(day), seats=3)
    assert three["matches"] == []
    assert three["turned_away"]["no_seats"] >= 1


async def test_addresses_can_be_searched_for(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    await live.published(driver)
    found = await _search(live, rider, destination={"address": "Balmaceda, La Serena"})
    assert found["considered"] >= 1


async def test_via_points_are_driven(live: Live) -> None:
    direct = await live.published(await live.key("driver"))
    around = await live.published(await live.key("driver"), via=[HALF_WAY, {"lat": -29.96, "lon": -71.26}])
    assert around["distance_m"] > direct["distance_m"]
    assert an_offer()["origin"] == {key: around["origin"][key] for key in ("lat", "lon")}


async def test_a_rider_who_walks_finds_what_the_door_does_not(live: Live) -> None:
    """Drivers who accept next to no detour pass near the rider's doors, never at them."""
    rider, driver = await live.key("rider"), await live.key("driver")
    day = quiet_morning()
    offer = await live.published(driver, departure=day.isoformat(), max_detour_s=20)
    at_door = await _search(live, rider, departure=around(day))
    assert at_door["matches"] == []
    (hint,) = [hint for hint in at_door["hints"] if hint["code"] == "walk_more"]
    assert (hint["would_match"], hint["unit"]) == (1, "m")
    assert (await _search(live, rider, departure=around(day), max_walk_m=int(hint["amount"])))["feasible"] == 1
    found = await _search(live, rider, departure=around(day), max_walk_m=1500, explain=True)
    (match,) = found["matches"]
    assert match["offer_id"] == offer["id"]
    assert match["detour_s"] <= 20
    walks = [match[end] for end in ("pickup", "dropoff")]
    assert all(0 <= end["walk_m"] <= 1500 and end["label"] for end in walks)
    assert match["walking"]["walk_m"] == pytest.approx(sum(end["walk_m"] for end in walks), abs=0.02)
    assert match["walking"]["walk_s"] == pytest.approx(sum(end["walk_s"] for end in walks), abs=0.11)
    assert match["walking"]["walk_m"] > 0
    assert match["walking"].keys() == {"walk_s", "walk_m"}  # there is nothing to compare with
    assert match["parts"]["walk"]["measured"] == pytest.approx(match["walking"]["walk_s"], abs=0.11)
    assert match["parts"]["walk"]["value"] < 1
    points = decode_polyline(match["polyline"])
    for end, point in zip(walks, (points[0], points[-1]), strict=True):
        assert point.distance_m(Coordinate(lat=end["lat"], lon=end["lon"])) < 3
    boards = datetime.fromisoformat(match["pickup"]["time"])
    assert boards - timedelta(seconds=walks[0]["walk_s"]) >= datetime.fromisoformat(around(day)["earliest"])


async def test_walking_is_told_with_what_it_saves(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    day = quiet_morning()
    offer = await live.published(driver, departure=day.isoformat(), max_detour_s=900)
    (door,) = (await _search(live, rider, departure=around(day)))["matches"]
    (match,) = (await _search(live, rider, departure=around(day), max_walk_m=800))["matches"]
    assert door["offer_id"] == match["offer_id"] == offer["id"]
    assert "walking" not in door
    assert match["walking"]["saved_detour_s"] == pytest.approx(door["detour_s"] - match["detour_s"], abs=0.002)
    assert match["walking"]["saved_detour_m"] == pytest.approx(door["detour_m"] - match["detour_m"], abs=0.02)
