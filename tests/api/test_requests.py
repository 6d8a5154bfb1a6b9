"""Kept requests over HTTP: kept, told of, read and taken back; and what a driver sees of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.live import Live, a_search, around, quiet_morning


def a_wish(moment: datetime, **changes: Any) -> dict[str, Any]:
    """A search around a moment that nobody else's offers crowd."""
    return a_search(**{"departure": around(moment), "limit": 50} | changes)


async def kept(live: Live, token: str, wish: dict[str, Any]) -> dict[str, Any]:
    """A request that waits."""
    answer = await live.call("POST", "/v1/requests", token, json=wish)
    assert answer.status == 201, answer.body
    request: dict[str, Any] = answer.json
    return request


async def told(live: Live, token: str, request_id: str, *, at_least: int = 1) -> list[str]:
    """The offers of a request, once there are so many."""
    found: list[str] = []
    for _ in range(2000):
        answer = await live.call("GET", f"/v1/requests/{request_id}", token)
        found = [one["offer_id"] for one in answer.json["found"]]
        if len(found) >= at_least:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"told of {found} only")


async def notices(live: Live, token: str) -> list[tuple[str, str]]:
    """(request, offer) of every event `match_found` that somebody was told."""
    held = (await live.call("GET", "/v1/me/export", token)).json
    return [
        (event["data"]["request_id"], event["data"]["offer_id"])
        for event in held.get("events", [])
        if event["kind"] == "match_found"
    ]


async def settled(live: Live, driver: str, rider: str) -> None:
    """Wait until everything that was published so far has been matched: what comes last is told last."""
    moment = quiet_morning()
    request = await kept(live, rider, a_wish(moment))
    await live.published(driver, departure=moment.isoformat())
    await told(live, rider, request["id"])
    assert (await live.call("DELETE", f"/v1/requests/{request['id']}", rider)).status == 204


