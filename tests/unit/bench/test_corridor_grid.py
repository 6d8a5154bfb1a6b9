"""A route's cells are those it passes, in order, in the direction it is driven."""

from __future__ import annotations

import numpy as np
import pytest

from bench.corridor_grid import Grid, without_repeats
from matcher.domain.place import Coordinate, RoadPosition
from matcher.roads.engine import RoadEngine
from tests.builders_roads import Street, an_engine, network_of, two_way

CELL_M = 100.0


@pytest.fixture
def engine() -> RoadEngine:
    """Two streets east along the equator, the first drawn from east to west, each about 1.1 km."""
    west = Street(1, 0, 60_000, 60_000, 111_000)
    return an_engine(network_of([west, two_way(1, 2, 60_000, 111_000)], [(0.0, 0.0), (0.0, 0.01), (0.0, 0.02)]))


def test_a_route_is_the_row_of_cells_from_end_to_end(engine: RoadEngine) -> None:
    grid = Grid(engine, CELL_M)
    start, end = RoadPosition(0, 0.9), RoadPosition(1, 0.9)
    there, back = grid.route(start, end), grid.route(end, start)
    first = grid.around(Coordinate(lat=0.0, lon=0.00001), 0)[0]
    assert there == list(range(first, first + 23)), "2.2 km east, without a gap"
    assert back == there[::-1]


def test_a_neighbourhood_is_a_square_about_the_place(engine: RoadEngine) -> None:
    grid = Grid(engine, CELL_M)
    place = Coordinate(lat=0.0, lon=0.0105)
    (home,) = grid.around(place, 0)
    around = grid.around(place, 2)
    assert len(set(around)) == 25
    assert home in around
    north = grid.around(Coordinate(lat=2 * CELL_M / 111_195.0 + 1e-9, lon=0.0105), 0)[0]
    assert north in around
    assert north not in grid.around(place, 1)
    assert {home - 2, home + 2} <= set(around)
    assert home + 3 not in around


def test_the_rim_of_the_grid_wraps_to_no_other_row(engine: RoadEngine) -> None:
    grid = Grid(engine, CELL_M)
    route = set(grid.route(RoadPosition(0, 0.9), RoadPosition(1, 0.9)))
    east_of_all = Coordinate(lat=-CELL_M / 111_195.0, lon=0.02 + 10 * CELL_M / 111_195.0)
    assert not route & set(grid.around(east_of_all, 4))


def test_repeats_go_and_returns_stay() -> None:
    assert without_repeats(np.array([1, 1, 2, 2, 2, 1], dtype=np.int32)).tolist() == [1, 2, 1]
