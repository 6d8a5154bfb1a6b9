"""Loops go on: over a database that is away, over a bad turn, until they are cancelled."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from matcher.domain.errors import DatabaseUnavailable
from matcher.workers.expiry import run_expiry
from matcher.workers.loop import repeat
from matcher.workers.settling import run_settling

NOW = datetime(2026, 12, 1, tzinfo=UTC)


class _Clock:
    """Time that passes only when somebody sleeps; ends the loop after `turns`."""

    def __init__(self, turns: int) -> None:
        self.now = NOW
        self._left = turns

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self._left -= 1
        if self._left == 0:
            raise asyncio.CancelledError


async def test_a_job_runs_at_once_and_then_at_every_turn() -> None:
    clock, seen = _Clock(3), []

    async def job(now: datetime) -> None:
        seen.append(now - NOW)

    with pytest.raises(asyncio.CancelledError):
        await repeat("job", job, every_s=60, clock=lambda: clock.now, sleep=clock.sleep)
    assert seen == [timedelta(0), timedelta(minutes=1), timedelta(minutes=2)]


async def test_a_database_that_is_away_is_said_once_and_a_defect_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    clock = _Clock(5)
    outcomes: list[Exception | None] = [
        DatabaseUnavailable("away"),
        DatabaseUnavailable("away"),
        None,
        KeyError("x"),
        None,
    ]

    async def job(_now: datetime) -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    caplog.set_level(logging.INFO)
    with pytest.raises(asyncio.CancelledError):
        await repeat("job", job, every_s=1, clock=lambda: clock.now, sleep=clock.sleep)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "ERROR"]
    assert not outcomes


async def test_expiry_and_settling_run_what_they_are_given() -> None:
    seen: list[str] = []

    class Expire:
        async def __call__(self, now: datetime) -> int:
            seen.append(f"expire {now:%H:%M}")
            return 0

    class Writer:
        async def settle(self) -> int:
            seen.append("settle")
            return 0

    clock = _Clock(2)
    with pytest.raises(asyncio.CancelledError):
        await run_expiry(Expire(), every_s=60, clock=lambda: clock.now, sleep=clock.sleep)  # type: ignore[arg-type]
    clock = _Clock(1)
    with pytest.raises(asyncio.CancelledError):
        await run_settling(Writer(), clock=lambda: clock.now, sleep=clock.sleep)  # type: ignore[arg-type]
    assert seen == ["expire 00:00", "expire 00:01", "settle"]
