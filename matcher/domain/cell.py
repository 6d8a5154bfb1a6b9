"""Cells: where somebody is, no finer than about a kilometre."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matcher.domain.place import Coordinate

#: No cell is narrower or lower than this on the ground.
MIN_CELL_M = 1_000.0
#: Whether cells of a finer level would be too small is decided for areas of this level, so that cells do not overlap.
_AREA_LEVEL = 10
_FINEST_LEVEL = 15
_EQUATOR_M = 40_075_016.686  # circumference of the WGS84 ellipsoid
_MAX_LAT = 85.05112877980659  # where the map is a square


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """A slippy-map tile (spherical Mercator): column `x` from 180° W, row `y` from the north, 2^level of each."""

    level: int
    x: int
    y: int

    @classmethod
    def of(cls, coordinate: Coordinate) -> Cell:
        """The finest cell around a place that measures at least MIN_CELL_M in both directions."""
        area = _tile(coordinate, _AREA_LEVEL)
        # The edge nearest to the pole is the shortest of the area, and so of all cells in it.
        steepest = max(abs(_lat(area.level, area.y)), abs(_lat(area.level, area.y + 1)))
        around_m = _EQUATOR_M * math.cos(math.radians(steepest))
        # Rows are a little shorter than columns on the ellipsoid: one part in a hundred is left for that.
        level = math.floor(math.log2(around_m / (MIN_CELL_M * 1.01)))
        return _tile(coordinate, max(0, min(_FINEST_LEVEL, level)))

    @classmethod
    def from_number(cls, number: int) -> Cell:
        """The cell of a `number`."""
        return cls(number >> 40, number >> 20 & 0xFFFFF, number & 0xFFFFF)

    @property
    def number(self) -> int:
        """One integer of at most 45 bits for the three."""
        return self.level << 40 | self.x << 20 | self.y

    @property
    def name(self) -> str:
        """level/x/y, as map servers call the tile."""
        return f"{self.level}/{self.x}/{self.y}"

    def parent(self, levels: int = 1) -> Cell:
        """The cell, `levels` coarser, that this one is in."""
        levels = min(levels, self.level)
        return Cell(self.level - levels, self.x >> levels, self.y >> levels)

    @property
    def corners(self) -> tuple[Coordinate, Coordinate]:
        """Its south-western and north-eastern corners."""
        return (
            Coordinate(lat=_lat(self.level, self.y + 1), lon=_lon(self.level, self.x)),
            Coordinate(lat=_lat(self.level, self.y), lon=_lon(self.level, self.x + 1)),
        )

    @property
    def middle(self) -> Coordinate:
        """Its centre, in degrees."""
        south_west, north_east = self.corners
        return Coordinate(lat=(south_west.lat + north_east.lat) / 2, lon=(south_west.lon + north_east.lon) / 2)


def _tile(coordinate: Coordinate, level: int) -> Cell:
    lat = math.radians(max(-_MAX_LAT, min(_MAX_LAT, coordinate.lat)))
    count = 1 << level
    x = int((coordinate.lon + 180) / 360 * count)
    y = int((1 - math.asinh(math.tan(lat)) / math.pi) / 2 * count)
    return Cell(level, min(count - 1, max(0, x)), min(count - 1, max(0, y)))


def _lon(level: int, x: int) -> float:
    return x / (1 << level) * 360 - 180


def _lat(level: int, y: int) -> float:
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / (1 << level)))))
