"""Do bookings, stops, seats and events agree with each other? Asked of the database alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from matcher.check.offer import Findings, Violation
from matcher.postgres.pool import Connections
from matcher.postgres.statements import Statements

if TYPE_CHECKING:
    from matcher.postgres.statements import Record

_CHECKS = Statements("check_bookings")


def _load(row: Record) -> tuple[str, str]:
    return (
        f"{row['seats_offered']} seats, {row['seats_left']} left all the way",
        f"{row['most']} riders on the fullest leg",
    )


def _times(row: Record) -> tuple[str, str]:
    pickup, dropoff = row["pickup_latest_at"].isoformat(), row["dropoff_latest_at"].isoformat()
    planned = f"boards {row['pickup_at'].isoformat()}, alights {row['dropoff_at'].isoformat()}"
    return f"booking {row['id']}: boards by {pickup}, alights by {dropoff}", planned


#: What must hold, the statement that finds where it does not, and (what was promised, what is so) of a row of it.
_PROMISES: tuple[tuple[str, str, Callable[[Record], tuple[str, str]]], ...] = (
    ("booking: legs have seats", "oversold_legs", _load),
    (
        "booking: the agreed are seated",
        "unseated_bookings",
        lambda row: (
            f"booking {row['id']} is {row['status']}",
            f"{row['pickups']} pickups, {row['dropoffs']} dropoffs",
        ),
    ),
    (
        "booking: only the agreed are seated",
        "strange_stops",
        lambda row: (f"a {row['kind']} of booking {row['booking_id']}", f"it is {row['status'] or 'not there'}"),
    ),
    ("booking: times are kept", "late_bookings", _times),
    (
        "booking: ended with its trip",
        "forsaken_bookings",
        lambda row: ("the trip is CANCELLED", f"booking {row['id']} is {row['status']}"),
    ),
    (
        "booking: moves are told",
        "untold_bookings",
        lambda row: (f"booking {row['id']} is {row['status']}", "nobody was told"),
    ),
    (
        "booking: told once",
        "events_told_twice",
        lambda row: (f"one {row['kind']} to {row['recipient']}", f"{row['times']} of them"),
    ),
)


class PostgresBookingLedger:
    """Checks bookings, stops, seats and events against each other, in one snapshot; read only."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def check(self, region: str) -> tuple[int, Findings]:
        """(bookings of the region, what was found). Raises DatabaseUnavailable."""
        found = Findings()
        async with self._connections.snapshot() as connection:
            count = int(await _CHECKS.value(connection, "count_bookings", region=region))
            for promise, statement, words in _PROMISES:
                rows = await _CHECKS.rows(connection, statement, region=region)
                found.checked[promise] = count
                found.violations += [Violation(promise, row["offer_id"], *words(row)) for row in rows]
        return count, found
