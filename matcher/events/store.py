"""Events in PostgreSQL: written with their cause, numbered when they are committed, read by number."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.events.event import Event, EventKind, NumberedEvent
from matcher.postgres.errors import domain_errors
from matcher.postgres.statements import Statements
from matcher.postgres.store import PostgresStore

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection, Record

_EVENTS = Statements("events")
_AT_ONCE = 1000


async def write_events(connection: Connection, events: Sequence[Event], now: datetime) -> None:
    """Write events in the caller's transaction, in this order; they are delivered when it commits.

    An event whose dedupe_key the recipient has already had is skipped. Call `announce_events` after the commit, unless
    the transaction changed an offer, which announces itself.
    """
    if not events:
        return
    await _EVENTS.run(
        connection,
        "write_events",
        recipients=[event.recipient for event in events],
        kinds=[event.kind.value for event in events],
        trip_ids=[event.trip_id for event in events],
        data=[json.dumps(dict(event.data), ensure_ascii=False, allow_nan=False) for event in events],
        dedupe_keys=[event.dedupe_key for event in events],
        created_at=now,
    )


async def announce_events(connection: Connection) -> None:
    """Wake the processes that deliver, after a commit. If that fails, they look at their next interval."""
    try:
        with domain_errors():
            await _EVENTS.value(connection, "announce_events")
    except DatabaseUnavailable:
        pass


class PostgresEvents(PostgresStore):
    """Implements EventStore."""

    _statements = _EVENTS

    async def write(self, events: Sequence[Event], now: datetime) -> None:
        async with self._connections.transaction() as connection:
            await write_events(connection, events, now)
        async with self._connections.connection() as connection:
            await announce_events(connection)

    async def give_numbers(self, now: datetime) -> int:
        given = 0
        while True:
            if not await self._value("are_unnumbered"):
                break
            async with self._connections.transaction() as connection:
                held = await _EVENTS.row(connection, "hold_numbers")
                if held is None:
                    break
                row = await _EVENTS.row(connection, "number_events", given=held["given"], row_limit=_AT_ONCE, now=now)
            assert row is not None
            given += int(row["numbered"])
            if row["numbered"] < _AT_ONCE:
                break
        if given:
            async with self._connections.connection() as connection:
                await announce_events(connection)
        return given

    async def numbers(self) -> tuple[int, int]:
        row = await self._row("numbers")
        assert row is not None
        return int(row["given"]), int(row["forgotten"])

    async def list_after(self, after: int, limit: int) -> list[NumberedEvent]:
        rows = await self._rows("events_after", after=after, row_limit=limit)
        return [to_event(row) for row in rows]

    async def list_of(self, recipient: str, after: int, up_to: int, limit: int) -> list[NumberedEvent]:
        rows = await self._rows("events_of", recipient=recipient, after=after, up_to=up_to, row_limit=limit)
        return [to_event(row) for row in rows]

    async def forget_events(self, before: datetime, limit: int = _AT_ONCE) -> int:
        """Delete at most `limit` numbered events before a moment, with their deliveries; returns how many."""
        async with self._connections.transaction() as connection:
            row = await _EVENTS.row(connection, "forget_events", before=before, row_limit=limit)
        assert row is not None
        return int(row["forgotten"])


def to_event(row: Record) -> NumberedEvent:
    """An event from the columns number, recipient, kind, trip_id, data, dedupe_key, created_at."""
    return NumberedEvent(
        row["number"],
        Event(EventKind(row["kind"]), row["recipient"], row["trip_id"], row["data"], row["dedupe_key"]),
        row["created_at"],
    )