async def test_an_offer_that_comes_later_is_told_once(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    moment = quiet_morning()
    answer = await live.call("POST", "/v1/requests", rider, json=a_wish(moment))
    assert answer.status == 201, answer.body
    request = answer.json
    assert answer.headers["Location"] == f"/v1/requests/{request['id']}"
    assert (request["status"], request["present"]["matches"]) == ("WAITING", [])
    assert request["expires_at"] == request["departure"]["latest"]
    offer = await live.published(driver, departure=moment.isoformat())
    assert await told(live, rider, request["id"]) == [offer["id"]]
    for comment in ("one", "two"):  # every change makes a new version, which fits as well
        changed = await live.call(
            "PATCH", f"/v1/offers/{offer['id']}", driver, json={"comment": comment}, headers={"If-Match": "*"}
        )
        assert changed.status == 200, changed.body
    other = await live.published(driver, departure=moment.isoformat())
    assert set(await told(live, rider, request["id"], at_least=2)) == {offer["id"], other["id"]}
    await settled(live, driver, await live.key("rider"))
    assert sorted(await notices(live, rider)) == sorted([(request["id"], offer["id"]), (request["id"], other["id"])])


async def test_what_is_shown_at_once_is_no_news_and_its_matches_can_be_asked_for(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    moment = quiet_morning()
    offer = await live.published(driver, departure=moment.isoformat())
    request = await kept(live, rider, a_wish(moment))
    assert [match["offer_id"] for match in request["present"]["matches"]] == [offer["id"]]
    await live.call("PATCH", f"/v1/offers/{offer['id']}", driver, json={"comment": "x"}, headers={"If-Match": "*"})
    await settled(live, driver, await live.key("rider"))
    assert await notices(live, rider) == []
    again = await live.call("GET", f"/v1/requests/{request['id']}/matches", rider)
    (match,) = again.json["matches"]
    booked = await live.call("POST", "/v1/bookings", rider, json={"match_id": match["match_id"]})
    assert booked.status == 201, booked.body


async def test_an_offer_that_is_changed_to_fit_is_told(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    moment = quiet_morning()
    offer = await live.published(driver, departure=(moment + timedelta(hours=6)).isoformat())
    request = await kept(live, rider, a_wish(moment))
    changed = await live.call(
        "PATCH", f"/v1/offers/{offer['id']}", driver, json={"departure": moment.isoformat()}, headers={"If-Match": "*"}
    )
    assert changed.status == 200, changed.body
    assert await told(live, rider, request["id"]) == [offer["id"]]


async def test_never_ones_own_nor_of_who_is_blocked_nor_what_does_not_fit(live: Live) -> None:
    name = f"both-{uuid4().hex[:8]}"
    rider, own = await live.key("rider", name), await live.key("driver", name)
    blocked_name = f"enemy-{uuid4().hex[:8]}"
    blocked, driver = await live.key("driver", blocked_name), await live.key("driver")
    assert (await live.call("PUT", f"/v1/me/blocks/{blocked_name}", rider)).status == 200
    moment = quiet_morning()
    request = await kept(live, rider, a_wish(moment, seats=2))
    await live.published(own, departure=moment.isoformat())
    await live.published(blocked, departure=moment.isoformat())
    await live.published(driver, departure=moment.isoformat(), seats=1)
    last = await live.published(driver, departure=moment.isoformat())
    await settled(live, driver, await live.key("rider"))
    assert await told(live, rider, request["id"]) == [last["id"]]


async def test_what_is_taken_back_is_told_no_more(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    moment = quiet_morning()
    request = await kept(live, rider, a_wish(moment))
    assert (await live.call("DELETE", f"/v1/requests/{request['id']}", rider)).status == 204
    for method in ("GET", "DELETE"):
        gone = await live.call(method, f"/v1/requests/{request['id']}", rider)
        assert (gone.status, gone.problem()["code"]) == (404, "request_not_found")
    assert (await live.call("GET", "/v1/requests", rider)).json == {"requests": []}
    await live.published(driver, departure=moment.isoformat())
    await settled(live, driver, await live.key("rider"))
    assert await notices(live, rider) == []


async def test_a_repeated_call_keeps_once_and_answers_the_same(live: Live) -> None:
    rider = await live.key("rider")
    wish, headers = a_wish(quiet_morning()), {"Idempotency-Key": "keep-it"}
    first = await live.call("POST", "/v1/requests", rider, json=wish, headers=headers)
    second = await live.call("POST", "/v1/requests", rider, json=wish, headers=headers)
    assert (first.status, first.body) == (second.status, second.body)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len((await live.call("GET", "/v1/requests", rider)).json["requests"]) == 1
    other = await live.call("POST", "/v1/requests", rider, json=wish | {"seats": 2}, headers=headers)
    assert other.problem()["code"] == "idempotency_key_reused"


async def test_a_rider_keeps_a_few_only(live: Live) -> None:
    rider = await live.key("rider")
    most = live.carpool.settings.requests.requests_per_rider
    answers = await asyncio.gather(
        *(live.call("POST", "/v1/requests", rider, json=a_wish(quiet_morning())) for _ in range(most + 2))
    )
    assert sorted(answer.status for answer in answers) == [201] * most + [409] * 2
    refused = next(answer for answer in answers if answer.status == 409)
    assert refused.problem()["code"] == "too_many_kept_requests"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"departure": {"earliest": "2020-01-01T07:00:00Z", "latest": "2020-01-01T08:00:00Z"}}, "departure_in_past"),
        (
            {"departure": {"earliest": "2090-01-01T07:00:00Z", "latest": "2090-01-01T08:00:00Z"}},
            "departure_too_far_ahead",
        ),
        ({"women_only": True}, "sharing_required"),
        ({"origin": {"lat": 0, "lon": 0}}, "place_too_far_from_road"),
    ],
)
async def test_what_cannot_be_waited_for_is_refused(live: Live, changes: dict[str, Any], code: str) -> None:
    answer = await live.call("POST", "/v1/requests", await live.key("rider"), json=a_wish(quiet_morning(), **changes))
    assert (answer.status, answer.problem()["code"]) == (422, code)


async def test_a_driver_sees_what_fits_and_not_who_or_where_exactly(live: Live) -> None:
    name = f"rita-{uuid4().hex[:8]}"
    rider, driver = await live.key("rider", name), await live.key("driver")
    moment = quiet_morning()
    origin = {"lat": -29.9512345, "lon": -71.3367891}
    request = await kept(live, rider, a_wish(moment, origin=origin))
    await kept(live, await live.key("rider"), a_wish(moment + timedelta(hours=5)))
    offer = await live.published(driver, departure=moment.isoformat())
    answer = await live.call("GET", f"/v1/offers/{offer['id']}/requests", driver)
    assert answer.status == 200, answer.body
    (fitting,) = answer.json["requests"]
    assert (answer.json["fitting"], fitting["request_id"], fitting["seats"]) == (1, request["id"], 1)
    text = answer.body.decode()
    assert name not in text
    assert "9512" not in text
    assert "3367" not in text
    near = fitting["near_pickup"]
    assert abs(near["lat"] - origin["lat"]) < 0.02
    assert datetime.fromisoformat(near["time"]).astimezone(UTC).second == 0
    nobody = await live.call("GET", f"/v1/offers/{offer['id']}/requests", await live.key("driver"))
    assert nobody.status == 404
    assert (await live.call("DELETE", f"/v1/offers/{offer['id']}", driver)).status == 200
    closed = await live.call("GET", f"/v1/offers/{offer['id']}/requests", driver)
    assert closed.json == {"requests": [], "fitting": 0}
