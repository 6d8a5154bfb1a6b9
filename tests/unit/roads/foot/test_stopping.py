"""Where a car stops at a corner, and what the corner is called."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from matcher.domain.place import RoadPosition
from matcher.roads.foot.stopping import NO_CLASS, may_stop, node_stops
from matcher.roads.network.graph import ROAD_CLASSES, RoadNetwork
from tests.builders_roads import Street, an_engine, line_of_places, network_of, one_way, random_network, two_way


def _classed(network: RoadNetwork, *classes: str) -> RoadNetwork:
    codes = np.array([ROAD_CLASSES.index(name) for name in classes], dtype=np.uint8)
    return dataclasses.replace(network, edge_class=codes)


def _stop(network: RoadNetwork, node: int) -> tuple[int, int]:
    stops = node_stops(network)
    return int(stops.stop_edge[node]), int(stops.stop_at_end[node])


def test_a_car_stops_at_the_end_of_a_street_that_goes_both_ways() -> None:
    streets = [one_way(0, 1, 10), one_way(1, 2, 10), two_way(3, 1, 10), one_way(2, 0, 10)]
    network = network_of(streets, line_of_places(4))
    assert _stop(network, 1) == (2, 1)
    assert _stop(network, 3) == (2, 0)


def test_the_only_way_in_or_out_does_as_well() -> None:
    # Node 1: two ways in, one out. Node 2: one way in, two out.
    streets = [one_way(0, 1, 10), one_way(3, 1, 10), one_way(1, 2, 10), one_way(2, 0, 10), one_way(2, 3, 10)]
    network = network_of(streets, line_of_places(4))
    assert _stop(network, 1) == (2, 0)
    assert _stop(network, 2) == (2, 1)


def test_else_a_car_stops_where_it_comes_in() -> None:
    # Node 1: streets 0 and 1 lead in, 2 and 3 lead out.
    streets = [one_way(0, 1, 10), one_way(2, 1, 10), one_way(1, 3, 10), one_way(1, 4, 10)]
    streets += [one_way(3, 0, 10), one_way(4, 2, 10)]
    assert _stop(network_of(streets, line_of_places(5)), 1) == (0, 1)


def test_one_way_streets_drawn_against_their_direction() -> None:
    # Edge 0 is driven from node 1 to node 0 only: at its start, node 0, cars come in.
    network = network_of([Street(0, 1, None, 10), one_way(0, 1, 10)], line_of_places(2))
    assert _stop(network, 0) in {(0, 0), (1, 0)}
    assert _stop(network, 1) in {(0, 1), (1, 1)}


@pytest.mark.parametrize("seed", range(6))
def test_stopping_at_a_corner_costs_what_passing_it_costs(seed: int) -> None:
    """The end of a two-way street, or of the only way in or out, is the node itself for any drive through it."""
    network = random_network(seed, nodes=25, streets=60)
    engine, stops = an_engine(network), node_stops(network)
    outs, ins = np.bincount(network.arc_tail, minlength=25), np.bincount(network.arc_head, minlength=25)
    checked = 0
    for node in range(network.node_count):
        edge = int(stops.stop_edge[node])
        if edge < 0:
            continue
        both = network.edge_forward_arc[edge] >= 0 and network.edge_backward_arc[edge] >= 0
        if not (both or outs[node] == 1 or ins[node] == 1):
            continue
        stop = RoadPosition(edge, float(stops.stop_at_end[node]))
        into = [a for a in range(network.arc_count) if network.arc_head[a] == node]
        out = [a for a in range(network.arc_count) if network.arc_tail[a] == node]
        for a in into[:3]:
            for b in out[:3]:
                before = RoadPosition(int(network.arc_edge[a]), 0.5)
                after = RoadPosition(int(network.arc_edge[b]), 0.5)
                first, then = engine.cost(before, stop), engine.cost(stop, after)
                assert first is not None
                assert then is not None
                straight = int(network.packed_cost[a]) // 2 + int(network.packed_cost[b]) // 2
                assert (first + then) >> 32 <= (straight >> 32) + 2
                checked += 1
    assert checked > 20


def test_nobody_is_met_on_a_motorway() -> None:
    network = network_of([two_way(0, 1, 10), two_way(1, 2, 10), two_way(2, 3, 10)], line_of_places(4))
    network = _classed(network, "motorway", "trunk_link", "tertiary")
    stops = node_stops(network)
    assert may_stop(network).tolist() == [False, False, True]
    assert stops.stop_edge.tolist() == [-1, -1, 2, 2]
    assert stops.stop_class.tolist() == [NO_CLASS, NO_CLASS] + [ROAD_CLASSES.index("tertiary")] * 2


def test_the_side_street_is_chosen_and_the_main_road_counts() -> None:
    network = network_of([two_way(0, 1, 10), two_way(1, 2, 10), two_way(1, 3, 10)], line_of_places(4))
    stops = node_stops(_classed(network, "primary", "primary", "service"))
    assert stops.stop_edge[1] == 2
    assert ROAD_CLASSES[stops.stop_class[1]] == "primary"


def test_a_corner_is_named_for_its_two_most_important_streets() -> None:
    streets = [
        two_way(0, 1, 10, name="Lane"),
        two_way(1, 2, 10, name="Lane"),
        two_way(1, 3, 10, name="Avenue"),
        two_way(1, 4, 10),
        two_way(4, 2, 10, name="Alley"),
    ]
    network = _classed(
        network_of(streets, line_of_places(5)), "residential", "residential", "primary", "motorway", "service"
    )
    stops = node_stops(network)
    corners = [
        [network.name(int(edge)) if edge >= 0 else None for edge in pair]
        for pair in zip(stops.corner_a, stops.corner_b, strict=True)
    ]
    assert corners == [["Lane", None], ["Avenue", "Lane"], ["Lane", "Alley"], ["Avenue", None], ["Alley", None]]
