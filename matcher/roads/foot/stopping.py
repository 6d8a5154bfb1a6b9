"""Where a car can stop for somebody at the nodes of a road network, and what the corner is called."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.roads.network.graph import I32, ROAD_CLASSES, U8, RoadNetwork

#: Nobody is met on these: stopping is forbidden or dangerous, one is on a ship, or it is no street.
NO_STOPPING = frozenset({"motorway", "motorway_link", "trunk", "trunk_link", "ferry", "stub"})
_STOPS = np.array([name not in NO_STOPPING for name in ROAD_CLASSES])

NO_CLASS = 255


@dataclass(frozen=True, eq=False)
class NodeStops:
    """For each of n road nodes the fields of `WalkNetwork` with these names."""

    stop_edge: I32  # (n,) -1 where no car may stop
    stop_at_end: U8  # (n,)
    stop_class: U8  # (n,) NO_CLASS where no car may stop
    corner_a: I32  # (n,) -1 when no street has a name
    corner_b: I32  # (n,) -1 when only one has


def may_stop(network: RoadNetwork) -> npt.NDArray[np.bool_]:
    """(e,) True for edges on which a car may stop."""
    return np.asarray(_STOPS[network.edge_class])


def node_stops(network: RoadNetwork) -> NodeStops:
    """Where a car stops at each node, and between which streets.

    Standing at the end of a street that is driven both ways, a car can have come from anywhere and go anywhere; so it
    can at the end of a one-way street when that is the only way in, or the only way out. Such an end is chosen where
    there is one; else the end of a street that leads in; else the start of one that leads out. Of equals the least
    important class, then the lowest edge.
    """
    n = network.node_count
    forward, backward = network.edge_forward_arc, network.edge_backward_arc
    arc = np.where(forward >= 0, forward, backward)
    tail, head = network.arc_tail[arc], network.arc_head[arc]
    start, end = np.where(forward >= 0, tail, head), np.where(forward >= 0, head, tail)
    # Every edge twice: at its start, then at its end.
    edges = np.arange(network.edge_count, dtype=np.int32)
    node, edge = np.concatenate([start, end]), np.concatenate([edges, edges])
    at_end = np.repeat(np.array([0, 1], dtype=np.uint8), len(edges))
    leads_out = np.concatenate([forward >= 0, backward >= 0])
    leads_in = np.concatenate([backward >= 0, forward >= 0])
    ways_out = np.bincount(network.arc_tail, minlength=n)[node]
    ways_in = np.bincount(network.arc_head, minlength=n)[node]
    only_way = (leads_out & (ways_out == 1)) | (leads_in & (ways_in == 1))
    kind = np.select([leads_in & leads_out, only_way, leads_in], [0, 1, 2], 3)
    road_class = network.edge_class[edge].astype(np.int64)

    stops = np.flatnonzero(_STOPS[network.edge_class[edge]])
    first = _first_of_node(node[stops], (edge[stops], -road_class[stops], kind[stops]))
    chosen = stops[first]
    stop_edge, stop_at_end = np.full(n, -1, dtype=np.int32), np.zeros(n, dtype=np.uint8)
    stop_edge[node[chosen]], stop_at_end[node[chosen]] = edge[chosen], at_end[chosen]
    stop_class = np.full(n, NO_CLASS, dtype=np.int64)
    np.minimum.at(stop_class, node[stops], road_class[stops])
    corner_a, corner_b = _corners(n, node, edge, network.edge_name[edge].astype(np.int64), road_class)
    return NodeStops(stop_edge, stop_at_end, stop_class.astype(np.uint8), corner_a, corner_b)


def _first_of_node(node: I32, keys: tuple[npt.NDArray[np.integer], ...]) -> npt.NDArray[np.int64]:
    """Indices: for each node that occurs, the entry that comes first by `keys`, the last key counting most."""
    order = np.lexsort((*keys, node))
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = node[order[1:]] != node[order[:-1]]
    return np.asarray(order[fresh], dtype=np.int64)


def _corners(
    n: int, node: I32, edge: I32, name: npt.NDArray[np.int64], road_class: npt.NDArray[np.int64]
) -> tuple[I32, I32]:
    """For each node an edge of each of the two most important names that meet there."""
    named = np.flatnonzero(name >= 0)
    corners = []
    for _ in range(2):
        first = named[_first_of_node(node[named], (edge[named], name[named], road_class[named]))]
        corner, taken = np.full(n, -1, dtype=np.int32), np.full(n, -1, dtype=np.int64)
        corner[node[first]], taken[node[first]] = edge[first], name[first]
        corners.append(corner)
        named = named[name[named] != taken[node[named]]]
    return corners[0], corners[1]
