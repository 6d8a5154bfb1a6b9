"""The wired service while it loads, runs and ends, so that the socket can answer from the first moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from aiohttp import web

from matcher.domain.errors.tree import NotReady
from matcher.wiring.service import Carpool


class Lifetime:
    """Enters the service's context in the background, and leaves it when the application is cleaned up.

    Until it is entered, and after it failed, `carpool` raises NotReady. `ended` is done when the service is over: with
    the error that ended it, or with None after an orderly stop.
    """

    def __init__(self, context: AbstractAsyncContextManager[Carpool]) -> None:
        self._context = context
        self._carpool: Carpool | None = None
        self._loaded = asyncio.Event()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def carpool(self) -> Carpool:
        """The current service: kept for a whole call, it shows one version of the region. Raises NotReady."""
        if self._carpool is None:
            raise NotReady("the service is starting: try again in a moment")
        return self._carpool.latest()

    @property
    def is_loaded(self) -> bool:
        """Whether the service is there."""
        return self._carpool is not None

    async def loaded(self) -> None:
        """Wait until the service is there."""
        await self._loaded.wait()

    async def ended(self) -> None:
        """Wait for the end. Raises the error that ended it; does not return before start-up."""
        assert self._task is not None, "the application has not been started"
        await asyncio.shield(self._task)

    async def run(self, _app: web.Application) -> AsyncIterator[None]:
        """The application's clean-up context: starts loading, and at the end lets the service close itself."""
        self._task = asyncio.create_task(self._live(), name="carpool")
        yield
        self._stop.set()
        if self._carpool is None:
            self._task.cancel()  # still loading: nothing has been promised to anybody yet
        await asyncio.wait([self._task])

    async def _live(self) -> None:
        async with self._context as carpool:
            self._carpool = carpool
            self._loaded.set()
            try:
                await self._stop.wait()
            finally:
                self._carpool = None
