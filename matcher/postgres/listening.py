"""Connections that only hear notices of PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.postgres.errors import domain_errors

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection


class Notices:
    """Wake-ups by one connection. They say that there is news, not what it is; several at once are one."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._lost = False

    async def wait(self, at_most_s: float) -> None:
        """Return at the next notice, at once when there was one since the last return, and after `at_most_s` seconds.

        Raises DatabaseUnavailable when the connection is lost.
        """
        try:
            async with asyncio.timeout(at_most_s):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()
        if self._lost:
            raise DatabaseUnavailable("the connection to the database was lost")

    def wake(self, *_notice: Any) -> None:
        """There is news."""
        self._woken.set()

    def lose(self, *_connection: Any) -> None:
        """There will be no more notices."""
        self._lost = True
        self._woken.set()


@asynccontextmanager
async def listening_on(
    url: str, *channels: str, name: str, timeout_s: float
) -> AsyncIterator[tuple[Connection, Notices]]:
    """A connection of its own, called `name` in the server's lists, and what it hears from now on. Raises DatabaseUnavailable."""
    with domain_errors():
        connection = await asyncpg.connect(
            url,
            timeout=timeout_s,
            command_timeout=timeout_s,
            statement_cache_size=0,
            server_settings={"application_name": name},
        )
    try:
        notices = Notices()
        connection.add_termination_listener(notices.lose)
        with domain_errors():
            for channel in channels:
                await connection.add_listener(channel, notices.wake)
        yield connection, notices
    finally:
        # Nothing is in progress on it that somebody waits for, and a server that has gone would be waited for.
        connection.terminate()
