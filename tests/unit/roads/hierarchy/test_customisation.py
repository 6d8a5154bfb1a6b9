"""Weights of the hierarchy, against distances by Floyd and Warshall in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest

from matcher.matching.base.positions import INFINITE
from matcher.roads.hierarchy.customisation import Hierarchy, customise
from matcher.roads.hierarchy.paths import unpack
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import RoadNetwork
from tests.builders_roads import line_of_places, network_of, one_way, random_network

Table = list[list[float]]


def tables(network: RoadNetwork, topology: Topology, weight: list[int]) -> list[Table]:
    """tables[k][i][j]: the distance from rank i to rank j over ranks below k only; the last is the true distance."""
    n = network.node_count
    rank = topology.rank_of_node.tolist()
    table = [[0.0 if i == j else math.inf for j in range(n)] for i in range(n)]
    for arc, (tail, head) in enumerate(zip(network.arc_tail.tolist(), network.arc_head.tolist(), strict=True)):
        i, j = rank[tail], rank[head]
        table[i][j] = min(table[i][j], weight[arc])
    found = [table]
    for k in range(n):
        table = [[min(table[i][j], table[i][k] + table[k][j]) for j in range(n)] for i in range(n)]
        found.append(table)
    return found


def weights(hierarchy: Hierarchy) -> list[float]:
    return [math.inf if w >= INFINITE else w for w in hierarchy.weight.tolist()]


@pytest.mark.parametrize("seed", range(6))
def test_a_slot_weighs_the_best_way_over_lower_ranks(seed: int) -> None:
    network = random_network(seed, nodes=22, streets=40)
    topology = Topology.build(network)
    arc_weight = network.arc_time_ms.astype(np.int64)
    hierarchy, _ = customise(topology, arc_weight)
    over = tables(network, topology, arc_weight.tolist())
    found = weights(hierarchy)
    for slot, (low, high) in enumerate(zip(topology.up_tail.tolist(), topology.up_head.tolist(), strict=True)):
        assert (found[2 * slot], found[2 * slot + 1]) == (over[low][low][high], over[low][high][low])


@pytest.mark.parametrize("seed", range(6))
def test_a_code_stands_for_a_way_between_its_ends_that_weighs_what_it_says(seed: int) -> None:
    network = random_network(seed, nodes=40, streets=80)
    topology = Topology.build(network)
    hierarchy, _ = customise(topology, network.packed_cost)
    rank = topology.rank_of_node
    for code in range(2 * topology.slot_count):
        if hierarchy.weight[code] >= INFINITE:
            assert (hierarchy.first[code], hierarchy.second[code]) == (-1, -1)
            continue
        arcs = unpack(hierarchy, np.array([code], dtype=np.int32))
        low, high = int(topology.up_tail[code // 2]), int(topology.up_head[code // 2])
        start, finish = (low, high) if code % 2 == 0 else (high, low)
        assert (rank[network.arc_tail[arcs[0]]], rank[network.arc_head[arcs[-1]]]) == (start, finish)
        assert np.array_equal(network.arc_head[arcs[:-1]], network.arc_tail[arcs[1:]])
        assert network.packed_cost[arcs].sum() == hierarchy.weight[code]


@pytest.mark.parametrize("seed", range(6))
def test_sweeps_leave_out_exactly_the_slots_that_no_shortest_way_needs(seed: int) -> None:
    network = random_network(seed, nodes=30, streets=70)
    topology = Topology.build(network)
    arc_weight = network.arc_time_ms.astype(np.int64)
    hierarchy, graph = customise(topology, arc_weight)
    true, found = tables(network, topology, arc_weight.tolist())[-1], weights(hierarchy)
    wanted = []
    for slot, (low, high) in enumerate(zip(topology.up_tail.tolist(), topology.up_head.tolist(), strict=True)):
        up, down = found[2 * slot], found[2 * slot + 1]
        if (up < math.inf and up == true[low][high]) or (down < math.inf and down == true[high][low]):
            wanted.append((low, high, hierarchy.weight[2 * slot], hierarchy.weight[2 * slot + 1]))
    lows = np.repeat(np.arange(30), np.diff(graph.first)).tolist()
    kept = list(zip(lows, graph.head.tolist(), *graph.weight.reshape(-1, 2).T.tolist(), strict=True))
    assert kept == wanted
    assert len(kept) < topology.slot_count, "nothing was left out: this network shows nothing"


def test_the_cheapest_of_parallel_streets_counts_and_loops_do_not() -> None:
    network = network_of([one_way(0, 1, 9), one_way(0, 1, 4), one_way(0, 1, 7), one_way(1, 1, 1)], line_of_places(2))
    topology = Topology.build(network, np.array([0, 1], dtype=np.int32))
    hierarchy, _ = customise(topology, network.arc_time_ms.astype(np.int64))
    assert hierarchy.weight.tolist() == [4, INFINITE]
    assert int(network.arc_edge[hierarchy.first[0]]) == 1


def test_two_metrics_share_a_topology() -> None:
    network = network_of([one_way(0, 1, 1, 900), one_way(1, 2, 1, 900), one_way(0, 2, 5, 100)], line_of_places(3))
    topology = Topology.build(network, np.array([1, 0, 2], dtype=np.int32))
    fastest, _ = customise(topology, network.arc_time_ms.astype(np.int64))
    shortest, _ = customise(topology, network.arc_length_cm.astype(np.int32).astype(np.int64))
    slot = topology.slot_count - 1
    assert (topology.up_tail[slot], topology.up_head[slot]) == (1, 2)
    assert (fastest.weight[2 * slot], shortest.weight[2 * slot]) == (2, 100)
    assert fastest.second[2 * slot] >= 0
    assert shortest.second[2 * slot] == -1
