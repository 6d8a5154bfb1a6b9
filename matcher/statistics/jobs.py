"""Rows of searches are written, added up, and dropped when they are old."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from matcher.operation.jobs.loop import repeat
from matcher.statistics.ports import RollUps
from matcher.statistics.search_log import SearchLog

#: Rows that one transaction adds up, or drops.
LIMIT = 20_000


async def run_search_log(search_log: SearchLog, *, every_s: float, clock: Callable[[], datetime]) -> None:
    """Write what waits every `every_s` seconds, and at once when a batch is full, until cancelled."""
    await repeat("writing of searches", search_log.flush, every_s=every_s, clock=clock, sleep=search_log.wait)


async def run_roll_up(
    roll_ups: RollUps,
    *,
    every_s: float,
    kept: timedelta,
    clock: Callable[[], datetime],
    limit: int = LIMIT,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Add up what has come every `every_s` seconds, and drop rows after `kept`, until cancelled.

    Every instance may run it: whoever comes while another one is at it has nothing to do.
    """

    async def add_up(now: datetime) -> None:
        while await roll_ups.roll_up(limit=limit) >= limit:
            pass
        await roll_ups.forget_searches(now - kept, limit=limit)

    await repeat("adding up of searches", add_up, every_s=every_s, clock=clock, sleep=sleep)
