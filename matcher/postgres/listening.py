"""Connections that listen for notifications of PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.postgres.errors import domain_errors

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection


class Notices:
    """Notifications on a connection. They say that there is news, not what it is; several at once count as one."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
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
        self._woken.set()

    def lose(self, *_connection: Any) -> None:
        """There will be no more notices."""
        self._lost = True
        self._woken.set()


N = TypeVar("N", bound=Notices)


@asynccontextmanager
async def listening_on(
    url: str, *channels: str, name: str, timeout_s: float, make: Callable[[Connection], N]
) -> AsyncIterator[N]:
    """A connection, named `name` in pg_stat_activity, that listens from now on. Raises DatabaseUnavailable."""
    with domain_errors():
        connection = await asyncpg.connect(
            url,
            timeout=timeout_s,
            command_timeout=timeout_s,
            statement_cache_size=0,
            server_settings={"application_name": name},
        )
    try:
        notices = make(connection)
        connection.add_termination_listener(notices.lose)
        with domain_errors():
            for channel in channels:
                await connection.add_listener(channel, notices.wake)
        yield notices
    finally:
        # Nobody waits for anything on it, and closing in order would wait for a server that has gone.
        connection.terminate()
