"""Cancels what waits between two people, when one of them blocks the other."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from matcher.domain.booking import Actor, Booking, BookingStatus
from matcher.domain.errors.bookings import BookingNotFound, MoveNotAllowed
from matcher.trips.booking_rules import BookingTerms, moved
from matcher.trips.bookings.repository import TripChange
from matcher.trips.told import events_of_move
from matcher.trips.writer import TripWriter, until_written


class PartPeople:
    """Cancels bookings that nobody has answered yet, as if the one who blocks had withdrawn or refused them."""

    def __init__(self, trips: TripWriter, terms: BookingTerms) -> None:
        self._trips = trips
        self._terms = terms

    async def __call__(self, blocker: str, blocked: str, now: datetime) -> None:
        """Both are notified, in the words of any withdrawal or refusal: neither shows that somebody is blocked.

        Raises DatabaseUnavailable, Overloaded; blocking again cancels what is left.
        """
        for booking in await self._trips.bookings.list_waiting(blocker, blocked):
            with suppress(BookingNotFound, MoveNotAllowed):  # it ended meanwhile, or the clock ends it
                await self._cancel(booking.id, booking.offer_id, blocker, now)

    @until_written
    async def _cancel(self, booking_id: UUID, offer_id: UUID, blocker: str, now: datetime) -> Booking | None:
        async with self._trips.changing(offer_id) as trip:
            booking = await self._trips.bookings.get(booking_id)
            if booking.status is not BookingStatus.WAITING_CONFIRMATION:
                return None
            actor = Actor.DRIVER if blocker == booking.driver_id else Actor.RIDER
            after = moved(booking, BookingStatus.CANCELLED, actor, now, self._terms)
            # By the system, which tells both: the one who blocks did not name the booking.
            events = tuple(events_of_move(after, Actor.SYSTEM))
            return trip.write(TripChange(None, 0, now, moved=(after,), events=events), after)
