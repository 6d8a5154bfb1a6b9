"""Trips that are over leave the index and are marked as PAST."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from matcher.operation.jobs.loop import repeat
from matcher.trips.offers.expire import ExpireOffers


async def run_expiry(
    expire_offers: ExpireOffers,
    *,
    every_s: float,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Put away what is over, every `every_s` seconds, until cancelled."""
    await repeat("expiry of offers", expire_offers, every_s=every_s, clock=clock, sleep=sleep)
