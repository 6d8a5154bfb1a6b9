"""Where things are: coordinates, road positions, places."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matcher.domain.errors.tree import InvalidCoordinate

_EARTH_RADIUS_M = 6_371_008.8  # mean radius R1 of the IUGG


@dataclass(frozen=True, slots=True)
class Coordinate:
    """A point on Earth, in degrees (WGS84). Always built with names: Coordinate(lat=, lon=).

    Raises InvalidCoordinate outside lat [-90, 90], lon [-180, 180], or for numbers that are not finite.
    """

    lat: float
    lon: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lat) and -90.0 <= self.lat <= 90.0):
            raise InvalidCoordinate(f"lat must be within -90 and 90 degrees, not {self.lat}")
        if not (math.isfinite(self.lon) and -180.0 <= self.lon <= 180.0):
            raise InvalidCoordinate(f"lon must be within -180 and 180 degrees, not {self.lon}")

    def distance_m(self, other: Coordinate) -> float:
        """Great-circle distance in metres on the mean sphere (haversine); within 0.6 % of the ellipsoid."""
        phi_a, phi_b = math.radians(self.lat), math.radians(other.lat)
        half_phi = (phi_b - phi_a) / 2
        half_lambda = math.radians(other.lon - self.lon) / 2
        h = math.sin(half_phi) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_lambda) ** 2
        return 2 * _EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """A box in degrees, bounds included; as wide as the Earth where it crosses the antimeridian."""

    south: float
    west: float
    north: float
    east: float

    def contains(self, where: Coordinate, margin_deg: float = 0.0) -> bool:
        """Whether a coordinate lies in the box, or at most so far outside it."""
        return (
            self.south - margin_deg <= where.lat <= self.north + margin_deg
            and self.west - margin_deg <= where.lon <= self.east + margin_deg
        )


@dataclass(frozen=True, slots=True)
class RoadPosition:
    """A point on the road graph: `fraction` in [0, 1] of the way along the geometry of street piece `edge`.

    Valid for one region fingerprint only. An edge has an arc for each direction that may be driven, so a position
    can be entered and left along up to two arcs.
    """

    edge: int
    fraction: float


@dataclass(frozen=True, slots=True)
class GeocodedPlace:
    """One answer of a geocoder.

    precision: house | interpolated | street | crossing | place. score in [0, 1], comparable within one answer only.
    """

    coordinate: Coordinate
    label: str
    precision: str
    score: float
    source: str


@dataclass(frozen=True, slots=True)
class PlaceInput:
    """A place as somebody gave it: coordinates or an address, never both.

    One that was resolved before has all three.
    """

    coordinate: Coordinate | None = None
    address: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A place as resolved: where it is, what it is called, and where it meets the road.

    `address` is what the person typed, when they typed one. `road_distance_m` is the straight distance to `position`.
    """

    coordinate: Coordinate
    label: str
    position: RoadPosition
    road_distance_m: float
    address: str | None = None


def same_positions(one: str, other: str) -> bool:
    """Whether road positions of one region fingerprint hold under another: after the first dash only speeds differ."""
    return one.partition("-")[0] == other.partition("-")[0]
