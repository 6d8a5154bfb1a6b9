"""Where each driver should stop for a rider who walks: the best pair of a pickup and a dropoff, offer by offer,
exactly.

Of the pairs that are feasible the one with the least *generalised cost* is taken, detour and both walks at the prices
of the score (`ScoreWeights.prices`, without the ceilings). Ties go to less walk, then less detour (time, then length),
then the earlier pickup, then the earlier dropoff. The driver's stops, and what is promised there, are as in
`insertion`.

A pair's window: leaving the door is boarding less the walk to the pickup, arriving at it is alighting plus the walk
from the dropoff; and nobody is at a pickup sooner than the walk from now takes.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from matcher.matching.base.plan import NO_LIMIT
from matcher.matching.base.positions import INFINITE, LENGTH_MASK, Int, along_edge, leave, reach
from matcher.matching.index.rows import Rows
from matcher.matching.meeting.candidates import Meeting, Walker
from matcher.matching.scan.feasible import FOUND, NO_MISS, Insertion, note
from matcher.matching.scan.insertion import FITS, TOO_LONG_CM, TOO_LONG_MS, WRONG_TIME, Ride, count_reason

#: More than any generalised cost.
DEAR = np.iinfo(np.int64).max


class Direct(NamedTuple):
    """One offer of one leg; as in `insertion.Trip`, base_cost packed."""

    base_cost: Int
    departure_ms: Int
    lowest_ms: Int
    highest_ms: Int
    budget_ms: Int
    budget_cm: Int


@numba.njit(cache=True, nogil=True, inline="always")
def drives_to(edges, number, at, distance, stops, costs):
    """costs[k]: packed, from a position to stop k. distance: (n, k or more) packed, true at both ends of the edge."""
    edge = edges[number]
    to_start, to_end = leave(edge.forward, edge.backward, at)
    from_start, from_end = distance[edge.start], distance[edge.end]
    for k in range(len(stops.edge)):
        costs[k] = min(to_start + from_start[k], to_end + from_end[k], INFINITE)
    for k in range(len(stops.edge)):
        if stops.edge[k] == number:
            costs[k] = min(costs[k], along_edge(edge.forward, edge.backward, at, stops.at[k]))


@numba.njit(cache=True, nogil=True, inline="always")
def drives_from(edges, number, at, distance, stops, costs):
    """costs[k]: packed, from stop k to a position. distance: (n, k or more) packed, from the stops."""
    edge = edges[number]
    from_start, from_end = reach(edge.forward, edge.backward, at)
    to_start, to_end = distance[edge.start], distance[edge.end]
    for k in range(len(stops.edge)):
        costs[k] = min(to_start[k] + from_start, to_end[k] + from_end, INFINITE)
    for k in range(len(stops.edge)):
        if stops.edge[k] == number:
            costs[k] = min(costs[k], along_edge(edge.forward, edge.backward, stops.at[k], at))


@numba.njit(cache=True, nogil=True)
def pairs_of_direct(which, rows: Rows, meeting: Meeting, to_pickups, from_dropoffs, walker: Walker, counts):
    """((k,) FOUND, nearest miss in ms) among some offers of one leg.

    to_pickups, from_dropoffs: (n, ·) packed, true where these offers begin and end. counts: (1,) COUNTS, added to.
    """
    edges = meeting.edges
    origin_edge, origin_at = rows.origin_edge, rows.origin_at
    destination_edge, destination_at = rows.destination_edge, rows.destination_at
    found = np.empty(len(which), FOUND)
    to_pickup = np.empty(len(meeting.pickups.edge), np.int64)
    onward = np.empty(len(meeting.dropoffs.edge), np.int64)
    size = 0
    miss = NO_MISS
    for row in which:
        drives_to(edges, origin_edge[row], np.int64(origin_at[row]), to_pickups, meeting.pickups, to_pickup)
        at = np.int64(destination_at[row])
        drives_from(edges, destination_edge[row], at, from_dropoffs, meeting.dropoffs, onward)
        flexibility_ms = np.int64(rows.flexibility_s[row]) * 1000
        offer = Direct(
            rows.base_cost[row],
            rows.departure_ms[row],
            max(-flexibility_ms - rows.shift_ms[row], walker.now_ms - rows.departure_ms[row]),
            flexibility_ms - rows.shift_ms[row],
            np.int64(rows.max_detour_ms[row]),
            np.int64(rows.max_detour_cm[row]),
        )
        if _best_pair(to_pickup, onward, meeting, offer, walker, found[size]):
            found[size].row = row
            size += 1
        else:
            how_far, beyond = _furthest_pair(to_pickup, onward, meeting, offer, walker)
            miss = min(miss, beyond)
            count_reason(how_far, counts)
    return found[:size].copy(), miss


@numba.njit(cache=True, nogil=True, inline="always")
def ride_of(meeting, walker, k, c):
    """What the rider asks of pickup k and dropoff c: a Ride."""
    walk_to_ms, walk_from_ms = meeting.pickups.walk_ms[k], meeting.dropoffs.walk_ms[c]
    walk_ms = -walk_from_ms if walker.window_is_arrival else walk_to_ms
    return Ride(
        meeting.between[k, c],
        walker.seats,
        walker.earliest_ms + walk_ms,
        walker.latest_ms + walk_ms,
        walker.window_is_arrival,
        walker.now_ms + walk_to_ms,
    )


@numba.njit(cache=True, nogil=True, inline="always")
def _shifts(to_pickup, ride, offer):
    """(soonest, furthest): by how much the driver may leave later than planned; none when soonest > furthest."""
    boarding = offer.departure_ms + (to_pickup >> 32)
    planned = boarding + (ride.direct >> 32) if ride.window_is_arrival else boarding
    soonest = max(offer.lowest_ms, ride.earliest_ms - planned, ride.not_before_ms - boarding)
    return soonest, min(offer.highest_ms, ride.latest_ms - planned)


@numba.njit(cache=True, nogil=True)
def _best_pair(to_pickup, onward, meeting, offer, walker, found):
    """Whether any pair fits an offer of one leg; fills `found` with the best."""
    base_ms, base_cm = offer.base_cost >> 32, offer.base_cost & LENGTH_MASK
    budget_ms, budget_cm = offer.budget_ms, offer.budget_cm
    detour_price, walk_price = walker.detour_price, walker.walk_price
    between, walk_to, walk_from = meeting.between, meeting.pickups.walk_ms, meeting.dropoffs.walk_ms
    pickup_part, dropoff_part = meeting.pickup_part, meeting.dropoff_part
    onward_ms, shortest_walk = NO_MISS, NO_MISS
    for c in range(len(onward)):
        onward_ms = min(onward_ms, (onward[c] >> 32) + dropoff_part[c])
        shortest_walk = min(shortest_walk, walk_from[c])
    best, best_walk, best_ms, best_cm = DEAR, DEAR, DEAR, DEAR
    for k in range(len(to_pickup)):
        # No dropoff makes this pickup cheaper than that.
        least_ms = (to_pickup[k] >> 32) + pickup_part[k] + onward_ms - base_ms
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
            soonest, furthest = _shifts(to_pickup[k], ride_of(meeting, walker, k, c), offer)
            if soonest > furthest:
                continue
            best, best_walk, best_ms, best_cm = cost, walk_ms, detour_ms, detour_cm
            shift_ms = max(soonest, min(np.int64(0), furthest))
            insertion = Insertion(
                FITS, NO_MISS, detour_ms, detour_cm, to_pickup[k] >> 32, shift_ms, between[k, c], 0, 0
            )
            note(found, 0, insertion)
            found.pickup_choice, found.dropoff_choice, found.walk_ms = k, c, walk_ms
    return best < DEAR


@numba.njit(cache=True, nogil=True)
def _furthest_pair(to_pickup, onward, meeting, offer, walker):
    """(how far the best pair came, miss_ms) of an offer of one leg that none fits."""
    base_ms, base_cm = offer.base_cost >> 32, offer.base_cost & LENGTH_MASK
    how_far = TOO_LONG_MS
    miss = NO_MISS
    for k in range(len(to_pickup)):
        for c in range(len(onward)):
            total = to_pickup[k] + meeting.between[k, c] + onward[c]
            if total >= INFINITE:
                continue
            detour_ms = (total >> 32) - base_ms
            in_length = offer.budget_cm == NO_LIMIT or (total & LENGTH_MASK) - base_cm <= offer.budget_cm
            if detour_ms <= offer.budget_ms:
                how_far = max(how_far, WRONG_TIME if in_length else TOO_LONG_CM)
            elif in_length:
                soonest, furthest = _shifts(to_pickup[k], ride_of(meeting, walker, k, c), offer)
                if soonest <= furthest:
                    miss = min(miss, detour_ms - offer.budget_ms)
    return how_far, miss
