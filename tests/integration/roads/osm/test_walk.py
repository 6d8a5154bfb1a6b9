"""OpenStreetMap files become walk networks: one small map for each rule."""

from __future__ import annotations

import itertools
from pathlib import Path

import networkx as nx
import numpy as np
import pyproj
import pytest

from matcher.roads.foot.network import WalkNetwork
from matcher.roads.network.graph import RoadNetwork
from matcher.roads.osm.extract import import_extract
from matcher.roads.osm.walk import STEPS_FACTOR
from tests.osm_files import StreetMap

_GEOD = pyproj.Geod(ellps="WGS84")


def _import(streets: StreetMap, folder: Path) -> tuple[WalkNetwork, RoadNetwork]:
    extract = import_extract(streets.write(folder / "map.osm.pbf"))
    _check_arrays(extract.walk_network, extract.network)
    return extract.walk_network, extract.network


def _check_arrays(walk: WalkNetwork, roads: RoadNetwork) -> None:
    """What WalkNetwork promises of its arrays."""
    entries = sorted(
        itertools.chain.from_iterable(
            ((int(a), int(b), k), (int(b), int(a), k))
            for k, (a, b) in enumerate(zip(walk.edge_start, walk.edge_end, strict=True))
        )
    )
    tails = np.repeat(np.arange(walk.node_count), np.diff(walk.first_out))
    assert list(zip(tails.tolist(), walk.out_head.tolist(), walk.out_edge.tolist(), strict=True)) == entries
    starts, ends = walk.edge_point_first[:-1], walk.edge_point_first[1:] - 1
    assert (ends > starts).all()
    for side, point in ((walk.edge_start, starts), (walk.edge_end, ends)):
        assert (walk.node_lat[side] == walk.point_lat[point]).all()
        assert (walk.node_lon[side] == walk.point_lon[point]).all()
    met = np.flatnonzero(walk.drive_node >= 0)
    drive = walk.drive_node[met]
    assert len(set(drive.tolist())) == len(drive)
    assert (roads.node_lat[drive] == walk.node_lat[met]).all()
    assert (roads.node_lon[drive] == walk.node_lon[met]).all()
    for node, road_node in zip(met.tolist(), drive.tolist(), strict=True):
        edge = int(walk.stop_edge[node])
        if edge >= 0:
            forward, backward = int(roads.edge_forward_arc[edge]), int(roads.edge_backward_arc[edge])
            first = roads.arc_tail[forward] if forward >= 0 else roads.arc_head[backward]
            last = roads.arc_head[forward] if forward >= 0 else roads.arc_tail[backward]
            assert road_node == (last if walk.stop_at_end[node] else first)
    assert (walk.stop_edge[walk.drive_node < 0] == -1).all()


def _length_m(streets: StreetMap, *nodes: int) -> float:
    return sum(
        float(_GEOD.inv(streets.lon(a), streets.lat(a), streets.lon(b), streets.lat(b))[2])
        for a, b in itertools.pairwise(nodes)
    )


def _nodes_at(walk: WalkNetwork, streets: StreetMap, node: int) -> list[int]:
    gaps = np.hypot(walk.node_lat - streets.lat(node), walk.node_lon - streets.lon(node))
    return [int(index) for index in np.flatnonzero(gaps < 1e-9)]


def _walk_m(walk: WalkNetwork, streets: StreetMap, origin: int, destination: int) -> float | None:
    """Metres of the shortest walk between two points of the map that are nodes, or None."""
    graph: nx.MultiGraph[int] = nx.MultiGraph()
    graph.add_nodes_from(range(walk.node_count))
    for a, b, cm in zip(walk.edge_start.tolist(), walk.edge_end.tolist(), walk.edge_length_cm.tolist(), strict=True):
        graph.add_edge(a, b, cm=cm)
    lengths = [
        nx.shortest_path_length(graph, a, b, weight="cm")
        for a in _nodes_at(walk, streets, origin)
        for b in _nodes_at(walk, streets, destination)
        if nx.has_path(graph, a, b)
    ]
    return min(lengths) / 100 if lengths else None


def test_a_footpath_joins_streets_and_keeps_its_shape(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2, 3]).way([3, 13, 23, 22, 21, 20, 10, 0])
    streets.way([1, 11, 21], "footway")
    walk, _ = _import(streets, tmp_path)
    assert _walk_m(walk, streets, 1, 21) == pytest.approx(_length_m(streets, 1, 11, 21), abs=0.02)
    # The ring of streets has one node for cars, 0, and it is kept for walkers.
    assert sorted(np.diff(walk.edge_point_first).tolist()) == [2, 3, 4, 7]
    assert (walk.drive_node >= 0).sum() == 1


def test_one_way_streets_are_walked_both_ways(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1], oneway="yes", name="A").way([1, 11, 10, 0], oneway="yes", name="B")
    walk, _ = _import(streets, tmp_path)
    assert _walk_m(walk, streets, 0, 1) == pytest.approx(_length_m(streets, 0, 1), abs=0.01)
    assert _walk_m(walk, streets, 1, 0) == pytest.approx(_length_m(streets, 0, 1), abs=0.01)


def test_steps_count_more_than_they_measure(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1], name="A").way([1, 11, 12], "path").way([12, 22], "steps").way([22, 23], "path")
    walk, _ = _import(streets, tmp_path)
    there = _length_m(streets, 1, 11, 12) + STEPS_FACTOR * _length_m(streets, 12, 22) + _length_m(streets, 22, 23)
    assert _walk_m(walk, streets, 1, 23) == pytest.approx(there, abs=0.02)
    # Pieces of their own, so that half-way along a piece is half of its length.
    assert sorted(np.diff(walk.edge_point_first).tolist()) == [2, 2, 2, 3]


