"""Hearing that events were written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from matcher.domain.errors import DatabaseUnavailable
from matcher.storage.change_feed import CHANNEL as CHANGES_OF_OFFERS
from matcher.storage.errors import domain_errors

if TYPE_CHECKING:
    from matcher.storage.statements import Connection

EVENTS = "events"


class PostgresEventBell:
    """The EventBell of `matcher.services.event_ports`: a connection of its own for as long as somebody listens.

    A change of an offer rings as well: most events are written with one, and its notice comes after the commit of both.
    """

    def __init__(self, url: str, *, timeout_s: float = 3.0) -> None:
        self._url = url
        self._timeout_s = timeout_s

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Notices]:
        """Raises DatabaseUnavailable."""
        with domain_errors():
            connection = await asyncpg.connect(
                self._url,
                timeout=self._timeout_s,
                command_timeout=self._timeout_s,
                statement_cache_size=0,
                server_settings={"application_name": "carpool-matcher events"},
            )
        try:
            notices = Notices()
            connection.add_termination_listener(notices.lose)
            await self._listen(connection, notices)
            yield notices
        finally:
            # Nothing is in progress on it that somebody waits for, and a server that has gone would be waited for.
            connection.terminate()

    @staticmethod
    async def _listen(connection: Connection, notices: Notices) -> None:
        with domain_errors():
            for channel in (EVENTS, CHANGES_OF_OFFERS):
                await connection.add_listener(channel, notices.wake)


class Notices:
    """The EventNotices of `matcher.services.event_ports`."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._lost = False

    async def wait(self, at_most_s: float) -> None:
        """Return at the next notice, or at once when there was one since the last return."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()
        if self._lost:
            raise DatabaseUnavailable("the connection to the database was lost")

    def wake(self, *_notice: Any) -> None:
        """Something may have been written."""
        self._woken.set()

    def lose(self, *_connection: Any) -> None:
        """There will be no more notices."""
        self._lost = True
        self._woken.set()
