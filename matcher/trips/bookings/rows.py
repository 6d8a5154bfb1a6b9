"""Between a Booking and its row in the table `bookings`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

import asyncpg

from matcher.domain.booking import Actor, Booking, BookingStatus, CancelReason, RidePoint
from matcher.domain.match import Fare, PriceKind
from matcher.domain.money import Money
from matcher.trips.offers.rows import place_to_json, to_place

#: What no move changes.
FIXED_COLUMNS = (
    "offer_id", "driver_id", "rider_id", "seats", "pickup_earliest_at", "pickup_latest_at", "dropoff_earliest_at",
    "dropoff_latest_at", "offset_s", "note", "created_at", "price_minor", "price_currency", "price_kind",
)  # fmt: skip


def to_booking_row(booking: Booking) -> dict[str, object]:
    """Every column of `bookings`, by name."""
    offset = booking.pickup.at.utcoffset()
    if offset is None:
        raise ValueError("the times of a booking need an offset")
    return {
        "id": booking.id,
        "offer_id": booking.offer_id,
        "driver_id": booking.driver_id,
        "rider_id": booking.rider_id,
        "status": booking.status.value,
        "version": booking.version,
        "seats": booking.seats,
        "region_fingerprint": booking.region_fingerprint,
        **_point_to_row("pickup", booking.pickup),
        **_point_to_row("dropoff", booking.dropoff),
        "offset_s": round(offset.total_seconds()),
        "ride_ms": booking.ride_ms,
        "ride_cm": booking.ride_cm,
        "detour_ms": booking.detour_ms,
        "detour_cm": booking.detour_cm,
        "shared_cm": booking.shared_cm,
        "note": booking.note,
        "reply": booking.reply,
        "created_at": booking.created_at,
        "updated_at": booking.updated_at,
        "due_at": booking.due_at,
        "confirmed_at": booking.confirmed_at,
        "completed_at": booking.completed_at,
        "completed_by": None if booking.completed_by is None else booking.completed_by.value,
        "cancelled_by": None if booking.cancelled_by is None else booking.cancelled_by.value,
        "cancel_reason": None if booking.cancel_reason is None else booking.cancel_reason.value,
        "price_minor": None if booking.fare is None else booking.fare.money.minor,
        "price_currency": None if booking.fare is None else booking.fare.money.currency,
        "price_kind": None if booking.fare is None else booking.fare.kind.value,
        "co2_saved_g": booking.co2_saved_g,
    }


def to_booking(row: asyncpg.Record | Mapping[str, Any]) -> Booking:
    """The booking of a row; the times of its ride in the offset they were given in, the others in UTC."""
    zone = timezone(timedelta(seconds=row["offset_s"]))
    return Booking(
        id=row["id"],
        offer_id=row["offer_id"],
        driver_id=row["driver_id"],
        rider_id=row["rider_id"],
        status=BookingStatus(row["status"]),
        version=row["version"],
        seats=row["seats"],
        region_fingerprint=row["region_fingerprint"],
        pickup=_to_point(row, "pickup", zone),
        dropoff=_to_point(row, "dropoff", zone),
        ride_ms=row["ride_ms"],
        ride_cm=row["ride_cm"],
        detour_ms=row["detour_ms"],
        detour_cm=row["detour_cm"],
        shared_cm=row["shared_cm"],
        note=row["note"],
        reply=row["reply"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        due_at=row["due_at"],
        confirmed_at=row["confirmed_at"],
        completed_at=row["completed_at"],
        completed_by=None if row["completed_by"] is None else Actor(row["completed_by"]),
        cancelled_by=None if row["cancelled_by"] is None else Actor(row["cancelled_by"]),
        cancel_reason=None if row["cancel_reason"] is None else CancelReason(row["cancel_reason"]),
        fare=_to_fare(row),
        co2_saved_g=row["co2_saved_g"],
    )


def _to_fare(row: asyncpg.Record | Mapping[str, Any]) -> Fare | None:
    if row["price_minor"] is None:
        return None
    return Fare(Money(row["price_minor"], row["price_currency"]), PriceKind(row["price_kind"]))


def _point_to_row(name: str, point: RidePoint) -> dict[str, object]:
    return {
        name: {**place_to_json(point.place), "walk_cm": point.walk_cm, "walk_ms": point.walk_ms},
        f"{name}_at": point.at,
        f"{name}_earliest_at": point.earliest,
        f"{name}_latest_at": point.latest,
    }


def _to_point(row: asyncpg.Record | Mapping[str, Any], name: str, zone: tzinfo) -> RidePoint:
    def local(moment: datetime | None) -> datetime | None:
        return None if moment is None else moment.astimezone(zone)

    at, latest = row[f"{name}_at"].astimezone(zone), row[f"{name}_latest_at"].astimezone(zone)
    kept = row[name]
    return RidePoint(
        to_place(kept, ""), kept["walk_cm"], kept["walk_ms"], at, local(row[f"{name}_earliest_at"]), latest
    )
