"""Offers of several legs: one scan over all of them, each tested exactly at its cheapest feasible pair of legs (see `insertion`)."""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.feasible import DETOUR, NO_MISS, OUTCOME, OWN, REASONS, SEATS, WINDOW, Feasible
from matcher.matching.index import Snapshot
from matcher.matching.insertion import (
    FITS,
    MOST_LEGS,
    best_insertion,
    count_reason,
    drive_from,
    drive_to,
    promises_after,
)
from matcher.matching.positions import I64, INFINITE, EdgeTable, fixed_position
from matcher.matching.query import Query


def gather_itineraries(
    snapshot: Snapshot, edges: EdgeTable, at_pickup: I64, at_dropoff: I64, direct: int, query: Query
) -> Feasible:
    """Test every offer of several legs in the snapshot against a query, exactly; the counterpart of `gather.gather`.

    at_pickup: (n, 2) packed, to the pickup in column 0 and from the dropoff in column 1; at_dropoff: to the dropoff in column 0 and
    from the pickup in column 1.
    """
    rows, legs = snapshot.rows, snapshot.legs
    counts = np.zeros(len(REASONS), dtype=np.int64)
    found, outcomes, considered, miss = _scan(
        snapshot.itineraries,
        (rows.leg_begin, rows.leg_count, rows.driver, rows.seats, rows.retired_at),
        (rows.departure_ms, rows.leaves_from_ms, rows.leaves_by_ms, rows.longest_ms),
        (rows.max_detour_ms, rows.max_detour_cm),
        (legs.origin_edge, legs.origin_at, legs.destination_edge, legs.destination_at, legs.base_cost),
        (legs.seats, legs.early_ms, legs.late_ms),
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
    return Feasible.of(found, outcomes, considered, counts, miss)


@numba.njit(cache=True, nogil=True)
def _scan(
    itineraries,
    offers,
    times,
    budgets,
    legs,
    limits,
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
    """The scan of `gather_itineraries`; the tuples are columns of `index.Rows` and `index.Legs`. counts: (reasons,) int64, added to."""
    leg_begin, leg_count, driver, seats, retired_at = offers
    departure_ms, leaves_from_ms, leaves_by_ms, longest_ms = times
    max_detour_ms, max_detour_cm = budgets
    origin_edge, origin_at, destination_edge, destination_at, base_cost = legs
    leg_seats, early_ms, late_ms = limits
    found = np.empty(len(itineraries), np.int64)
    outcomes = np.zeros((len(itineraries), OUTCOME), np.int64)
    to_pickup, from_pickup = np.empty(MOST_LEGS, np.int64), np.empty(MOST_LEGS, np.int64)
    to_dropoff, onward = np.empty(MOST_LEGS, np.int64), np.empty(MOST_LEGS, np.int64)
    early_after, late_after = np.empty(MOST_LEGS, np.int64), np.empty(MOST_LEGS, np.int64)
    size = 0
    considered = 0
    miss = NO_MISS
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
        begin, count, budget_ms = leg_begin[row], np.int64(leg_count[row]), np.int64(max_detour_ms[row])
        # Fetching the rider alone is a bound on the whole: setting down on a later leg only adds, and on the same leg the way over the
        # dropoff is no shorter than the way straight on (triangle inequality).
        least_ms = INFINITE
        for i in range(count):
            leg = begin + i
            to_pickup[i] = drive_to(
                edges, origin_edge[leg], np.int64(origin_at[leg]), at_pickup, 0, pickup_edge, pickup_at
            )
            from_pickup[i] = drive_from(
                edges, destination_edge[leg], np.int64(destination_at[leg]), at_dropoff, 1, pickup_edge, pickup_at
            )
            if leg_seats[leg] >= seats_requested:
                least_ms = min(least_ms, ((to_pickup[i] + from_pickup[i]) >> 32) - (base_cost[leg] >> 32))
        if least_ms > budget_ms and least_ms - budget_ms >= miss:
            counts[SEATS if least_ms == INFINITE else DETOUR] += 1
            continue
        for i in range(count):
            leg = begin + i
            to_dropoff[i] = drive_to(
                edges, origin_edge[leg], np.int64(origin_at[leg]), at_dropoff, 0, dropoff_edge, dropoff_at
            )
            onward[i] = drive_from(
                edges, destination_edge[leg], np.int64(destination_at[leg]), at_pickup, 1, dropoff_edge, dropoff_at
            )
        promises_after(count, early_ms[begin:], late_ms[begin:], early_after, late_after)
        how_far, beyond = best_insertion(
            count,
            base_cost[begin:],
            leg_seats[begin:],
            early_ms[begin:],
            late_ms[begin:],
            to_pickup,
            from_pickup,
            to_dropoff,
            onward,
            direct,
            seats_requested,
            departure_ms[row],
            max(leaves_from_ms[row], now_ms) - departure_ms[row],
            leaves_by_ms[row] - departure_ms[row],
            now_ms,
            budget_ms,
            np.int64(max_detour_cm[row]),
            earliest_ms,
            latest_ms,
            window_is_arrival,
            early_after,
            late_after,
            outcomes[size],
        )
        if how_far == FITS:
            found[size] = row
            size += 1
        else:
            miss = min(miss, beyond)
            count_reason(how_far, counts)
    return found[:size].copy(), outcomes[:size].copy(), considered, miss
