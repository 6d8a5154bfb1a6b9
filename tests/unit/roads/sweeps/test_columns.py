"""Drives to and from several positions at once: equal to one sweep each, in whatever order they are asked about."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.place import RoadPosition
from matcher.matching.base.positions import INFINITE, fixed_position
from matcher.roads.engine import RoadEngine
from matcher.roads.network.graph import I64
from matcher.roads.sweeps.many import SETTLED
from tests.builders_roads import an_engine, networks, positions, random_network, random_positions
from tests.examples import examples

many = settings(max_examples=examples(50))


def fixed(places: list[RoadPosition]) -> tuple[I64, I64]:
    """Columns of positions."""
    pairs = np.array([fixed_position(place) for place in places], dtype=np.int64)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def swept(engine: RoadEngine, place: RoadPosition) -> I64:
    """(n, 2): to the position, and from it, by the sweep for one."""
    with engine.sweep(place, place) as distance:
        cut: I64 = np.minimum(distance, INFINITE)
        return cut


@many
@given(data=st.data())
def test_columns_are_sweeps_where_they_are_asked_for(data: st.DataObject) -> None:
    network = data.draw(networks())
    engine = an_engine(network)
    places = data.draw(st.lists(positions(network), min_size=1, max_size=5))
    edges = st.lists(st.integers(0, network.edge_count - 1), max_size=4)
    for to in (True, False):
        expected = np.stack([swept(engine, place)[:, 0 if to else 1] for place in places], axis=1)
        with engine.columns(*fixed(places), to=to) as columns:
            asked: set[int] = set()
            for wanted in (data.draw(edges), data.draw(edges)):
                asked |= set(wanted)
                distance = columns.settled(np.array(wanted, dtype=np.int32))
                ends = [int(end) for edge in asked for end in (engine.edges.start[edge], engine.edges.end[edge])]
                assert np.array_equal(np.minimum(distance[ends], INFINITE), expected[ends])


@many
@given(data=st.data())
def test_costs_between_are_drives(data: st.DataObject) -> None:
    network = data.draw(networks())
    engine = an_engine(network)
    sources = data.draw(st.lists(positions(network), min_size=1, max_size=4))
    targets = data.draw(st.lists(positions(network), min_size=1, max_size=4))
    with engine.columns(*fixed(sources), to=False) as away, engine.columns(*fixed(targets), to=True) as home:
        found = np.minimum(engine.costs_between(away, home), INFINITE).tolist()
    expected = [[engine.cost(here, there) for there in targets] for here in sources]
    assert found == [[int(INFINITE) if cost is None else cost for cost in row] for row in expected]


@many
@given(data=st.data())
def test_the_least_sweep_is_the_least_of_all(data: st.DataObject) -> None:
    network = data.draw(networks())
    engine = an_engine(network)
    targets = data.draw(st.lists(positions(network), min_size=1, max_size=4))
    sources = data.draw(st.lists(positions(network), min_size=1, max_size=4))
    extras = st.integers(0, 300_000).map(lambda ms: ms << 32)
    to_extra = np.array([data.draw(extras) for _ in targets], dtype=np.int64)
    from_extra = np.array([data.draw(extras) for _ in sources], dtype=np.int64)
    with (
        engine.columns(*fixed(targets), to=True) as home,
        engine.columns(*fixed(sources), to=False) as away,
        engine.sweep_least([(home, to_extra, away, from_extra)]) as least,
    ):
        found = np.minimum(least, INFINITE)
    to = np.min([swept(engine, place)[:, 0] + extra for place, extra in zip(targets, to_extra, strict=True)], axis=0)
    away_ = np.min(
        [swept(engine, place)[:, 1] + extra for place, extra in zip(sources, from_extra, strict=True)], axis=0
    )
    assert np.array_equal(found, np.minimum(np.stack([to, away_], axis=1), INFINITE))


def test_work_arrays_are_good_for_more_positions_than_ever_before() -> None:
    network = random_network(1, nodes=60, streets=150)
    engine = an_engine(network)
    every = np.arange(network.edge_count, dtype=np.int32)
    for count in (3, 40, 7):
        places = random_positions(network, count, seed=count)
        with engine.columns(*fixed(places), to=True) as columns:
            found = np.minimum(columns.settled(every), INFINITE)
        expected = np.stack([swept(engine, place)[:, 0] for place in places], axis=1)
        touched = np.unique(np.concatenate([engine.edges.start, engine.edges.end]))
        assert np.array_equal(found[touched], expected[touched])


def test_nodes_that_nobody_asks_about_are_left_alone() -> None:
    """A town of streets in a row: what is needed for one street is its ancestors, not the town."""
    network = random_network(2, nodes=400, streets=900)
    engine = an_engine(network)
    with engine.columns(*fixed(random_positions(network, 4, seed=1)), to=True) as columns:
        columns.settled(np.array([0], dtype=np.int32))
        some = int((columns.columns.state == SETTLED).sum())
        columns.settled(np.arange(network.edge_count, dtype=np.int32))
        assert 0 < some < int((columns.columns.state == SETTLED).sum())


@pytest.mark.parametrize("to", [True, False])
def test_two_searches_at_once_do_not_share_columns(to: bool) -> None:
    network = random_network(3, nodes=60, streets=150)
    engine = an_engine(network)
    every = np.arange(network.edge_count, dtype=np.int32)
    first, second = random_positions(network, 2, seed=1), random_positions(network, 2, seed=2)
    with engine.columns(*fixed(first), to=to) as mine:
        before = mine.settled(every).copy()
        with engine.columns(*fixed(second), to=to) as theirs:
            theirs.settled(every)
        assert np.array_equal(mine.settled(every), before)
