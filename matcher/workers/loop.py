"""How a background job is repeated."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from matcher.domain.errors import Unavailable

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
