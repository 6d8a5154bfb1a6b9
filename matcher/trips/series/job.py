"""The next occurrences of series are made ahead by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from matcher.operation.jobs.loop import repeat
from matcher.trips.series.tend import TendSeries


async def run_series(
    tend_series: Callable[[], TendSeries],
    *,
    every_s: float,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Make and bring in line, every `every_s` seconds, until cancelled; on the roads that are served by then."""

    async def tend(now: datetime) -> int:
        return await tend_series().all_due(now)

    await repeat("tending of series", tend, every_s=every_s, clock=clock, sleep=sleep)
