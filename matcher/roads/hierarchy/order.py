"""The contraction order: nested dissection of the road graph."""

from __future__ import annotations

import numpy as np
import pymetis

from matcher.roads.network.graph import I32, RoadNetwork


def nested_dissection(network: RoadNetwork) -> I32:
    """The node at each rank, (n,) int32: small separators get the highest ranks, so elimination trees stay low.

    Uses METIS' nested dissection (Karypis and Kumar 1998) on the undirected simple graph; deterministic for one METIS
    build.
    """
    n = network.node_count
    first, neighbours = undirected_adjacency(network)
    # METIS_NodeND fails on graphs without edges; those have any order.
    if len(neighbours) == 0:
        return np.arange(n, dtype=np.int32)
    perm, _ = pymetis.nested_dissection(pymetis.CSRAdjacency(first, neighbours))
    return np.asarray(perm, dtype=np.int32)


def undirected_adjacency(network: RoadNetwork) -> tuple[I32, I32]:
    """(first, neighbours): each pair of nodes joined by an arc once per side, without self-loops, sorted."""
    n = network.node_count
    tail = network.arc_tail.astype(np.int64)
    head = network.arc_head.astype(np.int64)
    proper = tail != head
    tail, head = tail[proper], head[proper]
    keys = np.unique(np.concatenate([tail * n + head, head * n + tail]))
    first = np.zeros(n + 1, dtype=np.int32)
    np.cumsum(np.bincount(keys // n, minlength=n), out=first[1:])
    return first, (keys % n).astype(np.int32)
