"""One-to-all sweeps on networks small enough to know the answers by heart. Every other case: tests/property."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.domain.place import RoadPosition
from matcher.matching.base.positions import INFINITE
from matcher.roads.engine import RoadEngine
from tests.builders_roads import Street, an_engine, line_of_places, network_of, one_way, two_way


def swept(engine: RoadEngine, target: RoadPosition, source: RoadPosition) -> tuple[list[int | None], list[int | None]]:
    """(ms to the target, ms from the source) of each node, None without a way."""
    with engine.sweep(target, source) as distance:
        by_node = distance[engine.topology.rank_of_node]
    to_target, from_source = ([None if c >= INFINITE else c >> 32 for c in column] for column in by_node.T.tolist())
    return to_target, from_source


def test_a_line_of_two_way_streets() -> None:
    engine = an_engine(network_of([two_way(0, 1, 100), two_way(1, 2, 200), two_way(2, 3, 400)], line_of_places(4)))
    middle = RoadPosition(1, 0.25)
    assert swept(engine, middle, middle) == ([150, 50, 150, 550], [150, 50, 150, 550])


def test_one_way_streets_are_left_at_their_end_and_reached_from_their_start() -> None:
    ring = [one_way(0, 1, 100), one_way(1, 2, 200), one_way(2, 0, 400)]
    engine = an_engine(network_of(ring, line_of_places(3)))
    to_target, from_source = swept(engine, RoadPosition(0, 0.25), RoadPosition(0, 0.25))
    assert to_target == [25, 625, 425]
    assert from_source == [675, 75, 275]


def test_each_direction_has_its_own_pace() -> None:
    engine = an_engine(network_of([Street(0, 1, 1000, 100)], line_of_places(2)))
    assert swept(engine, RoadPosition(0, 0.1), RoadPosition(0, 0.1)) == ([100, 90], [10, 900])


def test_a_loop_is_driven_the_cheaper_way_round() -> None:
    engine = an_engine(network_of([Street(0, 0, 1000, 1000), two_way(0, 1, 5)], line_of_places(2)))
    assert swept(engine, RoadPosition(0, 0.9), RoadPosition(0, 0.2)) == ([100, 105], [200, 205])


def test_nodes_without_a_way_are_infinitely_far() -> None:
    engine = an_engine(network_of([one_way(0, 1, 7), one_way(2, 3, 9)], line_of_places(4)))
    assert swept(engine, RoadPosition(0, 1.0), RoadPosition(1, 0.0)) == ([7, None, None, None], [None, None, None, 9])


def test_lengths_are_carried_along_and_break_ties() -> None:
    streets = [one_way(0, 1, 100, 5000), one_way(0, 1, 100, 3000), one_way(1, 2, 100, 10)]
    engine = an_engine(network_of(streets, line_of_places(3)))
    with engine.sweep(RoadPosition(2, 0.0), RoadPosition(2, 1.0)) as distance:
        assert distance[engine.topology.rank_of_node[0], 0] == (100 << 32) + 3000


@pytest.mark.parametrize("left_over", [0, int(INFINITE), -1])
def test_what_an_earlier_sweep_left_does_not_matter(left_over: int) -> None:
    engine = an_engine(network_of([two_way(0, 1, 100), two_way(1, 2, 200)], line_of_places(3)))
    with engine.sweep(RoadPosition(0, 0.0), RoadPosition(0, 0.0)) as distance:
        distance[:] = left_over
    assert swept(engine, RoadPosition(0, 0.0), RoadPosition(0, 1.0)) == ([0, 100, 300], [100, 0, 200])


def test_two_sweeps_at_once_do_not_share_their_array() -> None:
    engine = an_engine(network_of([two_way(0, 1, 100)], line_of_places(2)))
    here, there = RoadPosition(0, 0.0), RoadPosition(0, 1.0)
    with engine.sweep(here, here) as outer:
        before = outer.copy()
        with engine.sweep(there, there) as inner:
            assert not np.shares_memory(outer, inner)
        assert np.array_equal(outer, before)
