"""Who is told what when a booking or a trip changes.

Ids, states and times only, as the recipient's own view of the booking has them; nobody is told of what they did
themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from matcher.domain.booking import Actor, Booking, BookingStatus, CancelReason
from matcher.domain.offer import Offer
from matcher.events.event import Event, EventKind, Json
from matcher.trips.veil import departure_for_rider, seen_by, side_of

_OF_REASON = {
    CancelReason.REFUSED_BY_DRIVER: EventKind.BOOKING_REFUSED,
    CancelReason.LAPSED: EventKind.BOOKING_LAPSED,
    CancelReason.TRIP_CANCELLED: EventKind.TRIP_CANCELLED,
}
_OF_STATUS = {
    BookingStatus.WAITING_CONFIRMATION: EventKind.BOOKING_ASKED,
    BookingStatus.CONFIRMED: EventKind.BOOKING_CONFIRMED,
    BookingStatus.COMPLETED_PENDING_VALIDATION: EventKind.BOOKING_COMPLETED,
    BookingStatus.VALIDATED: EventKind.BOOKING_COMPLETED,
}


def events_of_move(booking: Booking, actor: Actor) -> list[Event]:
    """What is told of a booking that `actor` has just moved to where it is: to the driver, to the rider, or to both."""
    told = {booking.driver_id, booking.rider_id}
    if actor is Actor.RIDER:
        told = {booking.driver_id}
    elif actor is Actor.DRIVER or booking.cancel_reason is CancelReason.LAPSED:
        told = {booking.rider_id}
    if booking.cancel_reason is CancelReason.TRIP_CANCELLED:
        told = {booking.rider_id}
    return [_event(kind_of(booking), booking, recipient) for recipient in sorted(told)]


def events_of_trip(bookings: Iterable[Booking], offer: Offer, fits: Mapping[UUID, bool]) -> list[Event]:
    """What riders are told of a trip that its driver has changed. fits: whether those who wait still fit."""
    return [
        Event.of(
            EventKind.TRIP_CHANGED,
            booking.rider_id,
            offer.id,
            f"trip:{offer.id}:{offer.version}:{booking.id}",
            **_data(booking, booking.rider_id),
            offer_version=offer.version,
            **({} if (at := departure_for_rider(offer, booking)) is None else {"departure_time": at.isoformat()}),
            **({"fits": fits[booking.id]} if booking.id in fits else {}),
        )
        for booking in bookings
    ]


def kind_of(booking: Booking) -> EventKind:
    """The event that a booking's present state is."""
    if booking.status is BookingStatus.CANCELLED and booking.cancel_reason is not None:
        return _OF_REASON.get(booking.cancel_reason, EventKind.BOOKING_CANCELLED)
    return _OF_STATUS[booking.status]


def cause_of(booking: Booking) -> str:
    """The key under which one person is told once that a booking is where it is."""
    return f"booking:{booking.id}:{booking.status.value}"


def _event(kind: EventKind, booking: Booking, recipient: str) -> Event:
    return Event.of(kind, recipient, booking.offer_id, cause_of(booking), **_data(booking, recipient))


def _data(booking: Booking, recipient: str) -> dict[str, Json]:
    seen = seen_by(booking, side_of(booking, recipient))
    data: dict[str, Json] = {
        "booking_id": str(seen.id),
        "offer_id": str(seen.offer_id),
        "status": seen.status.value,
        "version": seen.version,
        "seats": seen.seats,
        "pickup_time": seen.pickup.time.isoformat(),
        "dropoff_time": seen.dropoff.time.isoformat(),
    }
    if seen.reason is not None:
        data["reason"] = seen.reason.value
    return data
