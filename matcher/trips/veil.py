"""The veil over a booking: what each side may see of it, wherever it is shown.

REST, events, webhooks and exports all show a `SeenBooking`, made here by one function for each audience.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from matcher.domain.booking import Actor, Booking, BookingStatus, CancelReason, RidePoint
from matcher.domain.match import Fare
from matcher.domain.offer import Offer

#: Before a booking is confirmed the driver sees places to about a kilometre, times to the minute and lengths to 100 m,
#: unless the rider walks so far to the meeting point that it does not show where they live. In a region with public
#: points they see the public point around the rider's door instead.
VEIL_DECIMALS, VEIL_S, VEIL_M, OPEN_FROM_WALK_CM = 2, 60, 100, 10_000


class Audience(StrEnum):
    """Who looks at a booking.

    OWNER is the rider, COUNTERPART the driver until it is confirmed, COMPANION the driver since.
    """

    OWNER = "owner"
    COUNTERPART = "counterpart"
    COMPANION = "companion"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class SeenPoint:
    """A pickup or dropoff as an audience sees it. `exact` is false where it is veiled; None is what they do not see."""

    lat: float
    lon: float
    exact: bool
    label: str | None
    time: datetime
    earliest: datetime | None
    latest: datetime
    walk_m: float | None = None
    walk_s: float | None = None


@dataclass(frozen=True, slots=True)
class SeenBooking:
    """A booking as an audience sees it, in metres, seconds and grams; None is what they do not see."""

    id: UUID
    offer_id: UUID
    status: BookingStatus
    version: int
    side: Actor
    seats: int
    rider_id: str | None
    driver_id: str | None
    pickup: SeenPoint
    dropoff: SeenPoint
    ride_s: float
    ride_m: float
    detour_s: float
    detour_m: float
    shared_m: float
    price: Fare | None
    co2_saved_g: int
    note: str
    reply: str
    expires_at: datetime | None
    confirmed_at: datetime | None
    completed_at: datetime | None
    completed_by: Actor | None
    cancelled_by: Actor | None
    reason: CancelReason | None
    created_at: datetime
    updated_at: datetime


def audience_of(booking: Booking, side: Actor) -> Audience:
    """The audience that somebody on this side of a booking belongs to now."""
    if side is Actor.DRIVER:
        return Audience.COMPANION if booking.was_confirmed else Audience.COUNTERPART
    return Audience.OWNER if side is Actor.RIDER else Audience.OPERATOR


def seen_by(booking: Booking, side: Actor) -> SeenBooking:
    """The booking as somebody on this side of it may see it now."""
    return VIEWS[audience_of(booking, side)](booking)


def side_of(booking: Booking, user: str) -> Actor:
    """The side of somebody who rides or drives on the booking."""
    return Actor.DRIVER if user == booking.driver_id else Actor.RIDER


def departure_for_rider(offer: Offer, booking: Booking) -> datetime | None:
    """When the trip leaves, to the minute; None until the booking is confirmed.

    With the time of the pickup it shows how far from there the driver lives.
    """
    return to_minute(offer.planned_departure) if booking.was_confirmed else None


def to_minute(moment: datetime) -> datetime:
    """The minute that has begun at a moment."""
    return moment.replace(second=0, microsecond=0)


def _for_owner(booking: Booking) -> SeenBooking:
    driver = booking.driver_id if booking.was_confirmed else None
    return _seen(booking, Actor.RIDER, booking.rider_id, driver, walks=True)


def _for_companion(booking: Booking) -> SeenBooking:
    return _seen(booking, Actor.DRIVER, booking.rider_id, booking.driver_id)


def _for_operator(booking: Booking) -> SeenBooking:
    return _seen(booking, Actor.OPERATOR, booking.rider_id, booking.driver_id, walks=True)


def _for_counterpart(booking: Booking) -> SeenBooking:
    return _seen(booking, Actor.DRIVER, None, booking.driver_id, veiled=True)


#: The view of each audience.
VIEWS: Mapping[Audience, Callable[[Booking], SeenBooking]] = MappingProxyType(
    {
        Audience.OWNER: _for_owner,
        Audience.COUNTERPART: _for_counterpart,
        Audience.COMPANION: _for_companion,
        Audience.OPERATOR: _for_operator,
    }
)


def _seen(
    booking: Booking, side: Actor, rider: str | None, driver: str | None, *, walks: bool = False, veiled: bool = False
) -> SeenBooking:
    def rounded(value: float, step: int) -> float:
        return float(round(value / step) * step) if veiled else value

    return SeenBooking(
        id=booking.id,
        offer_id=booking.offer_id,
        status=booking.status,
        version=booking.version,
        side=side,
        seats=booking.seats,
        rider_id=rider,
        driver_id=driver,
        pickup=_point(booking.pickup, veiled=veiled, walks=walks),
        dropoff=_point(booking.dropoff, veiled=veiled, walks=walks),
        ride_s=rounded(booking.ride_ms / 1000, VEIL_S),
        ride_m=rounded(booking.ride_cm / 100, VEIL_M),
        detour_s=rounded(booking.detour_ms / 1000, VEIL_S),
        detour_m=rounded(booking.detour_cm / 100, VEIL_M),
        shared_m=rounded(booking.shared_cm / 100, VEIL_M),
        # The price and the savings reveal the length of the ride.
        price=None if veiled else booking.fare,
        co2_saved_g=round(rounded(booking.co2_saved_g, VEIL_M)),
        note=booking.note,
        reply=booking.reply,
        expires_at=booking.expires_at,
        confirmed_at=booking.confirmed_at,
        completed_at=booking.completed_at,
        completed_by=booking.completed_by,
        cancelled_by=booking.cancelled_by,
        reason=booking.cancel_reason,
        created_at=booking.created_at,
        updated_at=booking.updated_at,
    )


def _point(point: RidePoint, *, veiled: bool, walks: bool) -> SeenPoint:
    public = point.public if veiled else None
    exact = not veiled or (public is None and point.walk_cm >= OPEN_FROM_WALK_CM)
    place = public or point.place
    digits = 7 if exact or public is not None else VEIL_DECIMALS
    shown = (lambda moment: moment) if exact else to_minute
    at = place.coordinate
    return SeenPoint(
        lat=round(at.lat, digits),
        lon=round(at.lon, digits),
        exact=exact,
        label=place.label if exact or public is not None else None,
        time=shown(point.at),
        earliest=None if point.earliest is None else shown(point.earliest),
        latest=shown(point.latest),
        walk_m=point.walk_cm / 100 if walks else None,
        walk_s=point.walk_ms / 1000 if walks else None,
    )
