"""The ways up that many drives share: true, the lowest of equal ones, and no more of them than there is room for."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.domain.place import RoadPosition
from matcher.matching.base.positions import FRACTION_ONE, INFINITE
from matcher.roads.engine import SUMMIT_FROM, RoadEngine
from matcher.roads.hierarchy.summit import choose_summit, summit_of
from matcher.roads.network.graph import RoadNetwork
from tests.builders_roads import Street, an_engine, line_of_places, network_of, random_network


def ways_up(engine: RoadEngine, node: int, side: int) -> dict[int, tuple[int, int]]:
    """Ancestor -> (cost, lowest last code) of the ways that only climb from a node, or only descend to it."""
    topology, weight = engine.topology, engine.hierarchy.weight
    found = {node: (0, -1)}
    for v in range(node, len(topology.parent)):
        for slot in range(topology.up_first[v], topology.up_first[v + 1]) if v in found else ():
            u, there = int(topology.up_head[slot]), found[v][0] + int(weight[2 * slot + side])
            if there < INFINITE:
                found[u] = min(found.get(u, (there, 2 * slot + side)), (there, 2 * slot + side))
    return found


def a_grid(side: int) -> RoadNetwork:
    """Crossings and streets all alike, so that nearly every way has others as short; some are one-way."""
    streets = []
    for row in range(side):
        for column in range(side):
            here = row * side + column
            if column + 1 < side:
                streets.append(Street(here, here + 1, 1000, None if row % 4 == 3 else 1000))
            if row + 1 < side:
                streets.append(Street(here, here + side, 1000, 1000))
    return network_of(streets, line_of_places(side * side))


@pytest.mark.parametrize("network", [random_network(5, nodes=300, streets=420), a_grid(14)], ids=["random", "grid"])
def test_all_ways_up_from_the_summit_are_known(network: RoadNetwork) -> None:
    engine = an_engine(network)
    summit = summit_of(engine.hierarchy)
    parent = engine.topology.parent
    on_summit = np.flatnonzero(summit.first >= 0)
    assert 0 < len(on_summit) < len(parent)
    for v in on_summit.tolist():
        above, u = [], v
        while u >= 0:
            above.append(u)
            u = int(parent[u])
        assert len(above) == summit.depth[v] + 1
        entries = slice(summit.first[v], summit.first[v] + len(above))
        for side in (0, 1):
            wanted = ways_up(engine, v, side)
            told = zip(summit.cost[side, entries].tolist(), summit.code[side, entries].tolist(), strict=True)
            assert dict(zip(above[::-1], told, strict=True)) == {u: wanted.get(u, (INFINITE, -1)) for u in above}


def test_of_equal_ways_all_drives_take_the_same() -> None:
    engine = an_engine(a_grid(14))
    rng = np.random.default_rng(7)
    edges = rng.integers(engine.network.edge_count, size=(2, 4 * SUMMIT_FROM)).astype(np.int32)
    halves = np.full(edges.shape[1], FRACTION_ONE // 2, dtype=np.int32)
    cost, codes, begin, size = engine.pack_drives(edges[0], halves, edges[1], halves)
    for i, (origin, destination) in enumerate(edges.T.tolist()):
        drive = engine.pack_drive(RoadPosition(origin, 0.5), RoadPosition(destination, 0.5))
        assert drive is not None
        assert (cost[i], codes[begin[i] : begin[i] + size[i]].tolist()) == (drive.cost, drive.codes.tolist())


@pytest.mark.parametrize("room", [0, 1, 40, 400, 10**6])
def test_the_summit_is_closed_upward_and_keeps_to_its_room(room: int) -> None:
    parent = an_engine(random_network(6, nodes=300, streets=420)).topology.parent
    first, depth, size = choose_summit(parent, 5, room)
    on_summit = first >= 0
    assert size == int((depth[on_summit] + 1).sum()) <= room
    has_parent = parent >= 0
    assert on_summit[parent[on_summit & has_parent]].all()
    assert (depth[has_parent] == depth[parent[has_parent]] + 1).all()
    below = np.ones(len(parent), dtype=int)
    for v in np.flatnonzero(has_parent).tolist():
        below[parent[v]] += below[v]
    assert not on_summit[below < 2**5].any()
    if room == 10**6:
        assert on_summit[below >= 2**5].all()
