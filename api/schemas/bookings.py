"""Bookings on the wire: what is asked, how it is moved, and how much of it each side sees when."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.fields import (
    CLEANED,
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
from matcher.domain.booking import MAX_NOTE, Actor, Booking, BookingStatus
from matcher.trips.veil import seen_by

MAX_MATCH_ID = 2048

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
    note: Annotated[str, text(MAX_NOTE, "message to the driver", "one small suitcase"), CLEANED] = ""


class BookingPatch(WireIn):
    """A change of status.

    The driver confirms or refuses (CANCELLED) a waiting booking; either side cancels before the ride, completes it
    after boarding, and validates what the other side has completed.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "CONFIRMED"}, {"status": "CANCELLED", "note": "the car is broken"}]}
    )

    status: Literal["CONFIRMED", "CANCELLED", "COMPLETED_PENDING_VALIDATION", "VALIDATED"]
    note: Absent[Annotated[str, text(MAX_NOTE, "message to the other side", "see you at the bus stop"), CLEANED]] = None

    @property
    def status_wanted(self) -> BookingStatus:
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
        return None if self.status is None else (BookingStatus(self.status),)

    @property
    def offer_wanted(self) -> UUID | None:
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
        seen = seen_by(booking, side)
        return cls.of(
            seen,
            status=seen.status.value,
            side=seen.side.value,
            pickup=RidePointOut.of(seen.pickup),
            dropoff=RidePointOut.of(seen.dropoff),
            price=None if seen.price is None else FareOut.from_fare(seen.price),
            completed_by=None if seen.completed_by is None else seen.completed_by.value,
            cancelled_by=None if seen.cancelled_by is None else seen.cancelled_by.value,
            reason=None if seen.reason is None else seen.reason.value,
        )


class BookingPageOut(WireOut):
    """One page of bookings, newest first."""

    bookings: list[BookingOut]
    next_cursor: Maybe[str] = Field(None, description="for the next page; absent on the last one")
