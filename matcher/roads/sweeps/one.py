"""One-to-all distances: the sweeps of one request, fused in one pass over the hierarchy.

Source: Delling et al., "PHAST", 2011, on the elimination tree of a CCH (Dibbelt et al., arXiv 1402.0402, section 7).
"""

from __future__ import annotations

import numba

from matcher.matching.base.positions import INFINITE, leave, reach

#: Which side of a slot's two weights a climb uses: sources climb along "up" weights, targets against "down" weights.
FROM_SOURCE = 0
TO_TARGET = 1


@numba.njit(cache=True, nogil=True)
def climb(parent, sweep_first, sweep_head, sweep_weight, side, node_a, cost_a, node_b, cost_b, distance, column):
    """Settle the ancestors of a seed in `distance[:, column]`, which must be INFINITE there before.

    The seed is one position: node_a at cost_a and node_b at cost_b, equal or adjacent ranks, INFINITE for "not this one". Of
    two adjacent nodes the higher is an ancestor of the lower, so one walk to the root meets both.
    """
    distance[node_a, column] = min(distance[node_a, column], cost_a)
    distance[node_b, column] = min(distance[node_b, column], cost_b)
    v = min(node_a, node_b)
    while v >= 0:
        here = distance[v, column]
        if here < INFINITE:
            for k in range(sweep_first[v], sweep_first[v + 1]):
                h = sweep_head[k]
                distance[h, column] = min(distance[h, column], here + sweep_weight[2 * k + side])
        v = parent[v]


@numba.njit(cache=True, nogil=True)
def descend(sweep_first, sweep_head, sweep_weight, distance):
    """From what the climbs left in `distance`, (n, 2), to true distances: one linear pass from the highest rank down.

    Column 0 holds ways to a target, column 1 ways from a source; INFINITE or more where there is none.
    """
    for v in range(len(sweep_first) - 2, -1, -1):
        to_target = distance[v, 0]
        from_source = distance[v, 1]
        for k in range(sweep_first[v], sweep_first[v + 1]):
            h = sweep_head[k]
            to_target = min(to_target, sweep_weight[2 * k] + distance[h, 0])
            from_source = min(from_source, sweep_weight[2 * k + 1] + distance[h, 1])
        distance[v, 0] = to_target
        distance[v, 1] = from_source


@numba.njit(cache=True, nogil=True)
def descend_both(sweep_first, sweep_head, sweep_weight, distance):
    """As `descend` for (n, 4): even columns hold ways to a target, odd ones ways from a source."""
    for v in range(len(sweep_first) - 2, -1, -1):
        to_first, from_first = distance[v, 0], distance[v, 1]
        to_second, from_second = distance[v, 2], distance[v, 3]
        for k in range(sweep_first[v], sweep_first[v + 1]):
            h = sweep_head[k]
            up, down = sweep_weight[2 * k], sweep_weight[2 * k + 1]
            to_first = min(to_first, up + distance[h, 0])
            from_first = min(from_first, down + distance[h, 1])
            to_second = min(to_second, up + distance[h, 2])
            from_second = min(from_second, down + distance[h, 3])
        distance[v, 0] = to_first
        distance[v, 1] = from_first
        distance[v, 2] = to_second
        distance[v, 3] = from_second


@numba.njit(cache=True, nogil=True)
def climb_places(
    parent,
    sweep_first,
    sweep_head,
    sweep_weight,
    start,
    end,
    forward,
    backward,
    pickup,
    pickup_at,
    dropoff,
    dropoff_at,
    distance,
):
    """Settle the ancestors of a rider's two places in the columns of `sweep_places`, which must be INFINITE there before."""
    for column in range(distance.shape[1]):
        edge, at = (pickup, pickup_at) if column % 3 == 0 else (dropoff, dropoff_at)
        if column % 2 == 0:
            side = TO_TARGET
            by_start, by_end = reach(forward[edge], backward[edge], at)
        else:
            side = FROM_SOURCE
            by_start, by_end = leave(forward[edge], backward[edge], at)
        climb(
            parent,
            sweep_first,
            sweep_head,
            sweep_weight,
            side,
            start[edge],
            by_start,
            end[edge],
            by_end,
            distance,
            column,
        )


@numba.njit(cache=True, nogil=True)
def sweep_places(
    parent,
    sweep_first,
    sweep_head,
    sweep_weight,
    start,
    end,
    forward,
    backward,
    pickup,
    pickup_at,
    dropoff,
    dropoff_at,
    distance,
):
    """Distances between every rank and a rider's two places; INFINITE or more where there is no way.

    start … backward: the arrays of an EdgeTable. pickup, dropoff: edges; pickup_at, dropoff_at: fixed-point fractions.
    distance: (n, 2) or (n, 4) int64 packed, overwritten: columns 0 and 1 to the pickup and from the dropoff, which is all that a trip without
    stops asks; columns 2 and 3 to the dropoff and from the pickup. One climb a column, then one linear pass for all of them from
    the highest rank down; O(n + T).
    """
    distance[:] = INFINITE
    climb_places(
        parent, sweep_first, sweep_head, sweep_weight, start, end, forward, backward,
        pickup, pickup_at, dropoff, dropoff_at, distance,
    )  # fmt: skip
    if distance.shape[1] == 2:
        descend(sweep_first, sweep_head, sweep_weight, distance)
    else:
        descend_both(sweep_first, sweep_head, sweep_weight, distance)
