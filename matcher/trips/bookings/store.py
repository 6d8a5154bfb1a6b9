"""Bookings on disk, and the one transaction in which a trip changes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from matcher.domain.booking import Booking, BookingStatus
from matcher.domain.errors.bookings import BookingExists, BookingNotFound
from matcher.domain.errors.tree import OfferNotOpen, StaleVersion
from matcher.domain.idempotency import KeptAnswer
from matcher.domain.offer import Offer
from matcher.events.event import Event
from matcher.events.store import announce_events, write_events
from matcher.postgres.change_feed import announce_changes
from matcher.postgres.idempotency import keep_answer
from matcher.postgres.statements import Statements
from matcher.postgres.store import KeysetPage, PostgresStore
from matcher.trips.bookings.repository import Decide, TripChange
from matcher.trips.bookings.rows import to_booking, to_booking_row
from matcher.trips.offers.store import replace_open_offer
from matcher.trips.series.store import note_in_series

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection

_BOOKINGS = Statements("bookings")


class PostgresTrips(PostgresStore):
    """A TripRepository on PostgreSQL.

    Rows are locked in one order, the offer before its bookings, so no two changes wait for each other in a circle.
    """

    _statements = _BOOKINGS

    async def commit(self, change: TripChange, kept: KeptAnswer | None = None) -> None:
        """Write a change, its events, and the answer under its idempotency key; see TripRepository."""
        try:
            async with self._connections.connection() as connection:
                async with connection.transaction():
                    if kept is not None:
                        await keep_answer(connection, kept, change.now)
                    await _write(connection, change)
                if change.changes_offer:
                    await announce_changes(connection)
                elif change.events:
                    await announce_events(connection)
        except BookingExists as error:
            assert change.new is not None
            raise await self._existing(change.new, error) from error

    async def get(self, booking_id: UUID) -> Booking:
        """Raises BookingNotFound."""
        row = await self._row("get_booking", id=booking_id)
        if row is None:
            raise BookingNotFound("you have no booking with this id")
        return to_booking(row)

    async def list_open(self, offer_id: UUID) -> list[Booking]:
        rows = await self._rows("list_open_bookings", offer_id=offer_id)
        return [to_booking(row) for row in rows]

    async def list_waiting(self, one: str, other: str) -> list[Booking]:
        rows = await self._rows("list_waiting_bookings", one=one, other=other)
        return [to_booking(row) for row in rows]

    async def find_withdrawal(self, offer_id: UUID, rider_id: str, number: int) -> datetime | None:
        values = {"offer_id": offer_id, "rider_id": rider_id, "skipped": number - 1}
        row = await self._row("find_withdrawal", **values)
        return None if row is None else row["updated_at"]

    async def list_page(
        self,
        *,
        user: str | None,
        statuses: Collection[BookingStatus] | None,
        offer_id: UUID | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> KeysetPage[Booking]:
        after_at, after_id = (None, None) if after is None else after
        values: dict[str, object] = {
            "statuses": None if statuses is None else [status.value for status in statuses],
            "offer_id": offer_id,
            "after_at": after_at,
            "after_id": after_id,
            "row_limit": limit + 1,  # one more tells whether there is a next page
        }
        if user is None:
            rows = await self._rows("list_bookings", **values)
        else:
            rows = await self._rows("list_bookings_of_user", user_id=user, **values)
        return KeysetPage.of(map(to_booking, rows), limit, lambda booking: (booking.created_at, booking.id))

    async def move_due(self, now: datetime, decide: Decide, *, limit: int) -> int:
        events: list[Event] = []
        async with self._connections.connection() as connection:
            async with connection.transaction():
                rows = await _BOOKINGS.rows(connection, "due_bookings", now=now, row_limit=limit)
                for row in rows:
                    moved, told = decide(to_booking(row))
                    await _update(connection, moved)
                    events += told
                await write_events(connection, events, now)
            if events:
                await announce_events(connection)
        return len(rows)

    async def forget_bookings(self, before: datetime, limit: int) -> int:
        return await self._run("forget_bookings", before=before, row_limit=limit)

    async def _existing(self, new: Booking, error: BookingExists) -> BookingExists:
        row = await self._row("find_open_booking", offer_id=new.offer_id, rider_id=new.rider_id)
        return BookingExists(error.detail, extra={} if row is None else {"booking_id": str(row["id"])})


async def _write(connection: Connection, change: TripChange) -> None:
    if change.offer is not None:
        if change.changes_offer:
            await replace_open_offer(connection, change.offer, expected_version=change.read_version)
            if change.in_series is not None:
                await note_in_series(connection, change.offer.id, change.in_series)
        else:
            await _hold(connection, change.offer, change.read_version)
    for booking in change.moved:
        await _update(connection, booking)
    if change.new is not None:
        await _BOOKINGS.run(connection, "insert_booking", **to_booking_row(change.new))
    if change.known is not None and change.offer is not None:
        # The offer is locked by now, and whoever asks for a seat waits for it.
        known = list(change.known)
        others = await _BOOKINGS.rows(connection, "other_open_bookings", offer_id=change.offer.id, known=known)
        if others:
            raise StaleVersion("a seat was requested in the meantime: read the offer again")
    await write_events(connection, change.events, change.now)


async def _hold(connection: Connection, offer: Offer, version: int) -> None:
    row = await _BOOKINGS.row(connection, "hold_offer", id=offer.id)
    if row is None or row["version"] != version:
        raise StaleVersion("the offer has changed in the meantime: read it again")
    if row["status"] != "OPEN":
        raise OfferNotOpen(f"the offer is {row['status']}")


async def _update(connection: Connection, booking: Booking) -> None:
    values = _BOOKINGS.taken("update_booking", to_booking_row(booking))
    if await _BOOKINGS.row(connection, "update_booking", **values) is None:
        raise StaleVersion("the booking has changed in the meantime: read it again")
