"""The elimination-tree query by itself: seeds, bounds, and clean work arrays. Every other case: tests/property."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest

from matcher.matching.base.positions import INFINITE
from matcher.roads.hierarchy.customisation import customise
from matcher.roads.hierarchy.paths import unpack
from matcher.roads.hierarchy.query import Seed, TreeQuery, tree_query
from matcher.roads.hierarchy.scratch import QueryScratch
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import RoadNetwork
from tests.builders_roads import line_of_places, network_of, one_way, random_network

Ends = tuple[int, int, int, int]
Answer = tuple[int, int, int, list[int]]


class Query:
    """A network that seeds can be tried on. Costs are times; nodes are numbered as in the network."""

    def __init__(self, network: RoadNetwork) -> None:
        self.network = network
        self.topology = Topology.build(network)
        self.hierarchy, _ = customise(self.topology, network.arc_time_ms.astype(np.int64))
        n, height = network.node_count, self.topology.height()
        # Work arrays come as earlier queries left them.
        codes, path = (np.full(size, 12345, dtype=np.int32) for size in (n, 2 * height + 4))
        entries, ways = np.full((2, height), 12345, dtype=np.int32), np.full((2, height), 12345, dtype=np.int64)
        clean = np.full(n, INFINITE)
        self.work = QueryScratch(clean, clean.copy(), codes, codes.copy(), path, entries, ways)

    def __call__(self, source: Ends, target: Ends, bound: int = int(INFINITE)) -> Answer:
        """(distance, start, finish, arcs)."""
        rank = self.topology.rank_of_node.tolist()
        start, finish = (Seed(rank[s[0]], s[1], rank[s[2]], s[3]) for s in (source, target))
        way = tree_query(self.hierarchy, TreeQuery(start, finish, bound), self.work)
        assert (self.work.forward == INFINITE).all(), "the forward work array is not clean"
        assert (self.work.backward == INFINITE).all(), "the backward work array is not clean"
        arcs = unpack(self.hierarchy, self.work.codes[: way.size]).tolist()
        node = [*self.topology.node_at_rank.tolist(), -1]
        return int(way.cost), node[way.start], node[way.finish], arcs


def test_a_line() -> None:
    query = Query(network_of([one_way(0, 1, 10), one_way(1, 2, 20), one_way(2, 3, 40)], line_of_places(4)))
    assert query((0, 0, 0, 0), (3, 0, 3, 0)) == (70, 0, 3, [0, 1, 2])
    assert query((1, 5, 1, 5), (2, 3, 2, 3)) == (28, 1, 2, [1])
    assert query((2, 7, 2, 7), (2, 3, 2, 3)) == (10, 2, 2, [])
    assert query((3, 0, 3, 0), (0, 0, 0, 0)) == (int(INFINITE), -1, -1, [])


def test_a_seed_has_two_ends_and_the_better_one_is_taken() -> None:
    query = Query(network_of([one_way(0, 1, 10), one_way(1, 2, 20), one_way(2, 3, 40)], line_of_places(4)))
    assert query((0, 0, 1, 9), (3, 0, 2, 39)) == (68, 1, 2, [1])
    assert query((0, 0, 1, 11), (3, 0, 2, 41)) == (70, 0, 3, [0, 1, 2])
    assert query((0, int(INFINITE), 1, 500), (3, 500, 2, int(INFINITE))) == (1060, 1, 3, [1, 2])


def test_only_a_way_that_is_shorter_than_the_bound_is_found() -> None:
    query = Query(network_of([one_way(0, 1, 10), one_way(1, 2, 20)], line_of_places(3)))
    ends = (0, 0, 0, 0), (2, 0, 2, 0)
    assert query(*ends, bound=31) == (30, 0, 2, [0, 1])
    assert query(*ends, bound=30) == (30, -1, -1, [])
    assert query(*ends, bound=5) == (5, -1, -1, [])
    assert query(*ends) == (30, 0, 2, [0, 1])


@pytest.mark.parametrize("seed", range(6))
def test_all_pairs_under_every_bound(seed: int) -> None:
    query = Query(random_network(seed, nodes=25, streets=50))
    network = query.network
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    graph.add_nodes_from(range(25))
    for tail, head, ms in zip(
        network.arc_tail.tolist(), network.arc_head.tolist(), network.arc_time_ms.tolist(), strict=True
    ):
        graph.add_edge(tail, head, weight=ms)
    lengths = dict(nx.all_pairs_dijkstra_path_length(graph))
    for source, target in itertools.product(range(25), repeat=2):
        wanted = int(lengths[source].get(target, int(INFINITE)))
        for bound in {int(INFINITE), min(wanted + 1, int(INFINITE)), wanted, wanted // 2}:
            distance, start, finish, arcs = query((source, 0, source, 0), (target, 0, target, 0), bound)
            if wanted >= bound:
                assert (distance, start, finish, arcs) == (bound, -1, -1, [])
            else:
                assert (distance, start, finish) == (wanted, source, target)
                assert sum(network.arc_time_ms[arcs].tolist()) == wanted
                assert [source, *network.arc_head[arcs].tolist()][-1] == target
