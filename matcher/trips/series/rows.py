"""Between a Series and its rows in the tables `series`, `series_phases` and `series_occurrences`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, date, time, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import asyncpg

from matcher.domain.money import Money
from matcher.domain.offer import OfferStatus, TripFields
from matcher.domain.series import (
    Direction,
    Occurrence,
    OccurrenceKey,
    Phase,
    Route,
    Series,
    SeriesStatus,
    WayBack,
)
from matcher.postgres.store import from_row
from matcher.trips.offers.rows import place_to_json, to_place

#: What JSON holds as it is, under the same name; a phase that was stored before a field existed has its default.
_AS_STATED = tuple(f.name for f in fields(TripFields) if f.name not in {"preferences", "price"})


def to_phase_rows(series: Series) -> list[dict[str, object]]:
    """Every column of `series_phases` but the series' id, by name, as JSON values."""
    return [
        {
            "from_date": phase.from_date.isoformat(),
            "until_date": None if phase.until is None else phase.until.isoformat(),
            "weekdays": sorted(phase.weekdays),
            "departure": phase.departure.isoformat(),
            "return_departure": None if phase.back is None else phase.back.departure.isoformat(),
            "return_days_later": 0 if phase.back is None else phase.back.days_later,
            "trip": _trip_to_json(phase),
        }
        for phase in series.phases
    ]


def to_series(row: asyncpg.Record | Mapping[str, Any]) -> Series:
    """The series of a row with its phases as JSON."""
    return from_row(
        Series,
        row,
        status=SeriesStatus(row["status"]),
        zone=_zone(row["time_zone"]),
        zone_name=row["time_zone"],
        phases=tuple(_to_phase(phase) for phase in row["phases"]),
        exceptions=frozenset(row["exceptions"]),
    )


def to_occurrence(row: asyncpg.Record) -> Occurrence:
    """The occurrence of a row, with the state of its offer; the departure in UTC."""
    return from_row(
        Occurrence,
        row,
        key=OccurrenceKey(row["series_date"], Direction(row["direction"])),
        status=OfferStatus(row["status"]),
        departure=row["depart_at"],
    )


def _zone(name: str) -> tzinfo:
    """UTC for a zone that this machine's database does not have: then no local time of it can be known."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _trip_to_json(phase: Phase) -> dict[str, object]:
    route, trip = phase.route, phase.trip
    return {
        "origin": place_to_json(route.origin),
        "via": [place_to_json(place) for place in route.via],
        "destination": place_to_json(route.destination),
        "region_fingerprint": route.region_fingerprint,
        **{name: getattr(trip, name) for name in _AS_STATED},
        "preferences": dict(trip.preferences),
        "price_minor": None if trip.price is None else trip.price.minor,
        "price_currency": None if trip.price is None else trip.price.currency,
    }


def _to_phase(row: Mapping[str, Any]) -> Phase:
    """A row of `series_phases` that went through JSON."""
    trip = row["trip"]
    return Phase(
        from_date=date.fromisoformat(row["from_date"]),
        until=None if row["until_date"] is None else date.fromisoformat(row["until_date"]),
        weekdays=frozenset(row["weekdays"]),
        departure=time.fromisoformat(row["departure"]),
        back=None
        if row["return_departure"] is None
        else WayBack(time.fromisoformat(row["return_departure"]), row["return_days_later"]),
        route=Route(
            to_place(trip["origin"], ""),
            tuple(to_place(place, "") for place in trip["via"]),
            to_place(trip["destination"], ""),
            trip["region_fingerprint"],
        ),
        trip=TripFields(
            **{name: trip[name] for name in (*_AS_STATED, "preferences") if name in trip},
            price=None if trip["price_minor"] is None else Money(trip["price_minor"], trip["price_currency"]),
        ),
    )
