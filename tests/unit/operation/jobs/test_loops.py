"""Loops go on: over a database that is away, over a bad turn, until they are cancelled."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.operation.jobs.database_watch import run_database_watch
from matcher.operation.jobs.housekeeping import run_housekeeping
from matcher.operation.jobs.loop import in_background, repeat
from matcher.operation.telemetry import JOB_FAILING, Metric, Unwatched
from matcher.trips.offers.job import run_expiry
from matcher.trips.settling import run_settling

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
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "ERROR", "INFO"]
    assert not outcomes


async def test_who_watches_hears_of_a_job_that_fails_and_of_its_end() -> None:
    class Heard(Unwatched):
        def __init__(self) -> None:
            self.told: list[tuple[float, *tuple[str, ...]]] = []

        def set(self, metric: Metric, value: float, *labels: str) -> None:
            assert metric is JOB_FAILING
            self.told.append((value, *labels))

    clock, heard, over = _Clock(4), Heard(), asyncio.Event()
    outcomes: list[Exception | None] = [None, DatabaseUnavailable("away"), KeyError("x"), None]

    async def job(_now: datetime) -> None:
        outcome = outcomes.pop(0)
        if not outcomes:
            over.set()
        if outcome is not None:
            raise outcome

    loop = repeat("tidying", job, every_s=1, clock=lambda: clock.now, sleep=clock.sleep)
    async with in_background([loop], heard):
        await over.wait()
    assert heard.told == [(0, "tidying"), (1, "tidying"), (1, "tidying"), (0, "tidying")]


async def test_what_found_the_database_away_is_not_put_off_for_an_hour() -> None:
    clock, seen = _Clock(2), []

    async def job(now: datetime) -> None:
        seen.append(now - NOW)
        if len(seen) == 1:
            raise DatabaseUnavailable("away")

    with pytest.raises(asyncio.CancelledError):
        await repeat("job", job, every_s=3600, clock=lambda: clock.now, sleep=clock.sleep)
    assert seen == [timedelta(0), timedelta(minutes=1)]
    assert clock.now == NOW + timedelta(minutes=61)


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


async def test_answers_are_kept_for_a_day_changes_as_long_as_asked_and_places_until_they_expire() -> None:
    seen: list[tuple[str, datetime]] = []

    class Answers:
        async def forget_answers(self, before: datetime) -> int:
            seen.append(("answers", before))
            return 0

        async def forget_changes(self, before: datetime) -> int:
            seen.append(("changes", before))
            return 0

    class Places:
        async def forget_expired(self, now: datetime) -> int:
            seen.append(("places", now))
            return 0

    clock = _Clock(1)
    with pytest.raises(asyncio.CancelledError):
        await run_housekeeping(
            Answers(), Places(), clock=lambda: clock.now, changes_kept=timedelta(minutes=20), sleep=clock.sleep
        )
    assert seen == [("answers", NOW - timedelta(days=1)), ("changes", NOW - timedelta(minutes=20)), ("places", NOW)]


async def test_a_database_that_died_is_started_and_one_that_answers_is_left_alone() -> None:
    alive, started = [True, False, False, True], []

    async def ping() -> None:
        if not alive.pop(0):
            raise DatabaseUnavailable("gone")

    async def start() -> None:
        started.append(len(alive))
        alive[0] = True

    clock = _Clock(3)
    with pytest.raises(asyncio.CancelledError):
        await run_database_watch(ping, start, clock=lambda: clock.now, sleep=clock.sleep)
    assert started == [2]
    assert not alive
