"""What other instances have changed: read by position, with a wake-up when there is something to read."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.domain.offer import FeedPosition, OfferChanges
from matcher.postgres.errors import domain_errors
from matcher.postgres.listening import Notices, listening_on
from matcher.postgres.statements import Statements

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection

CHANNEL = "offer_changes"
_CHANGES = Statements("offer_changes")


class PostgresChangeFeed:
    """What other instances write to the offers of a region; each listener has a connection of its own.

    A position is a snapshot of PostgreSQL, not a number: numbers are drawn when a row is written and visible when its
    transaction commits, so a lower one may appear after a higher one. Behind a pooler in transaction mode no notice
    arrives, and reading at intervals remains.
    """

    def __init__(self, url: str, region: str, *, timeout_s: float = 3.0) -> None:
        self._url = url
        self._region = region
        self._timeout_s = timeout_s

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[OfferChangeListener]:
        """Listen for changes from now on. Raises DatabaseUnavailable, also when the connection is lost."""
        make, name = functools.partial(OfferChangeListener, region=self._region), "carpool-matcher changes"
        async with listening_on(self._url, CHANNEL, name=name, timeout_s=self._timeout_s, make=make) as listener:
            yield listener


class OfferChangeListener(Notices):
    """One connection of the feed."""

    def __init__(self, connection: Connection, region: str) -> None:
        super().__init__(connection)
        self._region = region

    async def read(self, position: FeedPosition) -> OfferChanges:
        """Every offer of the region that was changed after a position.

        Raises DatabaseUnavailable within seconds of a loss.
        """
        with domain_errors():
            row = await _CHANGES.row(
                self.connection,
                "changes_since",
                seen=position.snapshot,
                times_forgotten=position.times_forgotten,
                region=self._region,
            )
        if row is None:
            raise DatabaseUnavailable("the database returned nothing")
        after = FeedPosition(row["snapshot"], row["times_forgotten"], row["server"])
        missed = after.server != position.server or row["is_forgotten"]
        return OfferChanges(() if missed else tuple(row["offer_ids"] or ()), after, row["last_seq"] or 0, missed=missed)


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
