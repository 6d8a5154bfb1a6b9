"""Distances from the upper nodes of the hierarchy to all nodes above them, worked out once, so that each of many drives climbs a few streets only.

A walk up the elimination tree spends nearly all its time near the root, where separators are large and every node is joined to most of those
above it; and these nodes are passed by every long drive. Of the nodes that stand above many others, the *summit*, all distances upward are kept.
A drive climbs to the first of them (some forty slots where a whole climb is five thousand) and continues from each upper neighbour found on
the way by one addition a node above. Hub labels (Abraham, Delling, Goldberg, Werneck, "A Hub-Based Labeling Algorithm for Shortest Paths in Road
Networks", 2011) of the upper part alone: those of all nodes would take kilobytes a node.

The packed path is the very one that `query.tree_query` finds: of equally short ways both take the lowest slot into each node, and the lowest node where
the two climbs meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numba
import numpy as np

from matcher.matching.base.positions import INFINITE
from matcher.roads.hierarchy.customisation import Metric
from matcher.roads.hierarchy.query import relax_up, seed_climb, tree_query
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import I32, I64, hold_read_only

#: Nodes below a node of the summit, itself included, are 2**5 at least, and more on networks where these would be too many.
_LEAST_BITS = 5
#: Distances kept, a node of the whole network: with the codes, 24 bytes each.
_ROOM = 5


@dataclass(frozen=True, eq=False)
class Summit:
    """All ways up from the nodes of the summit under one metric. Node v, at depth d of its tree, has d + 1 entries from first[v] on, one for each
    depth from the root's to its own; row 0 are ways up and row 1 ways down.

    first: (n,) int64, -1 for nodes below the summit. depth: (n,) int32. cost: (2, k) packed, INFINITE without a way. code: (2, k) the
    direction code by which a way up arrives and a way down begins, -1 at the node itself and where there is no way.
    """

    first: I64
    depth: I32
    cost: I64
    code: I32

    def __post_init__(self) -> None:
        hold_read_only(self)

    @classmethod
    def of(cls, topology: Topology, metric: Metric) -> Self:
        """A summit of at most `_ROOM` entries a node."""
        first, depth, size = choose_summit(topology.parent, _LEAST_BITS, _ROOM * len(topology.parent))
        return cls(first, depth, *climb_summit(topology.up_first, topology.up_head, metric.weight, first, depth, size))

    @classmethod
    def none(cls) -> Self:
        """For few drives: each climbs by itself."""
        nothing = np.empty((2, 0), np.int64)
        return cls(np.empty(0, np.int64), np.empty(0, np.int32), nothing, nothing.astype(np.int32))


@numba.njit(cache=True, nogil=True)
def choose_summit(parent, least_bits, room):
    """(first, depth, size) as in `Summit`: the nodes with 2**bits below them, of the fewest bits, at least `least_bits`, for which size <= room."""
    n = len(parent)
    depth = np.zeros(n, np.int32)
    below = np.ones(n, np.int64)
    for v in range(n):
        if parent[v] >= 0:
            below[parent[v]] += below[v]
    sizes = np.zeros(64, np.int64)  # entries of the nodes with 2**k to 2**(k + 1) - 1 below them
    for v in range(n - 1, -1, -1):
        depth[v] = depth[parent[v]] + 1 if parent[v] >= 0 else 0
        bits = 0
        while below[v] >> (bits + 1):
            bits += 1
        sizes[bits] += depth[v] + 1
    bits, size = 63, np.int64(0)
    while bits >= least_bits and size + sizes[bits] <= room:
        size += sizes[bits]
        bits -= 1
    first = np.full(n, -1, np.int64)
    used = 0
    for v in range(n):
        if below[v] >> (bits + 1):
            first[v] = used
            used += depth[v] + 1
    return first, depth, used


@numba.njit(cache=True, nogil=True)
def climb_summit(up_first, up_head, weight, first, depth, size):
    """(cost, code) of `Summit`, from the root down: a node's ways up begin with a slot to an upper neighbour, whose ways are known."""
    cost = np.full((2, size), INFINITE, np.int64)
    code = np.full((2, size), -1, np.int32)
    for v in range(len(first) - 1, -1, -1):
        if first[v] < 0:
            continue
        for slot in range(up_first[v], up_first[v + 1]):
            u = up_head[slot]
            for side in range(2):
                here = weight[2 * slot + side]
                if here >= INFINITE:
                    continue
                for k in range(depth[u] + 1):
                    there, by = here + cost[side, first[u] + k], code[side, first[u] + k]
                    if k == depth[u]:
                        by = np.int32(2 * slot + side)
                    held = cost[side, first[v] + k]
                    if there < held or (there == held and by < code[side, first[v] + k]):
                        cost[side, first[v] + k] = there
                        code[side, first[v] + k] = by
        cost[:, first[v] + depth[v]] = 0
    return cost, code


