"""Between a Booking and its row in the table `bookings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

import asyncpg

from matcher.domain.booking import Actor, Booking, BookingStatus, CancelReason, RidePoint
from matcher.domain.match import Fare, PriceKind
from matcher.domain.money import Money
from matcher.trips.offers.rows import place_to_json, to_place

#: Fields that are read and written otherwise than as they are, beside those of `_WORDS`.
_MAPPED = {"pickup", "dropoff", "fare"}
_WORDS = {"status": BookingStatus, "completed_by": Actor, "cancelled_by": Actor, "cancel_reason": CancelReason}
_PLAIN = tuple(f.name for f in fields(Booking) if f.name not in _MAPPED | _WORDS.keys())


def to_booking_row(booking: Booking) -> dict[str, object]:
    """Every column of `bookings`, by name."""
    offset = booking.pickup.at.utcoffset()
    if offset is None:
        raise ValueError("the times of a booking need an offset")
    fare = booking.fare
    return {
        **{name: getattr(booking, name) for name in (*_PLAIN, *_WORDS)},  # a StrEnum is its word
        **_point_to_row("pickup", booking.pickup),
        **_point_to_row("dropoff", booking.dropoff),
        "offset_s": round(offset.total_seconds()),
        "price_minor": None if fare is None else fare.money.minor,
        "price_currency": None if fare is None else fare.money.currency,
        "price_kind": None if fare is None else fare.kind.value,
    }


def to_booking(row: asyncpg.Record | Mapping[str, Any]) -> Booking:
    """The booking of a row; the times of its ride in the offset they were given in, the others in UTC."""
    zone = timezone(timedelta(seconds=row["offset_s"]))
    words: dict[str, Any] = {name: None if row[name] is None else kind(row[name]) for name, kind in _WORDS.items()}
    return Booking(
        **{name: row[name] for name in _PLAIN},
        **words,
        pickup=_to_point(row, "pickup", zone),
        dropoff=_to_point(row, "dropoff", zone),
        fare=_to_fare(row),
    )


def _to_fare(row: asyncpg.Record | Mapping[str, Any]) -> Fare | None:
    if row["price_minor"] is None:
        return None
    return Fare(Money(row["price_minor"], row["price_currency"]), PriceKind(row["price_kind"]))


def _point_to_row(name: str, point: RidePoint) -> dict[str, object]:
    return {
        name: {
            **place_to_json(point.place),
            "walk_cm": point.walk_cm,
            "walk_ms": point.walk_ms,
            **({} if point.public is None else {"public": place_to_json(point.public)}),
        },
        f"{name}_at": point.at,
        f"{name}_earliest_at": point.earliest,
        f"{name}_latest_at": point.latest,
    }


def _to_point(row: asyncpg.Record | Mapping[str, Any], name: str, zone: tzinfo) -> RidePoint:
    def local(moment: datetime | None) -> datetime | None:
        return None if moment is None else moment.astimezone(zone)

    at, latest = row[f"{name}_at"].astimezone(zone), row[f"{name}_latest_at"].astimezone(zone)
    kept = row[name]
    public = to_place(kept["public"], "") if "public" in kept else None
    return RidePoint(
        to_place(kept, ""), kept["walk_cm"], kept["walk_ms"], at, local(row[f"{name}_earliest_at"]), latest, public
    )
