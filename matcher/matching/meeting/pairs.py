"""Where each driver should stop for a rider who walks: the best pair of a pickup and a dropoff, offer by offer, exactly.

Of the pairs that are feasible the one with the least *generalised cost* is taken, detour and both walks at the prices of the score
(`ScoreWeights.prices`, without the ceilings). Ties go to less walk, then less detour (time, then length), then the earlier pickup, then the
earlier dropoff. The driver's stops, and what is promised there, are as in `insertion`.

A pair's window: leaving the door is boarding less the walk to the pickup, arriving at it is alighting plus the walk from the dropoff; and
nobody is at a pickup sooner than the walk from now takes.
"""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.base.plan import NO_LIMIT
from matcher.matching.base.positions import INFINITE, along_edge, leave, reach
from matcher.matching.scan.feasible import (
    DETOUR_CM,
    DETOUR_MS,
    DROPOFF_CHOICE,
    DROPOFF_LEG,
    NO_MISS,
    OUTCOME,
    PICKUP_CHOICE,
    PICKUP_LEG,
    RIDE_CM,
    RIDE_MS,
    SHIFT_MS,
    TO_PICKUP_MS,
    WALK_MS,
)
from matcher.matching.scan.insertion import LENGTH_MASK, TOO_LONG_CM, TOO_LONG_MS, WRONG_TIME, count_reason

#: More than any generalised cost.
DEAR = np.iinfo(np.int64).max


@numba.njit(cache=True, nogil=True, inline="always")
def drives_to(edges, edge, at, distance, stop_edges, stop_ats, costs):
    """costs[k]: packed, from a position to stop k. distance: (n, k or more) packed, to the stops, true at both ends of the edge."""
    forward, backward = edges[edge, 2], edges[edge, 3]
    to_start, to_end = leave(forward, backward, at)
    from_start, from_end = distance[edges[edge, 0]], distance[edges[edge, 1]]
    for k in range(len(stop_edges)):
        costs[k] = min(to_start + from_start[k], to_end + from_end[k], INFINITE)
    for k in range(len(stop_edges)):
        if stop_edges[k] == edge:
            costs[k] = min(costs[k], along_edge(forward, backward, at, stop_ats[k]))


@numba.njit(cache=True, nogil=True, inline="always")
def drives_from(edges, edge, at, distance, stop_edges, stop_ats, costs):
    """costs[k]: packed, from stop k to a position. distance: (n, k or more) packed, from the stops."""
    forward, backward = edges[edge, 2], edges[edge, 3]
    from_start, from_end = reach(forward, backward, at)
    to_start, to_end = distance[edges[edge, 0]], distance[edges[edge, 1]]
    for k in range(len(stop_edges)):
        costs[k] = min(to_start[k] + from_start, to_end[k] + from_end, INFINITE)
    for k in range(len(stop_edges)):
        if stop_edges[k] == edge:
            costs[k] = min(costs[k], along_edge(forward, backward, stop_ats[k], at))


@numba.njit(cache=True, nogil=True)
def pairs_of_direct(
    rows,
    positions,
    terms,
    edges,
    to_pickups,
    from_dropoffs,
    between,
    pickups,
    dropoffs,
    parts,
    asked,
    prices,
    counts,
):
    """(rows that fit, their (k, OUTCOME) outcomes, nearest miss in ms) among some offers of one leg.

    positions, terms: tuples of columns of `index.Rows`. to_pickups, from_dropoffs: (n, ·) packed, true where these offers begin and end.
    between: (s, t) packed. pickups, dropoffs: tuples (edge, at, walk_ms), (s,) and (t,) each; fewer than the columns of the others are
    a beginning of the candidates. parts: the potentials of `meeting_bounds`, so long or longer. asked: (earliest_ms, latest_ms,
    window_is_arrival, now_ms). counts: (reasons,) int64, added to.
    """
    origin_edge, origin_at, destination_edge, destination_at = positions
    base_cost, departure_ms, shift_ms, flexibility_s, max_detour_ms, max_detour_cm = terms
    found = np.empty(len(rows), np.int64)
    outcomes = np.zeros((len(rows), OUTCOME), np.int64)
    to_pickup = np.empty(len(pickups[0]), np.int64)
    onward = np.empty(len(dropoffs[0]), np.int64)
    size = 0
    miss = NO_MISS
    for row in rows:
        drives_to(edges, origin_edge[row], np.int64(origin_at[row]), to_pickups, pickups[0], pickups[1], to_pickup)
        drives_from(
            edges, destination_edge[row], np.int64(destination_at[row]), from_dropoffs, dropoffs[0], dropoffs[1], onward
        )
        offer = (
            base_cost[row],
            departure_ms[row],
            -np.int64(flexibility_s[row]) * 1000 - shift_ms[row],
            np.int64(flexibility_s[row]) * 1000 - shift_ms[row],
            np.int64(max_detour_ms[row]),
            np.int64(max_detour_cm[row]),
        )
        if _best_pair(to_pickup, between, onward, pickups[2], dropoffs[2], parts, offer, asked, prices, outcomes[size]):
            found[size] = row
            size += 1
        else:
            how_far, beyond = _furthest_pair(to_pickup, between, onward, pickups[2], dropoffs[2], offer, asked)
            miss = min(miss, beyond)
            count_reason(how_far, counts)
    return found[:size].copy(), outcomes[:size].copy(), miss


