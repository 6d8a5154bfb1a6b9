"""How a background job is repeated."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any, Protocol, TypeVar

from matcher.domain.errors import Unavailable

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_log = logging.getLogger(__name__)


async def repeat(
    name: str,
    job: Callable[[datetime], Awaitable[object]],
    *,
    every_s: float,
    clock: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Run `job(now)` at once and then every `every_s` seconds, until cancelled; runs never overlap.

    A part that is away is logged once and tried again at the next turn. Any other error is a defect: it is logged with its
    traceback, and the loop goes on, because the other turns may still be of use.
    """
    away = False
    while True:
        try:
            await job(clock())
        except Unavailable as error:
            if not away:
                _log.warning("%s waits: %s", name, error.detail)
            away = True
        except Exception:  # noqa: BLE001  # one bad turn must not end the loop
            _log.exception("%s failed; it runs again in %g s", name, every_s)
        else:
            if away:
                _log.info("%s works again", name)
            away = False
        await sleep(every_s)


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

    After an error the listener is made anew, with pauses of 0.1 s up to 5 s. Errors are logged as `repeat` does.
    """
    pause_s, away = _FIRST_PAUSE_S, False
    while True:
        try:
            async with listening() as listener:
                while True:
                    await job(listener)
                    if away:
                        _log.info("%s works again", name)
                    pause_s, away = _FIRST_PAUSE_S, False
                    await listener.wait(every_s)
        except Unavailable as error:
            if not away:
                _log.warning("%s waits: %s", name, error.detail)
            away = True
        except Exception:  # noqa: BLE001  # a defect in one turn must not end the loop
            _log.exception("%s failed; it begins again", name)
            away = True
        await sleep(pause_s)
        pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)


@asynccontextmanager
async def in_background(loops: Sequence[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Loops that run while the block does."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
