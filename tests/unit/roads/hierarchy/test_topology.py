"""The chordal completion, against the elimination game played with Python sets."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.roads.hierarchy.topology import Topology, find_slot
from matcher.roads.network.graph import RoadNetwork
from tests.builders_roads import line_of_places, network_of, one_way, random_network, two_way


def elimination_game(network: RoadNetwork, topology: Topology) -> list[set[int]]:
    """Higher neighbours of each rank: eliminate ranks one by one, joining what each leaves behind."""
    rank = topology.rank_of_node.tolist()
    neighbours: list[set[int]] = [set() for _ in rank]
    for tail, head in zip(network.arc_tail.tolist(), network.arc_head.tolist(), strict=True):
        if tail != head:
            neighbours[rank[tail]].add(rank[head])
            neighbours[rank[head]].add(rank[tail])
    higher = []
    for v in range(len(rank)):
        up = {w for w in neighbours[v] if w > v}
        for w in up:
            neighbours[w] |= up - {w}
        higher.append(up)
    return higher


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("metis", [True, False], ids=["nested dissection", "any order"])
def test_slots_are_those_of_the_elimination_game(seed: int, metis: bool) -> None:
    network = random_network(seed, nodes=60, streets=90)
    order = None if metis else np.random.default_rng(seed).permutation(60).astype(np.int32)
    topology = Topology.build(network, order)
    higher = elimination_game(network, topology)
    assert topology.slot_count == sum(map(len, higher))
    for v, up in enumerate(higher):
        slots = slice(topology.up_first[v], topology.up_first[v + 1])
        assert topology.up_head[slots].tolist() == sorted(up)
        assert set(topology.up_tail[slots].tolist()) <= {v}
        assert topology.parent[v] == min(up, default=-1)
    assert topology.node_at_rank[topology.rank_of_node].tolist() == list(range(60))
    assert topology.height() == max(_depth(topology.parent.tolist(), v) for v in range(60))
    assert order is None or topology.node_at_rank.tolist() == order.tolist()


def _depth(parent: list[int], v: int) -> int:
    depth = 0
    while v >= 0:
        v, depth = parent[v], depth + 1
    return depth


def test_an_arc_runs_up_or_down_its_slot() -> None:
    # Ranks are 2, 0, 1: arcs 0->1 and 1->0 of one slot, 2->1 of another, and a loop of none.
    network = network_of([two_way(0, 1, 1), one_way(2, 1, 1), one_way(2, 2, 1)], line_of_places(3))
    topology = Topology.build(network, np.array([1, 2, 0], dtype=np.int32))
    assert topology.rank_of_node.tolist() == [2, 0, 1]
    assert list(zip(topology.up_tail.tolist(), topology.up_head.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 2)]
    codes = {
        (tail, head): code
        for tail, head, code in zip(
            network.arc_tail.tolist(), network.arc_head.tolist(), topology.arc_code.tolist(), strict=True
        )
    }
    assert codes == {(0, 1): 3, (1, 0): 2, (2, 1): 1, (2, 2): -1}


def test_a_slot_is_found_or_minus_one() -> None:
    network = random_network(3, nodes=40, streets=80)
    topology = Topology.build(network)
    slot_of = {
        pair: slot for slot, pair in enumerate(zip(topology.up_tail.tolist(), topology.up_head.tolist(), strict=True))
    }
    for low in range(40):
        for high in range(low + 1, 40):
            assert find_slot(topology.up_first, topology.up_head, low, high) == slot_of.get((low, high), -1)


def test_more_slots_than_foreseen() -> None:
    """A star eliminated from its middle joins everything with everything."""
    leaves = 200
    network = network_of([two_way(0, k, 1) for k in range(1, leaves + 1)], line_of_places(leaves + 1))
    topology = Topology.build(network, np.arange(leaves + 1, dtype=np.int32))
    assert topology.slot_count == (leaves + 1) * leaves // 2
    assert topology.height() == leaves + 1


def test_arrays_cannot_be_written() -> None:
    topology = Topology.build(random_network(0, nodes=5, streets=9))
    with pytest.raises(ValueError, match="read-only"):
        topology.parent[0] = 0
