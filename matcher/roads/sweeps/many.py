"""Distances between every node and each of a few positions at once, for no more nodes than are asked about.

A *column* a position, side by side in memory, so that one look at a slot of the hierarchy serves all of them. Nothing is done for the
whole network: first the ancestors of the positions are settled (`climb_many`), later those nodes that somebody asks about and their
ancestors (`settle_many`).
Source: Delling, Goldberg, Werneck, "Faster Batched Shortest Paths in Road Networks" (RPHAST), 2011; on the elimination tree of a CCH.
"""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.base.positions import INFINITE, along_edge, leave, reach
from matcher.roads.sweeps.one import TO_TARGET, descend

#: What is known of a node: nothing; the ways up from it (or down to it) only; everything. WANTED is added while a call is at work.
UNTOUCHED, CLIMBED, SETTLED, WANTED = 0, 1, 2, 4


@numba.njit(cache=True, nogil=True)
def climb_many(
    parent,
    sweep_first,
    sweep_head,
    sweep_weight,
    side,
    start,
    end,
    forward,
    backward,
    edge,
    at,
    distance,
    state,
):
    """The ancestors of k positions, ascending; fills their rows of `distance` with ways that only climb, and marks them CLIMBED.

    side: TO_TARGET when the positions are driven to, FROM_SOURCE when they are driven from. start … backward: the arrays of an
    EdgeTable. edge, at: (k,) positions in fixed point. distance: (n, k) int64 packed, rows of other nodes are left alone. state: (n,)
    uint8, all UNTOUCHED before.
    """
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
            by_start, by_end = reach(forward[e], backward[e], at[k])
        else:
            by_start, by_end = leave(forward[e], backward[e], at[k])
        distance[start[e], k] = min(distance[start[e], k], by_start)
        distance[end[e], k] = min(distance[end[e], k], by_end)
    for v in nodes:
        here = distance[v]
        for slot in range(sweep_first[v], sweep_first[v + 1]):
            _shorten(distance[sweep_head[slot]], here, sweep_weight[2 * slot + side])
    return nodes


@numba.njit(cache=True, nogil=True)
def settle_many(sweep_first, sweep_head, sweep_weight, side, start, end, wanted, distance, state):
    """Fill the rows of `distance` of both ends of the edges `wanted`, (w,) integers, and of all their ancestors, with true distances.

    What is SETTLED already is not done again. O(n) bytes are looked at, O(slots of new nodes) columns are.
    """
    for edge in wanted:
        for v in (start[edge], end[edge]):
            if state[v] < SETTLED:
                state[v] |= WANTED
    n = len(state)
    for v in range(n):
        if state[v] & WANTED:
            for slot in range(sweep_first[v], sweep_first[v + 1]):
                h = sweep_head[slot]
                if state[h] < SETTLED:
                    state[h] |= WANTED
    down = 1 - side
    for v in range(n - 1, -1, -1):
        if state[v] & WANTED:
            here = distance[v]
            if state[v] == WANTED:
                here[:] = INFINITE
            for slot in range(sweep_first[v], sweep_first[v + 1]):
                _shorten(here, distance[sweep_head[slot]], sweep_weight[2 * slot + down])
            state[v] = SETTLED


@numba.njit(cache=True, nogil=True, inline="always")
def _shorten(mine, other, weight):
    for k in range(len(mine)):
        mine[k] = min(mine[k], other[k] + weight)


@numba.njit(cache=True, nogil=True)
def costs_between(
    forward,
    backward,
    source_edge,
    source_at,
    source_nodes,
    source_distance,
    target_edge,
    target_at,
    target_state,
    target_distance,
):
    """(s, t) packed: the cost of driving from each of s positions to each of t, INFINITE where there is no way.

    Both sides after `climb_many`; source_nodes is what it returned. The highest node of a shortest way is an ancestor of both its ends.
    """
    s, t = len(source_edge), len(target_edge)
    cost = np.full((s, t), INFINITE, np.int64)
    for v in source_nodes:
        if target_state[v] == UNTOUCHED:
            continue
        for k in range(s):
            _shorten(cost[k], target_distance[v], source_distance[v, k])
    for k in range(s):
        for c in range(t):
            e = source_edge[k]
            if e == target_edge[c]:
                cost[k, c] = min(cost[k, c], along_edge(forward[e], backward[e], source_at[k], target_at[c]))
    return cost


@numba.njit(cache=True, nogil=True)
def sweep_least(sweep_first, sweep_head, sweep_weight, sides, least):
    """least[v, 2 p] = min over k of d(v, target k) + extra[k], and least[v, 2 p + 1] = min over c of extra[c] + d(source c, v), for each pair p
    of sides.

    sides: six tuples (nodes, distance, extra), targets and sources in turn, of which as many count as `least` has columns: what `climb_many`
    returned and filled, and (k,) packed, each at least 0 and so small that no sum with a distance leaves int64. least: (n, 2 or 6) int64
    packed, overwritten; every rank v.
    """
    least[:] = INFINITE
    seed_least(sides, least)
    if least.shape[1] == 2:
        descend(sweep_first, sweep_head, sweep_weight, least)
    else:
        _descend_three(sweep_first, sweep_head, sweep_weight, least)


@numba.njit(cache=True, nogil=True)
def seed_least(sides, least):
    """The ways that only climb, of `sweep_least`. The rows of all nodes of the sides are INFINITE before."""
    for column in range(least.shape[1]):
        nodes, distance, extra = sides[column]
        for v in nodes:
            nearest = least[v, column]
            for k in range(len(extra)):
                nearest = min(nearest, distance[v, k] + extra[k])
            least[v, column] = nearest


@numba.njit(cache=True, nogil=True)
def _descend_three(sweep_first, sweep_head, sweep_weight, least):
    """As `sweep.descend` for (n, 6)."""
    for v in range(len(sweep_first) - 2, -1, -1):
        to_0, from_0, to_1, from_1, to_2, from_2 = (
            least[v, 0],
            least[v, 1],
            least[v, 2],
            least[v, 3],
            least[v, 4],
            least[v, 5],
        )
        for k in range(sweep_first[v], sweep_first[v + 1]):
            h = sweep_head[k]
            up, down = sweep_weight[2 * k], sweep_weight[2 * k + 1]
            to_0, from_0 = min(to_0, up + least[h, 0]), min(from_0, down + least[h, 1])
            to_1, from_1 = min(to_1, up + least[h, 2]), min(from_1, down + least[h, 3])
            to_2, from_2 = min(to_2, up + least[h, 4]), min(from_2, down + least[h, 5])
        least[v, 0], least[v, 1] = to_0, from_0
        least[v, 2], least[v, 3] = to_1, from_1
        least[v, 4], least[v, 5] = to_2, from_2
