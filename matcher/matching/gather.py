"""Which offers can carry a rider, and what each would add to its driver's way: one scan over all rows of one leg."""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.feasible import DETOUR, LENGTH, NO_MISS, OWN, REASONS, SEATS, WINDOW, Feasible
from matcher.matching.index import NO_LIMIT, Snapshot
from matcher.matching.positions import I64, INFINITE, EdgeTable, along_edge, fixed_position, leave, reach
from matcher.matching.query import Query


def gather(snapshot: Snapshot, edges: EdgeTable, distance: I64, direct: int, query: Query) -> Feasible:
    """Test every offer of one leg in the snapshot against a query, exactly.

    distance: (n, 2) packed, to the pickup in column 0, from the dropoff in column 1. direct: packed cost of the rider's own drive.
    Offers whose latest departure is before the query's now are no longer active, and are not considered.
    """
    rows = snapshot.rows
    pickup_edge, pickup_at = fixed_position(query.pickup)
    dropoff_edge, dropoff_at = fixed_position(query.dropoff)
    counts = np.zeros(len(REASONS), dtype=np.int64)
    found, detour_ms, detour_cm, to_pickup_ms, shift_ms, considered, miss = _scan(
        rows.origin_edge,
        rows.origin_at,
        rows.destination_edge,
        rows.destination_at,
        rows.base_cost,
        rows.departure_ms,
        rows.flexibility_ms,
        rows.max_detour_ms,
        rows.max_detour_cm,
        rows.driver,
        rows.seats,
        rows.leg_count,
        rows.retired_at,
        snapshot.sequence,
        snapshot.own,
        edges.together,
        distance,
        pickup_edge,
        pickup_at,
        dropoff_edge,
        dropoff_at,
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
        detour_ms=detour_ms,
        detour_cm=detour_cm,
        to_pickup_ms=to_pickup_ms,
        shift_ms=shift_ms,
        ride_ms=np.full(len(found), direct >> 32),
        ride_cm=np.full(len(found), direct & 0xFFFFFFFF),
        pickup_leg=np.zeros(len(found), dtype=np.int64),
        dropoff_leg=np.zeros(len(found), dtype=np.int64),
        considered=int(considered),
        turned_away={reason: int(count) for reason, count in zip(REASONS, counts, strict=True) if count},
        nearest_miss_ms=None if miss == NO_MISS else int(miss),
    )


@numba.njit(cache=True, nogil=True)
def _scan(
    origin_edge,
    origin_at,
    destination_edge,
    destination_at,
    base_cost,
    departure_ms,
    flexibility_ms,
    max_detour_ms,
    max_detour_cm,
    driver,
    seats,
    leg_count,
    retired_at,
    sequence,
    own,
    edges,
    distance,
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
    """The scan of `gather`. Columns: (rows,) as in `index.Rows`; counts: (reasons,) int64, added to."""
    capacity = len(seats)
    found = np.empty(capacity, np.int64)
    detours_ms = np.empty(capacity, np.int64)
    detours_cm = np.empty(capacity, np.int64)
    to_pickups_ms = np.empty(capacity, np.int64)
    shifts_ms = np.empty(capacity, np.int64)
    size = 0
    considered = 0
    miss = NO_MISS
    direct_ms = direct >> 32
    to_pickup_ms = np.empty(len(distance), np.int32)
    for v in range(len(distance)):
        to_pickup_ms[v] = distance[v, 0] >> 32
    ride_ms = (direct >> 32) if window_is_arrival else np.int64(0)
    for row in range(capacity):
        departure = departure_ms[row]
        flexibility = np.int64(flexibility_ms[row])
        if retired_at[row] <= sequence or departure + flexibility < now_ms or leg_count[row] > 1:
            continue
        considered += 1
        if driver[row] == own:
            counts[OWN] += 1
            continue
        base = base_cost[row]
        budget_ms = np.int64(max_detour_ms[row])
        # The whole trip lies within this span, however late or early it leaves and whatever detour it takes.
        if departure - flexibility > latest_ms or departure + flexibility + (base >> 32) + budget_ms < earliest_ms:
            counts[WINDOW] += 1
            continue
        if seats[row] < seats_requested:
            counts[SEATS] += 1
            continue
        edge = origin_edge[row]
        # However the driver leaves, and however short the way on from the dropoff, the detour is at least this.
        at_least_ms = min(to_pickup_ms[edges[edge, 0]], to_pickup_ms[edges[edge, 1]]) + direct_ms - (base >> 32)
        if at_least_ms > budget_ms and at_least_ms - budget_ms >= miss and edge != pickup_edge:
            counts[DETOUR] += 1
            continue
        at = np.int64(origin_at[row])
        forward, backward = edges[edge, 2], edges[edge, 3]
        to_start, to_end = leave(forward, backward, at)
        to_pickup = min(to_start + distance[edges[edge, 0], 0], to_end + distance[edges[edge, 1], 0])
        if edge == pickup_edge:
            to_pickup = min(to_pickup, along_edge(forward, backward, at, pickup_at))
        # However short the way from the dropoff on, the detour is at least this.
        at_least_ms = ((to_pickup + direct) >> 32) - (base >> 32)
        if at_least_ms > budget_ms and at_least_ms - budget_ms >= miss:
            counts[DETOUR] += 1
            continue
        edge = destination_edge[row]
        at = np.int64(destination_at[row])
        forward, backward = edges[edge, 2], edges[edge, 3]
        from_start, from_end = reach(forward, backward, at)
        onward = min(from_start + distance[edges[edge, 0], 1], from_end + distance[edges[edge, 1], 1])
        if edge == dropoff_edge:
            onward = min(onward, along_edge(forward, backward, dropoff_at, at))
        if to_pickup >= INFINITE or onward >= INFINITE:
            counts[DETOUR] += 1
            continue
        total = to_pickup + direct + onward
        detour_ms = (total >> 32) - (base >> 32)
        detour_cm = (total & 0xFFFFFFFF) - (base & 0xFFFFFFFF)
        planned = departure + (to_pickup >> 32) + ride_ms
        lowest = max(-flexibility, now_ms - departure)
        in_window = planned + lowest <= latest_ms and planned + flexibility >= earliest_ms
        in_length = max_detour_cm[row] == NO_LIMIT or detour_cm <= max_detour_cm[row]
        if detour_ms > budget_ms:
            counts[DETOUR] += 1
            if in_window and in_length:
                miss = min(miss, detour_ms - budget_ms)
            continue
        if not in_length:
            counts[LENGTH] += 1
            continue
        if not in_window:
            counts[WINDOW] += 1
            continue
        found[size] = row
        detours_ms[size] = detour_ms
        detours_cm[size] = detour_cm
        to_pickups_ms[size] = to_pickup >> 32
        shifts_ms[size] = max(lowest, min(max(np.int64(0), earliest_ms - planned), latest_ms - planned))
        size += 1
    return (
        found[:size].copy(),
        detours_ms[:size].copy(),
        detours_cm[:size].copy(),
        to_pickups_ms[:size].copy(),
        shifts_ms[:size].copy(),
        considered,
        miss,
    )