def test_motorways_are_not_walked_and_a_footbridge_over_them_is(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2], "motorway").way([2, 12, 10, 0], "tertiary")
    walk, _ = _import(streets, tmp_path)
    assert _walk_m(walk, streets, 0, 2) == pytest.approx(_length_m(streets, 0, 10, 12, 2), abs=0.02)
    streets.way([0, 30, 32, 2], "trunk", foot="yes")
    longer, _ = _import(streets, tmp_path)
    assert longer.edge_length_cm.sum() > walk.edge_length_cm.sum()


def test_a_path_that_ends_in_the_middle_of_a_street_is_joined_there(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2, 3, 4]).way([2, 12, 13, 4], "path")
    walk, roads = _import(streets, tmp_path)
    # For cars the street is one piece of three nodes or less; walkers turn off at node 2.
    assert [int(walk.drive_node[node]) for node in _nodes_at(walk, streets, 2)] == [-1]
    assert _walk_m(walk, streets, 0, 4) == pytest.approx(_length_m(streets, 0, 1, 2, 3, 4), abs=0.02)
    assert roads.edge_count == 1


def test_nodes_of_the_road_network_are_kept_where_no_path_turns_off(tmp_path: Path) -> None:
    # At node 1 nothing meets but the name changes: a node for cars.
    streets = StreetMap().way([0, 1], name="A").way([1, 2], name="B")
    walk, roads = _import(streets, tmp_path)
    assert roads.node_count == 3
    assert sorted(walk.drive_node.tolist()) == [0, 1, 2]
    assert sorted(np.diff(walk.edge_point_first).tolist()) == [2, 2]


def test_pieces_of_several_ways_are_folded_into_one(tmp_path: Path) -> None:
    streets = (
        StreetMap().way([0, 1, 2], name="A").way([2, 12], "footway").way([22, 12], "path").way([22, 21], "footway")
    )
    streets.way([21, 20, 10, 0], name="B").way([10, 1], name="C")
    walk, _ = _import(streets, tmp_path)
    # From the end of the street at 2 to the bend of the other at 21.
    assert 4 in np.diff(walk.edge_point_first).tolist()
    assert _walk_m(walk, streets, 2, 21) == pytest.approx(_length_m(streets, 2, 12, 22, 21), abs=0.02)


def test_a_bollard_stops_cars_and_nobody_on_foot(tmp_path: Path) -> None:
    streets = StreetMap().way([1, 2, 3], name="test").way([1, 0, 30, 34, 4, 3], name="round")
    streets.node(2, barrier="bollard")
    walk, roads = _import(streets, tmp_path)
    here = _nodes_at(walk, streets, 2)
    # Both dead ends of the road can be reached on foot, at no distance from each other.
    assert len(here) == 2
    assert {int(walk.drive_node[node]) for node in here} == {
        node for node in range(roads.node_count) if abs(roads.node_lon[node] - streets.lon(2)) < 1e-9
        and abs(roads.node_lat[node] - streets.lat(2)) < 1e-9
    }  # fmt: skip
    assert all(walk.stop_edge[node] >= 0 for node in here)
    assert _walk_m(walk, streets, 1, 3) == pytest.approx(_length_m(streets, 1, 2, 3), abs=0.02)


def test_a_locked_gate_stops_everybody(tmp_path: Path) -> None:
    streets = StreetMap().way([1, 2, 3], name="test").way([1, 0, 30, 34, 4, 3], name="round")
    streets.node(2, barrier="gate", access="private")
    walk, _ = _import(streets, tmp_path)
    assert _walk_m(walk, streets, 1, 3) == pytest.approx(_length_m(streets, 1, 0, 30, 34, 4, 3), abs=0.02)
    assert all(walk.drive_node[node] == -1 for node in _nodes_at(walk, streets, 2))


def test_what_cannot_be_walked_to_from_a_road_is_left_out(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1], name="road").way([50, 51, 52], "path").way([60, 61], "motorway")
    walk, _ = _import(streets, tmp_path)
    assert _nodes_at(walk, streets, 50) == []
    assert walk.edge_count == 1
    # A street that cars cannot leave again is left out of the roads, and walked all the same where a path leads to it.
    streets.way([70, 71], oneway="yes").way([71, 1], "path")
    walk, roads = _import(streets, tmp_path)
    assert roads.edge_count == 1
    assert _walk_m(walk, streets, 0, 70) == pytest.approx(_length_m(streets, 0, 1, 71, 70), abs=0.02)


def test_a_motorway_exit_is_no_place_to_stop(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2, 3], "motorway").way([3, 13, 10, 0], "residential")
    streets.way([1, 11], "footway").way([11, 13], "footway")
    walk, roads = _import(streets, tmp_path)
    at_motorway = _nodes_at(walk, streets, 1)
    # The footway meets the motorway in the middle of a piece: nothing to stop at.
    assert all(walk.stop_edge[node] == -1 for node in at_motorway)
    stops = walk.stop_edge[walk.stop_edge >= 0]
    assert {int(roads.edge_class[edge]) for edge in stops} == {11}


def test_the_same_file_gives_the_same_walks(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2], name="A").way([2, 12, 11, 1], "footway").way([0, 10, 11], "steps")
    first, second = _import(streets, tmp_path)[0], _import(streets, tmp_path)[0]
    for name in WalkNetwork.__dataclass_fields__:
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
