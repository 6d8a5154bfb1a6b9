"""Notices changes of the region on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from matcher.operation.jobs.loop import repeat


class RegionWatch:
    """Runs a job every `every_s` seconds, and at once after `look_now`."""

    def __init__(
        self, job: Callable[[datetime], Awaitable[object]], *, every_s: float, clock: Callable[[], datetime]
    ) -> None:
        self._job = job
        self._every_s = every_s
        self._clock = clock
        self._said = asyncio.Event()

    def look_now(self) -> None:
        """Do not wait for the next turn. Call it on the event loop."""
        self._said.set()

    async def run(self) -> None:
        """Until cancelled."""
        await repeat("the watch on the region", self._job, every_s=self._every_s, clock=self._clock, sleep=self._wait)

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._said.wait(), seconds)
        self._said.clear()
