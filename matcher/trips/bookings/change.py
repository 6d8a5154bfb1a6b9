"""A rider or a driver answers, gives up, completes or validates a booking."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from matcher.domain.booking import Booking, BookingStatus
from matcher.domain.errors.tree import OfferNotFound, OfferNotOpen, StaleVersion
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.principal import Principal
from matcher.money.carbon import CarbonFactor
from matcher.trips.booking_rules import BookingTerms, actor_of, moved, require_capable, require_short
from matcher.trips.bookings.repository import TripChange
from matcher.trips.planner import TripPlanner
from matcher.trips.planning import Planning
from matcher.trips.told import events_of_move
from matcher.trips.writer import TripWriter, until_written


class ChangeBooking:
    """A booking that is returned is in its new state on disk, and so is its trip: confirming takes seats and detour,
    cancelling gives them back."""

    def __init__(self, trips: TripWriter, planning: Planning, *, terms: BookingTerms, carbon: CarbonFactor) -> None:
        self._trips = trips
        self._planning = planning
        self._terms = terms
        self._carbon = carbon

    @until_written
    async def __call__(
        self,
        booking_id: UUID,
        to: BookingStatus,
        reply: str | None,
        expected_version: int,
        principal: Principal,
        now: datetime,
    ) -> Booking:
        """The booking as moved; one that is there already is returned as it is.

        Raises BookingNotFound, StaleVersion, RoleForbidden, MoveNotAllowed, InvalidField; when confirming also
        OfferNotOpen, SeatsExhausted, DetourExceeded and OfferChanged, as the trip may have filled or moved since it was
        asked; DatabaseUnavailable, Overloaded.
        """
        require_short(reply or "", "/note")
        first = await self._trips.bookings.get(booking_id)
        actor_of(first, principal)
        async with self._trips.changing(first.offer_id) as trip:
            booking = await self._trips.bookings.get(booking_id)
            actor = actor_of(booking, principal)
            require_capable(actor, principal)
            if booking.version != expected_version:
                raise StaleVersion(f"the booking is at version {booking.version} now: read it again before changing it")
            if booking.status is to:
                return booking
            after = moved(booking, to, actor, now, self._terms, reply=reply or "")
            change = TripChange(None, 0, now, moved=(after,))
            if to is BookingStatus.CONFIRMED:
                change, after = await self._seated(after, now)
            elif to is BookingStatus.CANCELLED and booking.status is BookingStatus.CONFIRMED:
                change = await self._unseated(after, now)
            return trip.write(replace(change, events=tuple(events_of_move(after, actor))), after)

    async def _seated(self, booking: Booking, now: datetime) -> tuple[TripChange, Booking]:
        offer = await self._open_offer(booking)
        if offer is None:
            raise OfferNotOpen("the offer is no longer open")
        others = await self._others(booking)

        def plan(planner: TripPlanner) -> tuple[Offer, Booking, list[Booking]]:
            boarding = planner.board(offer, booking, now)
            return boarding.offer, boarding.booking, planner.retimed(boarding.offer, others, now)

        changed, seated, retimed = await self._planning(plan)
        # By what it adds to the trip as it is now: riders taken along since it was asked for share a part of that
        # detour.
        saved_g = self._carbon.saved_with(booking.co2_saved_g, booking.detour_cm / 100, seated.detour_cm / 100)
        seated = replace(seated, co2_saved_g=saved_g)
        return TripChange(changed, offer.version, now, moved=(seated, *retimed)), seated

    async def _unseated(self, booking: Booking, now: datetime) -> TripChange:
        offer = await self._open_offer(booking)
        if offer is None:
            return TripChange(None, 0, now, moved=(booking,))
        others = await self._others(booking)

        def plan(planner: TripPlanner) -> tuple[Offer, list[Booking]]:
            changed = planner.let_go(offer, {booking.id}, now)
            return changed, planner.retimed(changed, others, now)

        changed, retimed = await self._planning(plan)
        return TripChange(changed, offer.version, now, moved=(booking, *retimed))

    async def _open_offer(self, booking: Booking) -> Offer | None:
        try:
            offer = await self._trips.offers.get(booking.offer_id)
        except OfferNotFound:
            return None
        return offer if offer.status is OfferStatus.OPEN else None

    async def _others(self, booking: Booking) -> list[Booking]:
        found = await self._trips.bookings.list_open(booking.offer_id)
        return [other for other in found if other.id != booking.id]
