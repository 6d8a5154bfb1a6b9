"""How many calls are being worked on, for the limit on them and for an orderly stop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from matcher.domain.errors import Overloaded


class Traffic:
    """Counts calls in progress. At most `most` count at once; more are Overloaded."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._working = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether the service is about to stop, so that connections should not be kept."""
        return self._draining

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """A call in progress. Raises Overloaded."""
        if self._working >= self._most:
            raise Overloaded("too many calls at once: try again in a moment", retry_after_s=1)
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
        self._draining = True
        try:
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        except TimeoutError:
            pass
