"""Distances between every node and each of a few positions at once, for no more nodes than are asked about.

A *column* a position, side by side in memory, so that one look at a slot of the hierarchy serves all of them. Nothing
is done for the whole network: first the ancestors of the positions are settled (`climb_many`), later those nodes that
somebody asks about and their ancestors (`settle_many`). Source: Delling, Goldberg, Werneck, "Faster Batched Shortest
Paths in Road Networks" (RPHAST), 2011; on the elimination tree of a CCH.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from matcher.matching.base.positions import I32, I64, INFINITE, U8, FixedPosition, along_edge, leave, reach
from matcher.roads.sweeps.one import TO_TARGET, descend

#: What is known of a node: nothing; the ways up from it (or down to it) only; everything. WANTED is added while a call
#: is at work.
UNTOUCHED, CLIMBED, SETTLED, WANTED = 0, 1, 2, 4


class ClimbedPositions(NamedTuple):
    """k positions after `climb_many`."""

    positions: FixedPosition  # of (k,) arrays
    nodes: I32  # their ancestors, ascending
    state: U8  # (n,)
    distance: I64  # (n, k) packed


class NearestOf(NamedTuple):
    """Positions to choose the nearest of: nodes and distances of `ClimbedPositions`, and an addend for each."""

    nodes: I32
    distance: I64
    extra: I64  # (k,) packed, at least 0 and so small that no sum with a distance leaves int64


@numba.njit(cache=True, nogil=True)
def climb_many(graph, edges, side, positions, distance, state):
    """The ancestors of k positions, ascending; their rows of `distance` get ways that only climb, their state CLIMBED.

    graph: a `SweepGraph`. edges: an `EdgeTable`. side: TO_TARGET when the positions are driven to, FROM_SOURCE when
    they are driven from. positions: a `FixedPosition` of (k,) arrays. distance: (n, k) int64 packed, rows of other
    nodes are left alone. state: (n,) uint8, all UNTOUCHED before.
    """
    parent, first, head, weight = graph.parent, graph.first, graph.head, graph.weight
    start, end, edge, at = edges.start, edges.end, positions.edge, positions.at
    nodes = np.empty(1024, np.int32)
    count = 0
    for k in range(len(edge)):
        # Of an edge's two ends the higher is an ancestor of the lower, so one walk to the root meets both.
        v = min(start[edge[k]], end[edge[k]])
        while v >= 0 and state[v] == UNTOUCHED:
            state[v] = CLIMBED
            if count == len(nodes):
                more = np.empty(2 * count, np.int32)
                more[:count] = nodes
                nodes = more
            nodes[count] = v
            count += 1
            v = parent[v]
    nodes = np.sort(nodes[:count])
    for v in nodes:
        distance[v, :] = INFINITE
    for k in range(len(edge)):
        e = edge[k]
        if side == TO_TARGET:
            by_start, by_end = reach(edges.forward[e], edges.backward[e], at[k])
        else:
            by_start, by_end = leave(edges.forward[e], edges.backward[e], at[k])
        distance[start[e], k] = min(distance[start[e], k], by_start)
        distance[end[e], k] = min(distance[end[e], k], by_end)
    for v in nodes:
        here = distance[v]
        for slot in range(first[v], first[v + 1]):
            _shorten(distance[head[slot]], here, weight[2 * slot + side])
    return nodes


@numba.njit(cache=True, nogil=True)
def settle_many(graph, edges, side, wanted, distance, state):
    """Fill the rows of `distance` of both ends of the edges `wanted`, (w,) integers, and of all their ancestors.

    What is SETTLED already is not done again. O(n) bytes are looked at, O(slots of new nodes) columns are.
    """
    first, head, weight = graph.first, graph.head, graph.weight
    for edge in wanted:
        for v in (edges.start[edge], edges.end[edge]):
            if state[v] < SETTLED:
                state[v] |= WANTED
    n = len(state)
    for v in range(n):
        if state[v] & WANTED:
            for slot in range(first[v], first[v + 1]):
                h = head[slot]
                if state[h] < SETTLED:
                    state[h] |= WANTED
    down = 1 - side
    for v in range(n - 1, -1, -1):
        if state[v] & WANTED:
            here = distance[v]
            if state[v] == WANTED:
                here[:] = INFINITE
            for slot in range(first[v], first[v + 1]):
                _shorten(here, distance[head[slot]], weight[2 * slot + down])
            state[v] = SETTLED


@numba.njit(cache=True, nogil=True, inline="always")
def _shorten(mine, other, weight):
    for k in range(len(mine)):
        mine[k] = min(mine[k], other[k] + weight)


@numba.njit(cache=True, nogil=True)
def costs_between(edges, sources, targets):
    """(s, t) packed: the cost of driving from each of s positions to each of t, INFINITE where there is no way.

    Both are `ClimbedPositions`. The highest node of a shortest way is an ancestor of both its ends.
    """
    (source_edge, source_at), (target_edge, target_at) = sources.positions, targets.positions
    s, t = len(source_edge), len(target_edge)
    cost = np.full((s, t), INFINITE, np.int64)
    for v in sources.nodes:
        if targets.state[v] == UNTOUCHED:
            continue
        for k in range(s):
            _shorten(cost[k], targets.distance[v], sources.distance[v, k])
    for k in range(s):
        for c in range(t):
            e = source_edge[k]
            if e == target_edge[c]:
                along = along_edge(edges.forward[e], edges.backward[e], source_at[k], target_at[c])
                cost[k, c] = min(cost[k, c], along)
    return cost


@numba.njit(cache=True, nogil=True)
def sweep_least(graph, sides, least):
    """The distances to the nearest of some targets and from the nearest of some sources, each with an extra.

    least[v, 2 p] = min over k of d(v, target k) + extra[k], and least[v, 2 p + 1] = min over c of extra[c] + d(source
    c, v). graph: a `SweepGraph`. sides: six `NearestOf`s, targets and sources in turn, a pair p after the other, of
    which as many count as `least` has columns. least: (n, 2 or 6) int64 packed, overwritten; every rank v.
    """
    least[:] = INFINITE
    seed_least(sides, least)
    if least.shape[1] == 2:
        descend(graph, least)
    else:
        _descend_three(graph, least)


@numba.njit(cache=True, nogil=True)
def seed_least(sides, least):
    """The ways that only climb, of `sweep_least`. The rows of all nodes of the sides are INFINITE before."""
    for column in range(least.shape[1]):
        distance, extra = sides[column].distance, sides[column].extra
        for v in sides[column].nodes:
            nearest = least[v, column]
            for k in range(len(extra)):
                nearest = min(nearest, distance[v, k] + extra[k])
            least[v, column] = nearest


@numba.njit(cache=True, nogil=True)
def _descend_three(graph, least):
    """As `sweep.descend` for (n, 6)."""
    first, head, weight = graph.first, graph.head, graph.weight
    for v in range(len(first) - 2, -1, -1):
        to_0, from_0 = least[v, 0], least[v, 1]
        to_1, from_1 = least[v, 2], least[v, 3]
        to_2, from_2 = least[v, 4], least[v, 5]
        for k in range(first[v], first[v + 1]):
            h = head[k]
            up, down = weight[2 * k], weight[2 * k + 1]
            to_0, from_0 = min(to_0, up + least[h, 0]), min(from_0, down + least[h, 1])
            to_1, from_1 = min(to_1, up + least[h, 2]), min(from_1, down + least[h, 3])
            to_2, from_2 = min(to_2, up + least[h, 4]), min(from_2, down + least[h, 5])
        least[v, 0], least[v, 1] = to_0, from_0
        least[v, 2], least[v, 3] = to_1, from_1
        least[v, 4], least[v, 5] = to_2, from_2
