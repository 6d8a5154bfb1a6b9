"""The life of a trip in the demo: seats are requested and confirmed, both sides get events, and it is counted."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import aiohttp
from rich.console import Console
from rich.text import Text

from api.cli.demo.report import Told, stop_text
from api.cli.demo.users import Users, call
from api.cli.demo.world import Json
from matcher.domain.errors.tree import Unavailable

_PATIENCE_S = 10.0
_SEARCHES = ("GET", "/v1/stats/matches?bucket=hour")


@asynccontextmanager
async def listening(user: aiohttp.ClientSession) -> AsyncIterator[Callable[[Json], Awaitable[str]]]:
    """Listen to a user's events. What is yielded waits for the next one about a booking, and returns its type.

    It raises Unavailable when none comes.
    """
    forever = aiohttp.ClientTimeout(total=None, sock_read=60)
    async with user.get("/v1/events", timeout=forever) as response:

        async def hear(booking: Json) -> str:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    while True:
                        block = (await response.content.readuntil(b"\n\n")).decode()
                        fields = dict(line.partition(": ")[::2] for line in block.splitlines())
                        event: Json = json.loads(fields.get("data", "{}"))
                        if event.get("data", {}).get("booking_id") == booking["id"]:
                            return str(event["type"])
            except (TimeoutError, asyncio.IncompleteReadError) as error:
                raise Unavailable("an event of the demo's own trip did not come") from error

        # The stream says that it is there.
        await asyncio.wait_for(response.content.readuntil(b"\n\n"), _PATIENCE_S)
        yield hear


async def play_trip(users: Users, console: Console, answers: Sequence[Json], instant: Mapping[str, bool]) -> Told:
    """Book a match at once, have another confirmed, leave a third to whoever tries the commands.

    `answers` are those to the rider's searches; `instant` tells which offers book at once. Raises Unavailable when a
    call is refused.
    """

    def say(who: str, what: str) -> None:
        console.print(Text(f"{who:>7}  ", style="dim").append(what, style="not dim"))

    at_once, asked = _choose(answers, instant)
    waiting = None
    console.print()
    console.print(Text("A trip, from asking to agreeing", style="bold"))
    async with listening(users.driver) as driver_hears, listening(users.rider) as rider_hears:
        if match := next(at_once, None):
            booking = await _book(users.rider, match)
            say("rider", f"asks for a seat of a driver who takes whoever fits: {booking['status']} at once")
            say("driver", f"hears {await driver_hears(booking)}")
            say("rider", f"hears {await rider_hears(booking)}; {_where(booking)}")
        if match := next(asked, None):
            booking = await _book(users.rider, match)
            say("rider", f"asks another driver, who decides for themselves: {booking['status']}")
            say("driver", f"hears {await driver_hears(booking)}")
            confirmed = await _move(users.driver, booking, "CONFIRMED")
            changes = "two stops more on the way, one seat less on the legs between"
            say("driver", f"says yes: {confirmed['status']}, {changes}")
            say("rider", f"hears {await rider_hears(booking)}; {_where(confirmed)}")
        if match := next(asked, None):
            waiting = await _book(users.rider, match)
            say("driver", f"hears {await driver_hears(waiting)}, and takes their time: {waiting['status']}")
    return Told(waiting, next(at_once, None) or next(asked, None))


async def give_up_old_bookings(rider: aiohttp.ClientSession) -> None:
    """Cancel what an earlier run has booked, so that every run finds the seats free."""
    for status in ("WAITING_CONFIRMATION", "CONFIRMED"):
        page = await call(rider, "GET", "/v1/bookings", params={"status": status, "limit": "100"})
        for booking in page["bookings"]:
            try:
                await _move(rider, booking, "CANCELLED")
            except Unavailable:  # that ride has begun, and the clock completes it
                continue


async def count_searches(ops: aiohttp.ClientSession) -> int:
    """How many searches the statistics of the last day know."""
    return int((await call(ops, *_SEARCHES))["totals"]["searches"])


async def show_statistics(
    ops: aiohttp.ClientSession, console: Console, searches: int, day: date, zone: ZoneInfo
) -> None:
    """What the operator sees, once so many searches are counted; a row may take a second to be written."""
    for _ in range(100):
        if await count_searches(ops) >= searches:
            break
        await asyncio.sleep(0.1)
    matches = (await call(ops, *_SEARCHES))["totals"]
    begin, end = (datetime.combine(day + timedelta(days=days), time(), zone).isoformat() for days in (0, 1))
    supply = (await call(ops, "GET", "/v1/stats/offers", params={"from": begin, "to": end}))["totals"]
    rate = f" ({matches['match_rate']:.0%})" if "match_rate" in matches else ""
    bookings = ", ".join(f"{count} {status}" for status, count in supply["bookings"].items())
    console.print()
    console.print(Text("What the operator sees", style="bold"))
    console.print(
        f"The last day: {matches['searches']} searches, {matches['matched']} matched{rate}, "
        f"{matches['booked']} led to a booking.\n"
        f"{day:%A}: {supply['seats_offered']} seats offered, {supply['seats_filled']} taken on the fullest legs; "
        f"bookings: {bookings or 'none'}.",
        markup=False,
    )


def _choose(answers: Sequence[Json], instant: Mapping[str, bool]) -> tuple[Iterator[Json], Iterator[Json]]:
    """Matches of offers that book at once, and of those that do not; the best of each search first, no offer twice."""
    chosen: dict[str, Json] = {}
    for rank in itertools.zip_longest(*(answer["matches"] for answer in answers)):
        for match in rank:
            if match is not None and match["offer_id"] in instant:
                chosen.setdefault(match["offer_id"], match)
    return (
        iter([match for offer_id, match in chosen.items() if instant[offer_id]]),
        iter([match for offer_id, match in chosen.items() if not instant[offer_id]]),
    )


def _where(booking: Json) -> str:
    return f"boards {stop_text(booking['pickup'])}, alights {stop_text(booking['dropoff'])}"


async def _book(rider: aiohttp.ClientSession, match: Json) -> Json:
    return await call(rider, "POST", "/v1/bookings", json={"match_id": match["match_id"], "note": "one small suitcase"})


async def _move(user: aiohttp.ClientSession, booking: Json, status: str) -> Json:
    headers = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
    return await call(user, "PATCH", f"/v1/bookings/{booking['id']}", json={"status": status}, headers=headers)
