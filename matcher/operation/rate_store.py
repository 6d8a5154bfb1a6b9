"""What callers have used of their rate limits, in PostgreSQL."""

from __future__ import annotations

from matcher.operation.rate_limits import Grant, RateLimit, room
from matcher.postgres.statements import Statements
from matcher.postgres.store import PostgresStore


class PostgresRateLimits(PostgresStore):
    """Implements RateStore: one upsert for each asking, by the clock of the database, which all processes share."""

    _statements = Statements("rate_limits")

    async def take(self, key: bytes, limit: RateLimit, wanted: int) -> Grant:
        """As many of `wanted` calls as fit now. Raises DatabaseUnavailable."""
        row = await self._row("take", key=key, wanted=wanted, burst=limit.burst, interval_us=limit.interval_us)
        assert row is not None, "an upsert returns its row"
        fits, wait_s = room(row["busy_until_us"], row["asked_at_us"], limit)
        return Grant(row["granted"], fits, wait_s)

    async def forget(self, at_most: int = 10_000) -> int:
        """Drop callers who have rested; returns how many."""
        return await self._run("forget_rate_limits", at_most=at_most)
