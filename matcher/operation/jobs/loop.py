"""How a background job is repeated."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar, copy_context
from datetime import datetime
from typing import Any, Protocol, TypeVar

from matcher.domain.errors.tree import Unavailable
from matcher.operation.telemetry import JOB_FAILING, QUIET, Telemetry

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
#: A job that found something away is not put off for longer than this.
_TRIED_AGAIN_S = 60.0
#: Who hears how jobs fare: `in_background` names it for those that it runs.
_telemetry: ContextVar[Telemetry] = ContextVar("telemetry", default=QUIET)
_log = logging.getLogger(__name__)


class JobReport:
    """Tells how the turns of a job end: the log when that changes, and whoever watches each time. For one task."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._telemetry = _telemetry.get()
        self._away = self._failing = False

    def well(self) -> None:
        """A turn did what it should."""
        if self._failing:
            _log.info("%s works again", self._name)
        self._away = self._failing = False
        self._telemetry.set(JOB_FAILING, 0, self._name)

    def waits(self, error: Unavailable) -> None:
        """Something is away: said once, as it may be for long."""
        if not self._away:
            _log.warning("%s waits: %s", self._name, error.detail)
        self._away = self._failing = True
        self._telemetry.set(JOB_FAILING, 1, self._name)

    def failed(self) -> None:
        """Any other error is a defect: the log gets its traceback. Call it where the error is handled."""
        _log.exception("%s failed; it is tried again", self._name)
        self._failing = True
        self._telemetry.set(JOB_FAILING, 1, self._name)


async def repeat(
    name: str,
    job: Callable[[datetime], Awaitable[object]],
    *,
    every_s: float,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Run `job(now)` at once and then every `every_s` seconds, until cancelled; runs never overlap.

    When a part is away the next turn comes after a minute at most. Any other error is a defect: the loop goes on, because the other
    turns may still be of use.
    """
    report = JobReport(name)
    while True:
        pause_s = every_s
        try:
            await job(clock())
        except Unavailable as error:
            report.waits(error)
            pause_s = min(every_s, _TRIED_AGAIN_S)
        except Exception:  # noqa: BLE001  # one bad turn must not end the loop
            report.failed()
        else:
            report.well()
        await sleep(pause_s)


class Waits(Protocol):
    """Hears of news."""

    async def wait(self, at_most_s: float) -> None:
        """Return when there may be news, and after `at_most_s` seconds. Raises Unavailable when it cannot hear."""


_W = TypeVar("_W", bound=Waits)


async def heed(
    name: str,
    listening: Callable[[], AbstractAsyncContextManager[_W]],
    job: Callable[[_W], Awaitable[object]],
    *,
    every_s: float,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Run `job(listener)` at once, whenever there is news, and every `every_s` seconds without, until cancelled; runs never overlap.

    After an error the listener is made anew, with pauses of 0.1 s up to 5 s.
    """
    pause_s, report = _FIRST_PAUSE_S, JobReport(name)
    while True:
        try:
            async with listening() as listener:
                while True:
                    await job(listener)
                    report.well()
                    pause_s = _FIRST_PAUSE_S
                    await listener.wait(every_s)
        except Unavailable as error:
            report.waits(error)
        except Exception:  # noqa: BLE001  # a defect in one turn must not end the loop
            report.failed()
        await sleep(pause_s)
        pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)


@asynccontextmanager
async def in_background(
    loops: Sequence[Coroutine[Any, Any, None]], telemetry: Telemetry = QUIET
) -> AsyncIterator[None]:
    """Loops that run while the block does; `telemetry` hears how their turns end."""
    context = copy_context()
    context.run(_telemetry.set, telemetry)
    tasks = [asyncio.create_task(loop, context=context.copy()) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
