"""PostgreSQL goes away and comes back: calls say so, nothing that was acknowledged is lost, and nobody restarts the
service.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.live import Answer, Live, a_search, an_offer, live_service, ready, settings_for
from tests.api.relay import Relay


@pytest.fixture
async def relay(fresh_database: str) -> AsyncIterator[Relay]:
    relay = Relay(fresh_database)
    await relay.mend()
    yield relay
    await relay.cut()


@pytest.fixture
async def shaky(service_folder: Path, live: Live, relay: Relay) -> AsyncIterator[Live]:
    """A service whose database can be taken away."""
    async with live_service(settings_for(service_folder, relay.url)) as shaky:
        yield shaky


def _publish(live: Live, token: str, key: str) -> asyncio.Task[Answer]:
    headers = {"Idempotency-Key": key}
    return asyncio.create_task(live.call("POST", "/v1/offers", token, json=an_offer(), headers=headers))


async def test_calls_are_told_to_come_back_and_are_served_again(shaky: Live, relay: Relay) -> None:
    driver, rider = await shaky.key("driver"), await shaky.key("rider")
    offer = await shaky.published(driver)
    path = f"/v1/offers/{offer['id']}"
    assert (await shaky.call("POST", "/v1/match", rider, json=a_search())).json["matches"]

    await relay.cut()
    calls: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("POST", "/v1/offers", driver, {"json": an_offer()}),
        ("GET", path, driver, {}),
        ("GET", "/v1/offers", driver, {}),
        ("PATCH", path, driver, {"json": {"seats": 1}, "headers": {"If-Match": '"1"'}}),
        ("DELETE", path, driver, {}),
        ("POST", "/v1/match", rider, {"json": a_search()}),
    )
    for method, url, token, sent in calls:
        answer = await shaky.call(method, url, token, **sent)
        assert (answer.status, answer.problem()["code"]) == (503, "database_unavailable"), (method, url)
        assert int(answer.headers["Retry-After"]) >= 1
    assert (await shaky.call("GET", "/healthz")).status == 200
    not_ready = await shaky.call("GET", "/readyz")
    assert (not_ready.status, not_ready.json["ready"]) == (503, False)
    assert not_ready.json["checks"]["database"] != "ok"
    assert "Retry-After" in not_ready.headers

    await relay.mend()
    await ready(shaky)
    assert (await shaky.call("GET", path, driver)).json == offer
    found = (await shaky.call("POST", "/v1/match", rider, json=a_search())).json
    assert [match["offer_id"] for match in found["matches"]] == [offer["id"]]
    await shaky.published(driver)


async def test_what_was_acknowledged_is_kept_and_what_is_repeated_is_made_once(shaky: Live, relay: Relay) -> None:
    token, rider = await shaky.key("driver"), await shaky.key("rider")
    keys = [f"trip-{n}" for n in range(12)]
    first = [_publish(shaky, token, key) for key in keys]
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    await relay.cut()
    answers = [await task for task in first]
    assert {answer.status for answer in answers} <= {201, 503}
    assert answers[0].status == 201 or any(answer.status == 201 for answer in answers)

    await relay.mend()
    await ready(shaky)
    again = [await _publish(shaky, token, key) for key in keys]
    assert [answer.status for answer in again] == [201] * len(keys)
    for before, after in zip(answers, again, strict=True):
        if before.status == 201:
            assert (after.body, after.headers["Idempotency-Replayed"]) == (before.body, "true")
    listed = (await shaky.call("GET", "/v1/offers?limit=100", token)).json["offers"]
    assert sorted(offer["id"] for offer in listed) == sorted(answer.json["id"] for answer in again)
    found = (await shaky.call("POST", "/v1/match", rider, json=a_search(limit=50))).json
    assert {match["offer_id"] for match in found["matches"]} == {offer["id"] for offer in listed}


async def test_a_key_that_was_just_used_is_not_mistaken_for_a_wrong_one(shaky: Live, relay: Relay) -> None:
    await relay.cut()
    answer = await shaky.call("GET", "/v1/offers", "ck_0123456789abcdef_" + "A" * 43)
    assert answer.status == 503
