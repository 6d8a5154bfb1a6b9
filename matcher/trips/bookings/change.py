"""A rider or a driver answers, gives up, completes or validates a booking."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from matcher.domain.booking import Booking, BookingStatus
from matcher.domain.errors.tree import OfferNotFound, OfferNotOpen
from matcher.domain.idempotency import StoredAnswer
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.principal import Principal
from matcher.money.carbon import CarbonFactor
from matcher.trips.alter import AlterTrip, Decision, QuotedVersionStale
from matcher.trips.booking_rules import BookingTerms, actor_of, moved, require_capable, require_short
from matcher.trips.offers.repository import OfferRepository
from matcher.trips.planner import TripPlanner
from matcher.trips.ports import TripChange, TripRepository
from matcher.trips.told import events_of_move
from matcher.trips.writer import OfferWriter


class ChangeBooking:
    """A booking that is returned is in its new state on disk, and its trip with it: confirming takes seats and detour, cancelling gives them back."""

    def __init__(
        self,
        offers: OfferRepository,
        trips: TripRepository,
        writer: OfferWriter,
        planner: TripPlanner,
        executor: Executor,
        *,
        terms: BookingTerms,
        carbon: CarbonFactor,
    ) -> None:
        self._offers = offers
        self._trips = trips
        self._alter = AlterTrip(trips, writer)
        self._planner = planner
        self._executor = executor
        self._terms = terms
        self._carbon = carbon

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

        Raises BookingNotFound, StaleVersion, RoleForbidden, MoveNotAllowed, InvalidField; when confirming also OfferNotOpen, SeatsExhausted,
        DetourExceeded and OfferChanged, as the trip may have filled or moved since it was asked; DatabaseUnavailable, Overloaded.
        """
        require_short(reply or "", "/note")
        first = await self._trips.get(booking_id)
        actor_of(first, principal)

        async def decide() -> Decision[Booking]:
            booking = await self._trips.get(booking_id)
            actor = actor_of(booking, principal)
            require_capable(actor, principal)
            if booking.version != expected_version:
                raise QuotedVersionStale(
                    f"the booking is at version {booking.version} now: read it again before changing it"
                )
            if booking.status is to:
                return Decision(None, booking)
            after = moved(booking, to, actor, now, self._terms, reply=reply or "")
            change = TripChange(None, 0, now, moved=(after,))
            if to is BookingStatus.CONFIRMED:
                change, after = await self._seated(after, now)
            elif to is BookingStatus.CANCELLED and booking.status is BookingStatus.CONFIRMED:
                change = await self._unseated(after, now)
            return Decision(replace(change, events=tuple(events_of_move(after, actor))), after)

        changed = await self._alter(first.offer_id, decide)
        assert not isinstance(changed, StoredAnswer)
        return changed

    async def _seated(self, booking: Booking, now: datetime) -> tuple[TripChange, Booking]:
        offer = await self._offer(booking)
        if offer is None or offer.status is not OfferStatus.OPEN:
            raise OfferNotOpen("the offer is not open any more")
        others = await self._trips.list_open(offer.id)

        def plan() -> tuple[Offer, Booking, list[Booking]]:
            boarding = self._planner.board(offer, booking, now)
            known = [other for other in others if other.id != booking.id]
            return boarding.offer, boarding.booking, self._planner.retimed(boarding.offer, known, now)

        changed, seated, retimed = await asyncio.get_running_loop().run_in_executor(self._executor, plan)
        # What it adds to the trip as it is now: those who were taken along since it was asked for have made a part of that way already.
        saved_g = self._carbon.saved_with(booking.co2_saved_g, booking.detour_cm / 100, seated.detour_cm / 100)
        seated = replace(seated, co2_saved_g=saved_g)
        return TripChange(changed, offer.version, now, moved=(seated, *retimed)), seated

    async def _unseated(self, booking: Booking, now: datetime) -> TripChange:
        offer = await self._offer(booking)
        if offer is None or offer.status is not OfferStatus.OPEN:
            return TripChange(None, 0, now, moved=(booking,))
        others = await self._trips.list_open(offer.id)

        def plan() -> tuple[Offer, list[Booking]]:
            changed = self._planner.let_go(offer, {booking.id}, now)
            known = [other for other in others if other.id != booking.id]
            return changed, self._planner.retimed(changed, known, now)

        changed, retimed = await asyncio.get_running_loop().run_in_executor(self._executor, plan)
        return TripChange(changed, offer.version, now, moved=(booking, *retimed))

    async def _offer(self, booking: Booking) -> Offer | None:
        try:
            return await self._offers.get(booking.offer_id)
        except OfferNotFound:
            return None
