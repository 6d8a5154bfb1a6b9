"""Reminds drivers and riders of departures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from matcher.events.event import Event, EventKind
from matcher.events.store import announce_events, write_events
from matcher.postgres.pool import Connections
from matcher.postgres.statements import Statements

if TYPE_CHECKING:
    from matcher.postgres.statements import Record

_DEPARTURES = Statements("departures")


class PostgresDepartures:
    """Writes reminders. One process does it at a time; for the others it does nothing."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def write_departures_soon(self, now: datetime, ahead: timedelta) -> int:
        """Notify drivers of open trips with riders that leave within `ahead`, and confirmed riders picked up within it.

        Nobody is notified twice of the same planned departure. Returns how many were notified.
        """
        async with self._connections.transaction() as connection:
            if not await _DEPARTURES.value(connection, "try_to_remind"):
                return 0
            rows = await _DEPARTURES.rows(connection, "departures_soon", now=now, ahead=ahead)
            events = [event for row in rows for event in _events(row, now, now + ahead)]
            if not events:
                return 0
            told = {
                (row["recipient"], row["dedupe_key"])
                for row in await _DEPARTURES.rows(
                    connection,
                    "told_already",
                    recipients=[event.recipient for event in events],
                    dedupe_keys=[event.dedupe_key for event in events],
                )
            }
            new = [event for event in events if (event.recipient, event.dedupe_key) not in told]
            await write_events(connection, new, now)
        if new:
            async with self._connections.connection() as connection:
                await announce_events(connection)
        return len(new)


def _events(row: Record, now: datetime, until: datetime) -> Iterator[Event]:
    departure = row["depart_at"] + timedelta(milliseconds=row["departure_shift_ms"])
    # By the planned departure: bookings shift it by minutes, which is no reason to remind again.
    key = f"departure_soon:{row['offer_id']}:{int(row['depart_at'].timestamp())}"
    if now < departure <= until:
        yield Event.of(
            EventKind.DEPARTURE_SOON,
            row["driver_id"],
            row["offer_id"],
            key,
            offer_id=str(row["offer_id"]),
            departure_time=_local(departure, row["depart_offset_s"]),
            booking_ids=[booking["id"] for booking in row["bookings"]],
        )
    for booking in row["bookings"]:
        pickup_at = datetime.fromtimestamp(booking["pickup_at"], UTC)
        if now < pickup_at <= until:
            yield Event.of(
                EventKind.DEPARTURE_SOON,
                booking["rider_id"],
                row["offer_id"],
                f"{key}:{booking['id']}",
                offer_id=str(row["offer_id"]),
                booking_id=booking["id"],
                pickup_time=_local(pickup_at, booking["offset_s"]),
            )


def _local(moment: datetime, offset_s: int) -> str:
    return moment.astimezone(timezone(timedelta(seconds=offset_s))).isoformat()
