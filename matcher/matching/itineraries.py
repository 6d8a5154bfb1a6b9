"""Offers whose driver goes via other places: the cheapest feasible pair of places in the itinerary for pickup and dropoff.

Source: the insertion formulas of section 3 of the design (same leg, and across legs); O(legs²) pairs an offer.
"""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.feasible import DETOUR, LENGTH, NO_MISS, OWN, REASONS, SEATS, WINDOW, Feasible
from matcher.matching.index import NO_LIMIT, Snapshot
from matcher.matching.positions import I64, INFINITE, EdgeTable, along_edge, fixed_position, leave, reach
from matcher.matching.query import Query

_LENGTH_MASK = 0xFFFFFFFF
#: How far the best pair of an itinerary came: it fits, or the last test that stopped it.
_FITS, _TOO_LONG_MS, _TOO_LONG_CM, _WRONG_TIME = range(4)


def gather_itineraries(
    snapshot: Snapshot, edges: EdgeTable, at_pickup: I64, at_dropoff: I64, direct: int, query: Query
) -> Feasible:
    """Test every offer of several legs in the snapshot against a query, exactly; the counterpart of `gather.gather`.

    at_pickup: (n, 2) packed, to the pickup in column 0 and from the dropoff in column 1; at_dropoff: to the dropoff in column 0 and
    from the pickup in column 1.
    """
    rows, legs = snapshot.rows, snapshot.legs
    counts = np.zeros(len(REASONS), dtype=np.int64)
    found, outcomes, shift_ms, considered, miss = _scan(
        snapshot.itineraries,
        rows.leg_begin,
        rows.leg_count,
        rows.base_cost,
        rows.departure_ms,
        rows.flexibility_ms,
        rows.max_detour_ms,
        rows.max_detour_cm,
        rows.driver,
        rows.seats,
        rows.retired_at,
        legs.origin_edge,
        legs.origin_at,
        legs.destination_edge,
        legs.destination_at,
        legs.base_cost,
        snapshot.sequence,
        snapshot.own,
        edges.together,
        at_pickup,
        at_dropoff,
        *fixed_position(query.pickup),
        *fixed_position(query.dropoff),
        direct,
        query.seats,
        query.earliest_ms,
        query.latest_ms,
        query.window_is_arrival,
        query.now_ms,
        counts,
    )
    return Feasible(
        rows=found,
        detour_ms=outcomes[:, 0],
        detour_cm=outcomes[:, 1],
        to_pickup_ms=outcomes[:, 2],
        shift_ms=shift_ms,
        ride_ms=outcomes[:, 3],
        ride_cm=outcomes[:, 4],
        pickup_leg=outcomes[:, 5],
        dropoff_leg=outcomes[:, 6],
        considered=int(considered),
        turned_away={reason: int(count) for reason, count in zip(REASONS, counts, strict=True) if count},
        nearest_miss_ms=None if miss == NO_MISS else int(miss),
    )


@numba.njit(cache=True, nogil=True)
def _scan(
    itineraries,
    leg_begin,
    leg_count,
    base_cost,
    departure_ms,
    flexibility_ms,
    max_detour_ms,
    max_detour_cm,
    driver,
    seats,
    retired_at,
    leg_origin_edge,
    leg_origin_at,
    leg_destination_edge,
    leg_destination_at,
    leg_base_cost,
    sequence,
    own,
    edges,
    at_pickup,
    at_dropoff,
    pickup_edge,
    pickup_at,
    dropoff_edge,
    dropoff_at,
    direct,
    seats_requested,
    earliest_ms,
    latest_ms,
    window_is_arrival,
    now_ms,
    counts,
):
    """The scan of `gather_itineraries`; counts: (reasons,) int64, added to."""
    found = np.empty(len(itineraries), np.int64)
    outcomes = np.empty((len(itineraries), 7), np.int64)
    shifts_ms = np.empty(len(itineraries), np.int64)
    size = 0
    considered = 0
    miss = NO_MISS
    for row in itineraries:
        departure = departure_ms[row]
        flexibility = np.int64(flexibility_ms[row])
        if retired_at[row] <= sequence or departure + flexibility < now_ms:
            continue
        considered += 1
        if driver[row] == own:
            counts[OWN] += 1
            continue
        budget_ms = np.int64(max_detour_ms[row])
        trip_ms = (base_cost[row] >> 32) + budget_ms
        if departure - flexibility > latest_ms or departure + flexibility + trip_ms < earliest_ms:
            counts[WINDOW] += 1
            continue
        if seats[row] < seats_requested:
            counts[SEATS] += 1
            continue
        lowest = max(-flexibility, now_ms - departure)
        outcome = outcomes[size]
        how_far, beyond = best_insertion(
            leg_begin[row],
            leg_count[row],
            leg_origin_edge,
            leg_origin_at,
            leg_destination_edge,
            leg_destination_at,
            leg_base_cost,
            edges,
            at_pickup,
            at_dropoff,
            pickup_edge,
            pickup_at,
            dropoff_edge,
            dropoff_at,
            direct,
            departure,
            lowest,
            flexibility,
            budget_ms,
            np.int64(max_detour_cm[row]),
            earliest_ms,
            latest_ms,
            window_is_arrival,
            outcome,
        )
        if how_far == _FITS:
            planned = departure + outcome[2] + (outcome[3] if window_is_arrival else 0)
            found[size] = row
            shifts_ms[size] = max(lowest, min(max(np.int64(0), earliest_ms - planned), latest_ms - planned))
            size += 1
            continue
        miss = min(miss, beyond)
        if how_far == _TOO_LONG_MS:
            counts[DETOUR] += 1
        elif how_far == _TOO_LONG_CM:
            counts[LENGTH] += 1
        else:
            counts[WINDOW] += 1
    return found[:size].copy(), outcomes[:size].copy(), shifts_ms[:size].copy(), considered, miss


