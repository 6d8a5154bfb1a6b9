"""Loops go on: over a database that is away, over a bad turn, until they are cancelled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.operation.jobs.loop import (
    FORGOTTEN_AT_ONCE,
    Job,
    ListeningJob,
    WakeUp,
    forgetting,
    in_background,
)
from matcher.operation.telemetry import JOB_FAILING, Metric, Unwatched
from matcher.postgres.listening import Notices

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


class _Heard(Unwatched):
    """What telemetry is told of jobs."""

    def __init__(self) -> None:
        self.told: list[tuple[float, *tuple[str, ...]]] = []

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        assert metric is JOB_FAILING
        self.told.append((value, *labels))


async def test_a_job_runs_at_once_and_then_at_every_turn() -> None:
    clock, seen = _Clock(3), []

    async def job(now: datetime) -> None:
        seen.append(now - NOW)

    with pytest.raises(asyncio.CancelledError):
        await Job("job", 60, job, clock.sleep).run(lambda: clock.now)
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
        await Job("job", 1, job, clock.sleep).run(lambda: clock.now)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "ERROR", "INFO"]
    assert not outcomes


async def test_who_watches_hears_of_a_job_that_fails_and_of_its_end() -> None:
    clock, heard, over = _Clock(4), _Heard(), asyncio.Event()
    outcomes: list[Exception | None] = [None, DatabaseUnavailable("away"), KeyError("x"), None]

    async def job(_now: datetime) -> None:
        outcome = outcomes.pop(0)
        if not outcomes:
            over.set()
        if outcome is not None:
            raise outcome

    async with in_background([Job("tidying", 1, job, clock.sleep)], lambda: clock.now, heard):
        await over.wait()
    assert heard.told == [(0, "tidying"), (1, "tidying"), (1, "tidying"), (0, "tidying")]


async def test_what_found_the_database_away_is_not_put_off_for_an_hour() -> None:
    clock, seen = _Clock(2), []

    async def job(now: datetime) -> None:
        seen.append(now - NOW)
        if len(seen) == 1:
            raise DatabaseUnavailable("away")

    with pytest.raises(asyncio.CancelledError):
        await Job("job", 3600, job, clock.sleep).run(lambda: clock.now)
    assert seen == [timedelta(0), timedelta(minutes=1)]
    assert clock.now == NOW + timedelta(minutes=61)


async def test_a_job_that_is_woken_does_not_wait_for_its_interval() -> None:
    turned, wake_up = asyncio.Event(), WakeUp()

    async def turn(_now: datetime) -> None:
        turned.set()

    async with in_background([Job("job", 3600, turn, wake_up.wait)], lambda: NOW):
        await turned.wait()
        turned.clear()
        wake_up.wake()
        await turned.wait()


async def test_what_is_old_is_forgotten_batch_by_batch_each_kind_after_its_own_time() -> None:
    seen: list[tuple[str, datetime]] = []
    left = [FORGOTTEN_AT_ONCE, FORGOTTEN_AT_ONCE, 3]

    async def many(before: datetime, limit: int) -> int:
        assert limit == FORGOTTEN_AT_ONCE
        seen.append(("many", before))
        return left.pop(0)

    async def none(before: datetime, _limit: int) -> int:
        seen.append(("none", before))
        return 0

    await forgetting((many, timedelta(days=1)), (none, timedelta()))(NOW)
    assert seen == [("many", NOW - timedelta(days=1))] * 3 + [("none", NOW)]


class _Notices(Notices):
    """Wake-ups of a connection that the test makes up."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # nothing is asked of it


async def test_a_listening_job_turns_at_each_notice_and_listens_anew_after_a_loss() -> None:
    opened: list[_Notices] = []
    turned, clock, heard = asyncio.Event(), _Clock(9), _Heard()

    @asynccontextmanager
    async def listening() -> AsyncIterator[_Notices]:
        opened.append(_Notices())
        yield opened[-1]

    async def turn(listener: _Notices) -> None:
        assert listener is opened[-1]
        turned.set()

    async with in_background([ListeningJob("job", 3600, turn, listening, clock.sleep)], lambda: NOW, heard):
        for act in (None, Notices.wake, Notices.lose, Notices.wake):
            if act is not None:
                turned.clear()
                act(opened[-1])
            await turned.wait()
    assert len(opened) == 2
    assert heard.told[:4] == [(0, "job"), (0, "job"), (1, "job"), (0, "job")]
    assert clock.now == NOW + timedelta(seconds=0.1)
