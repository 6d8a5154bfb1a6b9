"""A driver withdraws a trip."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from matcher.domain.booking import Actor, Booking, BookingStatus, CancelReason
from matcher.domain.errors.tree import OfferNotOpen
from matcher.domain.idempotency import StoredAnswer
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.principal import Principal
from matcher.trips.alter import AlterTrip, Decision, QuotedVersionStale
from matcher.trips.booking_rules import BookingTerms, moved
from matcher.trips.offer_rules import require_driver, require_owner
from matcher.trips.offers.repository import OfferRepository
from matcher.trips.planner import with_stops
from matcher.trips.ports import TripChange, TripRepository
from matcher.trips.told import events_of_move
from matcher.trips.writer import OfferWriter


class CancelOffer:
    """An offer that is returned is CANCELLED on disk with all its bookings, and no search will find it. Cancelling twice is cancelling once."""

    def __init__(self, offers: OfferRepository, trips: TripRepository, writer: OfferWriter) -> None:
        self._offers = offers
        self._trips = trips
        self._alter = AlterTrip(trips, writer)

    async def __call__(
        self,
        offer_id: UUID,
        principal: Principal,
        now: datetime,
        expected_version: int | None = None,
        *,
        series_version: int = 0,
    ) -> Offer:
        """The cancelled offer. Without `expected_version` whatever version is stored is cancelled; `series_version` when a series asks for it.

        Its riders are told in the same transaction. One who is aboard already keeps the booking: that ride will be completed.
        Raises RoleForbidden, OfferNotFound, OfferNotOpen for a trip that is over, StaleVersion.
        """
        require_driver(principal)

        async def decide() -> Decision[Offer]:
            offer = await self._offers.get(offer_id)
            require_owner(offer, principal)
            if offer.status is OfferStatus.CANCELLED:
                return Decision(None, offer)
            if offer.status is not OfferStatus.OPEN:
                raise OfferNotOpen(f"the offer is {offer.status.value} and cannot be cancelled")
            if expected_version is not None and offer.version != expected_version:
                raise QuotedVersionStale(
                    f"the offer is at version {offer.version} now: read it again before cancelling it"
                )
            change = cancellation(offer, await self._trips.list_open(offer_id), now)
            assert change.offer is not None
            return Decision(replace(change, in_series=series_version), change.offer)

        cancelled = await self._alter(offer_id, decide)
        assert not isinstance(cancelled, StoredAnswer)
        return cancelled


def cancellation(offer: Offer, open_bookings: list[Booking], now: datetime) -> TripChange:
    """The end of an OPEN offer, with the bookings that wait for it or are confirmed and have not begun, and what their riders are told."""
    ended = [
        _ended(booking, now)
        for booking in open_bookings
        if booking.status is BookingStatus.WAITING_CONFIRMATION or now <= booking.pickup.latest
    ]
    gone = {booking.id for booking in ended}
    stops = [stop for stop in offer.booked_stops if stop.booking_id not in gone]
    cancelled = replace(
        with_stops(offer, stops), status=OfferStatus.CANCELLED, version=offer.version + 1, updated_at=now
    )
    return TripChange(
        cancelled,
        offer.version,
        now,
        moved=tuple(ended),
        events=tuple(event for booking in ended for event in events_of_move(booking, Actor.DRIVER)),
        known=frozenset(booking.id for booking in open_bookings),
    )


def _ended(booking: Booking, now: datetime) -> Booking:
    actor = Actor.DRIVER if now <= booking.pickup.latest else Actor.SYSTEM
    return moved(booking, BookingStatus.CANCELLED, actor, now, BookingTerms(), reason=CancelReason.TRIP_CANCELLED)
