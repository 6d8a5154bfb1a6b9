"""Matches changed offers with waiting requests, in one process of the service at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from matcher.operation.jobs.loop import heed
from matcher.postgres.change_feed import Listener, PostgresChangeFeed


async def run_request_matching(
    feed: PostgresChangeFeed,
    take_turn: Callable[[datetime], Awaitable[bool]],
    *,
    every_s: float,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Take turns whenever an offer has changed, and every `every_s` seconds. `take_turn`: whether there is more to do."""

    async def turn(_listener: Listener) -> None:
        while await take_turn(clock()):
            pass

    await heed("matching offers with requests", feed.listening, turn, every_s=every_s, sleep=sleep)
