"""Clients that keep a journal of every answer, and what the database says of it afterwards."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
import asyncpg

from tests.integration.service_process import PATIENCE_S, tomorrow_at

#: From south to north, as everybody goes.
SPOTS = [{"lat": -29.953, "lon": -71.338}, {"lat": -29.93, "lon": -71.27}, {"lat": -29.9045, "lon": -71.2489}]
#: Answers that decide nothing: the call may have been carried out or not, or was not even looked at.
_UNDECIDED = {429, 502, 503, 504}
_PAUSE_S = 0.1


@dataclass
class Journal:
    """All answers to clients. `offers`, `bookings`: id → last acknowledged state; `statuses`: answers by count."""

    offers: dict[str, str] = field(default_factory=dict)
    bookings: dict[str, str] = field(default_factory=dict)
    statuses: Counter[int | str] = field(default_factory=Counter)
    asked_again: int = 0

    @property
    def acknowledged(self) -> int:
        """Writes that were acknowledged."""
        return len(self.offers) + len(self.bookings)


class Crowd:
    """Drivers who publish and riders who search, book and give up, one call after the other, until told to stop."""

    def __init__(self, url: str, driver_keys: list[str], rider_keys: list[str], seed: int = 1) -> None:
        self.journal = Journal()
        self._url = url
        self._drivers, self._riders = driver_keys, rider_keys
        self._random = random.Random(seed)
        self._stop = asyncio.Event()
        self._going_on: asyncio.Task[None] | None = None
        self._day = tomorrow_at("07:45") + timedelta(days=1)

    def begin(self) -> None:
        """Everybody begins."""
        self._going_on = asyncio.create_task(self._run())

    async def end(self) -> None:
        """Begin nothing new, and repeat calls whose outcome is unknown until it is known."""
        assert self._going_on is not None
        self._stop.set()
        await self._going_on

    async def _run(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http, asyncio.TaskGroup() as all_:
            for number, key in enumerate(self._drivers):
                all_.create_task(self._drive(http, f"d{number}", key))
            for number, key in enumerate(self._riders):
                all_.create_task(self._ride(http, f"r{number}", key))

    async def until_acknowledged(self, more: int) -> None:
        """Wait for so many writes more."""
        goal = self.journal.acknowledged + more
        await self._until(lambda: self.journal.acknowledged >= goal)

    async def until_refused(self, times: int) -> None:
        """Wait until so many calls had no answer that decides anything."""
        goal = self.journal.asked_again + times
        await self._until(lambda: self.journal.asked_again >= goal)

    async def _until(self, done: Callable[[], bool]) -> None:
        assert self._going_on is not None
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            if self._going_on.done():
                self._going_on.result()
            assert time.monotonic() < deadline, f"nothing happens: {self.journal.statuses}"
            await asyncio.sleep(0.02)

    async def _drive(self, http: aiohttp.ClientSession, name: str, key: str) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            departure = self._day + timedelta(minutes=self._random.randrange(60))
            body = {
                "origin": SPOTS[0], "destination": SPOTS[2], "departure": departure.isoformat(), "max_detour_s": 900,
                "seats": self._random.randint(1, 2), "instant_booking": self._random.random() < 0.8,
            }  # fmt: skip
            status, offer = await self._call(http, "POST", "/v1/offers", key, body, once=f"{name}-{number}")
            assert status == 201, offer
            self.journal.offers[offer["id"]] = "OPEN"
            await asyncio.sleep(_PAUSE_S)

    async def _ride(self, http: aiohttp.ClientSession, name: str, key: str) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            begin, end = sorted(self._random.sample(range(len(SPOTS)), 2))
            window = {"earliest": self._day.isoformat(), "latest": (self._day + timedelta(hours=1)).isoformat()}
            search = {"origin": SPOTS[begin], "destination": SPOTS[end], "departure": window, "limit": 10}
            status, found = await self._call(http, "POST", "/v1/match", key, search)
            assert status == 200, found
            if not found["matches"]:
                await asyncio.sleep(_PAUSE_S)
                continue
            wanted = {"match_id": self._random.choice(found["matches"])["match_id"]}
            status, booking = await self._call(http, "POST", "/v1/bookings", key, wanted, once=f"{name}-{number}")
            assert status in {201, 409, 429}, booking
            if status == 201:
                self.journal.bookings[booking["id"]] = booking["status"]
                if self._random.random() < 0.4:
                    await self._give_up(http, key, booking["id"])

    async def _give_up(self, http: aiohttp.ClientSession, key: str, booking_id: str) -> None:
        path = f"/v1/bookings/{booking_id}"
        status, booking = await self._call(http, "PATCH", path, key, {"status": "CANCELLED"})
        assert status == 200, booking
        self.journal.bookings[booking_id] = booking["status"]

    async def _call(
        self,
        http: aiohttp.ClientSession,
        method: str,
        path: str,
        key: str,
        body: dict[str, Any],
        once: str | None = None,
    ) -> tuple[int, Any]:
        """(status, answer) of a call whose outcome is known; until then it is made again, in the very same words."""
        headers = {"Authorization": f"Bearer {key}"}
        if once is not None:
            headers["Idempotency-Key"] = once
        if method == "PATCH":
            headers["If-Match"] = "*"
        deadline = time.monotonic() + PATIENCE_S
        while True:
            assert time.monotonic() < deadline, f"{method} {path} is never answered: {self.journal.statuses}"
            try:
                async with http.request(method, self._url + path, json=body, headers=headers) as response:
                    self.journal.statuses[response.status] += 1
                    answer = await response.json()
                    assert response.status != 500, answer
                    in_progress = response.status == 409 and answer["code"] == "idempotency_in_progress"
                    # One who has withdrawn too often from a trip need not ask again soon: that is decided.
                    undecided = response.status in _UNDECIDED and answer.get("code") != "asked_too_often"
                    if not undecided and not in_progress:
                        return response.status, answer
            except (aiohttp.ClientError, TimeoutError) as error:
                self.journal.statuses[type(error).__name__] += 1
            self.journal.asked_again += 1
            await asyncio.sleep(_PAUSE_S)


async def compare(journal: Journal, url: str) -> None:
    """What is stored is what was acknowledged: nothing less, nothing more, nothing twice."""
    connection = await asyncpg.connect(url)
    try:
        offers = {str(row["id"]): row["status"] for row in await connection.fetch("SELECT id, status FROM offers")}
        bookings = {str(row["id"]): row["status"] for row in await connection.fetch("SELECT id, status FROM bookings")}
        recipients = await connection.fetch(
            "SELECT b.id, count(e.*) AS times FROM bookings AS b LEFT JOIN events AS e ON e.recipient = b.driver_id "
            "AND e.kind IN ('booking_asked', 'booking_confirmed') AND e.data ->> 'booking_id' = b.id::text "
            "GROUP BY b.id"
        )
    finally:
        await connection.close()
    assert offers == journal.offers
    assert bookings == journal.bookings
    assert {row["times"] for row in recipients} <= {1}, "a driver was not told of a booking, or twice"
