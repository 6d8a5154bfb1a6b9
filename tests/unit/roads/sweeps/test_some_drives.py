"""Four ways in one sweep, and drives for some nodes: equal to one sweep each, whatever lay in memory before."""

from __future__ import annotations

import itertools
from contextlib import ExitStack

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.place import RoadPosition
from matcher.matching.base.positions import INFINITE
from matcher.roads.engine import RoadEngine
from matcher.roads.network.graph import I64
from matcher.roads.sweeps.many import SETTLED
from tests.builders_roads import an_engine, networks, positions, random_network, random_positions
from tests.examples import examples
from tests.unit.roads.sweeps.test_columns import fixed, swept

many = settings(max_examples=examples(40))


def all_ways(engine: RoadEngine, pickup: RoadPosition, dropoff: RoadPosition) -> I64:
    """(n, 4): the columns of `sweep_both` from two sweeps."""
    with engine.sweep(pickup, dropoff) as ahead, engine.sweep(dropoff, pickup) as back:
        ways: I64 = np.minimum(np.concatenate([ahead, back], axis=1), INFINITE)
        return ways


def ends_of(engine: RoadEngine, edges: set[int]) -> list[int]:
    """The ranks of both ends of some edges."""
    return [int(end) for edge in edges for end in (engine.edges.start[edge], engine.edges.end[edge])]


@many
@given(data=st.data())
def test_four_ways_in_one_pass_are_two_sweeps(data: st.DataObject) -> None:
    network = data.draw(networks())
    engine = an_engine(network)
    pickup, dropoff = data.draw(positions(network)), data.draw(positions(network))
    with engine.sweep_both(pickup, dropoff) as distance:
        assert np.array_equal(np.minimum(distance, INFINITE), all_ways(engine, pickup, dropoff))


@many
@given(data=st.data(), both=st.booleans())
def test_some_drives_are_the_sweep_where_they_are_asked_for(data: st.DataObject, both: bool) -> None:
    network = data.draw(networks())
    engine = an_engine(network)
    pickup, dropoff = data.draw(positions(network)), data.draw(positions(network))
    expected = all_ways(engine, pickup, dropoff)[:, : 4 if both else 2]
    edges = st.lists(st.integers(0, network.edge_count - 1), max_size=4)
    with engine.some_drives(pickup, dropoff, both=both) as some:
        asked: set[int] = set()
        for wanted in (data.draw(edges), data.draw(edges)):
            asked |= set(wanted)
            distance = some.settled(np.array(wanted, dtype=np.int32))
            ends = ends_of(engine, asked)
            assert np.array_equal(np.minimum(distance[ends], INFINITE), expected[ends])


@pytest.mark.parametrize("left_over", [0, 1 << 40, int(INFINITE)])
def test_what_lies_in_memory_does_not_matter_nor_what_an_earlier_search_asked(left_over: int) -> None:
    """The next search, with another number of columns, finds the work arrays as the last one left them."""
    network = random_network(5, nodes=300, streets=700)
    engine = an_engine(network)
    places = random_positions(network, 6, seed=5)
    edges = np.array([3, 99, 400], dtype=np.int32)
    ends = ends_of(engine, set(edges.tolist()))
    for both, (pickup, dropoff) in zip((True, False, True, True), itertools.pairwise(places), strict=False):
        expected = all_ways(engine, pickup, dropoff)[:, : 4 if both else 2]
        with engine.some_drives(pickup, dropoff, both=both) as some:
            found = np.minimum(some.settled(edges)[ends], INFINITE)
            some.settled(np.arange(0, network.edge_count, 7, dtype=np.int32))[:] = left_over
        assert np.array_equal(found, expected[ends])


def test_no_more_than_the_ancestors_of_stops_is_settled() -> None:
    network = random_network(2, nodes=400, streets=900)
    engine = an_engine(network)
    here, there = random_positions(network, 2, seed=1)
    with engine.some_drives(here, there, both=True) as some:
        some.settled(np.array([0], dtype=np.int32))
        settled = np.flatnonzero(some.state == SETTLED)
    parent, wanted = engine.topology.parent, set()
    for end in ends_of(engine, {0}):
        node = end
        while node >= 0:
            wanted.add(node)
            node = int(parent[node])
    assert set(settled.tolist()) == wanted
    assert len(wanted) < 400


def test_two_searches_at_once_do_not_share_drives() -> None:
    network = random_network(3, nodes=60, streets=150)
    engine = an_engine(network)
    every = np.arange(network.edge_count, dtype=np.int32)
    a, b, c, d = random_positions(network, 4, seed=1)
    with engine.some_drives(a, b, both=True) as mine:
        before = mine.settled(every).copy()
        with engine.some_drives(c, d, both=True) as theirs:
            theirs.settled(every)
        assert np.array_equal(mine.settled(every), before)


@many
@given(data=st.data())
def test_the_least_of_some_drives_is_that_of_the_sweep(data: st.DataObject) -> None:
    """For a rider who walks: to the nearest of several places, each with an extra, and from it."""
    network = data.draw(networks())
    engine = an_engine(network)
    count = data.draw(st.sampled_from([2, 6]))
    sides = [data.draw(st.lists(positions(network), min_size=1, max_size=4)) for _ in range(count)]
    extras = [np.array([data.draw(st.integers(0, 300_000)) << 32 for _ in side], dtype=np.int64) for side in sides]
    wanted = data.draw(st.lists(st.integers(0, network.edge_count - 1), max_size=4))
    ends = ends_of(engine, set(wanted))
    expected = [
        np.min([swept(engine, place)[:, k % 2] + extra for place, extra in zip(side, extras[k], strict=True)], axis=0)
        for k, side in enumerate(sides)
    ]
    with ExitStack() as work:
        columns = [work.enter_context(engine.columns(*fixed(side), to=k % 2 == 0)) for k, side in enumerate(sides)]
        pairs = [(columns[k], extras[k], columns[k + 1], extras[k + 1]) for k in range(0, count, 2)]
        everywhere = work.enter_context(engine.sweep_least(pairs))
        some = work.enter_context(engine.some_least(pairs))
        found = some.settled(np.array(wanted, dtype=np.int32))[ends]
        assert np.array_equal(np.minimum(everywhere, INFINITE), np.minimum(np.stack(expected, axis=1), INFINITE))
        assert np.array_equal(np.minimum(found, INFINITE), np.minimum(everywhere[ends], INFINITE))
