"""The road network as a networkx graph with the attributes that osmnx users expect, and as GraphML."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import shapely

from matcher.roads.network.graph import ROAD_CLASSES, RoadNetwork

CRS = "epsg:4326"


def to_networkx(network: RoadNetwork) -> nx.MultiDiGraph[int]:
    """A MultiDiGraph with a node per node and an edge per arc, without the stubs of public points.

    O(n + m) Python objects.

    Nodes: x (longitude), y (latitude), in degrees. Edges: length (metres), travel_time (seconds), speed_kph, highway
    (class), oneway, reversed (runs against its geometry as stored), edge (number of the street piece), name where there
    is one, and geometry (a shapely LineString of lon, lat in the direction of travel) where it is not straight.
    Parallel edges have keys 0, 1, … in the order of arcs.
    """
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(crs=CRS)
    lats, lons = network.node_lat.tolist(), network.node_lon.tolist()
    for node in range(network.node_count - network.stub_count):
        graph.add_node(node, x=lons[node], y=lats[node])
    for arc in np.flatnonzero(network.arc_edge < network.street_count).tolist():
        tail, head = int(network.arc_tail[arc]), int(network.arc_head[arc])
        graph.add_edge(tail, head, **_attributes(network, arc))
    return graph


def save_graphml(network: RoadNetwork, path: Path) -> None:
    """Write GraphML with WKT geometries, for osmnx.load_graphml or networkx.read_graphml(node_type=int)."""
    graph = to_networkx(network)
    for _, _, attributes in graph.edges(data=True):
        if "geometry" in attributes:
            attributes["geometry"] = shapely.to_wkt(attributes["geometry"], rounding_precision=7)
    partial = path.with_name(path.name + ".part")
    nx.write_graphml(graph, partial, encoding="utf-8")
    partial.replace(path)


def _attributes(network: RoadNetwork, arc: int) -> dict[str, object]:
    edge = int(network.arc_edge[arc])
    length_m, time_s = int(network.arc_length_cm[arc]) / 100.0, int(network.arc_time_ms[arc]) / 1000.0
    forward = bool(network.arc_forward[arc])
    attributes: dict[str, object] = {
        "length": length_m,
        "travel_time": time_s,
        "highway": ROAD_CLASSES[int(network.edge_class[edge])],
        "oneway": bool(network.edge_forward_arc[edge] < 0 or network.edge_backward_arc[edge] < 0),
        "reversed": not forward,
        "edge": edge,
    }
    if time_s > 0:
        attributes["speed_kph"] = round(length_m / time_s * 3.6, 3)
    name = network.name(edge)
    if name is not None:
        attributes["name"] = name
    lat, lon = network.geometry(edge)
    if len(lat) > 2:
        step = 1 if forward else -1
        attributes["geometry"] = shapely.LineString(list(zip(lon[::step].tolist(), lat[::step].tolist(), strict=True)))
    return attributes
