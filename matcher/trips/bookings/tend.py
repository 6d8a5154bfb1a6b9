"""Moves due bookings: unanswered ones lapse, rides that are over are completed, then validated."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from matcher.domain.booking import Actor, Booking, BookingStatus
from matcher.events.event import Event
from matcher.trips.booking_rules import BookingTerms, moved
from matcher.trips.bookings.repository import TripRepository
from matcher.trips.told import events_of_move

_AT_ONCE = 500

#: The clock's next move from each state that has one.
NEXT_MOVE = {
    BookingStatus.WAITING_CONFIRMATION: BookingStatus.CANCELLED,
    BookingStatus.CONFIRMED: BookingStatus.COMPLETED_PENDING_VALIDATION,
    BookingStatus.COMPLETED_PENDING_VALIDATION: BookingStatus.VALIDATED,
}


class TendBookings:
    """Moves every booking whose moment has come, once, however many processes do so at the same time.

    None of these moves touches a trip: one that waits holds no seats, and a ride that is over keeps those it had.
    """

    def __init__(self, trips: TripRepository, terms: BookingTerms) -> None:
        self._trips = trips
        self._terms = terms

    async def __call__(self, now: datetime) -> int:
        """How many were moved. Raises DatabaseUnavailable; what was moved until then stays moved."""

        def decide(booking: Booking) -> tuple[Booking, Sequence[Event]]:
            after = moved(booking, NEXT_MOVE[booking.status], Actor.SYSTEM, now, self._terms)
            return after, events_of_move(after, Actor.SYSTEM)

        done = 0
        while True:
            count = await self._trips.move_due(now, decide, limit=_AT_ONCE)
            done += count
            if count < _AT_ONCE:
                return done
