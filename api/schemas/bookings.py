"""Bookings on the wire: what is asked, how it is moved, and how much of it each side sees when."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.fields import (
    OFFER_ID,
    Absent,
    Identifier,
    Latitude,
    Longitude,
    Maybe,
    Metres,
    PageQuery,
    Seconds,
    WireIn,
    WireOut,
    line,
    text,
)
from api.schemas.money import FareOut
from matcher.domain.booking import MAX_NOTE, Actor, Booking, BookingStatus, RidePoint

MAX_MATCH_ID = 2048
#: Before a booking is confirmed the driver sees places to about a kilometre, times to the minute and lengths to 100 m,
#: unless the rider walks so far to the meeting point that it does not reveal their home.
VEIL_DECIMALS, VEIL_M, OPEN_FROM_WALK_CM = 2, 100, 10_000

StatusName = Literal["WAITING_CONFIRMATION", "CONFIRMED", "CANCELLED", "COMPLETED_PENDING_VALIDATION", "VALIDATED"]
Side = Literal["rider", "driver", "operator"]
By = Literal["rider", "driver", "operator", "system"]
Reason = Literal[
    "refused_by_driver",
    "lapsed",
    "cancelled_by_rider",
    "cancelled_by_driver",
    "cancelled_by_operator",
    "trip_cancelled",
]

_ASK: dict[str, Any] = {"match_id": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJyaXRhIn0.c2ln", "note": "one small suitcase"}


class BookingIn(WireIn):
    """A request for seats of a matched offer."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ASK]})

    match_id: Annotated[str, line(MAX_MATCH_ID, "the match's `match_id`", _ASK["match_id"])]
    note: Annotated[str, text(MAX_NOTE, "message to the driver", "one small suitcase")] = ""


