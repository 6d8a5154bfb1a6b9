"""One-to-all distances: the sweeps of one request, fused in one pass over the hierarchy.

Source: Delling et al., "PHAST", 2011, on the elimination tree of a CCH (Dibbelt et al., arXiv 1402.0402, section 7).
"""

from __future__ import annotations

import numba

from matcher.matching.base.positions import INFINITE, leave, reach
from matcher.roads.hierarchy.query import Seed

#: Which side of a slot's two weights a climb uses: sources climb along "up" weights, targets against "down" weights.
FROM_SOURCE = 0
TO_TARGET = 1


@numba.njit(cache=True, nogil=True)
def _climb(graph, side, seed, distance, column):
    """Settle the ancestors of a `Seed` in `distance[:, column]`, which must be INFINITE there before.

    Of two adjacent nodes the higher is an ancestor of the lower, so one walk to the root meets both.
    """
    parent, first, head, weight = graph.parent, graph.first, graph.head, graph.weight
    distance[seed.node_a, column] = min(distance[seed.node_a, column], seed.cost_a)
    distance[seed.node_b, column] = min(distance[seed.node_b, column], seed.cost_b)
    v = min(seed.node_a, seed.node_b)
    while v >= 0:
        here = distance[v, column]
        if here < INFINITE:
            for k in range(first[v], first[v + 1]):
                h = head[k]
                distance[h, column] = min(distance[h, column], here + weight[2 * k + side])
        v = parent[v]


@numba.njit(cache=True, nogil=True)
def descend(graph, distance):
    """From what the climbs left in `distance`, (n, 2), to true distances: one linear pass from the highest rank down.

    Column 0 holds ways to a target, column 1 ways from a source; INFINITE or more where there is none.
    """
    first, head, weight = graph.first, graph.head, graph.weight
    for v in range(len(first) - 2, -1, -1):
        to_target = distance[v, 0]
        from_source = distance[v, 1]
        for k in range(first[v], first[v + 1]):
            h = head[k]
            to_target = min(to_target, weight[2 * k] + distance[h, 0])
            from_source = min(from_source, weight[2 * k + 1] + distance[h, 1])
        distance[v, 0] = to_target
        distance[v, 1] = from_source


@numba.njit(cache=True, nogil=True)
def descend_both(graph, distance):
    """As `descend` for (n, 4): even columns hold ways to a target, odd ones ways from a source."""
    first, head, weight = graph.first, graph.head, graph.weight
    for v in range(len(first) - 2, -1, -1):
        to_first, from_first = distance[v, 0], distance[v, 1]
        to_second, from_second = distance[v, 2], distance[v, 3]
        for k in range(first[v], first[v + 1]):
            h = head[k]
            up, down = weight[2 * k], weight[2 * k + 1]
            to_first = min(to_first, up + distance[h, 0])
            from_first = min(from_first, down + distance[h, 1])
            to_second = min(to_second, up + distance[h, 2])
            from_second = min(from_second, down + distance[h, 3])
        distance[v, 0] = to_first
        distance[v, 1] = from_first
        distance[v, 2] = to_second
        distance[v, 3] = from_second


@numba.njit(cache=True, nogil=True)
def climb_places(graph, edges, pickup, dropoff, distance):
    """Settle the ancestors of a rider's two places in the columns of `sweep_places`, INFINITE there before."""
    for column in range(distance.shape[1]):
        place = pickup if column % 3 == 0 else dropoff
        edge = place.edge
        if column % 2 == 0:
            side = TO_TARGET
            by_start, by_end = reach(edges.forward[edge], edges.backward[edge], place.at)
        else:
            side = FROM_SOURCE
            by_start, by_end = leave(edges.forward[edge], edges.backward[edge], place.at)
        _climb(graph, side, Seed(edges.start[edge], by_start, edges.end[edge], by_end), distance, column)


@numba.njit(cache=True, nogil=True)
def sweep_places(graph, edges, pickup, dropoff, distance):
    """Distances between every rank and a rider's two places, `FixedPosition`s; INFINITE or more where there is no way.

    graph: a `SweepGraph`. edges: an `EdgeTable`. distance: (n, 2) or (n, 4) int64 packed, overwritten: columns 0 and 1
    to the pickup and from the dropoff, which is all that a trip without stops asks; columns 2 and 3 to the dropoff and
    from the pickup. One climb a column, then one linear pass for all of them from the highest rank down; O(n + T).
    """
    distance[:] = INFINITE
    climb_places(graph, edges, pickup, dropoff, distance)
    if distance.shape[1] == 2:
        descend(graph, distance)
    else:
        descend_both(graph, distance)
