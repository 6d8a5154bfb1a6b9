"""A driver withdraws a trip."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from matcher.domain.booking import Actor, Booking, BookingStatus, CancelReason
from matcher.domain.errors.tree import OfferNotOpen, StaleVersion
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.principal import Principal
from matcher.trips.booking_rules import BookingTerms, moved
from matcher.trips.bookings.repository import TripChange
from matcher.trips.offer_rules import require_driver, require_owner
from matcher.trips.planner import with_stops
from matcher.trips.told import events_of_move
from matcher.trips.writer import TripWriter, until_written


class CancelOffer:
    """An offer that is returned is CANCELLED on disk with all its bookings, and no search finds it. Idempotent."""

    def __init__(self, trips: TripWriter, terms: BookingTerms) -> None:
        self._trips = trips
        self._terms = terms

    @until_written
    async def __call__(
        self,
        offer_id: UUID,
        principal: Principal,
        now: datetime,
        expected_version: int | None = None,
        *,
        series_version: int = 0,
    ) -> Offer:
        """The cancelled offer. Without `expected_version` any version is cancelled; `series_version`: see TripChange.

        Its riders are told in the same transaction. One who is aboard keeps the booking: that ride will be completed.
        Raises RoleForbidden, OfferNotFound, OfferNotOpen for a trip that is over, StaleVersion.
        """
        require_driver(principal)
        async with self._trips.changing(offer_id) as trip:
            offer = await self._trips.offers.get(offer_id)
            require_owner(offer, principal)
            if offer.status is OfferStatus.CANCELLED:
                return offer
            if offer.status is not OfferStatus.OPEN:
                raise OfferNotOpen(f"the offer is {offer.status.value} and cannot be cancelled")
            if expected_version is not None and offer.version != expected_version:
                raise StaleVersion(f"the offer is at version {offer.version} now: read it again before cancelling it")
            bookings = await self._trips.bookings.list_open(offer_id)
            ended = [
                self._ended(booking, now)
                for booking in bookings
                if booking.status is BookingStatus.WAITING_CONFIRMATION or now <= booking.pickup.latest
            ]
            gone = {booking.id for booking in ended}
            aboard = with_stops(offer, [stop for stop in offer.booked_stops if stop.booking_id not in gone])
            cancelled = replace(aboard, status=OfferStatus.CANCELLED, version=offer.version + 1, updated_at=now)
            change = TripChange(
                cancelled,
                offer.version,
                now,
                moved=tuple(ended),
                events=tuple(event for booking in ended for event in events_of_move(booking, Actor.DRIVER)),
                known=frozenset(booking.id for booking in bookings),
                in_series=series_version,
            )
            return trip.write(change, cancelled)

    def _ended(self, booking: Booking, now: datetime) -> Booking:
        actor = Actor.DRIVER if now <= booking.pickup.latest else Actor.SYSTEM
        cancelled, reason = BookingStatus.CANCELLED, CancelReason.TRIP_CANCELLED
        return moved(booking, cancelled, actor, now, self._terms, reason=reason)
