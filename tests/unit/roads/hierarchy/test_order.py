"""The contraction order."""

from __future__ import annotations

import pytest

from matcher.roads.hierarchy.order import nested_dissection, undirected_adjacency
from matcher.roads.hierarchy.topology import Topology
from tests.builders_roads import line_of_places, network_of, one_way, random_network, two_way


def test_neighbours_are_those_of_either_direction_once_without_loops() -> None:
    streets = [one_way(0, 2, 1), one_way(2, 0, 1), two_way(2, 0, 5), one_way(1, 1, 1), one_way(2, 3, 1)]
    first, neighbours = undirected_adjacency(network_of(streets, line_of_places(4)))
    assert first.tolist() == [0, 1, 1, 3, 4]
    assert neighbours.tolist() == [2, 0, 3, 2]


@pytest.mark.parametrize("seed", range(5))
def test_every_node_has_one_rank_and_the_order_is_the_same_every_time(seed: int) -> None:
    network = random_network(seed, nodes=80, streets=120)
    order = nested_dissection(network)
    assert sorted(order.tolist()) == list(range(80))
    assert nested_dissection(network).tolist() == order.tolist()


def test_graphs_too_small_for_metis_have_an_order_too() -> None:
    assert nested_dissection(network_of([one_way(0, 0, 1)], line_of_places(1))).tolist() == [0]
    assert sorted(nested_dissection(network_of([one_way(1, 1, 1)], line_of_places(3))).tolist()) == [0, 1, 2]
    assert sorted(nested_dissection(network_of([one_way(0, 1, 1)], line_of_places(2))).tolist()) == [0, 1]


def test_trees_stay_low() -> None:
    """A square grid has separators of its width; an order that ignores them makes trees several times as high."""
    width = 24
    places = [(0.001 * (k // width), 0.001 * (k % width)) for k in range(width * width)]
    streets = [two_way(k, k + 1, 1) for k in range(width * width) if k % width < width - 1]
    streets += [two_way(k, k + width, 1) for k in range(width * (width - 1))]
    network = network_of(streets, places)
    assert Topology.build(network).height() < 4 * width