class BookingPatch(WireIn):
    """A change of status.

    The driver confirms or refuses (CANCELLED) a waiting booking; either side cancels before the ride, completes it
    after boarding, and validates what the other side has completed.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "CONFIRMED"}, {"status": "CANCELLED", "note": "the car is broken"}]}
    )

    status: Literal["CONFIRMED", "CANCELLED", "COMPLETED_PENDING_VALIDATION", "VALIDATED"]
    note: Absent[Annotated[str, text(MAX_NOTE, "message to the other side", "see you at the bus stop")]] = None

    @property
    def status_wanted(self) -> BookingStatus:
        """The new status."""
        return BookingStatus(self.status)


class BookingListQuery(PageQuery):
    """Which bookings, and how many per page."""

    status: Absent[Annotated[StatusName, Field(description="only bookings with this status")]] = None
    offer_id: Absent[
        Annotated[
            str,
            Field(
                pattern=OFFER_ID,
                description="only bookings of this offer",
            ),
        ]
    ] = None

    @property
    def statuses_wanted(self) -> tuple[BookingStatus, ...] | None:
        """The status requested, if any."""
        return None if self.status is None else (BookingStatus(self.status),)

    @property
    def offer_wanted(self) -> UUID | None:
        """The offer requested, if any."""
        return None if self.offer_id is None else UUID(self.offer_id)


class RidePointOut(WireOut):
    """Where and when the rider boards or alights; only approximate for the driver until the booking is confirmed."""

    lat: Latitude
    lon: Longitude
    exact: bool = Field(description="false: rounded to about a kilometre, and the time to the minute")
    label: Maybe[str] = Field(None, description="name of the place; only when exact")
    time: datetime = Field(description="as planned now")
    earliest: Maybe[datetime] = Field(None, description="promised: not earlier; absent without such a promise")
    latest: datetime = Field(description="promised: not later")
    walk_m: Maybe[Metres] = Field(None, description="the rider's walk to or from their door; shown to the rider only")
    walk_s: Maybe[Seconds] = None

    @classmethod
    def seen(cls, point: RidePoint, *, exact: bool, with_walk: bool) -> RidePointOut:
        """The point, rounded unless it may be seen exactly."""
        at = point.place.coordinate
        digits = 7 if exact else VEIL_DECIMALS
        return cls(
            lat=round(at.lat, digits),
            lon=round(at.lon, digits),
            exact=exact,
            label=point.place.label if exact else None,
            time=point.at if exact else _to_minute(point.at),
            earliest=point.earliest if exact or point.earliest is None else _to_minute(point.earliest),
            latest=point.latest if exact else _to_minute(point.latest),
            walk_m=point.walk_cm / 100 if with_walk else None,
            walk_s=point.walk_ms / 1000 if with_walk else None,
        )


class BookingOut(WireOut):
    """A booking as the reader may see it. Names and exact places are shown to the other side once it is confirmed."""

    id: Identifier
    offer_id: Identifier
    status: StatusName
    version: Annotated[int, Field(ge=1, description="increases by one with every change; the ETag")]
    side: Side = Field(description="the side whose view this is")
    seats: int
    rider_id: Maybe[str] = Field(None, description="the rider; shown to the driver once confirmed")
    driver_id: Maybe[str] = Field(None, description="the driver; shown to the rider once confirmed")
    pickup: RidePointOut
    dropoff: RidePointOut
    ride_s: Seconds
    ride_m: Metres
    detour_s: float = Field(description="added driving time as agreed, seconds")
    detour_m: float = Field(description="added distance, metres; may be negative, as a faster route may be shorter")
    shared_m: Metres = Field(description="distance in common with the rider's own best route, metres")
    price: Maybe[FareOut] = Field(
        None,
        description="for all seats, as agreed; the driver sees it once confirmed; absent without a cost of driving",
    )
    co2_saved_g: int = Field(ge=0, description="as planned when requested")
    note: str = Field(description="message from the rider")
    reply: str = Field(description="message with the latest change")
    expires_at: Maybe[datetime] = Field(None, description="when it lapses unless the driver answers")
    confirmed_at: Maybe[datetime] = None
    completed_at: Maybe[datetime] = None
    completed_by: Maybe[By] = Field(None, description="the other side has to validate it")
    cancelled_by: Maybe[By] = None
    reason: Maybe[Reason] = Field(None, description="why it is CANCELLED")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def seen_by(cls, booking: Booking, side: Actor) -> BookingOut:
        """The booking as one side sees it now."""
        open_to_all = booking.was_confirmed or side is not Actor.DRIVER
        veil = 0 if open_to_all else VEIL_M
        return cls.of(
            booking,
            status=booking.status.value,
            side=side.value,
            rider_id=booking.rider_id if open_to_all else None,
            driver_id=booking.driver_id if booking.was_confirmed or side is not Actor.RIDER else None,
            pickup=_seen(booking.pickup, side, open_to_all),
            dropoff=_seen(booking.dropoff, side, open_to_all),
            ride_s=_rounded(booking.ride_ms / 1000, 60 if veil else 0),
            ride_m=_rounded(booking.ride_cm / 100, veil),
            detour_s=_rounded(booking.detour_ms / 1000, 60 if veil else 0),
            detour_m=_rounded(booking.detour_cm / 100, veil),
            shared_m=_rounded(booking.shared_cm / 100, veil),
            # The price and the savings reveal the length of the ride.
            price=FareOut.from_fare(booking.fare) if booking.fare is not None and open_to_all else None,
            co2_saved_g=round(_rounded(booking.co2_saved_g, veil)),
            completed_by=None if booking.completed_by is None else booking.completed_by.value,
            cancelled_by=None if booking.cancelled_by is None else booking.cancelled_by.value,
            reason=None if booking.cancel_reason is None else booking.cancel_reason.value,
        )


class BookingPageOut(WireOut):
    """One page of bookings, newest first."""

    bookings: list[BookingOut]
    next_cursor: Maybe[str] = Field(None, description="for the next page; absent on the last one")


def _seen(point: RidePoint, side: Actor, open_to_all: bool) -> RidePointOut:
    exact = open_to_all or point.walk_cm >= OPEN_FROM_WALK_CM
    return RidePointOut.seen(point, exact=exact, with_walk=side is not Actor.DRIVER)


def _rounded(value: float, step: int) -> float:
    return value if step == 0 else float(round(value / step) * step)


def _to_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
