"""Bookings in memory, beside the offers in memory."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from matcher.domain.booking import Booking, BookingStatus, CancelReason
from matcher.domain.errors.bookings import BookingExists, BookingNotFound
from matcher.domain.errors.tree import OfferNotOpen, StaleVersion
from matcher.domain.idempotency import KeptAnswer
from matcher.domain.offer import Offer, OfferStatus
from matcher.events.event import Event
from matcher.postgres.store import KeysetPage
from matcher.trips.bookings.repository import Decide, TripChange
from tests.fakes import OffersInMemory

_ENDED = {BookingStatus.CANCELLED, BookingStatus.VALIDATED}


class TripsInMemory:
    """Bookings, and the events that were written with them."""

    def __init__(self, offers: OffersInMemory) -> None:
        self.offers = offers
        self.stored: dict[UUID, Booking] = {}
        self.events: list[Event] = []

    async def commit(self, change: TripChange, kept: KeptAnswer | None = None) -> None:
        await self._hold(change)
        await self._refuse_another(change)
        await self.offers.keep(kept)
        if change.offer is not None and change.changes_offer:
            await self.offers.update(change.offer, expected_version=change.read_version)
        for booking in (*change.moved, *([] if change.new is None else [change.new])):
            self.stored[booking.id] = booking
        self._tell(change.events)

    async def _hold(self, change: TripChange) -> None:
        if change.offer is not None and not change.changes_offer:
            held = await self.offers.get(change.offer.id)
            if held.version != change.read_version:
                raise StaleVersion("changed meanwhile")
            if held.status is not OfferStatus.OPEN:
                raise OfferNotOpen("not open")
        if any(self.stored[booking.id].version != booking.version - 1 for booking in change.moved):
            raise StaleVersion("changed meanwhile")

    async def _refuse_another(self, change: TripChange) -> None:
        if change.new is not None:
            for other in await self.list_open(change.new.offer_id):
                if other.rider_id == change.new.rider_id:
                    raise BookingExists("one is open", extra={"booking_id": str(other.id)})
        if change.known is not None and change.offer is not None:
            others = {booking.id for booking in await self.list_open(change.offer.id)} - change.known
            if others:
                raise StaleVersion("somebody has asked meanwhile")

    def _tell(self, events: Collection[Event]) -> None:
        told = {(event.recipient, event.dedupe_key) for event in self.events if event.dedupe_key is not None}
        self.events += [event for event in events if (event.recipient, event.dedupe_key) not in told]

    async def get(self, booking_id: UUID) -> Booking:
        if booking_id not in self.stored:
            raise BookingNotFound("no such booking")
        return self.stored[booking_id]

    async def list_open(self, offer_id: UUID) -> list[Booking]:
        found = [booking for booking in self.stored.values() if booking.offer_id == offer_id and booking.is_open]
        return sorted(found, key=lambda booking: (booking.created_at, booking.id))

    async def list_waiting(self, one: str, other: str) -> list[Booking]:
        found = [
            booking
            for booking in self.stored.values()
            if booking.status is BookingStatus.WAITING_CONFIRMATION
            and {booking.driver_id, booking.rider_id} == {one, other}
        ]
        return sorted(found, key=lambda booking: (booking.created_at, booking.id))

    async def find_withdrawal(self, offer_id: UUID, rider_id: str, number: int) -> datetime | None:
        moments = sorted(
            (
                booking.updated_at
                for booking in self.stored.values()
                if (booking.offer_id, booking.rider_id) == (offer_id, rider_id)
                and booking.cancel_reason is CancelReason.CANCELLED_BY_RIDER
            ),
            reverse=True,
        )
        return moments[number - 1] if len(moments) >= number else None

    async def list_page(
        self,
        *,
        user: str | None,
        statuses: Collection[BookingStatus] | None,
        offer_id: UUID | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> KeysetPage[Booking]:
        fitting = sorted(
            (
                booking
                for booking in self.stored.values()
                if (user is None or user in {booking.rider_id, booking.driver_id})
                and (statuses is None or booking.status in statuses)
                and (offer_id is None or booking.offer_id == offer_id)
                and (after is None or (booking.created_at, booking.id) < after)
            ),
            key=lambda booking: (booking.created_at, booking.id),
            reverse=True,
        )
        return KeysetPage.of(fitting, limit, lambda booking: (booking.created_at, booking.id))

    async def move_due(self, now: datetime, decide: Decide, *, limit: int) -> int:
        due = [booking for booking in self.stored.values() if booking.due_at is not None and booking.due_at <= now]
        for booking in due[:limit]:
            moved, told = decide(booking)
            self.stored[booking.id] = moved
            self._tell(list(told))
        return min(len(due), limit)

    async def forget_bookings(self, before: datetime, limit: int) -> int:
        old = [b.id for b in self.stored.values() if b.status in _ENDED and b.updated_at < before][:limit]
        for booking_id in old:
            del self.stored[booking_id]
        return len(old)


class FitsAsItIs:
    """An OfferFitter for offers that are on the present roads."""

    def fit(self, offer: Offer) -> Offer:
        """The offer."""
        return offer
