"""Reads encoded polylines, as callers of the API do."""

from __future__ import annotations

from matcher.domain.place import Coordinate

_SCALE = 100_000


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
