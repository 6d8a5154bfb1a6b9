"""The metric-independent half of a customizable contraction hierarchy (CCH).

Source: Dibbelt, Strasser, Wagner, "Customizable Contraction Hierarchies", arXiv 1402.0402, sections 4 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from matcher.roads.hierarchy.order import nested_dissection, undirected_adjacency
from matcher.roads.network.graph import I32, RoadNetwork, hold_read_only, read_only


@dataclass(frozen=True, eq=False)
class Topology:
    """The chordal completion of the road graph along an order. Nodes are named by rank from here on.

    n nodes, S slots. A slot is an undirected pair (low rank, high rank) of the completion; slots are sorted by low,
    then high. The *direction code* of a slot is 2 * slot for low -> high ("up") and 2 * slot + 1 for high -> low
    ("down"). The parent of a node in the elimination tree is its first slot's high end, and all high ends are
    ancestors.
    """

    node_at_rank: I32  # (n,) node id of each rank
    rank_of_node: I32  # (n,) inverse
    up_first: I32  # (n + 1,) slots of rank v are up_first[v] : up_first[v + 1]
    up_tail: I32  # (S,) low end of each slot
    up_head: I32  # (S,) high end of each slot
    parent: I32  # (n,) parent in the elimination tree, -1 for a root
    arc_code: I32  # (m,) direction code that each arc of the network runs along; -1 for self-loops

    def __post_init__(self) -> None:
        hold_read_only(self)

    @property
    def slot_count(self) -> int:
        """S."""
        return len(self.up_head)

    @classmethod
    def build(cls, network: RoadNetwork, node_at_rank: I32 | None = None) -> Topology:
        """Complete the graph along `node_at_rank` (default: nested dissection). Deterministic; O(S) memory."""
        if node_at_rank is None:
            node_at_rank = nested_dissection(network)
        node_at_rank = read_only(node_at_rank)
        n = network.node_count
        rank_of_node = np.empty(n, dtype=np.int32)
        rank_of_node[node_at_rank] = np.arange(n, dtype=np.int32)
        first, neighbours = undirected_adjacency(network)
        up_first, up_head = _complete(first, neighbours, node_at_rank, rank_of_node)
        arc_code = _arc_codes(rank_of_node[network.arc_tail], rank_of_node[network.arc_head], up_first, up_head)
        has_parent = up_first[:-1] < up_first[1:]
        parent = np.full(n, -1, dtype=np.int32)
        parent[has_parent] = up_head[up_first[:-1][has_parent]]
        up_tail = np.repeat(np.arange(n, dtype=np.int32), np.diff(up_first))
        return cls(node_at_rank, rank_of_node, up_first, up_tail, up_head, parent, arc_code)

    def height(self) -> int:
        """The number of nodes on the longest path to the root of the elimination tree."""
        return int(_height(self.parent))


@numba.njit(cache=True, nogil=True)
def _complete(first, neighbours, node_at_rank, rank_of_node):
    """Eliminate nodes by rank: up(v) = own higher neighbours, and what v's children in the tree hand on."""
    n = len(node_at_rank)
    up_first = np.zeros(n + 1, np.int32)
    heads = np.empty(max(16, 4 * len(neighbours)), np.int32)
    used = 0
    child_first = np.full(n, -1, np.int32)  # linked lists: children of each node
    child_next = np.full(n, -1, np.int32)
    mark = np.full(n, -1, np.int32)
    buffer = np.empty(n, np.int32)
    for v in range(n):
        size = 0
        mark[v] = v
        node = node_at_rank[v]
        for k in range(first[node], first[node + 1]):
            x = rank_of_node[neighbours[k]]
            if x > v and mark[x] != v:
                mark[x] = v
                buffer[size] = x
                size += 1
        child = child_first[v]
        while child >= 0:
            for k in range(up_first[child], up_first[child + 1]):
                x = heads[k]
                if mark[x] != v:
                    mark[x] = v
                    buffer[size] = x
                    size += 1
            child = child_next[child]
        if used + size > len(heads):
            grown = np.empty(2 * len(heads) + size, np.int32)
            grown[:used] = heads[:used]
            heads = grown
        heads[used : used + size] = np.sort(buffer[:size])
        if size > 0:
            parent = heads[used]
            child_next[v] = child_first[parent]
            child_first[parent] = v
        used += size
        up_first[v + 1] = used
    return up_first, heads[:used].copy()


@numba.njit(cache=True, nogil=True)
def _height(parent):
    depth = np.zeros(len(parent), np.int32)
    highest = 0
    for v in range(len(parent) - 1, -1, -1):
        depth[v] = 1 if parent[v] < 0 else depth[parent[v]] + 1
        highest = max(highest, depth[v])
    return highest


@numba.njit(cache=True, nogil=True)
def find_slot(up_first, up_head, low, high):
    """The slot of the pair (low, high) by binary search, or -1."""
    begin, end = up_first[low], up_first[low + 1]
    while begin < end:
        middle = (begin + end) >> 1
        if up_head[middle] < high:
            begin = middle + 1
        else:
            end = middle
    if begin < up_first[low + 1] and up_head[begin] == high:
        return begin
    return -1


@numba.njit(cache=True, nogil=True)
def _arc_codes(tail, head, up_first, up_head):
    codes = np.full(len(tail), -1, np.int32)
    for arc in range(len(tail)):
        if tail[arc] < head[arc]:
            codes[arc] = 2 * find_slot(up_first, up_head, tail[arc], head[arc])
        elif tail[arc] > head[arc]:
            codes[arc] = 2 * find_slot(up_first, up_head, head[arc], tail[arc]) + 1
    return codes
