"""Distances from the upper nodes of the hierarchy to all above them, so that each of many drives climbs little.

A walk up the elimination tree spends nearly all its time near the root, where separators are large and every node is
joined to most of those above it; and these nodes are passed by every long drive. Of the nodes that stand above many
others, the *summit*, all distances upward are kept. A drive climbs to the first of them (some forty slots where a whole
climb is five thousand) and continues from each upper neighbour found on the way by one addition a node above. These are
hub labels (Abraham, Delling, Goldberg, Werneck, "A Hub-Based Labeling Algorithm for Shortest Paths in Road Networks",
2011) of the upper part alone: those of all nodes would take kilobytes a node.

The packed path is the one that `query.tree_query` finds: of equally short ways both take the lowest slot into each
node, and the lowest node where the two climbs meet.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from matcher.matching.base.positions import INFINITE
from matcher.roads.hierarchy.customisation import Hierarchy
from matcher.roads.hierarchy.query import Way, relax_up, seed_climb, tree_query
from matcher.roads.network.graph import I32, I64, read_only

#: Nodes below a node of the summit, itself included, are 2**5 at least, and more on networks where these would be too
#: many.
_LEAST_BITS = 5
#: Distances kept, a node of the whole network: with the codes, 24 bytes each.
_ROOM = 5


class Summit(NamedTuple):
    """All ways up from the nodes of the summit under one metric. Read-only.

    Node v, at depth d of its tree, has d + 1 entries from first[v] on, one for each depth from the root's to its own;
    row 0 are ways up and row 1 ways down.
    """

    first: I64  # (n,) -1 for nodes below the summit; (0,) when there is none, and each drive climbs by itself
    depth: I32  # (n,)
    cost: I64  # (2, k) packed, INFINITE without a way
    code: I32  # (2, k) by which a way up arrives and a way down begins, -1 at the node itself and without a way


class _Climb(NamedTuple):
    """One side of a `QueryScratch`."""

    distance: I64
    code: I32
    entries: I32
    ways: I64


def summit_of(hierarchy: Hierarchy) -> Summit:
    """A summit of at most `_ROOM` entries a node."""
    first, depth, size = choose_summit(hierarchy.parent, _LEAST_BITS, _ROOM * len(hierarchy.parent))
    cost, code = climb_summit(hierarchy, first, depth, size)
    return Summit(read_only(first), read_only(depth), read_only(cost), read_only(code))


def no_summit() -> Summit:
    """For few drives."""
    nothing = read_only(np.empty((2, 0), np.int64))
    codes = read_only(nothing.astype(np.int32))
    return Summit(nothing[0], codes[0], nothing, codes)


@numba.njit(cache=True, nogil=True)
def choose_summit(parent, least_bits, room):
    """(first, depth, size) of the `Summit` of nodes with 2**bits below them, for the fewest bits with size <= room."""
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
def climb_summit(hierarchy, first, depth, size):
    """(cost, code) of `Summit`, from the root down: ways up lead over an upper neighbour, whose ways are known."""
    up_first, up_head, weight = hierarchy.up_first, hierarchy.up_head, hierarchy.weight
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
def summit_query(hierarchy, summit, query, work):
    """What `query.tree_query` answers, by way of the summit."""
    if len(summit.first) == 0 or query.bound < INFINITE:
        return tree_query(hierarchy, query, work)
    parent, depth = hierarchy.parent, summit.depth
    forward = _Climb(work.forward, work.forward_code, work.entries[0], work.ways[0])
    backward = _Climb(work.backward, work.backward_code, work.entries[1], work.ways[1])
    up, down = np.int64(0), np.int64(1)  # as literals they would be types of their own, each compiled
    low_s, v, some_s = _to_summit(hierarchy, summit, up, query.source, forward)
    low_t, w, some_t = _to_summit(hierarchy, summit, down, query.target, backward)
    best, start, finish, size = query.bound, -1, -1, 0
    below = low_s == low_t and low_s >= 0
    if not below:
        while v != w and v >= 0 and w >= 0:
            if v < w:
                v = parent[v]
            else:
                w = parent[w]
    if not below and v >= 0 and w >= 0:
        common = depth[v]
        _ways_up(summit, up, some_s, forward, common)
        _ways_up(summit, down, some_t, backward, common)
        meet = -1
        for k in range(common, -1, -1):
            both = forward.ways[k] + backward.ways[k]
            if both < best:
                best, meet = both, k
        if meet >= 0:
            while depth[v] > meet:
                v = parent[v]
            codes = work.codes
            start, size = _follow(hierarchy.up_tail, summit, up, some_s, forward, v, codes)
            codes[:size] = codes[:size][::-1].copy()
            finish, more = _follow(hierarchy.up_tail, summit, down, some_t, backward, v, codes[size:])
            size += more
    _forget(parent, summit.first, query.source, forward, some_s)
    _forget(parent, summit.first, query.target, backward, some_t)
    if below:
        # They may meet below the summit.
        return tree_query(hierarchy, query, work)
    return Way(np.int64(best), np.int64(start), np.int64(finish), np.int64(size))


@numba.njit(cache=True, nogil=True)
def _to_summit(hierarchy, summit, side, seed, climb):
    """Climb to the summit: (last node below it or -1, first node of it or -1, how many of its nodes were reached).

    These are the first of climb.entries. In a chordal graph the upper neighbours of a node are its parent and upper
    neighbours of that, so the last node has them all.
    """
    parent, first, up_head, entries, distance = (
        hierarchy.parent,
        summit.first,
        hierarchy.up_head,
        climb.entries,
        climb.distance,
    )
    seed_climb(seed, distance, climb.code)
    low, v = -1, min(seed.node_a, seed.node_b)
    while v >= 0 and first[v] < 0:
        if distance[v] < INFINITE:
            relax_up(hierarchy, side, v, distance, climb.code)
        low, v = v, parent[v]
    some = 0
    if low >= 0:
        for slot in range(hierarchy.up_first[low], hierarchy.up_first[low + 1]):
            if distance[up_head[slot]] < INFINITE:
                entries[some] = up_head[slot]
                some += 1
    else:
        entries[0], entries[1] = seed.node_a, seed.node_b
        some = 1 if seed.node_a == seed.node_b else 2
    return low, v, some


@numba.njit(cache=True, nogil=True)
def _ways_up(summit, side, some, climb, common):
    """Fill climb.ways with the cost of each common ancestor by its depth, 0 to `common`, over the best entry."""
    first, depth, cost, distance, ways = summit.first, summit.depth, summit.cost[side], climb.distance, climb.ways
    ways[: common + 1] = INFINITE
    for x in climb.entries[:some]:
        here = distance[x]
        row = cost[first[x] : first[x] + min(depth[x], common) + 1]
        for k in range(len(row)):
            ways[k] = min(ways[k], here + row[k])


@numba.njit(cache=True, nogil=True)
def _follow(up_tail, summit, side, some, climb, node, codes):
    """(seed, size): fills `codes` with those of a climb, from a node down to the seed it began at."""
    first, depth, cost, code = summit.first, summit.depth, summit.cost[side], summit.code[side]
    distance, distance_code = climb.distance, climb.code
    size = 0
    while first[node] >= 0:
        least, by = INFINITE, np.int32(-1)
        for x in climb.entries[:some]:
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
def _forget(parent, first, seed, climb, some):
    distance = climb.distance
    distance[seed.node_a] = INFINITE
    distance[seed.node_b] = INFINITE
    v = min(seed.node_a, seed.node_b)
    while v >= 0 and first[v] < 0:
        distance[v] = INFINITE
        v = parent[v]
    for x in climb.entries[:some]:
        distance[x] = INFINITE
