"""What can be walked in a region, as arrays: an undirected graph, and the places on it where a car can stop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.roads.network.graph import F64, I32, I64, U8, hold_read_only


@dataclass(frozen=True, eq=False)
class WalkNetwork:
    """Ways to walk, every part of which touches a node of the road network.

    All arrays are C-contiguous and read-only, memory maps or not.

    n nodes, e edges, g geometry points. An edge may be walked both ways and stands in the adjacency of both its ends; a
    loop stands twice in that of its one node. The adjacency of a node is sorted by neighbour, then edge. Lengths are
    *walked lengths*: a metre of steps counts as more than one (see `osm_walk.STEPS_FACTOR`), so that time is length
    divided by one speed.

    A walk node that lies on a node of the road network knows it (`drive_node`), and where a car stops there: at one end
    of the road edge `stop_edge`. Road nodes that lie in one place without a way between them for cars are walk nodes of
    their own, joined by edges of length 0.
    """

    node_lat: F64  # (n,) degrees
    node_lon: F64  # (n,) degrees
    drive_node: I32  # (n,) node of the road network in the same place, -1 when there is none
    stop_edge: I32  # (n,) edge of the road network at whose end a car stops here; -1 where none may, or none comes
    stop_at_end: U8  # (n,) 1 when that is the end of `stop_edge`, 0 when it is its start
    stop_class: U8  # (n,) the most important class of road edge on which a car may stop here; 255 where none
    corner_a: (
        I32  # (n,) a named road edge that ends here, of the most important class there is; -1 when none has a name
    )
    corner_b: I32  # (n,) the next one of another name, -1 when there is none
    first_out: I32  # (n + 1,) neighbours of node v: entries first_out[v] : first_out[v + 1] of the next two
    out_head: I32  # (2e,) neighbour
    out_edge: I32  # (2e,) edge to it
    edge_start: I32  # (e,) node at the geometry's first point
    edge_end: I32  # (e,) node at its last
    edge_length_cm: I32  # (e,) walked length, >= 0
    edge_point_first: I64  # (e + 1,) edge k's points, ends included: edge_point_first[k] : edge_point_first[k + 1]
    point_lat: F64  # (g,) degrees
    point_lon: F64  # (g,) degrees

    def __post_init__(self) -> None:
        hold_read_only(self)

    @property
    def node_count(self) -> int:
        """n."""
        return len(self.node_lat)

    @property
    def edge_count(self) -> int:
        """e."""
        return len(self.edge_start)


def adjacency(node_count: int, start: I32, end: I32) -> tuple[I32, I32, I32]:
    """(first_out, out_head, out_edge) of undirected edges."""
    edges = np.arange(len(start), dtype=np.int32)
    tail, head, edge = np.concatenate([start, end]), np.concatenate([end, start]), np.concatenate([edges, edges])
    order = np.lexsort((edge, head, tail))
    first_out = np.zeros(node_count + 1, dtype=np.int32)
    np.cumsum(np.bincount(tail, minlength=node_count), out=first_out[1:])
    return first_out, head[order].astype(np.int32), edge[order]
