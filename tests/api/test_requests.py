"""Kept requests over HTTP: kept, told of, read and taken back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.api.live import LA_SERENA, TONGOY_ROAD, Live, a_search, around, quiet_morning


def a_wish(**changes: Any) -> dict[str, Any]:
    """A search on a day of its own."""
    return a_search(**{"departure": around(quiet_morning()), "limit": 50} | changes)


async def told(live: Live, token: str, request_id: str, *, at_least: int = 1) -> list[str]:
    """The offers of a request, once there are so many."""
    for _ in range(200):
        answer = await live.call("GET", f"/v1/requests/{request_id}", token)
        found = [one["offer_id"] for one in answer.json["found"]]
        if len(found) >= at_least:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"told of {found} only")


async def test_an_offer_that_comes_later_is_told_once(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    moment = quiet_morning()
    kept = await live.call("POST", "/v1/requests", rider, json=a_wish(departure=around(moment)))
    assert kept.status == 201, kept.body
    assert kept.headers["Location"] == f"/v1/requests/{kept.json['id']}"
    assert kept.json["status"] == "WAITING"
    assert kept.json["present"]["matches"] == []
    offer = await live.published(driver, departure=moment.isoformat())
    assert await told(live, rider, kept.json["id"]) == [offer["id"]]
    for comment in ("one", "two"):  # every change makes a new version, which fits as well
        changed = await live.call(
            "PATCH", f"/v1/offers/{offer['id']}", driver, json={"comment": comment}, headers={"If-Match": "*"}
        )
        assert changed.status == 200, changed.body
    other = await live.published(driver, departure=moment.isoformat())
    assert set(await told(live, rider, kept.json["id"], at_least=2)) == {offer["id"], other["id"]}
