"""Routes as grid cells: what a corridor search knows of a drive."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from matcher.domain.place import Coordinate, RoadPosition
from matcher.roads.engine import RoadEngine

Cells = npt.NDArray[np.int32]
_METRES_A_DEGREE = 111_195.0
#: Cells kept free around the network, so that the neighbourhood of a cell at its rim wraps to no other row.
_MARGIN = 64
#: A line is looked at this often within the width of a cell; it may cut a corner no longer than this without being seen
#: there.
_LOOKS_A_CELL = 10


class Grid:
    """A grid of `cell_m` metres over a region, its cells numbered row by row, and the cells that each arc touches."""

    def __init__(self, engine: RoadEngine, cell_m: float) -> None:
        network = engine.network
        self._engine = engine
        self._south, self._west = float(network.point_lat.min()), float(network.point_lon.min())
        self._a_row = cell_m / _METRES_A_DEGREE
        middle = math.radians((self._south + float(network.point_lat.max())) / 2)
        self._a_column = self._a_row / math.cos(middle)
        self._columns = int((float(network.point_lon.max()) - self._west) / self._a_column) + 2 * _MARGIN + 1
        self._of_edge = [self._edge_cells(edge) for edge in range(network.edge_count)]

    def cell(self, lat: npt.NDArray[np.float64], lon: npt.NDArray[np.float64]) -> Cells:
        """The cells of points, int32."""
        row = np.floor((lat - self._south) / self._a_row).astype(np.int32) + _MARGIN
        column = np.floor((lon - self._west) / self._a_column).astype(np.int32) + _MARGIN
        return (row * self._columns + column).astype(np.int32)

    def around(self, place: Coordinate, reach: int) -> list[int]:
        """The cell of a place and all within `reach` cells of it, diagonals too; reach is at most 63."""
        home = int(self.cell(np.array([place.lat]), np.array([place.lon]))[0])
        steps = range(-reach, reach + 1)
        return [home + up * self._columns + right for up in steps for right in steps]

    def route(self, origin: RoadPosition, destination: RoadPosition) -> list[int]:
        """The cells of the fastest drive, in order, none twice in a row; the first and the last street count whole.

        Raises ValueError when there is no way.
        """
        drive = self._engine.pack_drive(origin, destination)
        if drive is None:
            raise ValueError("there is no way between these positions")
        network = self._engine.network
        arcs = self._engine.arcs(drive)
        pieces = [
            self._of_edge[edge] if forward else self._of_edge[edge][::-1]
            for edge, forward in zip(network.arc_edge[arcs].tolist(), network.arc_forward[arcs].tolist(), strict=True)
        ]
        cells: list[int] = without_repeats(np.concatenate(pieces)).tolist()
        return cells

    def _edge_cells(self, edge: int) -> Cells:
        network = self._engine.network
        points = slice(int(network.edge_point_first[edge]), int(network.edge_point_first[edge + 1]))
        lat, lon = network.point_lat[points], network.point_lon[points]
        step = np.hypot(np.diff(lat) / self._a_row, np.diff(lon) / self._a_column)
        reached = np.concatenate([[0.0], np.cumsum(step)])
        looks = np.linspace(0.0, reached[-1], math.ceil(reached[-1] * _LOOKS_A_CELL) + 2)
        return without_repeats(self.cell(np.interp(looks, reached, lat), np.interp(looks, reached, lon)))


def without_repeats(cells: Cells) -> Cells:
    """The same row of cells where each differs from the one before it."""
    changes = np.ones(len(cells), dtype=np.bool_)
    np.not_equal(cells[1:], cells[:-1], out=changes[1:])
    return cells[changes]
