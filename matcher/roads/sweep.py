"""One-to-all distances: the sweeps of one request, fused in one pass over the hierarchy.

Source: Delling et al., "PHAST", 2011, on the elimination tree of a CCH (Dibbelt et al., arXiv 1402.0402, section 7).
"""

from __future__ import annotations

import numba

from matcher.matching.positions import INFINITE, leave, reach

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
def sweep_pair(
    parent,
    sweep_first,
    sweep_head,
    sweep_weight,
    start,
    end,
    forward,
    backward,
    target,
    target_at,
    source,
    source_at,
    distance,
):
    """distance[v, 0] = d(v, target) and distance[v, 1] = d(source, v) for every rank v; INFINITE or more where there is no way.

    start … backward: the arrays of an EdgeTable. target, source: edges; target_at, source_at: fixed-point fractions.
    distance: (n, 2) int64 packed, overwritten. One climb a side, then one linear pass from the highest rank down; O(n + T).
    """
    distance[:] = INFINITE
    from_start, from_end = reach(forward[target], backward[target], target_at)
    climb(
        parent,
        sweep_first,
        sweep_head,
        sweep_weight,
        TO_TARGET,
        start[target],
        from_start,
        end[target],
        from_end,
        distance,
        0,
    )
    to_start, to_end = leave(forward[source], backward[source], source_at)
    climb(
        parent,
        sweep_first,
        sweep_head,
        sweep_weight,
        FROM_SOURCE,
        start[source],
        to_start,
        end[source],
        to_end,
        distance,
        1,
    )
    descend(sweep_first, sweep_head, sweep_weight, distance)
