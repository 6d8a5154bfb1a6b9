"""What other instances have changed: read by position, with a wake-up when there is something to read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from matcher.domain.errors import DatabaseUnavailable
from matcher.services.ports import FeedPosition, OfferChanges
from matcher.storage.errors import domain_errors
from matcher.storage.statements import Statements

if TYPE_CHECKING:
    from matcher.storage.statements import Connection

CHANNEL = "offer_changes"
_CHANGES = Statements("offer_changes")


class PostgresChangeFeed:
    """The ChangeFeed of `matcher.services.ports` on PostgreSQL: a connection of its own for each time somebody listens.

    A position is a snapshot of PostgreSQL, not a number: numbers are drawn when a row is written and seen when its transaction commits, so
    a lower one may appear after a higher one. Behind a pooler in transaction mode no notice arrives, and reading at intervals remains.
    """

    def __init__(self, url: str, region: str, *, timeout_s: float = 3.0) -> None:
        self._url = url
        self._region = region
        self._timeout_s = timeout_s

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Listener]:
        """A connection that hears of changes from now on. Raises DatabaseUnavailable, also when it is lost meanwhile."""
        with domain_errors():
            connection = await asyncpg.connect(
                self._url,
                timeout=self._timeout_s,
                command_timeout=self._timeout_s,
                statement_cache_size=0,
                server_settings={"application_name": "carpool-matcher changes"},
            )
        try:
            listener = Listener(connection, self._region)
            connection.add_termination_listener(listener.lose)
            with domain_errors():
                await connection.add_listener(CHANNEL, listener.wake)
            yield listener
        finally:
            # Nothing is in progress on it that somebody waits for, and a server that has gone would be waited for.
            connection.terminate()


class Listener:
    """One connection of the feed."""

    def __init__(self, connection: Connection, region: str) -> None:
        self._connection = connection
        self._region = region
        self._woken = asyncio.Event()
        self._lost = False

    async def read(self, position: FeedPosition) -> OfferChanges:
        """Every offer of the region that was changed after a position. Raises DatabaseUnavailable within seconds of a loss."""
        self._woken.clear()
        with domain_errors():
            row = await _CHANGES.row(
                self._connection,
                "changes_since",
                seen=position.snapshot,
                times_forgotten=position.times_forgotten,
                region=self._region,
            )
        if row is None:
            raise DatabaseUnavailable("the database answered nothing")
        after = FeedPosition(row["snapshot"], row["times_forgotten"], row["server"])
        missed = after.server != position.server or row["is_forgotten"]
        return OfferChanges(() if missed else tuple(row["offer_ids"] or ()), after, row["last_seq"] or 0, missed=missed)

    async def wait(self, at_most_s: float) -> None:
        """Return when something may have changed, and after `at_most_s` seconds. Raises DatabaseUnavailable when the connection is lost."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._woken.wait()
        except TimeoutError:
            pass
        if self._lost:
            raise DatabaseUnavailable("the connection to the database was lost")

    def wake(self, *_notice: Any) -> None:
        """There is something to read."""
        self._woken.set()

    def lose(self, *_connection: Any) -> None:
        """There will be no more notices."""
        self._lost = True
        self._woken.set()


async def announce_changes(connection: Connection) -> None:
    """Wake those who listen, after a commit. When that fails they read at their next interval."""
    try:
        with domain_errors():
            await _CHANGES.value(connection, "announce")
    except DatabaseUnavailable:
        pass


async def position_of(connection: Connection) -> FeedPosition:
    """How far a transaction sees that reads from one snapshot (REPEATABLE READ)."""
    row = await _CHANGES.row(connection, "position")
    assert row is not None
    return FeedPosition(row["snapshot"], row["times_forgotten"], row["server"])
