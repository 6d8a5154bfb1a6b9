"""What the pages show behind the demo's own trip: the way home, a day of searches, a rider who waits."""

from __future__ import annotations

import hashlib
from datetime import date
from zoneinfo import ZoneInfo

import aiohttp
from pydantic_core import to_json

from api.cli.console import StepProgress
from api.cli.demo.users import Users, call
from api.cli.demo.world import Json, day_of_searches, ways_home
from matcher.domain.errors.tree import PlacesTooClose, PlaceTooFarFromRoad

#: A drawn place may be where nobody can drive.
UNLUCKY = {PlaceTooFarFromRoad.code, PlacesTooClose.code}


async def publish(driver: aiohttp.ClientSession, body: Json) -> Json:
    """Publish an offer under a key of its own, so that a second run on the same day finds it."""
    key = {"Idempotency-Key": "demo-" + hashlib.sha256(to_json(body)).hexdigest()[:32]}
    return await call(driver, "POST", "/v1/offers", json=body, headers=key, expected=UNLUCKY)


async def paint_backdrop(
    users: Users, morning: list[Json], wish: Json, day: date, zone: ZoneInfo, counted: int, progress: StepProgress
) -> None:
    """The way home of the morning's drivers, a day of searches unless about so many are `counted`, and a kept search.

    Searches are counted as asked now, and as wanted at hours all over the day.
    """
    for body in ways_home(morning, day):
        await publish(users.driver, body)
    bodies = day_of_searches(day, zone)
    if counted < len(bodies) // 2:
        for number, body in enumerate(bodies):
            progress("searching as riders of a whole day do", number, len(bodies))
            await call(users.rider, "POST", "/v1/match", json=body, expected=UNLUCKY)
        progress.end()
    kept = (await call(users.rider, "GET", "/v1/requests"))["requests"]
    if not any(request["status"] == "WAITING" for request in kept):
        await call(users.rider, "POST", "/v1/requests", json=wish)