@numba.njit(cache=True, nogil=True, inline="always")
def window_of(asked, walk_to_ms, walk_from_ms):
    """(earliest, latest, not before) in ms, of boarding or alighting, and of being at the pickup, for the walks of a pair."""
    earliest_ms, latest_ms, window_is_arrival, now_ms = asked
    walk_ms = -walk_from_ms if window_is_arrival else walk_to_ms
    return earliest_ms + walk_ms, latest_ms + walk_ms, now_ms + walk_to_ms


@numba.njit(cache=True, nogil=True, inline="always")
def _shifts(to_pickup, ride, walk_to_ms, walk_from_ms, offer, asked):
    """(soonest, furthest): by how much the driver may leave later than planned; none when soonest > furthest."""
    _, departure_ms, lowest_ms, highest_ms, _, _ = offer
    earliest_ms, latest_ms, not_before_ms = window_of(asked, walk_to_ms, walk_from_ms)
    boarding = departure_ms + (to_pickup >> 32)
    planned = boarding + (ride >> 32) if asked[2] else boarding
    soonest = max(lowest_ms, asked[3] - departure_ms, earliest_ms - planned, not_before_ms - boarding)
    return soonest, min(highest_ms, latest_ms - planned)


@numba.njit(cache=True, nogil=True)
def _best_pair(to_pickup, between, onward, walk_to, walk_from, parts, offer, asked, prices, outcome):
    """Whether any pair fits an offer of one leg; fills `outcome` with the best."""
    base, _, _, _, budget_ms, budget_cm = offer
    base_ms, base_cm = base >> 32, base & LENGTH_MASK
    detour_price, walk_price = prices
    onward_ms, shortest_walk = NO_MISS, NO_MISS
    for c in range(len(onward)):
        onward_ms = min(onward_ms, (onward[c] >> 32) + parts[1][c])
        shortest_walk = min(shortest_walk, walk_from[c])
    best, best_walk, best_ms, best_cm = DEAR, DEAR, DEAR, DEAR
    for k in range(len(to_pickup)):
        # No dropoff makes this pickup cheaper than that.
        least_ms = (to_pickup[k] >> 32) + parts[0][k] + onward_ms - base_ms
        if least_ms > budget_ms or detour_price * least_ms + walk_price * (walk_to[k] + shortest_walk) > best:
            continue
        for c in range(len(onward)):
            total = to_pickup[k] + between[k, c] + onward[c]
            if total >= INFINITE:
                continue
            detour_ms = (total >> 32) - base_ms
            walk_ms = walk_to[k] + walk_from[c]
            cost = detour_price * detour_ms + walk_price * walk_ms
            if detour_ms > budget_ms or cost > best:
                continue
            detour_cm = (total & LENGTH_MASK) - base_cm
            if cost == best and (walk_ms, detour_ms, detour_cm) >= (best_walk, best_ms, best_cm):
                continue
            if budget_cm != NO_LIMIT and detour_cm > budget_cm:
                continue
            soonest, furthest = _shifts(to_pickup[k], between[k, c], walk_to[k], walk_from[c], offer, asked)
            if soonest > furthest:
                continue
            best, best_walk, best_ms, best_cm = cost, walk_ms, detour_ms, detour_cm
            outcome[DETOUR_MS] = detour_ms
            outcome[DETOUR_CM] = detour_cm
            outcome[TO_PICKUP_MS] = to_pickup[k] >> 32
            outcome[SHIFT_MS] = max(soonest, min(np.int64(0), furthest))
            outcome[RIDE_MS] = between[k, c] >> 32
            outcome[RIDE_CM] = between[k, c] & LENGTH_MASK
            outcome[PICKUP_LEG] = outcome[DROPOFF_LEG] = 0
            outcome[PICKUP_CHOICE] = k
            outcome[DROPOFF_CHOICE] = c
            outcome[WALK_MS] = walk_ms
    return best < DEAR


@numba.njit(cache=True, nogil=True)
def _furthest_pair(to_pickup, between, onward, walk_to, walk_from, offer, asked):
    """(how far the best pair came, miss_ms) of an offer of one leg that none fits."""
    base, _, _, _, budget_ms, budget_cm = offer
    how_far = TOO_LONG_MS
    miss = NO_MISS
    for k in range(len(to_pickup)):
        for c in range(len(onward)):
            total = to_pickup[k] + between[k, c] + onward[c]
            if total >= INFINITE:
                continue
            detour_ms = (total >> 32) - (base >> 32)
            in_length = budget_cm == NO_LIMIT or (total & LENGTH_MASK) - (base & LENGTH_MASK) <= budget_cm
            if detour_ms <= budget_ms:
                how_far = max(how_far, WRONG_TIME if in_length else TOO_LONG_CM)
            elif in_length:
                soonest, furthest = _shifts(to_pickup[k], between[k, c], walk_to[k], walk_from[c], offer, asked)
                if soonest <= furthest:
                    miss = min(miss, detour_ms - budget_ms)
    return how_far, miss
