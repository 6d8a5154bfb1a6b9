"""Between an Offer and its rows in the tables `offers` and `offer_stops`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import asyncpg

from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.money import Money
from matcher.domain.offer import Doors, Offer, OfferStatus, TripFields
from matcher.domain.place import Coordinate, Place, RoadPosition
from matcher.postgres.store import from_row
from matcher.trips.offers.repository import CurrentState

#: Fields that the column of the same name holds as they are; those that are not among them are mapped below.
_PLAIN = tuple(
    f.name
    for f in fields(Offer)
    if f.name
    not in {"status", "origin", "destination", "via", "doors", "departure", "preferences", "price", "booked_stops"}
)


def to_row(offer: Offer) -> dict[str, object]:
    """Every column of `offers`, by name."""
    offset = offer.departure.utcoffset()
    if offset is None:
        raise ValueError("a departure needs an offset")
    zone = offer.departure.tzinfo
    return {
        **{name: getattr(offer, name) for name in _PLAIN},
        "status": offer.status.value,
        **{f"origin_{name}": value for name, value in place_to_json(offer.origin).items()},
        **{f"destination_{name}": value for name, value in place_to_json(offer.destination).items()},
        "via": [place_to_json(place) for place in offer.via],
        "doors": None if offer.doors is None else _doors_to_json(offer.doors),
        "depart_at": offer.departure,
        "depart_offset_s": round(offset.total_seconds()),
        "depart_zone": zone.key if isinstance(zone, ZoneInfo) else None,
        "over_at": offer.latest_arrival,
        "preferences": dict(offer.preferences),
        "price_minor": None if offer.price is None else offer.price.minor,
        "price_currency": None if offer.price is None else offer.price.currency,
    }


def to_stop_rows(offer: Offer) -> list[dict[str, object]]:
    """Every column of `offer_stops` but the offer's id, by name, a row for each booked stop."""
    return [
        {
            "position": position,
            "kind": stop.kind.value,
            **place_to_json(stop.place),
            "booking_id": None if stop.booking_id is None else str(stop.booking_id),
            "seats": stop.seats,
            "earliest_at": None if stop.earliest is None else stop.earliest.isoformat(),
            "latest_at": None if stop.latest is None else stop.latest.isoformat(),
            "at_door": stop.at_door,
        }
        for position, stop in enumerate(offer.booked_stops, start=1)
    ]


def to_offer(row: asyncpg.Record | Mapping[str, Any]) -> Offer:
    """The offer of a row.

    Its departure and promises in the zone it was given in, else in the offset, other times in UTC.
    """
    departure = to_local(row["depart_at"], row["depart_offset_s"], row["depart_zone"])
    return Offer(
        **{name: row[name] for name in _PLAIN},
        status=OfferStatus(row["status"]),
        origin=to_place(row, "origin_"),
        destination=to_place(row, "destination_"),
        via=tuple(to_place(place, "") for place in row["via"]),
        doors=None if row["doors"] is None else _to_doors(row["doors"]),
        departure=departure,
        preferences=row["preferences"],
        price=_to_price(row),
        booked_stops=tuple(_to_stop(stop, departure.tzinfo) for stop in row["booked_stops"] or ()),
    )


def to_current_state(row: asyncpg.Record) -> CurrentState:
    """What a match is checked against."""
    stated = from_row(TripFields, row, seats=row["seats_offered"], price=_to_price(row))
    return from_row(CurrentState, row, status=OfferStatus(row["status"]), stated=stated)


def _doors_to_json(doors: Doors) -> dict[str, object]:
    return {
        "origin": place_to_json(doors.origin),
        "via": [place_to_json(place) for place in doors.via],
        "destination": place_to_json(doors.destination),
        "lead_ms": doors.lead_ms,
    }


def _to_doors(kept: Mapping[str, Any]) -> Doors:
    return Doors(
        origin=to_place(kept["origin"], ""),
        via=tuple(to_place(place, "") for place in kept["via"]),
        destination=to_place(kept["destination"], ""),
        lead_ms=kept["lead_ms"],
    )


def _to_price(row: asyncpg.Record | Mapping[str, Any]) -> Money | None:
    return None if row["price_minor"] is None else Money(row["price_minor"], row["price_currency"])


def place_to_json(place: Place) -> dict[str, object]:
    """A place as JSON keeps it."""
    return {
        "lat": place.coordinate.lat,
        "lon": place.coordinate.lon,
        "label": place.label,
        "address": place.address,
        "edge": place.position.edge,
        "fraction": place.position.fraction,
        "road_distance_m": place.road_distance_m,
    }


def to_place(row: asyncpg.Record | Mapping[str, Any], prefix: str) -> Place:
    """The place in the columns, or keys, that begin with `prefix`."""
    return Place(
        coordinate=Coordinate(lat=row[prefix + "lat"], lon=row[prefix + "lon"]),
        label=row[prefix + "label"],
        position=RoadPosition(edge=row[prefix + "edge"], fraction=row[prefix + "fraction"]),
        road_distance_m=row[prefix + "road_distance_m"],
        address=row[prefix + "address"],
    )


def _to_stop(stop: Mapping[str, Any], zone: tzinfo | None) -> Stop:
    """A row of `offer_stops` that went through JSON."""
    earliest, latest = (
        None if text is None else datetime.fromisoformat(text).astimezone(zone)
        for text in (stop["earliest_at"], stop["latest_at"])
    )
    booking_id = None if stop["booking_id"] is None else UUID(stop["booking_id"])
    return Stop(
        StopKind(stop["kind"]), to_place(stop, ""), booking_id, stop["seats"], earliest, latest, stop["at_door"]
    )


def to_local(moment: datetime, offset_s: int, zone: str | None) -> datetime:
    """A moment in a named zone, or at an offset where there is none or this machine does not know it."""
    known = None if zone is None else _find_zone(zone)
    return moment.astimezone(_offset(offset_s) if known is None else known)


@cache
def _offset(offset_s: int) -> timezone:
    return timezone(timedelta(seconds=offset_s))


@cache
def _find_zone(key: str) -> ZoneInfo | None:
    """None for a zone that this machine's database does not have: the offset is kept beside it for that."""
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError):
        return None
