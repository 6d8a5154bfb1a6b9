"""Offers as they are stored, with readable defaults."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.place import Coordinate, Place, RoadPosition

NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
COQUIMBO_TIME = timezone(timedelta(hours=-3))


def a_place(label: str = "Avenida La Cantera", *, lat: float = -29.953, lon: float = -71.338) -> Place:
    """A place 12.5 m off its street."""
    return Place(Coordinate(lat=lat, lon=lon), label, RoadPosition(edge=17, fraction=0.25), 12.5, address=None)


def a_stored_offer(**changes: object) -> Offer:
    """Three seats at 07:45 local, 20 minutes' drive, open, version 1."""
    values: dict[str, object] = {
        "id": uuid4(),
        "driver_id": "alice",
        "region": "coquimbo",
        "region_fingerprint": "f1",
        "status": OfferStatus.OPEN,
        "version": 1,
        "origin": a_place("Peñuelas"),
        "destination": a_place("La Serena, Ñandú 7", lat=-29.9, lon=-71.25),
        "via": (),
        "departure": datetime(2026, 12, 1, 7, 45, tzinfo=COQUIMBO_TIME),
        "flexibility_s": 600,
        "seats_offered": 3,
        "seats_left": 3,
        "max_detour_s": 600,
        "max_detour_m": None,
        "preferences": {},
        "comment": "",
        "duration_ms": 1_200_000,
        "length_cm": 1_500_000,
        "created_at": NOW,
        "updated_at": NOW,
    }
    unknown = changes.keys() - {field.name for field in fields(Offer)}
    assert not unknown, unknown
    return Offer(**(values | changes))  # type: ignore[arg-type]  # a builder takes any field by name
