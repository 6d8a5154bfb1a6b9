"""Which offers might carry a rider who walks: a true bound on the detour over all pairs of a pickup and a dropoff, offer by offer.

For offers of one leg the bound comes from *potentials*: numbers a_k and b_c, one a candidate, with a_k + b_c never more than the drive from
pickup k to dropoff c. Then the least over k of d(origin, p_k) + a_k, plus the least over c of b_c + d(q_c, destination), is at most the new
drive over any pair; and since the drives of a city are nearly additive, it is nearly that drive. For offers of several legs see
`bound_itineraries`.
"""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.base.positions import I64, leave, reach
from matcher.matching.base.reach import FAR
from matcher.matching.scan.feasible import DETOUR
from matcher.matching.scan.insertion import MOST_LEGS

#: Which drives of a leg are needed: from its beginning to the pickup, from the pickup to its end, and so for the dropoff.
TO_PICKUP, FROM_PICKUP, TO_DROPOFF, ONWARD = 1, 2, 4, 8
EVERY_DRIVE = TO_PICKUP | FROM_PICKUP | TO_DROPOFF | ONWARD
#: More than any detour, in ms, and small enough to be added up.
_NOWHERE_MS = 1 << 40


def potentials(between: I64) -> tuple[I64, I64]:
    """(a, b) in ms, each at least 0, with a[k] + b[c] <= the time of between[k, c], (s, t) packed; no way counts as FAR."""
    ms = np.minimum(between >> 32, FAR)
    a = ms.min(axis=1) - ms.min()
    return a, (ms - a[:, None]).min(axis=0)


@numba.njit(cache=True, nogil=True)
def bound_itineraries(
    which,
    offers,
    legs,
    leg_seats,
    edges,
    least,
    pickup_edges,
    dropoff_edges,
    seats_requested,
    threshold,
    counts,
):
    """(rows, uses): those of some offers of several legs that may be less than `threshold` ms beyond their budget, and which drives of their
    legs matter to that: (legs of these rows in order,) uint8, of TO_PICKUP … ONWARD.

    which: (k,) rows. offers: (leg_begin, leg_count, max_detour_ms) of `rows.Rows`. legs, leg_seats: columns of `rows.Legs`. least: (n, 6) packed:
    to the pickup with the least a_k added, from the dropoff with the least b_c added; to the nearest pickup and from the nearest pickup; the
    same for dropoffs. It is written to and mended again. counts: (reasons,) int64, added to.

    Fetching the rider on leg i adds at least fetching at the pickup nearest to that leg, and setting down on a later leg as much again; on one leg
    the three of them and the bound by potentials hold at once (triangle inequality).
    """
    leg_begin, leg_count, max_detour_ms = offers
    nodes, kept = _open_ends(edges, least, pickup_edges, dropoff_edges)
    rows = np.empty(len(which), np.int64)
    uses = np.empty(1024, np.uint8)
    fetch, set_down, alone = np.empty(MOST_LEGS, np.int64), np.empty(MOST_LEGS, np.int64), np.empty(MOST_LEGS, np.int64)
    size, used = 0, np.int64(0)
    for row in which:
        begin, count = leg_begin[row], np.int64(leg_count[row])
        if used + count > len(uses):
            more = np.empty(2 * (used + count), np.uint8)
            more[:used] = uses[:used]
            uses = more
        _added_by_legs(begin, count, legs, leg_seats, edges, least, seats_requested, fetch, set_down, alone)
        longest = max_detour_ms[row] + threshold
        if _uses_of_legs(count, fetch, set_down, alone, longest, uses[used : used + count]):
            rows[size] = row
            size += 1
            used += count
        else:
            counts[DETOUR] += 1
    for k in range(len(nodes)):
        least[nodes[k]] = kept[k]
    return rows[:size].copy(), uses[:used].copy()


@numba.njit(cache=True, nogil=True)
def _open_ends(edges, least, pickup_edges, dropoff_edges):
    """(nodes, their rows of `least` as they were). A stop on a candidate's own edge may do without either end of it: whatever touches
    those ends is never passed over."""
    s, t = len(pickup_edges), len(dropoff_edges)
    nodes = np.empty(2 * (s + t), np.int64)
    kept = np.empty((2 * (s + t), least.shape[1]), np.int64)
    for k in range(s + t):
        edge = pickup_edges[k] if k < s else dropoff_edges[k - s]
        for side in range(2):
            nodes[2 * k + side] = edges[edge, side]
            kept[2 * k + side] = least[edges[edge, side]]
    nowhere_near = -(np.int64(FAR) << 32)
    for k in range(2 * s):
        least[nodes[k], 0] = least[nodes[k], 2] = least[nodes[k], 3] = nowhere_near
    for k in range(2 * s, 2 * (s + t)):
        least[nodes[k], 1] = least[nodes[k], 4] = least[nodes[k], 5] = nowhere_near
    return nodes, kept


@numba.njit(cache=True, nogil=True)
def _added_by_legs(begin, count, legs, leg_seats, edges, least, seats_requested, fetch, set_down, alone):
    """What each leg adds at least, in ms: by fetching the rider there, by setting the rider down there, and by both on that leg."""
    origin_edge, origin_at, destination_edge, destination_at, base_cost = legs
    for i in range(count):
        leg = begin + i
        if leg_seats[leg] < seats_requested:
            fetch[i] = set_down[i] = alone[i] = _NOWHERE_MS
            continue
        here, there = origin_edge[leg], destination_edge[leg]
        to_start, to_end = leave(edges[here, 2], edges[here, 3], np.int64(origin_at[leg]))
        from_start, from_end = reach(edges[there, 2], edges[there, 3], np.int64(destination_at[leg]))
        by_start, by_end = least[edges[here, 0]], least[edges[here, 1]]
        out = min(to_start + by_start[0], to_end + by_end[0]) >> 32
        to_pickup = min(to_start + by_start[2], to_end + by_end[2]) >> 32
        to_dropoff = min(to_start + by_start[4], to_end + by_end[4]) >> 32
        by_start, by_end = least[edges[there, 0]], least[edges[there, 1]]
        home = min(from_start + by_start[1], from_end + by_end[1]) >> 32
        from_pickup = min(from_start + by_start[3], from_end + by_end[3]) >> 32
        onward = min(from_start + by_start[5], from_end + by_end[5]) >> 32
        base_ms = base_cost[leg] >> 32
        fetch[i], set_down[i] = to_pickup + from_pickup - base_ms, to_dropoff + onward - base_ms
        alone[i] = max(fetch[i], set_down[i], out + home - base_ms)


@numba.njit(cache=True, nogil=True)
def _uses_of_legs(count, fetch, set_down, alone, longest, uses):
    """Whether any pair of legs may add less than `longest` ms; `uses` says which drives of each leg belong to such a pair."""
    later = np.int64(_NOWHERE_MS)  # setting down on a leg behind
    for i in range(count - 1, -1, -1):
        uses[i] = TO_PICKUP | ONWARD if alone[i] < longest else 0
        if fetch[i] + later < longest:
            uses[i] |= TO_PICKUP | FROM_PICKUP
        later = min(later, set_down[i])
    before = np.int64(_NOWHERE_MS)  # fetching on a leg ahead
    some = False
    for j in range(count):
        if before + set_down[j] < longest:
            uses[j] |= TO_DROPOFF | ONWARD
        before = min(before, fetch[j])
        some |= uses[j] != 0
    return some
