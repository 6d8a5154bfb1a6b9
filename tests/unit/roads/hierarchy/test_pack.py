"""Packed drives on streets whose answers are known by heart, one by one and many at once."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.domain.place import RoadPosition
from matcher.matching.base.positions import FRACTION_ONE, INFINITE, fixed_position
from matcher.roads.engine import SUMMIT_FROM, RoadEngine
from matcher.roads.network.graph import I32
from tests.builders_roads import (
    Street,
    an_engine,
    line_of_places,
    network_of,
    one_way,
    random_network,
    random_positions,
    two_way,
)


def driven(
    engine: RoadEngine, origin: tuple[int, float], destination: tuple[int, float]
) -> tuple[int, list[int]] | None:
    """(milliseconds, edges) of a drive between two (edge, fraction); ~edge where it goes against the drawing."""
    drive = engine.pack_drive(RoadPosition(*origin), RoadPosition(*destination))
    if drive is None:
        return None
    network = engine.network
    return drive.cost >> 32, [
        int(network.arc_edge[arc]) if network.arc_forward[arc] else ~int(network.arc_edge[arc])
        for arc in engine.arcs(drive)
    ]


def test_ahead_and_behind_on_one_two_way_street() -> None:
    engine = an_engine(network_of([Street(0, 1, 1000, 2000)], line_of_places(2)))
    assert driven(engine, (0, 0.25), (0, 0.75)) == (500, [0])
    assert driven(engine, (0, 0.75), (0, 0.25)) == (1000, [~0])
    assert driven(engine, (0, 0.5), (0, 0.5)) == (0, [0])


def test_behind_on_a_one_way_street_is_all_the_way_round() -> None:
    engine = an_engine(network_of([one_way(0, 1, 100), one_way(1, 2, 20), one_way(2, 0, 3)], line_of_places(3)))
    assert driven(engine, (0, 0.75), (0, 0.25)) == (25 + 20 + 3 + 25, [0, 1, 2, 0])
    assert driven(engine, (0, 0.0), (0, 1.0)) == (100, [0])


def test_a_street_that_is_driven_against_its_drawing_only() -> None:
    engine = an_engine(network_of([Street(1, 0, None, 100), one_way(1, 0, 50)], line_of_places(2)))
    assert driven(engine, (0, 0.75), (0, 0.25)) == (50, [~0])
    assert driven(engine, (0, 0.25), (0, 0.75)) == (25 + 50 + 25, [~0, 1, ~0])
    assert driven(engine, (0, 0.5), (0, 0.5)) == (0, [~0])


def test_the_way_round_can_be_faster_than_the_street_itself() -> None:
    """From end to end of a slow street by a fast parallel one."""
    engine = an_engine(network_of([two_way(0, 1, 1000), two_way(0, 1, 10)], line_of_places(2)))
    assert driven(engine, (0, 0.01), (0, 0.99)) == (10 + 10 + 10, [~0, 1, ~0])
    assert driven(engine, (0, 0.4), (0, 0.6)) == (200, [0])


@pytest.mark.parametrize(
    ("forward_ms", "backward_ms", "at", "wanted"),
    [
        (1000, 1000, 0.1, (110, [~1, 0])),
        (1000, 100, 0.1, (20, [~1, 0])),
        (3000, 100, 0.99, (40, [1, 0])),
        (1000, 1000, 0.5, (510, [1, 0])),
    ],
)
def test_a_loop_is_left_the_cheaper_way(
    forward_ms: int, backward_ms: int, at: float, wanted: tuple[int, list[int]]
) -> None:
    engine = an_engine(network_of([one_way(0, 1, 10), Street(0, 0, forward_ms, backward_ms)], line_of_places(2)))
    assert driven(engine, (1, at), (0, 1.0)) == wanted


def test_a_loop_is_entered_the_cheaper_way() -> None:
    engine = an_engine(network_of([one_way(1, 0, 10), Street(0, 0, 1000, 200)], line_of_places(2)))
    assert driven(engine, (0, 0.0), (1, 0.1)) == (110, [0, 1])
    assert driven(engine, (0, 0.0), (1, 0.5)) == (110, [0, ~1])
    assert driven(engine, (1, 0.9), (1, 0.1)) == (160, [~1])
    assert driven(engine, (1, 0.05), (1, 0.99)) == (10 + 2, [~1, ~1])


def test_no_way() -> None:
    engine = an_engine(network_of([one_way(0, 1, 1), one_way(1, 2, 1)], line_of_places(3)))
    assert driven(engine, (1, 0.0), (0, 1.0)) is None
    assert driven(engine, (1, 0.5), (0, 0.5)) is None
    assert driven(engine, (0, 0.5), (0, 0.4)) is None


def test_of_equally_fast_ways_the_shortest() -> None:
    streets = [one_way(0, 1, 5, 900), one_way(0, 1, 5, 700), one_way(0, 1, 5, 800), one_way(1, 0, 1, 1)]
    engine = an_engine(network_of(streets, line_of_places(2)))
    drive = engine.pack_drive(RoadPosition(3, 1.0), RoadPosition(3, 0.0))
    assert drive is not None
    assert drive.cost == (5 << 32) + 700
    assert engine.network.arc_edge[engine.arcs(drive)].tolist() == [3, 1, 3]


def columns(pairs: list[tuple[RoadPosition, RoadPosition]]) -> tuple[I32, I32, I32, I32]:
    rows = [(*fixed_position(origin), *fixed_position(destination)) for origin, destination in pairs]
    a, b, c, d = np.array(rows, dtype=np.int32).reshape(-1, 4).T
    return a, b, c, d


@pytest.mark.parametrize(
    ("seed", "nodes", "streets"), [(0, 60, 90), (1, 60, 90), (2, 400, 600), (3, 400, 450), (4, 20, 30)]
)
@pytest.mark.parametrize("count", [SUMMIT_FROM - 1, 3 * SUMMIT_FROM])
def test_many_at_once_are_the_same_as_one_by_one(seed: int, nodes: int, streets: int, count: int) -> None:
    """Whether each climbs by itself or they share the ways from the summit: to the last code."""
    network = random_network(seed, nodes=nodes, streets=streets)
    engine = an_engine(network)
    ends = random_positions(network, 2 * count, seed)
    pairs = list(zip(ends[::2], ends[1::2], strict=True))
    cost, codes, begin, size = engine.pack_drives(*columns(pairs))
    assert [str(part.dtype) for part in (cost, codes, begin, size)] == ["int64", "int32", "int64", "int32"]
    assert begin.tolist() == [0, *np.cumsum(size)[:-1].tolist()]
    assert len(codes) == size.sum()
    unreachable = 0
    for i, (origin, destination) in enumerate(pairs):
        drive = engine.pack_drive(origin, destination)
        if drive is None:
            unreachable += 1
            assert (cost[i], size[i]) == (INFINITE, 0)
        else:
            assert cost[i] == drive.cost
            assert codes[begin[i] : begin[i] + size[i]].tolist() == drive.codes.tolist()
    assert 0 < unreachable < len(pairs)


def test_none_at_once() -> None:
    engine = an_engine(network_of([two_way(0, 1, 1)], line_of_places(2)))
    assert [part.tolist() for part in engine.pack_drives(*columns([]))] == [[], [], [], []]


def test_drives_longer_than_foreseen() -> None:
    """Along a line in its own order no shortcut helps: a drive has as many codes as there are streets."""
    n = 500
    engine = an_engine(network_of([one_way(k, k + 1, 1) for k in range(n)], line_of_places(n + 1)), list(range(n + 1)))
    whole = (RoadPosition(0, 0.0), RoadPosition(n - 1, 1.0))
    cost, codes, _, size = engine.pack_drives(*columns([whole] * 5))
    assert (cost >> 32).tolist() == [n] * 5
    assert size.tolist() == [n] * 5
    assert np.array_equal(codes.reshape(5, n), np.tile(codes[:n], (5, 1)))


def test_columns_may_be_of_any_integers_and_strided() -> None:
    engine = an_engine(network_of([two_way(0, 1, 1000)], line_of_places(2)))
    wide = np.zeros((3, 8), dtype=np.int64)
    wide[:, 6] = FRACTION_ONE
    edge, low, high = wide[:, 0], wide[:, 2], wide[:, 6]
    cost, *_ = engine.pack_drives(edge, low, edge, high)  # type: ignore[arg-type]  # that is the point
    assert (cost >> 32).tolist() == [1000, 1000, 1000]
