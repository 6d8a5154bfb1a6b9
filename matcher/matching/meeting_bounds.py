"""Which offers might carry a rider who walks: a true bound on the detour over all pairs of a pickup and a dropoff, offer by offer.

For offers of one leg the bound comes from *potentials*: numbers a_k and b_c, one a candidate, with a_k + b_c never more than the drive from
pickup k to dropoff c. Then the least over k of d(origin, p_k) + a_k, plus the least over c of b_c + d(q_c, destination), is at most the new
drive over any pair; and since the drives of a city are nearly additive, it is nearly that drive. For offers of several legs see
`bound_itineraries`.
"""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.bounds import FAR, least_times, within_reach
from matcher.matching.feasible import DETOUR, OWN, SEATS, WINDOW
from matcher.matching.gather import BLOCK, ONE_LEG, pass_without_roads
from matcher.matching.insertion import drive_from, drive_to
from matcher.matching.positions import I64

NOWHERE = -1


def potentials(between: I64) -> tuple[I64, I64]:
    """(a, b) in ms, each at least 0, with a[k] + b[c] <= the time of between[k, c], (s, t) packed; no way counts as FAR."""
    ms = np.minimum(between >> 32, FAR)
    a = ms.min(axis=1) - ms.min()
    return a, (ms - a[:, None]).min(axis=0)


@numba.njit(cache=True, nogil=True)
def bound_direct(
    open_columns,
    bound_columns,
    sequence,
    own,
    edges,
    least,
    pickup_edges,
    dropoff_edges,
    seats_requested,
    earliest_ms,
    latest_ms,
    now_ms,
    threshold,
    counts,
):
    """(rows, by how many ms each is at least beyond its budget, rows considered): the offers of one leg that are less than `threshold` beyond.

    least: (n, 2) packed, column 0 to the pickup with the least a_k added, column 1 from the dropoff with the least b_c added; earliest_ms,
    latest_ms: of boarding or alighting whatever the walk. counts: (reasons,) int64, added to.
    """
    out_a, out_b, out_a_ms, out_b_ms, in_a, in_b, in_a_ms, in_b_ms = bound_columns
    longest_ms = open_columns[6]
    to_ms = np.empty(len(least), np.int32)
    from_ms = np.empty(len(least), np.int32)
    least_times(least, edges, pickup_edges[0], dropoff_edges[0], to_ms, from_ms)
    for side in range(2):
        for edge in pickup_edges:
            to_ms[edges[edge, side]] = -FAR
        for edge in dropoff_edges:
            from_ms[edges[edge, side]] = -FAR
    open_rows = np.empty(BLOCK, np.uint8)
    rows = np.empty(BLOCK + 1, np.int32)
    beyond_ms = np.empty(BLOCK + 1, np.int32)
    found = np.empty((1024, 2), np.int32)
    size = considered = 0
    for begin in range(0, len(longest_ms), BLOCK):
        end = min(len(longest_ms), begin + BLOCK)
        active, left = pass_without_roads(
            begin, end, open_columns, ONE_LEG,
            sequence, own, seats_requested, earliest_ms, latest_ms, now_ms, open_rows, counts,
        )  # fmt: skip
        considered += active
        if left == 0:
            continue
        near = within_reach(
            begin, end, open_rows,
            out_a, out_b, out_a_ms, out_b_ms, in_a, in_b, in_a_ms, in_b_ms, longest_ms,
            to_ms, from_ms, 0, threshold, rows, beyond_ms,
        )  # fmt: skip
        counts[DETOUR] += left - near
        if size + near > len(found):
            more = np.empty((2 * (size + near), 2), np.int32)
            more[:size] = found[:size]
            found = more
        for k in range(near):
            found[size, 0] = rows[k]
            found[size, 1] = beyond_ms[k]
            size += 1
    return found[:size, 0].astype(np.int64), found[:size, 1].astype(np.int64), considered


@numba.njit(cache=True, nogil=True)
def bound_itineraries(
    itineraries,
    offers,
    times,
    max_detour_ms,
    legs,
    leg_seats,
    sequence,
    own,
    edges,
    least,
    at_pickups,
    at_dropoffs,
    pickup_edges,
    dropoff_edges,
    seats_requested,
    earliest_ms,
    latest_ms,
    now_ms,
    threshold,
    counts,
):
    """As `bound_direct` for the offers of several legs.

    least: as there. at_pickups: (n, 2) packed, to the nearest pickup and from the nearest pickup; at_dropoffs: the same for dropoffs.
    Overwritten beside the candidates' edges.

    Fetching the rider on leg i adds at least fetching at the pickup nearest to that leg, and setting down on a later leg as much again; on one leg
    the three of them and the bound by potentials hold at once (triangle inequality).
    """
    leg_begin, leg_count, driver, seats, retired_at = offers
    leaves_from_ms, leaves_by_ms, longest_ms = times
    # A stop on a candidate's own edge may do without either end of it: whatever touches those ends is never passed over.
    for side in range(2):
        for edge in pickup_edges:
            at_pickups[edges[edge, side], :] = -(np.int64(FAR) << 32)
            least[edges[edge, side], 0] = -(np.int64(FAR) << 32)
        for edge in dropoff_edges:
            at_dropoffs[edges[edge, side], :] = -(np.int64(FAR) << 32)
            least[edges[edge, side], 1] = -(np.int64(FAR) << 32)
    rows = np.empty(len(itineraries), np.int64)
    beyond_ms = np.empty(len(itineraries), np.int64)
    size = considered = 0
    for row in itineraries:
        if retired_at[row] <= sequence or leaves_by_ms[row] < now_ms:
            continue
        considered += 1
        if driver[row] == own:
            counts[OWN] += 1
            continue
        if leaves_from_ms[row] > latest_ms or leaves_by_ms[row] + longest_ms[row] < earliest_ms:
            counts[WINDOW] += 1
            continue
        if seats[row] < seats_requested:
            counts[SEATS] += 1
            continue
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
    return rows[:size].copy(), beyond_ms[:size].copy(), considered


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
