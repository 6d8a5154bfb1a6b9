"""Which offers might carry a rider who walks: a true bound on the detour over all pairs of a pickup and a dropoff, offer by offer.

For offers of one leg the bound comes from *potentials*: numbers a_k and b_c, one a candidate, with a_k + b_c never more than the drive from
pickup k to dropoff c. Then the least over k of d(origin, p_k) + a_k, plus the least over c of b_c + d(q_c, destination), is at most the new
drive over any pair; and since the drives of a city are nearly additive, it is nearly that drive. For offers of several legs see
`bound_itineraries`.
"""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.feasible import DETOUR
from matcher.matching.insertion import drive_from, drive_to
from matcher.matching.positions import I64
from matcher.matching.reach import FAR

NOWHERE = -1


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
    at_pickups,
    at_dropoffs,
    pickup_edges,
    dropoff_edges,
    seats_requested,
    threshold,
    counts,
):
    """(rows, by how many ms each is at least beyond its budget): those of some offers of several legs that are less than `threshold` beyond.

    which: (k,) rows. offers: (leg_begin, leg_count, max_detour_ms) of `rows.Rows`. legs, leg_seats: columns of `rows.Legs`. least: (n, 2) packed,
    column 0 to the pickup with the least a_k added, column 1 from the dropoff with the least b_c added. at_pickups: (n, 2) packed, to the nearest
    pickup and from the nearest pickup; at_dropoffs: the same for dropoffs. Overwritten beside the candidates' edges. counts: (reasons,)
    int64, added to.

    Fetching the rider on leg i adds at least fetching at the pickup nearest to that leg, and setting down on a later leg as much again; on one leg
    the three of them and the bound by potentials hold at once (triangle inequality).
    """
    leg_begin, leg_count, max_detour_ms = offers
    # A stop on a candidate's own edge may do without either end of it: whatever touches those ends is never passed over.
    for side in range(2):
        for edge in pickup_edges:
            at_pickups[edges[edge, side], :] = -(np.int64(FAR) << 32)
            least[edges[edge, side], 0] = -(np.int64(FAR) << 32)
        for edge in dropoff_edges:
            at_dropoffs[edges[edge, side], :] = -(np.int64(FAR) << 32)
            least[edges[edge, side], 1] = -(np.int64(FAR) << 32)
    rows = np.empty(len(which), np.int64)
    beyond_ms = np.empty(len(which), np.int64)
    size = 0
    for row in which:
        at_least = _least_detour_ms(
            leg_begin[row], leg_count[row], legs, leg_seats, edges, least, at_pickups, at_dropoffs, seats_requested
        )
        beyond = at_least - max_detour_ms[row]
        if beyond >= threshold:
            counts[DETOUR] += 1
            continue
        rows[size] = row
        beyond_ms[size] = beyond
        size += 1
    return rows[:size].copy(), beyond_ms[:size].copy()


@numba.njit(cache=True, nogil=True)
def _least_detour_ms(leg_begin, leg_count, legs, leg_seats, edges, least, at_pickups, at_dropoffs, seats_requested):
    """The bound of `bound_itineraries` for one offer."""
    origin_edge, origin_at, destination_edge, destination_at, base_cost = legs
    at_least = np.int64(1) << 40
    fetching = np.int64(1) << 40  # the least of any leg before
    for leg in range(leg_begin, leg_begin + leg_count):
        if leg_seats[leg] < seats_requested:
            continue
        here, here_at = origin_edge[leg], np.int64(origin_at[leg])
        there, there_at = destination_edge[leg], np.int64(destination_at[leg])
        base_ms = base_cost[leg] >> 32
        to_pickup = drive_to(edges, here, here_at, at_pickups, 0, NOWHERE, 0)
        from_pickup = drive_from(edges, there, there_at, at_pickups, 1, NOWHERE, 0)
        to_dropoff = drive_to(edges, here, here_at, at_dropoffs, 0, NOWHERE, 0)
        onward = drive_from(edges, there, there_at, at_dropoffs, 1, NOWHERE, 0)
        fetch = (to_pickup >> 32) + (from_pickup >> 32) - base_ms
        set_down = (to_dropoff >> 32) + (onward >> 32) - base_ms
        at_least = min(at_least, fetching + set_down)
        fetching = min(fetching, fetch)
        if max(fetch, set_down) < at_least:
            out = drive_to(edges, here, here_at, least, 0, NOWHERE, 0)
            home = drive_from(edges, there, there_at, least, 1, NOWHERE, 0)
            at_least = min(at_least, max(fetch, set_down, (out >> 32) + (home >> 32) - base_ms))
    return at_least
