"""Cuts ways into pieces: their points, which of them are shared, and the distance from each to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyproj

from matcher.roads.network.graph import F64, I64
from matcher.roads.osm.read import RawStreets

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class StreetPoints:
    """The p points of some ways, way after way, and the u nodes they lie on."""

    points: I64  # (p,) index into the columns of RawStreets
    way: I64  # (p,)
    node: I64  # (p,) index into ids
    ids: I64  # (u,) OpenStreetMap ids, ascending
    step_m: F64  # (p,) geodesic metres from the point before; 0 at the first of a way

    @property
    def shared(self) -> Mask:
        """(p,) True at the ends of ways and where a node is met more than once: pieces always end here."""
        same_way = self.way[1:] == self.way[:-1]
        ends = np.ones(len(self.points), dtype=np.bool_)
        ends[1:-1] = ~(same_way[:-1] & same_way[1:])
        return np.asarray(ends | (np.bincount(self.node, minlength=len(self.ids))[self.node] > 1))

    @property
    def point_of_node(self) -> I64:
        """(u,) for each node the first point that lies on it, as an index into the columns of RawStreets."""
        found = np.empty(len(self.ids), dtype=np.int64)
        found[self.node[::-1]] = self.points[::-1]
        return found

    def pieces(self, cut: Mask) -> tuple[I64, I64]:
        """(begin, finish): the pieces between neighbouring cuts of one way, as indices into `points`."""
        at = np.flatnonzero(cut)
        paired = np.flatnonzero(self.way[at[1:]] == self.way[at[:-1]])
        return at[paired], at[paired + 1]


def street_points(streets: RawStreets, wanted: Mask) -> StreetPoints:
    """The points of the ways that are `wanted` (w,)."""
    way_of_point = np.repeat(np.arange(len(streets.class_code)), np.diff(streets.first))
    points = np.flatnonzero(wanted[way_of_point])
    way = way_of_point[points]
    ids, node = np.unique(streets.ref[points], return_inverse=True)
    same_way = way[1:] == way[:-1]
    step_m = np.zeros(len(points))
    if len(points):
        a, b = points[:-1][same_way], points[1:][same_way]
        geod = pyproj.Geod(ellps="WGS84")
        _, _, step_m[1:][same_way] = geod.inv(streets.lon[a], streets.lat[a], streets.lon[b], streets.lat[b])
    return StreetPoints(points, way, node, ids, step_m)
