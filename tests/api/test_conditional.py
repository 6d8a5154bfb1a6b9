"""Entity tags: nobody overwrites what they have not seen, and nobody downloads what they have."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from matcher.domain.principal import Role
from tests.api.authorisation import (
    Maker,
    a_booking_of_theirs,
    a_series_of_theirs,
    a_webhook_of_theirs,
    an_offer_of_theirs,
)
from tests.api.live import Live


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        (None, 428, "precondition_required"),
        ('"2"', 412, "stale_version"),
        ('"0"', 412, "stale_version"),
        ('"01"', 412, "stale_version"),
        ('W/"1"', 412, "stale_version"),
        ('"one"', 412, "stale_version"),
        ('"99999999999999999999"', 412, "stale_version"),
        ('"2", "3"', 412, "stale_version"),
        ("1", 400, "invalid_header"),
        ('"1', 400, "invalid_header"),
        ('"1" "2', 400, "invalid_header"),
        (",", 400, "invalid_header"),
    ],
)
async def test_conditions_that_fail(live: Live, given: str | None, status: int, code: str) -> None:
    token = await live.key("driver")
    offer = await live.published(token)
    headers = {} if given is None else {"If-Match": given}
    answer = await live.call("PATCH", f"/v1/offers/{offer['id']}", token, json={"seats": 2}, headers=headers)
    assert (answer.status, answer.problem()["code"]) == (status, code)
    if status == 400:
        assert answer.problem()["errors"][0]["header"] == "If-Match"
    assert (await live.call("GET", f"/v1/offers/{offer['id']}", token)).json == offer


async def test_a_tag_that_a_proxy_has_weakened_is_named(live: Live) -> None:
    token = await live.key("driver")
    path = f"/v1/offers/{(await live.published(token))['id']}"
    for given, told in (('W/"1"', True), ('W/"2"', False)):
        answer = await live.call("PATCH", path, token, json={"seats": 2}, headers={"If-Match": given})
        assert ("proxy" in answer.problem()["detail"]) is told


@pytest.mark.parametrize("given", ['"1"', "*", '"7", "1"', '"x" ,"1"', ' "1"  '])
async def test_conditions_that_hold(live: Live, given: str) -> None:
    token = await live.key("driver")
    path = f"/v1/offers/{(await live.published(token))['id']}"
    answer = await live.call("PATCH", path, token, json={"seats": 2}, headers={"If-Match": given})
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')


@pytest.mark.parametrize(
    ("what", "path", "make", "body"),
    [
        ("offer", "/v1/offers/{offer_id}", an_offer_of_theirs, {"seats": 2}),
        ("series", "/v1/series/{series_id}", a_series_of_theirs, {"seats": 2}),
        ("booking", "/v1/bookings/{booking_id}", a_booking_of_theirs, {"status": "CANCELLED"}),
        ("webhook", "/v1/webhooks/{webhook_id}", a_webhook_of_theirs, {"description": "x"}),
    ],
)
async def test_refusals_name_the_resource(live: Live, what: str, path: str, make: Maker, body: dict[str, Any]) -> None:
    token = await live.key("driver")
    url = path.format(**await make(live, token, Role.DRIVER))
    answer = await live.call("PATCH", url, token, json=body)
    assert answer.problem()["detail"] == f"send If-Match with the ETag of the {what} that you read"
    for given in ('"7"', '"7", "8"'):
        answer = await live.call("PATCH", url, token, json=body, headers={"If-Match": given})
        assert answer.problem()["code"] == "stale_version"
        assert answer.problem()["detail"].startswith(f"the {what} ")


async def test_refusals_name_the_profile(live: Live) -> None:
    token = await live.key("driver")
    for body in ({}, {"share_gender": "woman"}):
        answer = await live.call("PATCH", "/v1/me", token, json=body, headers={"If-Match": '"7"'})
        assert answer.problem()["code"] == "stale_version"
        assert "profile" in answer.problem()["detail"]


async def test_of_changes_that_race_on_one_version_one_wins(live: Live) -> None:
    token = await live.key("driver")
    path = f"/v1/offers/{(await live.published(token))['id']}"
    answers = await asyncio.gather(
        *(live.call("PATCH", path, token, json={"seats": n}, headers={"If-Match": '"1"'}) for n in range(1, 9))
    )
    assert sorted(answer.status for answer in answers) == [200] + [412] * 7
    (winner,) = [answer for answer in answers if answer.status == 200]
    assert (await live.call("GET", path, token)).json == winner.json


async def test_changes_of_any_version_are_all_made(live: Live) -> None:
    token = await live.key("driver")
    path = f"/v1/offers/{(await live.published(token))['id']}"
    keys = ("smoking", "pets", "music")
    answers = await asyncio.gather(
        *(live.call("PATCH", path, token, json={"preferences": {key: True}}, headers={"If-Match": "*"}) for key in keys)
    )
    assert [answer.status for answer in answers] == [200] * 3
    now = (await live.call("GET", path, token)).json
    assert (now["preferences"], now["version"]) == (dict.fromkeys(keys, True), 4)


async def test_only_the_version_that_was_seen_is_cancelled(live: Live) -> None:
    token = await live.key("driver")
    path = f"/v1/offers/{(await live.published(token))['id']}"
    answer = await live.call("DELETE", path, token, headers={"If-Match": '"2"'})
    assert (answer.status, answer.problem()["code"]) == (412, "stale_version")
    for given in ('"1"', '"1"', "*"):
        answer = await live.call("DELETE", path, token, headers={"If-Match": given})
        assert (answer.status, answer.json["status"]) == (200, "CANCELLED")


@pytest.mark.parametrize(
    ("given", "status"), [('"1"', 304), ('W/"1"', 304), ("*", 304), ('"3", "1"', 304), ('"2"', 200), ("garbage", 400)]
)
async def test_what_is_known_is_not_sent_again(live: Live, given: str, status: int) -> None:
    token = await live.key("driver")
    path = f"/v1/offers/{(await live.published(token))['id']}"
    answer = await live.call("GET", path, token, headers={"If-None-Match": given})
    assert answer.status == status
    if status == 304:
        assert (answer.body, answer.headers["ETag"]) == (b"", '"1"')
    changed = await live.call("PATCH", path, token, json={"seats": 2}, headers={"If-Match": '"1"'})
    assert changed.status == 200
    if status == 304 and given != "*":
        assert (await live.call("GET", path, token, headers={"If-None-Match": given})).status == 200
