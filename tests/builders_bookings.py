"""Bookings that tests are about, with readable defaults."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from matcher.domain.booking import Actor, Booking, BookingStatus, CancelReason, RidePoint
from matcher.domain.place import Place
from tests.builders import NOW, a_place

BOARDS = NOW + timedelta(hours=1, minutes=5)


def a_point(place: Place, at: datetime, *, tolerance: timedelta = timedelta(minutes=5), walk_cm: int = 0) -> RidePoint:
    """A point with a promise around its time."""
    return RidePoint(place, walk_cm, walk_cm * 10, at, at - tolerance, at + tolerance)


def a_booking(
    *,
    status: BookingStatus = BookingStatus.WAITING_CONFIRMATION,
    offer_id: UUID | None = None,
    seats: int = 1,
    pickup: RidePoint | None = None,
    dropoff: RidePoint | None = None,
    completed_by: Actor | None = None,
    **changes: Any,
) -> Booking:
    """A rider along the way of the default offer, who boards five minutes after it leaves; what goes with a state is
    there.
    """
    confirmed = status in {
        BookingStatus.CONFIRMED, BookingStatus.COMPLETED_PENDING_VALIDATION, BookingStatus.VALIDATED
    }  # fmt: skip
    completed = status in {BookingStatus.COMPLETED_PENDING_VALIDATION, BookingStatus.VALIDATED}
    cancelled = status is BookingStatus.CANCELLED
    values: dict[str, Any] = {
        "id": uuid4(),
        "offer_id": uuid4() if offer_id is None else offer_id,
        "driver_id": "dora",
        "rider_id": "rita",
        "status": status,
        "version": 1,
        "seats": seats,
        "region_fingerprint": "fingerprint",
        "pickup": pickup or a_point(a_place(0, 0.75, "From"), BOARDS),
        "dropoff": dropoff or a_point(a_place(2, 0.25, "To"), BOARDS + timedelta(minutes=10)),
        "ride_ms": 600_000,
        "ride_cm": 900_000,
        "detour_ms": 0,
        "detour_cm": 0,
        "shared_cm": 900_000,
        "note": "",
        "created_at": NOW,
        "updated_at": NOW,
        "due_at": None,
        "confirmed_at": NOW if confirmed else None,
        "completed_at": NOW if completed else None,
        "completed_by": (completed_by or Actor.SYSTEM) if completed else None,
        "cancelled_by": Actor.RIDER if cancelled else None,
        "cancel_reason": CancelReason.CANCELLED_BY_RIDER if cancelled else None,
    }
    return Booking(**(values | changes))
