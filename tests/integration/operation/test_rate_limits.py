"""Shared rate limits on PostgreSQL: the same arithmetic as in the process, also when many ask at once."""

from __future__ import annotations

import asyncio
import random

import pytest

from matcher.operation import rate_limits
from matcher.operation.rate_limits import RateLimit, RateLimiter, take
from matcher.operation.rate_store import PostgresRateLimits
from matcher.postgres.pool import Database

#: So slow that no call comes back while a test runs.
LIMIT = RateLimit("search", per_minute=1, burst=20)
KEY = b"k" * 16


async def test_the_database_computes_as_the_process_does(database: Database) -> None:
    """Moments are put into the row by hand: behind the clock, ahead of it, and farther ahead than can be."""
    store, drawn = PostgresRateLimits(database), random.Random(3)
    for _ in range(60):
        limit = RateLimit("any", drawn.choice([1, 60, 100_000]), drawn.randint(1, 30))
        ahead_us = drawn.randint(-2, limit.burst + 2) * limit.interval_us + drawn.randint(-999, 999)
        wanted = drawn.randint(1, 40)
        async with database.connection() as connection:
            before_us = await connection.fetchval(
                "INSERT INTO rate_limits VALUES ($1, (extract(epoch FROM now()) * 1000000)::bigint + $2, 0, 0) "
                "ON CONFLICT (key) DO UPDATE SET busy_until_us = excluded.busy_until_us RETURNING busy_until_us",
                KEY,
                ahead_us,
            )
        grant = await store.take(KEY, limit, wanted)
        async with database.connection() as connection:
            row = await connection.fetchrow("SELECT * FROM rate_limits WHERE key = $1", KEY)
        assert row is not None
        assert (grant.calls, row["busy_until_us"]) == take(before_us, row["asked_at_us"], limit, wanted)


async def test_a_caller_who_is_new_has_a_whole_burst(database: Database) -> None:
    store = PostgresRateLimits(database)
    assert (await store.take(KEY, LIMIT, 50)).calls == 20
    again = await store.take(KEY, LIMIT, 1)
    assert again.calls == 0
    assert 50 < again.wait_s <= 60


async def test_processes_that_ask_at_once_get_no_more_than_the_limit(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With a slow database each process limits alone (tests/unit/operation); here it may take its time.
    monkeypatch.setattr(rate_limits, "STORE_PATIENCE_S", 120.0)
    processes = [RateLimiter(PostgresRateLimits(database), b"s" * 32) for _ in range(4)]
    verdicts = await asyncio.gather(*(processes[n % 4].take(LIMIT, "ana") for n in range(80)))
    assert sum(verdict.admitted for verdict in verdicts) == 20


async def test_a_database_clock_that_is_set_back_keeps_nobody_out(database: Database) -> None:
    """As if the row had been written by a clock that was a day ahead."""
    store = PostgresRateLimits(database)
    limit = RateLimit("search", per_minute=6000, burst=5)
    await store.take(KEY, limit, 5)
    async with database.connection() as connection:
        await connection.execute("UPDATE rate_limits SET busy_until_us = busy_until_us + 86400000000")
    waiting = await store.take(KEY, limit, 1)
    assert waiting.wait_s <= limit.interval_us / 1_000_000
    await asyncio.sleep(2 * limit.interval_us / 1_000_000)
    assert (await store.take(KEY, limit, 1)).calls == 1


async def test_those_who_have_rested_are_forgotten(database: Database) -> None:
    store = PostgresRateLimits(database)
    await store.take(KEY, LIMIT, 1)
    await store.take(b"r" * 16, RateLimit("quick", 10_000_000, 1), 1)
    await asyncio.sleep(0.01)
    assert await store.forget() == 1
    assert await store.forget() == 0
