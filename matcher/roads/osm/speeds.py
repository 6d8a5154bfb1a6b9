"""How fast a street is driven: speed limits as OpenStreetMap writes them, and what to assume where none is written.

A limit is not a travel speed. As in OSRM's car profile a street with a written limit is driven at LIMIT_FACTOR of it,
and one without at the speed of its class (below). Waiting at signals, signs and junctions is added per arc, see
`tags.NODE_DELAYS` and `graph.py`. Sources: wiki.openstreetmap.org Key:maxspeed, Key:duration; OSRM profiles/car.lua.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Share of the written limit that free traffic drives on average, bends and slower vehicles included.
LIMIT_FACTOR = 0.8

#: km/h by class where no limit is written: speeds driven, not limits.
CLASS_KMH: dict[str, float] = {
    "motorway": 90,
    "motorway_link": 45,
    "trunk": 85,
    "trunk_link": 40,
    "primary": 65,
    "primary_link": 30,
    "secondary": 55,
    "secondary_link": 25,
    "tertiary": 40,
    "tertiary_link": 20,
    "unclassified": 25,
    "residential": 25,
    "living_street": 10,
    "service": 15,
    "track": 10,
    "road": 20,
    "ferry": 10,  # waiting and loading included; only where the ferry has no duration
}

#: Classes held back by their form and not by law: a written limit may slow them, never speed them up.
_SLOW_BY_FORM = frozenset({"living_street", "service", "track"})

#: km/h on service streets that lead to one house or one parking space.
_SERVICE_KMH = 10.0
_LAST_METRES = frozenset({"alley", "driveway", "drive-through", "parking_aisle", "emergency_access"})

#: km/h that a surface allows at most, whatever the limit. Sealed and unknown surfaces allow everything.
_SURFACE_KMH: dict[str, float] = {
    "compacted": 70,
    "fine_gravel": 60,
    "gravel": 40,
    "unpaved": 40,
    "ground": 35,
    "dirt": 35,
    "pebblestone": 35,
    "grass_paver": 30,
    "sett": 40,
    "cobblestone": 30,
    "unhewn_cobblestone": 25,
    "earth": 30,
    "grass": 25,
    "clay": 30,
    "rock": 20,
    "sand": 20,
    "mud": 10,
}

#: Limits in km/h behind names such as `RO:urban`; by country where it differs from the common value.
_COMMON_LIMITS: dict[str, float] = {
    "living_street": 10,
    "walk": 10,
    "school": 30,
    "bicycle_road": 30,
    "urban": 50,
    "rural": 90,
    "trunk": 110,
    "expressway": 110,
    "motorway": 130,
}
_COUNTRY_LIMITS: dict[str, dict[str, float]] = {
    "at": {"rural": 100, "trunk": 100},
    "be": {"motorway": 120},
    "be-bru": {"urban": 30},
    "be-vlg": {"rural": 70},
    "by": {"motorway": 110, "urban": 60},
    "ch": {"motorway": 120, "rural": 80, "trunk": 100},
    "de": {"motorway": 140, "rural": 100},
    "dk": {"rural": 80},
    "ee": {"motorway": 110},
    "es": {"motorway": 120, "trunk": 90},
    "fi": {"motorway": 120, "rural": 80},
    "fr": {"rural": 80},
    "gb": {"motorway": 113, "nsl_dual": 113, "nsl_single": 97, "urban": 48},
    "nl": {"motorway": 100, "rural": 80, "trunk": 100},
    "no": {"motorway": 110, "rural": 80},
    "pl": {"motorway": 140, "expressway": 120},
    "pt": {"motorway": 120},
    "ro": {"trunk": 100},
    "ru": {"living_street": 20, "motorway": 110, "urban": 60},
    "se": {"rural": 70, "motorway": 110},
    "uk": {"motorway": 113, "nsl_dual": 113, "nsl_single": 97, "urban": 48},
    "us": {"urban": 40},
    "za": {"rural": 100, "urban": 60},
}
_NO_LIMIT_KMH = 140.0
#: No law allows more; what is written above is a slip of the hand, a 0 too many, and would draw all traffic.
_HIGHEST_LIMIT_KMH = 160.0
_KMH_PER_UNIT = {"": 1.0, "km/h": 1.0, "kmh": 1.0, "kph": 1.0, "mph": 1.609344, "knots": 1.852}
_NUMBER = re.compile(r"^(\d+(?:\.\d+)?)\s*([a-z/]*)$")
_ZONE = re.compile(r"(?:^|:)zone:?(\d+)$")
_CLOCK = re.compile(r"^(?:(\d+):)?(\d+):(\d{2})$")
_ISO_DURATION = re.compile(r"^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$")
_SLOWEST_KMH = 3.0


def parse_limit(value: str) -> float | None:
    """A maxspeed value in km/h: `50`, `30 mph`, `none`, `walk`, `RO:urban`, `DE:zone:30`; the lowest of `80;60`. None
    if unreadable or beyond every law."""
    parts = [_parse_single(part) for part in re.split(r"[;|,]", value)]
    return min((part for part in parts if part is not None and part <= _HIGHEST_LIMIT_KMH), default=None)


def _parse_single(value: str) -> float | None:
    text = value.strip().lower()
    if text in ("none", "unlimited"):
        return _NO_LIMIT_KMH
    number = _NUMBER.match(text)
    if number is not None:
        factor = _KMH_PER_UNIT.get(number[2])
        limit = None if factor is None else float(number[1]) * factor
        return limit or None
    zone = _ZONE.search(text)
    if zone is not None:
        return float(zone[1])
    country, _, kind = text.rpartition(":")
    return _COUNTRY_LIMITS.get(country, {}).get(kind, _COMMON_LIMITS.get(kind))


def speeds_kmh(tags: Mapping[str, str], road_class: str) -> tuple[float, float]:
    """(along, against) the way's direction of drawing, in km/h, for a way of this class, open or not."""
    default = CLASS_KMH[road_class]
    if road_class == "service" and tags.get("service") in _LAST_METRES:
        default = _SERVICE_KMH
    both = _first_limit(tags, ("maxspeed:motorcar", "maxspeed", "maxspeed:type", "source:maxspeed", "zone:maxspeed"))
    surface = _SURFACE_KMH.get(tags.get("surface", ""))
    result = []
    for direction in ("forward", "backward"):
        written = _first_limit(tags, (f"maxspeed:{direction}",))
        limit = both if written is None else written
        speed = default if limit is None else limit * LIMIT_FACTOR
        if road_class in _SLOW_BY_FORM:
            speed = min(speed, default)
        if surface is not None:
            speed = min(speed, surface)
        result.append(max(speed, _SLOWEST_KMH))
    return result[0], result[1]


def _first_limit(tags: Mapping[str, str], keys: tuple[str, ...]) -> float | None:
    for key in keys:
        value = tags.get(key)
        limit = None if value is None else parse_limit(value)
        if limit is not None:
            return limit
    return None


def parse_duration_s(value: str) -> float | None:
    """Seconds of a ferry's duration: `00:25`, `1:05:30`, `25` (minutes), `PT1H30M`. None if unreadable or zero."""
    text = value.strip()
    seconds = 0
    clock = _CLOCK.match(text)
    iso = _ISO_DURATION.match(text.upper())
    if text.isascii() and text.isdigit():
        seconds = 60 * int(text)
    elif clock is not None:
        first, second, third = clock.groups()
        seconds = 3600 * int(second) + 60 * int(third)
        if first is not None:
            seconds = 3600 * int(first) + 60 * int(second) + int(third)
    elif iso is not None:
        days, hours, minutes, rest = (int(part or 0) for part in iso.groups())
        seconds = 86400 * days + 3600 * hours + 60 * minutes + rest
    return float(seconds) if seconds > 0 else None
