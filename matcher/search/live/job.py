"""The offers in memory follow what other instances write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from matcher.operation.jobs.loop import heed
from matcher.postgres.change_feed import PostgresChangeFeed
from matcher.search.live.follow import FollowChanges

#: Changes are read this often even without a notice: notices and connections can be lost.
INTERVAL_S = 0.5


async def run_change_feed(
    feed: PostgresChangeFeed,
    follow: FollowChanges,
    *,
    interval_s: float = INTERVAL_S,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Catch up whenever there is news, and every `interval_s` seconds, until cancelled."""
    await heed("following the changes of offers", feed.listening, follow.catch_up, every_s=interval_s, sleep=sleep)
