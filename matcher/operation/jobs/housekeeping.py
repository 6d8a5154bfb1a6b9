"""What has outlived its use is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from matcher.operation.jobs.loop import repeat

EVERY_S = 300.0
#: How long the answer to an Idempotency-Key is kept.
ANSWERS_KEPT = timedelta(hours=24)
#: How long a change of an offer is kept for instances that were away.
CHANGES_KEPT = timedelta(hours=1)


class KeepsAnswers(Protocol):
    """Answers stored under idempotency keys, and notes of changes."""

    async def forget_answers(self, before: datetime) -> int:
        """Drop answers given before a moment; returns how many."""

    async def forget_changes(self, before: datetime) -> int:
        """Drop notes of changes made before a moment; returns how many."""


class KeepsPlaces(Protocol):
    """Cached answers of network geocoders."""

    async def forget_expired(self, now: datetime) -> int:
        """Drop answers that have expired; returns how many."""


class KeepsRateLimits(Protocol):
    """What callers have used of their limits."""

    async def forget(self) -> int:
        """Drop callers who have rested; returns how many."""


async def run_housekeeping(
    answers: KeepsAnswers,
    places: KeepsPlaces,
    *,
    clock: Callable[[], datetime],
    changes_kept: timedelta = CHANGES_KEPT,
    rate_limits: KeepsRateLimits | None = None,
    every_s: float = EVERY_S,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Drop what is too old, every five minutes, until cancelled."""

    async def tidy(now: datetime) -> None:
        await answers.forget_answers(now - ANSWERS_KEPT)
        await answers.forget_changes(now - changes_kept)
        await places.forget_expired(now)
        if rate_limits is not None:
            await rate_limits.forget()

    await repeat("housekeeping", tidy, every_s=every_s, clock=clock, sleep=sleep)
