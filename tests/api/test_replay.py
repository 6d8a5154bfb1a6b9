"""Operators make a search again: by the id in the log, of which little is kept, or by hand."""

from __future__ import annotations

from collections import Counter
from typing import Any

from matcher.domain.cell import Cell
from matcher.domain.place import Coordinate
from tests.api.live import LA_SERENA, Live, a_search, around, quiet_morning


async def replay(live: Live, body: dict[str, Any]) -> dict[str, Any]:
    answer = await live.call("POST", "/v1/stats/replays", await live.key("ops"), json=body)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


async def test_a_search_by_hand_is_decided_as_the_riders_is(live: Live) -> None:
    driver, rider = await live.key("driver"), await live.key("rider")
    morning = quiet_morning()
    fitting = await live.published(driver, departure=morning.isoformat())
    far = await live.published(
        driver, departure=morning.isoformat(), origin=LA_SERENA, destination={"lat": -29.953, "lon": -71.338}
    )
    search = a_search(departure=around(morning))
    theirs = (await live.call("POST", "/v1/match", rider, json=search)).json
    found = await replay(live, {"search": search})
    assert [one["offer_id"] for one in found["candidates"]] == [fitting["id"]]
    (match,), (candidate,) = theirs["matches"], found["candidates"]
    assert (candidate["score"], candidate["parts"]) == (match["score"], match["parts"])
    assert found["feasible"] == theirs["feasible"]
    assert found["considered"] == theirs["considered"]
    assert {group["reason"]: group["offers"] for group in found["turned_away"]} == theirs["turned_away"]
    located = {group["reason"]: group["cells"] for group in found["turned_away"]}
    cell = Cell.of(Coordinate(lat=far["origin"]["lat"], lon=far["origin"]["lon"]))
    south_west, _ = cell.corners
    assert [(one["box"]["south"], one["offers"]) for one in located["detour"]] == [(round(south_west.lat, 6), 1)]


async def test_places_are_cells(live: Live) -> None:
    driver = await live.key("driver")
    morning = quiet_morning()
    offer = await live.published(driver, departure=morning.isoformat())
    search = a_search(departure=around(morning))
    (candidate,) = (await replay(live, {"search": search}))["candidates"]
    for end, place in (("near_pickup", search["origin"]), ("near_dropoff", search["destination"])):
        middle = Cell.of(Coordinate(**place)).middle
        assert (candidate[end]["lat"], candidate[end]["lon"]) == (round(middle.lat, 4), round(middle.lon, 4))
    assert candidate["offer_id"] == offer["id"]


async def test_a_search_of_the_log_is_found_by_its_id(live: Live) -> None:
    driver, rider = await live.key("driver"), await live.key("rider")
    morning = quiet_morning()
    offer = await live.published(driver, departure=morning.isoformat())
    search = a_search(departure=around(morning), seats=2)
    answer = await live.call("POST", "/v1/match", rider, json=search, headers={"X-Request-Id": "asked-once"})
    assert answer.status == 200
    await live.carpool.search_log.flush(morning)
    found = await replay(live, {"request_id": "asked-once"})
    asked = found["asked"]
    assert asked["cells"] is True
    assert (asked["seats"], asked["considered"], asked["feasible"]) == (
        2,
        answer.json["considered"],
        answer.json["feasible"],
    )
    origin = Cell.of(Coordinate(**search["origin"]))
    assert (asked["origin"]["lat"], asked["origin"]["lon"]) == (
        round(origin.middle.lat, 5),
        round(origin.middle.lon, 5),
    )
    assert offer["id"] in {one["offer_id"] for one in found["candidates"]}


async def test_what_is_not_there(live: Live) -> None:
    ops = await live.key("ops")
    unknown = await live.call("POST", "/v1/stats/replays", ops, json={"request_id": "never-asked"})
    assert (unknown.status, unknown.problem()["code"]) == (404, "search_not_found")
    for wrong in ({}, {"request_id": "x", "search": a_search()}, {"request_id": ""}):
        assert (await live.call("POST", "/v1/stats/replays", ops, json=wrong)).status == 422, wrong
    far = a_search(origin={"lat": 10.0, "lon": 10.0})
    refused = (await live.call("POST", "/v1/stats/replays", ops, json={"search": far})).problem()
    assert refused["errors"][0]["pointer"] == "/search/origin"


async def test_a_replay_is_in_no_statistics(live: Live) -> None:
    ops = await live.key("ops")

    async def counted() -> Counter[str]:
        await live.carpool.search_log.flush(quiet_morning())
        totals = (await live.call("GET", "/v1/stats/matches", ops, params={"bucket": "hour"})).json["totals"]
        return Counter({"searches": totals["searches"]})

    before = await counted()
    await replay(live, {"search": a_search()})
    assert await counted() == before
