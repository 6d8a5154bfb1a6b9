"""The life of a trip in the demo: seats are requested and confirmed, both sides get events, and it is counted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from rich.console import Console
from rich.text import Text

from api.cli.demo.world import Json
from matcher.domain.errors.tree import Unavailable

_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Keys:
    """One key of each of those who are in the demo."""

    driver: str
    rider: str
    ops: str


@dataclass(frozen=True, slots=True)
class Told:
    """What is left to try after the trip: a booking that waits for its driver, and a free match; None for none."""

    waiting: Json | None
    free_match: Json | None


class Listener:
    """One user's events, as they come."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def begun(self) -> None:
        """Wait until the stream says that it is there."""
        await asyncio.wait_for(self._response.content.readuntil(b"\n\n"), _PATIENCE_S)

    async def hear(self, booking: Json) -> Json:
        """The next event about a booking. Raises Unavailable when none comes."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while True:
                    block = (await self._response.content.readuntil(b"\n\n")).decode()
                    fields = dict(line.partition(": ")[::2] for line in block.splitlines())
                    event: Json = json.loads(fields.get("data", "{}"))
                    if event.get("data", {}).get("booking_id") == booking["id"]:
                        return event
        except (TimeoutError, asyncio.IncompleteReadError) as error:
            raise Unavailable("an event of the demo's own trip did not come") from error


@asynccontextmanager
async def listening(http: aiohttp.ClientSession, key: str) -> AsyncIterator[Listener]:
    """A stream of events from now on."""
    forever = aiohttp.ClientTimeout(total=None, sock_read=60)
    async with http.get("/v1/events", headers=_as(key), timeout=forever) as response:
        listener = Listener(response)
        await listener.begun()
        yield listener


async def play_trip(
    http: aiohttp.ClientSession, keys: Keys, console: Console, answers: Sequence[Json], instant: Mapping[str, bool]
) -> Told:
    """Book a match at once, have another confirmed, leave a third to whoever tries the commands.

    `answers` are those to the rider's searches; `instant` tells which offers book at once. Raises Unavailable when a
    call is refused.
    """
    at_once, asked = _choose(answers, instant)
    say = _Teller(console)
    console.print()
    console.print(Text("A trip, from asking to agreeing", style="bold"))
    async with listening(http, keys.driver) as driver, listening(http, keys.rider) as rider:
        if match := next(at_once, None):
            booking = await _book(http, keys.rider, match)
            say("rider", f"asks for a seat of a driver who takes whoever fits: {booking['status']} at once")
            say("driver", f"hears {(await driver.hear(booking))['type']}")
            say("rider", f"hears {(await rider.hear(booking))['type']}; {_where(booking)}")
        if match := next(asked, None):
            booking = await _book(http, keys.rider, match)
            say("rider", f"asks another driver, who decides for themselves: {booking['status']}")
            say("driver", f"hears {(await driver.hear(booking))['type']}")
            confirmed = await _move(http, keys.driver, booking, "CONFIRMED")
            say(
                "driver",
                f"says yes: {confirmed['status']}, two stops more on the way, one seat less on the legs between",
            )
            say("rider", f"hears {(await rider.hear(booking))['type']}; {_where(confirmed)}")
        waiting = None
        if match := next(asked, None):
            waiting = await _book(http, keys.rider, match)
            say("driver", f"hears {(await driver.hear(waiting))['type']}, and takes their time: {waiting['status']}")
    return Told(waiting, next(at_once, None) or next(asked, None))


async def give_up_old_bookings(http: aiohttp.ClientSession, keys: Keys) -> None:
    """Cancel what an earlier run has booked, so that every run finds the seats free."""
    for status in ("WAITING_CONFIRMATION", "CONFIRMED"):
        page = await _get(http, "/v1/bookings", keys.rider, {"status": status, "limit": "100"})
        for booking in page["bookings"]:
            try:
                await _move(http, keys.rider, booking, "CANCELLED")
            except Unavailable:  # that ride has begun, and the clock completes it
                continue


async def count_searches(http: aiohttp.ClientSession, keys: Keys) -> int:
    """How many searches the statistics of the last day know."""
    totals = await _get(http, "/v1/stats/matches", keys.ops, {"bucket": "hour"})
    return int(totals["totals"]["searches"])


async def show_statistics(
    http: aiohttp.ClientSession, keys: Keys, console: Console, searches: int, day: date, zone: ZoneInfo
) -> None:
    """What the operator sees, once so many searches are counted; a row may take a second to be written."""
    for _ in range(100):
        if await count_searches(http, keys) >= searches:
            break
        await asyncio.sleep(0.1)
    matches = (await _get(http, "/v1/stats/matches", keys.ops, {"bucket": "hour"}))["totals"]
    begin = datetime.combine(day, time(), zone)
    whole_day = {"from": begin.isoformat(), "to": datetime.combine(day + timedelta(days=1), time(), zone).isoformat()}
    supply = (await _get(http, "/v1/stats/offers", keys.ops, whole_day))["totals"]
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


class _Teller:
    """Prints who did what."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, who: str, what: str) -> None:
        line = Text(f"{who:>7}  ", style="dim")
        self._console.print(line.append(what, style="not dim"))


def _choose(answers: Sequence[Json], instant: Mapping[str, bool]) -> tuple[Iterator[Json], Iterator[Json]]:
    """Matches of offers that book at once, and of those that do not; the best of each search first, no offer twice."""
    ranked = [match for rank in _ranks(answers) for match in rank]
    known = {match["offer_id"]: match for match in reversed(ranked) if match["offer_id"] in instant}
    chosen = [match for match in ranked if known.get(match["offer_id"]) is match]
    return (
        iter([match for match in chosen if instant[match["offer_id"]]]),
        iter([match for match in chosen if not instant[match["offer_id"]]]),
    )


def _ranks(answers: Sequence[Json]) -> Iterable[list[Json]]:
    most = max((len(answer["matches"]) for answer in answers), default=0)
    for rank in range(most):
        yield [answer["matches"][rank] for answer in answers if rank < len(answer["matches"])]


def _where(booking: Json) -> str:
    pickup, dropoff = (
        f"{datetime.fromisoformat(booking[end]['time']):%H:%M} {booking[end]['label'].partition(',')[0]}"
        for end in ("pickup", "dropoff")
    )
    return f"boards {pickup}, alights {dropoff}"


async def _book(http: aiohttp.ClientSession, key: str, match: Json) -> Json:
    body = {"match_id": match["match_id"], "note": "one small suitcase"}
    async with http.post("/v1/bookings", json=body, headers=_as(key)) as response:
        return await _answered(response)


async def _move(http: aiohttp.ClientSession, key: str, booking: Json, status: str) -> Json:
    headers = {**_as(key), "If-Match": "*", "Content-Type": "application/merge-patch+json"}
    path = f"/v1/bookings/{booking['id']}"
    async with http.patch(path, data=json.dumps({"status": status}), headers=headers) as response:
        return await _answered(response)


async def _get(http: aiohttp.ClientSession, path: str, key: str, params: dict[str, str]) -> Json:
    async with http.get(path, params=params, headers=_as(key)) as response:
        return await _answered(response)


async def _answered(response: aiohttp.ClientResponse) -> Json:
    answer: Any = await response.json()
    if not response.ok:
        raise Unavailable(f"{response.method} {response.url.path} was refused: {answer.get('detail')}")
    parsed: Json = answer
    return parsed


def _as(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
