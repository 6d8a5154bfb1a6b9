"""A rider asks for seats on an offer that a match has shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from matcher.domain.booking import Actor, Booking, BookingStatus, RidePoint
from matcher.domain.clock import between, later
from matcher.domain.errors.bookings import AskedTooOften, BookingExists, OfferChanged, OwnOffer
from matcher.domain.errors.tree import (
    MatchTokenInvalid,
    OfferNotFound,
    OfferNotOpen,
    RoleForbidden,
    SeatsExhausted,
)
from matcher.domain.idempotency import Keep
from matcher.domain.match import WindowKind
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.place import Place
from matcher.domain.principal import Principal
from matcher.money.carbon import CarbonFactor
from matcher.money.cost_sharing import CostSharing
from matcher.people.blocks import Blocks
from matcher.places.public_places import PublicPlaces
from matcher.trips.booking_rules import WITHDRAWN_WITHIN, BookingTerms, moved, require_short
from matcher.trips.bookings.repository import TripChange
from matcher.trips.planner import NO_SEATS
from matcher.trips.planning import Planning
from matcher.trips.tickets import MatchTicket, MatchTokens, TicketPoint, roads_digest
from matcher.trips.told import events_of_move
from matcher.trips.writer import TripWriter, until_written

#: The same text whatever the reason, so that nobody can tell a block from a cancelled offer.
_GONE = "the offer is no longer open: search again"


class BookSeats:
    """A booking that is returned is on disk.

    It waits for the driver's answer, or is confirmed if the offer books instantly.
    """

    def __init__(
        self,
        trips: TripWriter,
        planning: Planning,
        *,
        tokens: MatchTokens,
        terms: BookingTerms,
        make_id: Callable[[], UUID],
        cost_sharing: CostSharing,
        carbon: CarbonFactor,
        blocks: Blocks | None = None,
        note_booked: Callable[[UUID, datetime], None] | None = None,
    ) -> None:
        """`make_id` makes UUIDv7 (RFC 9562). `note_booked` is told the search that led to a booking."""
        self._trips = trips
        self._planning = planning
        self._tokens = tokens
        self._terms = terms
        self._make_id = make_id
        self._cost_sharing = cost_sharing
        self._carbon = carbon
        self._blocks = blocks
        self._note_booked = note_booked

    async def __call__(
        self,
        match_id: str,
        note: str,
        principal: Principal,
        now: datetime,
        keep: Keep[Booking] | None = None,
    ) -> Booking:
        """The new booking.

        Everything is checked again against the present, by the kernels that made the match. Raises RoleForbidden,
        MatchTokenInvalid, InvalidField, OfferNotOpen, OwnOffer, BookingExists, AskedTooOften, SeatsExhausted,
        DetourExceeded, OfferChanged, AnsweredBefore, IdempotencyKeyReused, DatabaseUnavailable, Overloaded.
        """
        if not principal.rides:
            raise RoleForbidden("booking requires the role rider, partner or admin")
        await self._trips.require_new(keep)
        require_short(note, "/note")
        ticket = self._tokens.read(match_id, now)
        if ticket.rider_id != principal.user:
            raise MatchTokenInvalid("this match id was issued to another user: run your own search")
        if ticket.roads != roads_digest(self._planning.planner.fingerprint):
            raise MatchTokenInvalid("the roads have changed since this match: search again")
        booked = await self._book(ticket, note, now, keep)
        if self._note_booked is not None and ticket.search_id is not None:
            self._note_booked(ticket.search_id, now)
        return booked

    @until_written
    async def _book(self, ticket: MatchTicket, note: str, now: datetime, keep: Keep[Booking] | None) -> Booking:
        async with self._trips.changing(ticket.offer_id, keep) as trip:
            offer = await self._open_offer(ticket)
            for other in await self._trips.bookings.list_open(offer.id):
                if other.rider_id == ticket.rider_id:
                    raise BookingExists(
                        "you already have an open booking of this offer: change that one",
                        extra={"booking_id": str(other.id)},
                    )
            await self._require_patience(ticket, now)
            wish = self._wish(ticket, offer, note, now)
            boarding = await self._planning(lambda planner: planner.board(offer, wish, now))
            booking = self._priced(boarding.booking, ticket, offer)
            if not offer.instant_booking:
                booking = replace(booking, due_at=self._terms.lapses_at(offer, booking, now))
                events = tuple(events_of_move(booking, Actor.RIDER))
                return trip.write(TripChange(offer, offer.version, now, new=booking, events=events), booking)
            booking = replace(moved(booking, BookingStatus.CONFIRMED, Actor.SYSTEM, now, self._terms), version=1)
            others = await self._trips.bookings.list_open(offer.id)
            retimed = await self._planning(lambda planner: planner.retimed(boarding.offer, others, now))
            events = tuple(events_of_move(booking, Actor.SYSTEM))
            change = TripChange(boarding.offer, offer.version, now, new=booking, moved=tuple(retimed), events=events)
            return trip.write(change, booking)

    async def _open_offer(self, ticket: MatchTicket) -> Offer:
        try:
            offer = await self._trips.offers.get(ticket.offer_id)
        except OfferNotFound:
            raise OfferNotOpen(_GONE) from None
        if offer.driver_id == ticket.rider_id:
            raise OwnOffer("this offer is your own")
        if offer.status is not OfferStatus.OPEN:
            raise OfferNotOpen(_GONE)
        if self._blocks is not None and offer.driver_id in await self._blocks.hidden_from(ticket.rider_id):
            raise OfferNotOpen(_GONE)
        if offer.women_only and not ticket.rider_is_woman:
            raise SeatsExhausted(NO_SEATS)  # as if it were full: nobody is told who travels among women
        if ticket.women_only and not offer.driver_is_woman:
            raise OfferChanged("the trip no longer fits your request: search again")
        return offer

    async def _require_patience(self, ticket: MatchTicket, now: datetime) -> None:
        """Raises AskedTooOften when the rider has withdrawn too many bookings of the trip."""
        most = self._terms.withdrawals
        first = await self._trips.bookings.find_withdrawal(ticket.offer_id, ticket.rider_id, most) if most else None
        wait = timedelta() if first is None else between(now, later(first, WITHDRAWN_WITHIN))
        if wait > timedelta():
            detail = f"you have withdrawn {most} bookings of this trip within 24 hours: choose another, or ask later"
            raise AskedTooOften(detail, retry_after_s=math.ceil(wait.total_seconds()))

    def _priced(self, booking: Booking, ticket: MatchTicket, offer: Offer) -> Booking:
        """With the price as it is now, which must not be above the one that was shown, and what the booking saves."""
        fare = self._cost_sharing.ride(offer, booking.ride_cm, booking.seats)
        if fare is not None and (
            ticket.fare is None
            or fare.money.currency != ticket.fare.money.currency
            or fare.money.minor > ticket.fare.money.minor
        ):
            raise OfferChanged("the ride now costs more than in the match: search again")
        saved_g = self._carbon.saved_g(ticket.direct_cm / 100, booking.detour_cm / 100)
        return replace(booking, fare=fare, co2_saved_g=saved_g)

    def _wish(self, ticket: MatchTicket, offer: Offer, note: str, now: datetime) -> Booking:
        """The booking as the match showed it, with what the rider is promised."""
        pickup, dropoff = promised_points(ticket, self._terms.tolerance, self._planning.planner.public)
        return Booking(
            id=self._make_id(),
            offer_id=offer.id,
            driver_id=offer.driver_id,
            rider_id=ticket.rider_id,
            status=BookingStatus.WAITING_CONFIRMATION,
            version=1,
            seats=ticket.seats,
            region_fingerprint=self._planning.planner.fingerprint,
            pickup=pickup,
            dropoff=dropoff,
            ride_ms=0,
            ride_cm=0,
            detour_ms=0,
            detour_cm=0,
            shared_cm=0,
            note=note,
            created_at=now,
            updated_at=now,
            due_at=None,
        )


def promised_points(
    ticket: MatchTicket, tolerance: timedelta, public: PublicPlaces | None = None
) -> tuple[RidePoint, RidePoint]:
    """(pickup, dropoff) as the match showed them, with the times that the rider is promised.

    They stay within the tolerance, and within the rider's own window at the end that the window is about. Arriving
    early is no breach, unless the rider's window is one of arrival.
    """
    by_departure = ticket.window_kind is WindowKind.DEPARTURE
    pickup = _promised(ticket, _point(ticket.pickup, public), tolerance, bounded=by_departure)
    dropoff = _promised(ticket, _point(ticket.dropoff, public), tolerance, bounded=not by_departure)
    return pickup, replace(dropoff, earliest=None) if by_departure else dropoff


def _point(point: TicketPoint, public: PublicPlaces | None) -> RidePoint:
    place = Place(point.coordinate, point.label, point.position, 0.0)
    behind = None if public is None else public.behind(point.position)
    return RidePoint(place, point.walk_cm, point.walk_ms, point.time, None, point.time, behind)


def _promised(ticket: MatchTicket, point: RidePoint, tolerance: timedelta, *, bounded: bool) -> RidePoint:
    earliest, latest = later(point.at, -tolerance), later(point.at, tolerance)
    if bounded:
        by_departure = ticket.window_kind is WindowKind.DEPARTURE
        walk = timedelta(milliseconds=point.bound_walk_ms if by_departure else -point.bound_walk_ms)
        earliest = min(point.at, max(earliest, ticket.window.earliest + walk))
        latest = max(point.at, min(latest, ticket.window.latest + walk))
    return replace(point, earliest=earliest, latest=latest)
