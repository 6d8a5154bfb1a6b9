"""A trip that is planned and not published: the same checks, no trace, and the riders whom it would fit."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.live import HALF_WAY, LA_SERENA, TONGOY_ROAD, Live, a_search, an_offer, around, quiet_morning

DRY = {"dry_run": "true"}


async def plan(live: Live, token: str, path: str = "/v1/offers", **changes: Any) -> dict[str, Any]:
    answer = await live.call("POST", path, token, params=DRY, json=an_offer(**changes))
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


async def searched(live: Live, times: int, **changes: Any) -> None:
    """Searches, and what the statistics know of them."""
    rider = await live.key("rider")
    for _ in range(times):
        assert (await live.call("POST", "/v1/match", rider, json=a_search(**changes))).status == 200
    await live.carpool.search_log.flush(datetime.now(UTC))


async def test_nothing_is_written(live: Live) -> None:
    token, rider = await live.key("driver"), await live.key("rider")
    morning = quiet_morning()
    listener = await live.call("POST", "/v1/requests", rider, json=a_search(departure=around(morning)))
    assert listener.status == 201
    planned = await plan(live, token, departure=morning.isoformat())
    assert planned["polyline"]
    assert planned["price_advice"]["suggested"]["currency"] == "EUR"
    assert (await live.call("GET", f"/v1/offers/{planned['id']}", token)).status == 404
    assert (await live.call("GET", "/v1/offers", token)).json["offers"] == []
    answer = await live.call("POST", "/v1/match", rider, json=a_search(departure=around(morning)))
    assert answer.json["matches"] == []


async def test_what_is_published_is_what_was_planned(live: Live) -> None:
    token = await live.key("driver")
    morning = quiet_morning().isoformat()
    planned = await plan(live, token, departure=morning, seats=2, via=[HALF_WAY])
    published = await live.published(token, departure=morning, seats=2, via=[HALF_WAY])
    own = {"id", "created_at", "updated_at", "would_match"}
    assert {k: v for k, v in planned.items() if k not in own} == {k: v for k, v in published.items() if k not in own}


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"seats": 9}, "/seats"),
        ({"departure": "2020-01-01T07:00:00-03:00"}, "/departure"),
        ({"origin": {"lat": 10.0, "lon": 10.0}}, "/origin"),
        ({"price": {"amount": 900.0, "currency": "EUR"}}, "/price"),
    ],
)
async def test_it_is_refused_as_publishing_is(live: Live, driver: str, changes: dict[str, Any], pointer: str) -> None:
    dry = await live.call("POST", "/v1/offers", driver, params=DRY, json=an_offer(**changes))
    wet = await live.call("POST", "/v1/offers", driver, json=an_offer(**changes))
    assert dry.status == wet.status == 422
    assert dry.json["code"] == wet.json["code"]
    assert dry.json["errors"][0]["pointer"].startswith(pointer)


@pytest.mark.parametrize("path", ["/v1/offers", "/v1/series"])
async def test_a_wrong_idempotency_key_is_refused_though_nothing_is_written(live: Live, driver: str, path: str) -> None:
    series = {
        "origin": TONGOY_ROAD, "destination": LA_SERENA, "departure": "03:20", "seats": 2, "weekdays": ["MO"],
    }  # fmt: skip
    body = an_offer() if path == "/v1/offers" else series
    answer = await live.call("POST", path, driver, params=DRY, json=body, headers={"Idempotency-Key": "two words"})
    assert (answer.status, answer.problem()["code"]) == (400, "invalid_header")


async def test_only_drivers_plan_and_the_flag_is_a_flag(live: Live, driver: str, rider: str) -> None:
    assert (await live.call("POST", "/v1/offers", rider, params=DRY, json=an_offer())).status == 403
    wrong = await live.call("POST", "/v1/offers", driver, params={"dry_run": "yes"}, json=an_offer())
    assert wrong.status == 422
    assert wrong.json["errors"][0]["parameter"] == "dry_run"


async def test_waiting_riders_are_counted_and_hidden_in_cells(live: Live) -> None:
    driver, rider = await live.key("driver"), await live.key("rider")
    morning = quiet_morning()
    body = a_search(departure=around(morning))
    kept = (await live.call("POST", "/v1/requests", rider, json=body)).json
    other_day = a_search(departure=around(morning + timedelta(days=1)))
    assert (await live.call("POST", "/v1/requests", rider, json=other_day)).status == 201
    waiting = (await plan(live, driver, departure=morning.isoformat()))["would_match"]["waiting"]
    assert waiting["fitting"] == 1
    (shown,) = waiting["requests"]
    assert shown["request_id"] == kept["id"]
    assert shown["near_pickup"]["lat"] != body["origin"]["lat"]
    published = await live.published(driver, departure=morning.isoformat())
    asked = (await live.call("GET", f"/v1/offers/{published['id']}/requests", driver)).json
    assert asked == waiting


async def test_searches_of_the_way_are_counted_by_hour_and_cell(live: Live) -> None:
    driver = await live.key("driver")
    # No other test of this service searches at that hour: generated calls do at 7 to 9 o'clock UTC, 3 to 6 here.
    morning = quiet_morning().replace(hour=1, minute=10)
    before = (await plan(live, driver, departure=morning.isoformat()))["would_match"]["searches"]
    assert {row["hour"] for row in before["hours"]} & {1} == set()
    await searched(live, 4, departure=around(morning))
    few = (await plan(live, driver, departure=morning.isoformat()))["would_match"]["searches"]
    assert (few["fitting"], few["least"], few["days"]) == (0, 5, 28)
    assert 1 not in {row["hour"] for row in few["hours"]}
    await searched(live, 1, departure=around(morning))
    found = (await plan(live, driver, departure=morning.isoformat()))["would_match"]["searches"]
    assert found["fitting"] == 5
    assert {"hour": 1, "searches": 5} in found["hours"]
    box = found["groups"][0]["origin"]
    assert box["south"] < a_search()["origin"]["lat"] < box["north"]
    # The way back is another way, and another hour is another hour.
    back = await plan(live, driver, origin=LA_SERENA, destination=TONGOY_ROAD, departure=morning.isoformat())
    assert back["would_match"]["searches"]["fitting"] == 0
    later = await plan(live, driver, departure=morning.replace(hour=22).isoformat())
    assert later["would_match"]["searches"]["fitting"] == 0


async def test_a_series_is_planned_as_a_whole(live: Live) -> None:
    driver, rider = await live.key("driver"), await live.key("rider")
    body = {
        "origin": TONGOY_ROAD, "destination": LA_SERENA, "departure": "03:20", "seats": 2, "max_detour_s": 900,
        "weekdays": ["MO", "TU", "WE", "TH", "FR", "SA", "SU"], "return": {"departure": "23:10"},
    }  # fmt: skip
    first = (await live.call("POST", "/v1/series", driver, params=DRY, json=body)).json
    assert first["trips"] > 20
    assert first["would_match"]["waiting"]["fitting"] == 0
    departs = first["trip"]["departure"]
    wish = a_search(departure={"earliest": departs, "latest": departs.replace("T03:20", "T03:50")})
    assert (await live.call("POST", "/v1/requests", rider, json=wish)).status == 201
    again = (await live.call("POST", "/v1/series", driver, params=DRY, json=body)).json
    assert again["would_match"]["waiting"]["fitting"] == 1
    assert (await live.call("GET", "/v1/series", driver)).json["series"] == []


async def test_many_plans_do_not_wait_for_each_other(live: Live, driver: str) -> None:
    plans = await asyncio.gather(*(plan(live, driver) for _ in range(8)))
    assert len({planned["id"] for planned in plans}) == 8
