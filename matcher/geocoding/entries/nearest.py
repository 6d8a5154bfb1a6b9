"""Reverse geocoding: the nearest thing with a name."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from matcher.domain.place import Coordinate
from matcher.geocoding.entries.labels import Labels
from matcher.geocoding.entries.rows import PlaceKind
from matcher.geocoding.entries.table import Entries

#: Farther than this nothing is "at" a coordinate.
REACH_M = 2_000.0
#: A house number is only claimed this near to its door.
AT_HOUSE_M = 40.0
#: A named place (a shop, a school) is only claimed this near; a street is claimed before it otherwise.
AT_POI_M = 60.0
_NEIGHBOURS = 24
_MAX_MERCATOR_LAT = 85.0

_HOUSE, _POINT, _JUNCTION = 0, 1, 2


class Near(NamedTuple):
    """A named thing near a coordinate. `distance_m` is to the point that stands for it."""

    coordinate: Coordinate
    label: str
    precision: str
    distance_m: float


class NearestNames:
    """A tree over houses, junctions and the entries' own points.

    Points lie in Mercator's projection, turned so that the region's middle is at longitude 0: it keeps directions and
    local scale, so the nearest in the plane is the nearest on the ground, also across the antimeridian.
    """

    def __init__(self, entries: Entries, labels: Labels) -> None:
        self._entries, self._labels = entries, labels
        houses, crossings = entries.houses, entries.crossings
        lat = np.concatenate([houses.lat, entries.lat, crossings.lat])
        lon = np.concatenate([houses.lon, entries.lon, crossings.lon])
        sizes = [len(houses.lat), len(entries), len(crossings.lat)]
        self._what = np.repeat([_HOUSE, _POINT, _JUNCTION], sizes)
        self._row = np.concatenate([np.arange(size) for size in sizes]).astype(np.int64)
        self._lat, self._lon = lat, lon
        self._middle = float(lon[0]) if len(lon) else 0.0
        self._tree = shapely.STRtree(np.asarray(shapely.points(*self._project(lat, lon)))) if len(lon) else None

    def at(self, where: Coordinate, *, limit: int = 1) -> list[Near]:
        """Named things near a coordinate, the one that describes it best first; empty beyond REACH_M of everything."""
        gaps = [(where.distance_m(self._point(row)), row) for row in self._nearest_rows(where)]
        found: dict[str, Near] = {}
        for _, gap, row in sorted((self._rank(row, gap), gap, row) for gap, row in gaps if gap <= REACH_M):
            near = self._describe(row, gap)
            found.setdefault(near.label, near)
            if len(found) == limit:
                break
        return list(found.values())

    def _nearest_rows(self, where: Coordinate) -> list[int]:
        if self._tree is None:
            return []
        x, y = self._project(np.array([where.lat]), np.array([where.lon]))
        # Degrees of longitude stretch towards the poles exactly as the projection does, so one radius fits all
        # latitudes.
        degrees = REACH_M / (111_195.0 * np.cos(np.radians(min(abs(where.lat), _MAX_MERCATOR_LAT))))
        square = shapely.box(x[0] - degrees, y[0] - degrees, x[0] + degrees, y[0] + degrees)
        inside = self._tree.query(square)
        if len(inside) > _NEIGHBOURS:
            points = self._tree.geometries[inside]
            nearest = np.argpartition(shapely.distance(points, shapely.points(x[0], y[0])), _NEIGHBOURS)[:_NEIGHBOURS]
            inside = inside[nearest]
        return [int(row) for row in inside]

    def _rank(self, row: int, gap_m: float) -> int:
        """0 for a door or a named spot at the coordinate, 1 for streets, 2 for the rest of the area."""
        if self._what[row] == _HOUSE:
            return 0 if gap_m <= AT_HOUSE_M else 1
        kind = PlaceKind.STREET if self._what[row] == _JUNCTION else PlaceKind(int(self._entries.kind[self._row[row]]))
        if kind is PlaceKind.STREET:
            return 1
        return 0 if kind is not PlaceKind.PLACE and gap_m <= AT_POI_M else 2

    def _point(self, row: int) -> Coordinate:
        return Coordinate(lat=float(self._lat[row]), lon=float(self._lon[row]))

    def _describe(self, row: int, gap_m: float) -> Near:
        where, number = self._point(row), int(self._row[row])
        if self._what[row] == _HOUSE:
            entry = int(np.searchsorted(self._entries.houses.first, number, side="right")) - 1
            exact = gap_m <= AT_HOUSE_M
            label = self._labels.of(entry, self._entries.houses.text(number))
            return Near(where, label if exact else f"≈ {label}", "house" if exact else "street", gap_m)
        if self._what[row] == _JUNCTION:
            entry = int(np.searchsorted(self._entries.crossings.first, number, side="right")) - 1
            label = self._labels.near(entry, self._entries.crossings.other_name[number])
            return Near(where, f"≈ {label}", "street", gap_m)
        is_street = self._entries.kind[number] == PlaceKind.STREET
        label = self._labels.of(number)
        return Near(where, f"≈ {label}" if is_street else label, "street" if is_street else "place", gap_m)

    def _project(
        self, lat: npt.NDArray[np.float64], lon: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        x = (lon - self._middle + 180.0) % 360.0 - 180.0
        phi = np.radians(np.clip(lat, -_MAX_MERCATOR_LAT, _MAX_MERCATOR_LAT))
        return x, np.degrees(np.log(np.tan(np.pi / 4 + phi / 2)))