@numba.njit(cache=True, nogil=True)
def summit_query(
    parent,
    up_first,
    up_tail,
    up_head,
    weight,
    summit,
    source,
    target,
    bound,
    forward,
    backward,
    forward_code,
    backward_code,
    codes,
    entries,
    ways,
):
    """What `query.tree_query` answers, whose arguments these are.

    summit: (first, depth, cost, code) of a `Summit`. entries: (2, height) int32 and ways: (2, height) int64, scratch.
    """
    first, depth, cost, code = summit
    if len(first) == 0 or bound < INFINITE:
        return tree_query(
            parent, up_first, up_tail, up_head, weight, source, target, bound,
            forward, backward, forward_code, backward_code, codes,
        )  # fmt: skip
    low_s, v, some_s = _to_summit(
        parent, up_first, up_head, weight, first, 0, source, forward, forward_code, entries[0]
    )
    low_t, w, some_t = _to_summit(
        parent, up_first, up_head, weight, first, 1, target, backward, backward_code, entries[1]
    )
    best, start, finish, size = bound, -1, -1, 0
    below = low_s == low_t and low_s >= 0
    if not below:
        while v != w and v >= 0 and w >= 0:
            if v < w:
                v = parent[v]
            else:
                w = parent[w]
    if not below and v >= 0 and w >= 0:
        common = depth[v]
        _ways_up(first, depth, cost[0], entries[0, :some_s], forward, ways[0, : common + 1])
        _ways_up(first, depth, cost[1], entries[1, :some_t], backward, ways[1, : common + 1])
        meet = -1
        for k in range(common, -1, -1):
            both = ways[0, k] + ways[1, k]
            if both < best:
                best, meet = both, k
        if meet >= 0:
            while depth[v] > meet:
                v = parent[v]
            start, size = _follow(
                up_tail, first, depth, cost[0], code[0], entries[0, :some_s], forward, forward_code, v, codes, 0
            )
            codes[:size] = codes[:size][::-1].copy()
            finish, size = _follow(
                up_tail, first, depth, cost[1], code[1], entries[1, :some_t], backward, backward_code, v, codes, size
            )
    _forget(parent, first, source, entries[0, :some_s], forward)
    _forget(parent, first, target, entries[1, :some_t], backward)
    if below:
        # They may meet below the summit.
        return tree_query(
            parent, up_first, up_tail, up_head, weight, source, target, bound,
            forward, backward, forward_code, backward_code, codes,
        )  # fmt: skip
    return best, start, finish, size


@numba.njit(cache=True, nogil=True)
def _to_summit(parent, up_first, up_head, weight, first, side, seed, distance, code, entries):
    """Climb to the summit: (last node below it or -1, first node of it or -1, how many of its nodes were reached, which are in `entries`).

    In a chordal graph the upper neighbours of a node are its parent and upper neighbours of that, so the last node has them all.
    """
    seed_climb(seed, distance, code)
    low, v = -1, min(seed[0], seed[2])
    while v >= 0 and first[v] < 0:
        if distance[v] < INFINITE:
            relax_up(up_first, up_head, weight, side, v, distance, code)
        low, v = v, parent[v]
    some = 0
    if low >= 0:
        for slot in range(up_first[low], up_first[low + 1]):
            if distance[up_head[slot]] < INFINITE:
                entries[some] = up_head[slot]
                some += 1
    else:
        entries[0], entries[1] = seed[0], seed[2]
        some = 1 if seed[0] == seed[2] else 2
    return low, v, some


@numba.njit(cache=True, nogil=True)
def _ways_up(first, depth, cost, entries, distance, ways):
    """Fill (common + 1,) `ways` with the cost of each common ancestor by its depth, over whichever entry is best."""
    ways[:] = INFINITE
    for x in entries:
        here = distance[x]
        row = cost[first[x] : first[x] + min(depth[x] + 1, len(ways))]
        for k in range(len(row)):
            ways[k] = min(ways[k], here + row[k])


@numba.njit(cache=True, nogil=True)
def _follow(up_tail, first, depth, cost, code, entries, distance, distance_code, node, codes, size):
    """(seed, size): the codes by which a climb has come to a node, from there down to the seed it began at, are put into `codes` from `size` on."""
    while first[node] >= 0:
        least, by = INFINITE, np.int32(-1)
        for x in entries:
            if depth[x] < depth[node]:
                continue
            there = distance[x] + cost[first[x] + depth[node]]
            last = distance_code[x] if x == node else code[first[x] + depth[node]]
            if there < least or (there == least and last < by):
                least, by = there, last
        if by < 0:
            return node, size
        codes[size] = by
        size += 1
        node = up_tail[by >> 1]
    while distance_code[node] >= 0:
        codes[size] = distance_code[node]
        size += 1
        node = up_tail[distance_code[node] >> 1]
    return node, size


@numba.njit(cache=True, nogil=True)
def _forget(parent, first, seed, entries, distance):
    distance[seed[0]] = INFINITE
    distance[seed[2]] = INFINITE
    v = min(seed[0], seed[2])
    while v >= 0 and first[v] < 0:
        distance[v] = INFINITE
        v = parent[v]
    for x in entries:
        distance[x] = INFINITE
