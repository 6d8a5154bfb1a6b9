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


def decode_polyline(text: str) -> list[Coordinate]:
    """The points of an encoded polyline. Raises ValueError when the text is cut short or holds a foreign character."""
    values: list[int] = []
    shift = value = 0
    for char in text:
        chunk = ord(char) - 63
        if not 0 <= chunk < 64:
            raise ValueError(f"not an encoded polyline: {char!r}")
        value |= (chunk & 31) << shift
        shift += 5
        if chunk < 32:
            values.append(~(value >> 1) if value & 1 else value >> 1)
            shift = value = 0
    if shift or len(values) % 2:
        raise ValueError("not an encoded polyline: it is cut short")
    points: list[Coordinate] = []
    lat = lon = 0
    for d_lat, d_lon in zip(values[::2], values[1::2], strict=True):
        lat, lon = lat + d_lat, lon + d_lon
        points.append(Coordinate(lat=lat / _SCALE, lon=lon / _SCALE))
    return points


def _append(out: list[str], delta: int) -> None:
    value = ~(delta << 1) if delta < 0 else delta << 1
    while value >= 32:
        out.append(chr((32 | (value & 31)) + 63))
        value >>= 5
    out.append(chr(value + 63))
