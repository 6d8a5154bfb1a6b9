"""Writes of which the database could not say whether they were committed are looked up soon after."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from matcher.operation.jobs.loop import repeat
from matcher.trips.writer import TripWriter

EVERY_S = 1.0


async def run_settling(
    writer: TripWriter,
    *,
    clock: Callable[[], datetime],
    every_s: float = EVERY_S,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Bring offers in doubt in line with the database, until cancelled; costs nothing while there are none."""

    async def settle(_now: datetime) -> None:
        await writer.settle()

    await repeat("settling of offers", settle, every_s=every_s, clock=clock, sleep=sleep)
