"""How many calls are being worked on and whose, for fair limits on them and for an orderly stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

from matcher.domain.errors.tree import Overloaded, ShareUsedUp
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


@dataclass(slots=True)
class _InFlight:
    """What a caller has in flight, and how many of it are worked on."""

    turns: asyncio.Semaphore
    places: int = 0


class Traffic:
    """Counts calls in progress, and gives callers places among the `most` that may be in flight.

    A caller may take as many places as are free (Choudhury and Hahne 1998): alone, half of them, and however many
    somebody takes, there is room for others. `at_once` of a caller's calls are worked on; more wait for their turn.
    """

    def __init__(self, most: int, at_once: int, telemetry: Telemetry = QUIET) -> None:
        self._most = most
        self._at_once = at_once
        self._telemetry = telemetry
        self.finishing = Finishing()
        self._callers: dict[str, _InFlight] = {}
        self._places = 0
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
        """Calls in progress, from their headers to the answer."""
        return self._working

    def places_of(self, who: str) -> int:
        """How many of a caller's calls have a place."""
        caller = self._callers.get(who)
        return 0 if caller is None else caller.places

    def begin_draining(self) -> None:
        """From now on keep no connection, and say that this process is not ready for more."""
        self._draining = True

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """A call in progress, which a stop waits for."""
        self._working += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._working -= 1
            if not self._working:
                self._idle.set()

    @asynccontextmanager
    async def place(self, who: str, *, in_turn: bool = True) -> AsyncIterator[None]:
        """A place in flight for a call of a caller, and its turn to be worked on. Raises Overloaded at once."""
        caller = self._callers.get(who)
        mine, free = self.places_of(who), self._most - self._places
        if mine >= free:
            self._telemetry.add(SHED, "share" if free else "in_flight")
            if free:
                raise ShareUsedUp("you have too many requests in progress: wait for their answers", retry_after_s=1)
            raise Overloaded("too many requests in progress: try again in a moment", retry_after_s=1)
        if caller is None:
            caller = self._callers[who] = _InFlight(asyncio.Semaphore(self._at_once))
        self._places += 1
        caller.places += 1
        try:
            async with caller.turns if in_turn else nullcontext():
                yield
        finally:
            self._places -= 1
            caller.places -= 1
            if not caller.places:
                del self._callers[who]

    async def drain(self, grace_s: float) -> None:
        """From now on keep no connection, and wait until no call is in progress, for at most `grace_s`."""
        self.begin_draining()
        try:
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
                await self.finishing.wait()
        except TimeoutError:
            pass
