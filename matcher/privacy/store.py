"""Where personal data is stored, how it is exported, and how it is erased.

Every table that names persons is in HELD; a test compares it with the schema, so that a new table cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from collections.abc import Set as AbstractSet
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from matcher.domain.errors.tree import ExportRunning, StrongerKeyHeld, TripsStillOpen
from matcher.domain.principal import Role
from matcher.postgres.pool import Connections
from matcher.postgres.statements import Statements
from matcher.postgres.store import PostgresStore
from matcher.trips.bookings.rows import to_booking
from matcher.trips.veil import seen_by, side_of

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection, Record

_STATEMENTS = Statements("personal_data")
_CHUNK = 100
#: Exports of a process at once: each keeps a connection to the database for as long as its reader takes.
EXPORTS_AT_ONCE = 3
_AT_ONCE = 1000
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Held:
    """One area of personal data. shown: what a person sees of a row of `exports`.

    columns: (table, column) that name a person. erase: statements that erase the person, in order; those of `keeps`
    leave rows under the pseudonym, as they are another person's record too.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    exports: str
    erase: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    shown: Callable[[Record, str], Any] = lambda row, _: row["held"]

    async def export(self, connection: Connection, user: str) -> AsyncGenerator[Any, None]:
        """The data of the area, row by row, as JSON values."""
        cursor = await _STATEMENTS.cursor(connection, self.exports, user_id=user)
        while rows := await cursor.fetch(_CHUNK, timeout=_TIMEOUT_S):
            for row in rows:
                yield self.shown(row, user)

    async def forget(self, connection: Connection, user: str, pseudonym: str) -> dict[str, int]:
        """Erase the person; how many rows remain under the pseudonym, by area."""
        remains: dict[str, int] = {}
        for statement in self.erase:
            given = {"user_id": user, "pseudonym": pseudonym}
            taken = {name: given[name] for name in _STATEMENTS.parameters(statement)}
            written = await _STATEMENTS.run(connection, statement, **taken)
            if statement in self.keeps and written:
                remains[self.name] = remains.get(self.name, 0) + written
        return remains


def _booking(row: Record, user: str) -> dict[str, Any]:
    """As it is read, but without names: one of them is another person's."""
    booking = to_booking(row)
    seen = replace(seen_by(booking, side_of(booking, user)), rider_id=None, driver_id=None)
    fare = seen.price
    shown = asdict(replace(seen, price=None), dict_factory=_without_nulls)
    if fare is not None:
        amount, currency = float(fare.money.amount), fare.money.currency
        shown["price"] = {"amount": amount, "currency": currency, "kind": fare.kind}
    return shown


async def _require_erasable(connection: Connection, user: str, roles: AbstractSet[Role], now: datetime) -> None:
    held = await _STATEMENTS.value(connection, "find_stronger_key", user_id=user, roles=sorted(roles), now=now)
    if held is not None:
        raise StrongerKeyHeld(f"your user has a key of the role {held}: erase with it, or have it revoked first")


def _without_nulls(members: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in members if value is not None}


#: In the order in which it is erased: bookings before the offers that they stand on.
HELD: tuple[Held, ...] = (
    Held(
        "bookings",
        (("bookings", "rider_id"), ("bookings", "driver_id")),
        "export_bookings",
        ("erase_bookings_of_nobody", "erase_rider"),
        ("erase_rider",),
        shown=_booking,
    ),
    Held(
        "offers",
        (("offers", "driver_id"), ("bookings", "driver_id")),
        "export_offers",
        (
            "erase_driver_of_offers",
            "erase_driver_of_bookings",
            "erase_own_stops",
            "erase_offers",
            "veil_stops_of_erased",
        ),
        ("erase_driver_of_offers", "erase_driver_of_bookings"),
    ),
    Held("requests", (("requests", "rider_id"),), "export_requests", ("erase_requests",)),
    Held("series", (("series", "driver_id"),), "export_series", ("erase_series",)),
    Held("events", (("events", "recipient"),), "export_events", ("erase_events", "erase_name_in_events")),
    Held(
        "webhooks",
        (("webhooks", "owner"), ("webhooks", "also_for")),
        "export_webhooks",
        ("erase_webhooks", "erase_name_in_webhooks"),
    ),
    Held("api_keys", (("api_keys", "user_id"),), "export_keys", ("erase_keys",)),
    Held("idempotency_keys", (("idempotency_keys", "owner"),), "export_answers", ("erase_answers",)),
    Held("people", (("people", "user_id"),), "export_shares", ("erase_shares",)),
    Held("blocks", (("blocks", "blocker"), ("blocks", "blocked")), "export_blocks", ("erase_blocks",)),
)


class PostgresPersonalData(PostgresStore):
    """Exports, erases and expires personal data."""

    _statements = _STATEMENTS

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._exporting = 0

    async def export(self, user: str) -> AsyncGenerator[tuple[str, Any], None]:
        """(area, one JSON value), area by area, from one snapshot. Empty areas are left out.

        Raises ExportRunning while another of the user is running, on any instance.
        """
        if self._exporting >= EXPORTS_AT_ONCE:
            raise ExportRunning("others are exporting their data: try again in a moment")
        self._exporting += 1
        try:
            async with self._connections.snapshot() as connection:
                if not await _STATEMENTS.value(connection, "begin_export", user_id=user):
                    raise ExportRunning("wait until the export of your data that is running has ended")
                for held in HELD:
                    async with aclosing(held.export(connection, user)) as values:
                        async for value in values:
                            yield held.name, value
        finally:
            self._exporting -= 1

    async def require_erasable(self, user: str, roles: AbstractSet[Role], now: datetime) -> None:
        """Raises StrongerKeyHeld when the user has a usable key of a role that is not among these."""
        async with self._connections.connection() as connection:
            await _require_erasable(connection, user, roles, now)

    async def erase(
        self, user: str, pseudonym: str, erasure_id: UUID, now: datetime, roles: AbstractSet[Role]
    ) -> dict[str, int]:
        """Erase the person in one transaction; how many rows remain under the pseudonym, by area.

        Raises TripsStillOpen when the person has an open trip or booking.
        """
        async with self._connections.transaction() as connection:
            await _require_erasable(connection, user, roles, now)
            if await _STATEMENTS.value(connection, "count_open_trips", user_id=user):
                raise TripsStillOpen("a trip or a booking was made while the person was being erased: try again")
            remains: dict[str, int] = {}
            for held in HELD:
                remains |= await held.forget(connection, user, pseudonym)
            await _STATEMENTS.run(
                connection, "note_erasure", id=erasure_id, pseudonym=pseudonym, now=now, remains=remains
            )
        return remains

    async def forget_offers(self, before: datetime, limit: int = _AT_ONCE) -> int:
        """Delete at most `limit` trips without bookings that ended before a moment; returns how many."""
        return await self._run("forget_offers", before=before, row_limit=limit)

    async def forget_series(self, before: datetime, limit: int = _AT_ONCE) -> int:
        """Delete at most `limit` ended series without trips, unchanged since a moment; returns how many."""
        return await self._run("forget_series", before=before, row_limit=limit)

    async def forget_keys(self, before: datetime, limit: int = _AT_ONCE) -> int:
        """Delete at most `limit` keys revoked or expired before a moment; returns how many."""
        return await self._run("forget_keys", before=before, row_limit=limit)

    async def veil_erased(self, _before: datetime, _limit: int = _AT_ONCE) -> int:
        """Blur the places of erased riders in trips that have ended since. Returns 0: one statement does it all."""
        await self._run("veil_stops_of_erased")
        return 0
