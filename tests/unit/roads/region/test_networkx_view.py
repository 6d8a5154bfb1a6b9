"""The open view of the network."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from matcher.roads.network.graph import ROAD_CLASSES, RoadNetwork, pack_names
from matcher.roads.region.networkx_view import CRS, to_networkx


def _two_nodes() -> RoadNetwork:
    """Node 0 and node 1, joined by a bent two-way street and by a straight one-way ferry back."""
    blob, first = pack_names(["Bent Street"])
    i32 = np.int32
    return RoadNetwork(
        node_lat=np.array([1.0, 2.0]),
        node_lon=np.array([10.0, 20.0]),
        first_out=np.array([0, 1, 3], dtype=i32),
        arc_tail=np.array([0, 1, 1], dtype=i32),
        arc_head=np.array([1, 0, 0], dtype=i32),
        arc_time_ms=np.array([3600, 7200, 10_000], dtype=i32),
        arc_length_cm=np.array([10_000, 10_000, 9_000], dtype=i32),
        arc_edge=np.array([0, 0, 1], dtype=i32),
        arc_forward=np.array([1, 0, 1], dtype=np.uint8),
        edge_class=np.array([ROAD_CLASSES.index("residential"), ROAD_CLASSES.index("ferry")], dtype=np.uint8),
        edge_name=np.array([0, -1], dtype=i32),
        edge_forward_arc=np.array([0, 2], dtype=i32),
        edge_backward_arc=np.array([1, -1], dtype=i32),
        edge_point_first=np.array([0, 3, 5], dtype=np.int64),
        point_lat=np.array([1.0, 1.1, 2.0, 2.0, 1.0]),
        point_lon=np.array([10.0, 15.0, 20.0, 20.0, 10.0]),
        name_blob=blob,
        name_first=first,
        edge_public=np.full(2, -1, dtype=i32),
    )


def test_nodes_edges_and_their_attributes() -> None:
    graph = to_networkx(_two_nodes())
    assert graph.graph == {"crs": CRS}
    assert dict(graph.nodes.items()) == {0: {"y": 1.0, "x": 10.0}, 1: {"y": 2.0, "x": 20.0}}
    assert sorted(graph.edges(keys=True)) == [(0, 1, 0), (1, 0, 0), (1, 0, 1)]
    there, back, ferry = graph.edges[0, 1, 0], graph.edges[1, 0, 0], graph.edges[1, 0, 1]
    assert (there["length"], there["travel_time"], there["speed_kph"]) == (100.0, 3.6, pytest.approx(100.0))
    assert (back["travel_time"], back["name"], back["highway"]) == (7.2, "Bent Street", "residential")
    assert (there["oneway"], there["reversed"], back["oneway"], back["reversed"]) == (False, False, False, True)
    assert (ferry["oneway"], ferry["highway"], ferry["length"]) == (True, "ferry", 90.0)
    assert "name" not in ferry


def test_geometries_run_in_the_direction_of_travel_as_lon_lat() -> None:
    graph = to_networkx(_two_nodes())
    assert graph.edges[0, 1, 0]["geometry"] == shapely.LineString([(10, 1), (15, 1.1), (20, 2)])
    assert graph.edges[1, 0, 0]["geometry"] == shapely.LineString([(20, 2), (15, 1.1), (10, 1)])
    assert "geometry" not in graph.edges[1, 0, 1]
