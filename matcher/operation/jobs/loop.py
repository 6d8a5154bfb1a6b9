"""What a background job is, and how it is repeated."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from matcher.domain.errors.tree import Unavailable
from matcher.operation.telemetry import JOB_FAILING, QUIET, Telemetry
from matcher.postgres.listening import Notices

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
#: A job whose turn failed because a part was unavailable runs again after this long at most.
_RETRY_S = 60.0
#: Rows of one kind that a transaction deletes at most.
FORGOTTEN_AT_ONCE = 1000
_log = logging.getLogger(__name__)

N = TypeVar("N", bound=Notices)


@dataclass(frozen=True)
class Job:
    """A row of the table of background jobs: `turn(now)` runs at once and then every `every_s` seconds; turns never
    overlap.

    Operators see `name` in the log and in carpool_job_failing. `wait` pauses between turns and may return early.
    """

    name: str
    every_s: float
    turn: Callable[[datetime], Awaitable[object]]
    wait: Callable[[float], Awaitable[object]] = asyncio.sleep

    async def run(self, clock: Callable[[], datetime], telemetry: Telemetry = QUIET) -> None:
        """Repeat until cancelled.

        While a part is unavailable the next turn comes after a minute at most. Any other error is a defect: the loop
        goes on, because the other turns may still be of use.
        """
        report = _JobReport(self.name, telemetry)
        while True:
            pause_s = self.every_s
            try:
                await self.turn(clock())
            except Unavailable as error:
                report.waits(error)
                pause_s = min(pause_s, _RETRY_S)
            except Exception:  # noqa: BLE001  # one bad turn must not end the loop
                report.failed()
            else:
                report.well()
            await self.wait(pause_s)


@dataclass(frozen=True)
class ListeningJob(Generic[N]):
    """A job whose turn also runs as soon as the database notifies it; the turn gets the listener."""

    name: str
    every_s: float
    turn: Callable[[N], Awaitable[object]]
    listening: Callable[[], AbstractAsyncContextManager[N]]
    wait: Callable[[float], Awaitable[object]] = asyncio.sleep

    async def run(self, _clock: Callable[[], datetime], telemetry: Telemetry = QUIET) -> None:
        """Repeat until cancelled. After an error it listens anew, after pauses of 0.1 s up to 5 s."""
        pause_s, report = _FIRST_PAUSE_S, _JobReport(self.name, telemetry)
        while True:
            try:
                async with self.listening() as listener:
                    while True:
                        await self.turn(listener)
                        report.well()
                        pause_s = _FIRST_PAUSE_S
                        await listener.wait(self.every_s)
            except Unavailable as error:
                report.waits(error)
            except Exception:  # noqa: BLE001  # a defect in one turn must not end the loop
                report.failed()
            await self.wait(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)


class WakeUp:
    """Ends the pause of a job early: give `wait` to the job."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """The next turn begins now. Call it on the event loop."""
        self._woken.set()

    async def wait(self, at_most_s: float) -> None:
        """Return when woken, at once when that was since the last return, and after `at_most_s` seconds."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()


def forgetting(
    *kinds: tuple[Callable[[datetime, int], Awaitable[int]], timedelta],
) -> Callable[[datetime], Awaitable[None]]:
    """A turn that deletes what is older than its time, in the order given.

    `forget(before, limit)` deletes at most `limit` rows and returns how many: batches keep transactions short, and
    several instances may delete side by side.
    """

    async def forget_all(now: datetime) -> None:
        for forget, kept in kinds:
            while await forget(now - kept, FORGOTTEN_AT_ONCE) == FORGOTTEN_AT_ONCE:
                pass

    return forget_all


@asynccontextmanager
async def in_background(
    jobs: Sequence[Job | ListeningJob[Any]], clock: Callable[[], datetime], telemetry: Telemetry = QUIET
) -> AsyncIterator[None]:
    """Jobs that run while the block does; `telemetry` learns how each turn ends."""
    tasks = [asyncio.create_task(job.run(clock, telemetry)) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _JobReport:
    """Reports how the turns of a job end: to the log when that changes, to telemetry each time."""

    def __init__(self, name: str, telemetry: Telemetry) -> None:
        self._name = name
        self._telemetry = telemetry
        self._away = self._failing = False

    def well(self) -> None:
        if self._failing:
            _log.info("%s works again", self._name)
        self._away = self._failing = False
        self._telemetry.set(JOB_FAILING, 0, self._name)

    def waits(self, error: Unavailable) -> None:
        """A part is unavailable: logged once, as it may last."""
        if not self._away:
            _log.warning("%s waits: %s", self._name, error.detail)
        self._away = self._failing = True
        self._telemetry.set(JOB_FAILING, 1, self._name)

    def failed(self) -> None:
        """Any other error is a defect: logged with its traceback. Call it in the except block."""
        _log.exception("%s failed; it is tried again", self._name)
        self._failing = True
        self._telemetry.set(JOB_FAILING, 1, self._name)