@numba.njit(cache=True, nogil=True, inline="always")
def _drive_to(edges, edge, at, distance, column, target_edge, target_at):
    """Packed cost from a stop to the target of a column of distances."""
    forward, backward = edges[edge, 2], edges[edge, 3]
    to_start, to_end = leave(forward, backward, at)
    cost = min(to_start + distance[edges[edge, 0], column], to_end + distance[edges[edge, 1], column])
    if edge == target_edge:
        cost = min(cost, along_edge(forward, backward, at, target_at))
    return min(cost, INFINITE)


@numba.njit(cache=True, nogil=True, inline="always")
def _drive_from(edges, edge, at, distance, column, source_edge, source_at):
    """Packed cost from the source of a column of distances to a stop."""
    forward, backward = edges[edge, 2], edges[edge, 3]
    from_start, from_end = reach(forward, backward, at)
    cost = min(from_start + distance[edges[edge, 0], column], from_end + distance[edges[edge, 1], column])
    if edge == source_edge:
        cost = min(cost, along_edge(forward, backward, source_at, at))
    return min(cost, INFINITE)


@numba.njit(cache=True, nogil=True)
def best_insertion(
    leg_begin,
    leg_count,
    origin_edge,
    origin_at,
    destination_edge,
    destination_at,
    base_cost,
    edges,
    at_pickup,
    at_dropoff,
    pickup_edge,
    pickup_at,
    dropoff_edge,
    dropoff_at,
    direct,
    departure_ms,
    lowest_ms,
    highest_ms,
    budget_ms,
    budget_cm,
    earliest_ms,
    latest_ms,
    window_is_arrival,
    outcome,
):
    """(how far its best pair came, miss_ms): the best that an itinerary of several legs can offer; fills `outcome` when it fits.

    leg_begin, leg_count and the five columns after them: the legs (see `index.Legs`). at_pickup: (n, 2) packed, column 0 to the pickup,
    column 1 from the dropoff; at_dropoff: column 0 to the dropoff, column 1 from the pickup. lowest_ms, highest_ms: how much later than
    planned the driver may leave. outcome: (7,) int64: detour_ms, detour_cm, drive to the pickup in ms since departure, ride_ms,
    ride_cm, pickup leg, dropoff leg. Of several feasible pairs the cheapest (time, then length) wins, then the earliest pickup leg,
    then the earliest dropoff leg.

    miss_ms is the least detour beyond the budget among pairs that fit otherwise, NO_MISS without one.
    """
    how_far = _TOO_LONG_MS
    miss = NO_MISS
    best = INFINITE
    before_pickup = np.int64(0)
    for i in range(leg_count):
        row = leg_begin + i
        to_pickup = _drive_to(edges, origin_edge[row], np.int64(origin_at[row]), at_pickup, 0, pickup_edge, pickup_at)
        from_pickup = _drive_from(
            edges, destination_edge[row], np.int64(destination_at[row]), at_dropoff, 1, pickup_edge, pickup_at
        )
        until_pickup = before_pickup + to_pickup
        before_pickup += base_cost[row]
        before_dropoff = np.int64(0)  # base drive of the legs between the pickup's and the dropoff's
        for j in range(i, leg_count):
            last = leg_begin + j
            to_dropoff = _drive_to(
                edges, origin_edge[last], np.int64(origin_at[last]), at_dropoff, 0, dropoff_edge, dropoff_at
            )
            onward = _drive_from(
                edges, destination_edge[last], np.int64(destination_at[last]), at_pickup, 1, dropoff_edge, dropoff_at
            )
            if i == j:
                ride = direct
                driven = to_pickup + direct + onward
                replaced = base_cost[row]
                reachable = to_pickup < INFINITE and onward < INFINITE
            else:
                ride = from_pickup + before_dropoff + to_dropoff
                driven = to_pickup + from_pickup + to_dropoff + onward
                replaced = base_cost[row] + base_cost[last]
                before_dropoff += base_cost[last]
                reachable = (
                    to_pickup < INFINITE and from_pickup < INFINITE and to_dropoff < INFINITE and onward < INFINITE
                )
            if not reachable:
                continue
            detour_ms = (driven >> 32) - (replaced >> 32)
            detour_cm = (driven & _LENGTH_MASK) - (replaced & _LENGTH_MASK)
            planned = departure_ms + (until_pickup >> 32)
            if window_is_arrival:
                planned += ride >> 32
            in_window = planned + lowest_ms <= latest_ms and planned + highest_ms >= earliest_ms
            in_length = budget_cm == NO_LIMIT or detour_cm <= budget_cm
            if detour_ms > budget_ms:
                if in_window and in_length:
                    miss = min(miss, detour_ms - budget_ms)
                continue
            if not in_length:
                how_far = _FITS if how_far == _FITS else max(how_far, _TOO_LONG_CM)
                continue
            if not in_window:
                how_far = _FITS if how_far == _FITS else _WRONG_TIME
                continue
            total = (detour_ms << 32) + detour_cm
            if how_far == _FITS and total >= best:
                continue
            how_far = _FITS
            best = total
            outcome[0] = detour_ms
            outcome[1] = detour_cm
            outcome[2] = until_pickup >> 32
            outcome[3] = ride >> 32
            outcome[4] = ride & _LENGTH_MASK
            outcome[5] = i
            outcome[6] = j
    return how_far, miss
