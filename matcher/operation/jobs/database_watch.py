"""The embedded database is started again when it has died."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.operation.jobs.loop import repeat

EVERY_S = 2.0


async def run_database_watch(
    ping: Callable[[], Awaitable[None]],
    start: Callable[[], Awaitable[object]],
    *,
    clock: Callable[[], datetime],
    every_s: float = EVERY_S,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Ask the database whether it answers; when it does not, `start` it (which does nothing to one that runs). Until cancelled."""

    async def watch(_now: datetime) -> None:
        try:
            await ping()
        except DatabaseUnavailable:
            await start()
            await ping()

    await repeat("the embedded database", watch, every_s=every_s, clock=clock, sleep=sleep)
