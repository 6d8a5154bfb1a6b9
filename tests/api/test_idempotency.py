"""A call that is repeated under its Idempotency-Key is made once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.api.live import Answer, Live, an_offer


async def _publish(live: Live, token: str, key: str, body: Any = None, **more: Any) -> Answer:
    if body is None and "data" not in more:
        body = an_offer()
    return await live.call("POST", "/v1/offers", token, json=body, headers={"Idempotency-Key": key}, **more)


async def _count(live: Live, token: str) -> int:
    return len((await live.call("GET", "/v1/offers?limit=100", token)).json["offers"])


async def test_the_answer_is_given_again_byte_for_byte(live: Live) -> None:
    token = await live.key("driver")
    first = await _publish(live, token, "monday-1")
    assert (first.status, first.headers.get("Idempotency-Replayed")) == (201, None)
    changed = await live.call(
        "PATCH", first.headers["Location"], token, json={"seats": 1}, headers={"If-Match": first.headers["ETag"]}
    )
    assert changed.status == 200
    again = await _publish(live, token, "monday-1")
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    for header in ("Location", "ETag", "Content-Type", "Cache-Control"):
        assert again.headers[header] == first.headers[header]
    assert await _count(live, token) == 1
    assert (await live.call("GET", first.headers["Location"], token)).json["seats"] == 1


async def test_another_body_is_refused(live: Live) -> None:
    token = await live.key("driver")
    await _publish(live, token, "k1")
    answer = await _publish(live, token, "k1", an_offer(seats=2))
    assert (answer.status, answer.problem()["code"]) == (422, "idempotency_key_reused")
    assert await _count(live, token) == 1


async def test_the_meaning_of_the_body_counts_and_not_its_bytes(live: Live) -> None:
    token = await live.key("driver")
    first = await _publish(live, token, "k1")
    reordered = json.dumps(dict(reversed(an_offer().items())), indent=3).encode()
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    again = await live.call("POST", "/v1/offers", token, data=reordered, headers=headers)
    assert (again.status, again.body) == (201, first.body)


async def test_keys_belong_to_their_users(live: Live) -> None:
    one, other = await live.key("driver"), await live.key("driver")
    first, second = await _publish(live, one, "same"), await _publish(live, other, "same")
    assert (first.status, second.status) == (201, 201)
    assert first.json["id"] != second.json["id"]


async def test_a_refusal_is_not_kept(live: Live) -> None:
    token = await live.key("driver")
    refused = await _publish(live, token, "k1", an_offer(departure="2020-01-01T00:00:00Z"))
    assert refused.status == 422
    assert (await _publish(live, token, "k1")).status == 201


async def test_calls_at_the_same_time_make_one_offer(live: Live) -> None:
    token = await live.key("driver")
    answers = await asyncio.gather(*(_publish(live, token, "race") for _ in range(10)))
    made = [answer for answer in answers if answer.status == 201]
    assert {answer.status for answer in answers} <= {201, 409}
    assert len({answer.body for answer in made}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in made) == 1
    assert await _count(live, token) == 1


@pytest.mark.parametrize("key", ["", "a b", "a" * 201, "ключ", '"'])
async def test_keys_that_cannot_be_used(live: Live, driver: str, key: str) -> None:
    answer = await _publish(live, driver, key)
    problem = answer.problem()
    assert (answer.status, problem["code"], problem["errors"][0]["header"]) == (
        400,
        "invalid_header",
        "Idempotency-Key",
    )


async def test_a_key_that_is_given_twice(live: Live, driver: str) -> None:
    body = json.dumps(an_offer()).encode()
    head = (
        f"POST /v1/offers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {driver}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    status, _, answer = await live.raw(head.encode() + body)
    assert (status, json.loads(answer)["code"]) == (400, "invalid_header")
