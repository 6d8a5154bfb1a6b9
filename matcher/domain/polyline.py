"""Encoded polylines, precision 5 (the algorithm Google published as "Encoded Polyline Algorithm Format")."""

from __future__ import annotations

from collections.abc import Iterable

from matcher.domain.place import Coordinate

_SCALE = 100_000


def encode_polyline(points: Iterable[Coordinate]) -> str:
    """The points as one ASCII string; coordinates are rounded to 1e-5 degrees (about 1 m). Empty for no points."""
    out: list[str] = []
    last_lat = last_lon = 0
    for point in points:
        lat, lon = round(point.lat * _SCALE), round(point.lon * _SCALE)
        _append(out, lat - last_lat)
        _append(out, lon - last_lon)
        last_lat, last_lon = lat, lon
    return "".join(out)


def _append(out: list[str], delta: int) -> None:
    value = ~(delta << 1) if delta < 0 else delta << 1
    while value >= 32:
        out.append(chr((32 | (value & 31)) + 63))
        value >>= 5
    out.append(chr(value + 63))
