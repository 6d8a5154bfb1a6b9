"""Reading `places.jsonl`, the named things of a region."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from matcher.domain.errors.tree import RegionFileInvalid
from matcher.geocoding.words.text import clean


class PlaceKind(IntEnum):
    """The kind of a row."""

    STREET = 0
    PLACE = 1
    ADDRESS = 2
    POI = 3


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """One named thing. `crossings`: (other street, lat, lon), in degrees; `rank` 0 is the most important."""

    kind: PlaceKind
    name: str
    lat: float
    lon: float
    housenumber: str | None = None
    street: str | None = None
    city: str | None = None
    rank: int | None = None
    crossings: tuple[tuple[str, float, float], ...] = ()


def read_rows(path: Path) -> Iterator[PlaceRow]:
    """The rows of a places file (UTF-8 JSON Lines). Raises RegionFileInvalid with the line that is not one."""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.isspace():
                    continue
                try:
                    yield parse_row(json.loads(line))
                except (ValueError, LookupError, TypeError, AttributeError) as error:
                    raise RegionFileInvalid(
                        f"{path.name}, line {number}: not a place of the region ({error!r})"
                    ) from error
    except OSError as error:
        raise RegionFileInvalid(f"{path.name} cannot be read: {error.strerror}") from error


def parse_row(item: dict[str, Any]) -> PlaceRow:
    """One row. Raises ValueError, LookupError, TypeError or AttributeError for a missing or malformed member."""
    crossings = item.get("crossings", ())
    return PlaceRow(
        kind=PlaceKind[item["kind"].upper()],
        name=_text(item["name"]) or "",
        lat=_degrees(item["lat"], 90.0),
        lon=_degrees(item["lon"], 180.0),
        housenumber=_text(item.get("housenumber")),
        street=_text(item.get("street")),
        city=_text(item.get("city")),
        rank=_rank(item.get("rank")),
        crossings=tuple([(clean(n), _degrees(lat, 90.0), _degrees(lon, 180.0)) for n, lat, lon in crossings]),
    )


def _text(value: Any) -> str | None:
    return None if value is None else clean(value) or None


def _rank(value: Any) -> int | None:
    if value is not None and not isinstance(value, int):
        raise TypeError(f"rank {value!r} is not a whole number")
    return value


def _degrees(value: Any, limit: float) -> float:
    number = float(value)
    if not (math.isfinite(number) and -limit <= number <= limit):
        raise ValueError(f"{number} is not within {limit} degrees")
    return number
