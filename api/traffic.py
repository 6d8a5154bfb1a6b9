"""How many calls are being worked on, for the limit on them and for an orderly stop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from matcher.domain.errors.tree import Overloaded
from matcher.operation.telemetry import QUIET, SHED, Telemetry

T = TypeVar("T")


class Finishing:
    """Work that is finished whatever becomes of the call that asked for it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start it; its error is looked at even when nobody waits any more."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def wait(self) -> None:
        """Until all of it is done."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()


class Traffic:
    """Counts calls in progress. At most `most` count at once; more are Overloaded."""

    def __init__(self, most: int, telemetry: Telemetry = QUIET) -> None:
        self._most = most
        self._telemetry = telemetry
        self.finishing = Finishing()
        self._working = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether the service is about to stop, so that connections should not be kept."""
        return self._draining

    @property
    def working(self) -> int:
        """Calls in progress."""
        return self._working

    def begin_draining(self) -> None:
        """From now on keep no connection, and say that this process is not ready for more."""
        self._draining = True

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """A call in progress. Raises Overloaded."""
        if self._working >= self._most:
            self._telemetry.add(SHED, "in_flight")
            raise Overloaded("too many requests in progress: try again in a moment", retry_after_s=1)
        self._working += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._working -= 1
            if not self._working:
                self._idle.set()

    async def drain(self, grace_s: float) -> None:
        """From now on keep no connection, and wait until no call is in progress, for at most `grace_s`."""
        self.begin_draining()
        try:
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
                await self.finishing.wait()
        except TimeoutError:
            pass
