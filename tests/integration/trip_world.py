"""A service with a database of its own, driven step by step from outside of its event loop, and what must be true of
it after each step.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from matcher.check.promises import CheckPromises
from matcher.postgres.pool import Database
from matcher.settings.protection import ProtectionSettings
from matcher.settings.trips import BookingSettings
from matcher.trips.bookings.store import PostgresTrips
from matcher.trips.bookings.tend import TendBookings
from matcher.wiring.commands import promise_checks
from tests.api.live import Answer, Live, live_service, settings_for

T = TypeVar("T")

#: Nobody here is too fast: what is tested is what happens, not how often it may.
_NO_LIMITS = ProtectionSettings.model_construct(
    rate_search_per_minute=0, rate_write_per_minute=0, rate_read_per_minute=0, rate_address_per_minute=0
)


@dataclass
class Ride:
    """A booking as its two sides were answered."""

    id: str
    offer: str
    rider: int
    status: str


@dataclass
class Trip:
    """An offer as its driver was answered."""

    id: str
    instant: bool
    status: str = "OPEN"
    women_only: bool = False
    told: Counter[tuple[str, str, str]] = field(default_factory=Counter)


class World:
    """A live service on a loop of its own; every method waits for its answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, live: Live, check: CheckPromises, database: Database) -> None:
        self._loop = loop
        self._live = live
        self._check = check
        self._database = database

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the service's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def key(self, role: str, user: str) -> str:
        """A new key."""
        return self.run(self._live.key(role, user))

    def call(self, method: str, path: str, token: str, **more: Any) -> Answer:
        """One call over HTTP."""
        (answer,) = self.at_once([(method, path, token, more)])
        return answer

    def at_once(self, calls: list[tuple[str, str, str, dict[str, Any]]]) -> list[Answer]:
        """Several calls over HTTP at the same moment, and their answers in that order.

        None of them may be the service's own fault.
        """

        async def together() -> list[Answer]:
            asked = [self._live.call(method, path, token, **more) for method, path, token, more in calls]
            return list(await asyncio.gather(*asked))

        answers = self.run(together())
        for answer in answers:
            assert answer.status < 500, answer.body
        return answers

    def broken_promises(self, *, sample: int = 0, seed: int = 1) -> list[str]:
        """What `carpool check` finds: from the database and the road graph alone."""
        report = self.run(self._check(datetime.now(UTC), sample=sample, seed=seed))
        return [f"{v.promise} of {v.offer_id}: promised {v.promised}; it is {v.holds}" for v in report.violations]

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """What the database says."""

        async def ask() -> list[dict[str, Any]]:
            async with self._database.connection() as connection:
                return [dict(row) for row in await connection.fetch(sql, *values)]

        return self.run(ask())

    def let_time_pass(self, until: datetime) -> int:
        """The clock does to bookings what it would have done by then; returns how many it moved."""
        return self.run(TendBookings(PostgresTrips(self._database), BookingSettings.default().terms)(until))


@contextmanager
def a_world(folder: Path, database_url: str) -> Iterator[World]:
    """A service on a database, both of one's own, until the end of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="the service of a world")
    thread.start()
    stack = AsyncExitStack()

    async def begin() -> World:
        settings = replace(settings_for(folder, database_url), protection=_NO_LIMITS)
        live = await stack.enter_async_context(live_service(settings))
        check = await stack.enter_async_context(promise_checks(settings))
        database = await Database.open(database_url, min_size=1, max_size=2)
        stack.push_async_callback(database.close)
        return World(loop, live, check, database)

    try:
        yield asyncio.run_coroutine_threadsafe(begin(), loop).result(300)
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
