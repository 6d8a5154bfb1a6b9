"""Bookings whose moment has come are moved by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from matcher.operation.jobs.loop import repeat
from matcher.trips.bookings.tend import TendBookings


async def run_bookings(
    tend_bookings: TendBookings,
    *,
    every_s: float,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Lapse, complete and validate, every `every_s` seconds, until cancelled."""
    await repeat("tending of bookings", tend_bookings, every_s=every_s, clock=clock, sleep=sleep)
