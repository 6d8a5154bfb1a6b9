"""Bookings are read by those who ride and drive on them, and by operators."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from matcher.domain.booking import Booking, BookingStatus
from matcher.domain.principal import Principal
from matcher.postgres.store import KeysetPage
from matcher.trips.booking_rules import actor_of
from matcher.trips.bookings.repository import TripRepository


class ReadBookings:
    """One booking, or pages of them: one's own on either side, or anybody's for those who operate the service."""

    def __init__(self, trips: TripRepository) -> None:
        self._trips = trips

    async def get(self, booking_id: UUID, principal: Principal) -> Booking:
        """Raises BookingNotFound, for a stranger's booking too."""
        booking = await self._trips.get(booking_id)
        actor_of(booking, principal)
        return booking

    async def list_page(
        self,
        principal: Principal,
        statuses: Collection[BookingStatus] | None,
        offer_id: UUID | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> KeysetPage[Booking]:
        """Up to `limit` bookings, newest first, after the one named by `after`."""
        return await self._trips.list_page(
            user=None if principal.operates else principal.user,
            statuses=statuses,
            offer_id=offer_id,
            limit=limit,
            after=after,
        )
