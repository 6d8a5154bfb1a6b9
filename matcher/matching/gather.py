"""Which offers can carry a rider, and what each would add to its driver's way: one scan over all rows of one leg.

Rows go through three sieves, a block at a time: tests that need no roads; a bound on the detour (see `bounds`); the exact detour.
"""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.bounds import least_times, within_reach
from matcher.matching.feasible import DETOUR, LENGTH, NO_MISS, OWN, REASONS, SEATS, WINDOW, Feasible
from matcher.matching.index import Snapshot
from matcher.matching.plan import NO_LIMIT
from matcher.matching.positions import I64, INFINITE, EdgeTable, along_edge, fixed_position, leave, reach
from matcher.matching.query import Query

#: Rows that go through the sieves together: few enough that what is noted about them stays in the nearest cache.
BLOCK = 2048
#: How many legs trips have, at least and at most: those without stops, those with some, and all.
ONE_LEG, SEVERAL_LEGS, ANY_LEGS = (1, 1), (2, 255), (1, 255)
_LENGTH_MASK = 0xFFFFFFFF


def gather(snapshot: Snapshot, edges: EdgeTable, distance: I64, direct: int, query: Query) -> Feasible:
    """Test every offer of one leg in the snapshot against a query, exactly.

    distance: (n, 2) packed, to the pickup in column 0, from the dropoff in column 1. direct: packed cost of the rider's own drive.
    Offers whose latest departure is before the query's now are no longer active, and are not considered.
    """
    rows = snapshot.rows
    counts = np.zeros(len(REASONS), dtype=np.int64)
    found, considered, miss = _scan(
        (
            rows.retired_at,
            rows.leg_count,
            rows.driver,
            rows.seats,
            rows.leaves_from_ms,
            rows.leaves_by_ms,
            rows.longest_ms,
        ),
        (rows.out_a, rows.out_b, rows.out_a_ms, rows.out_b_ms, rows.in_a, rows.in_b, rows.in_a_ms, rows.in_b_ms),
        (rows.origin_edge, rows.origin_at, rows.destination_edge, rows.destination_at),
        (rows.base_cost, rows.departure_ms, rows.flexibility_ms, rows.max_detour_ms, rows.max_detour_cm),
        snapshot.sequence,
        snapshot.own,
        edges.together,
        distance,
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
    k = len(found)
    nothing = np.zeros(k, dtype=np.int64)
    return Feasible(
        rows=found[:, 0],
        detour_ms=found[:, 1],
        detour_cm=found[:, 2],
        to_pickup_ms=found[:, 3],
        shift_ms=found[:, 4],
        ride_ms=np.full(k, direct >> 32),
        ride_cm=np.full(k, direct & _LENGTH_MASK),
        pickup_leg=nothing,
        dropoff_leg=nothing,
        pickup_choice=nothing,
        dropoff_choice=nothing,
        walk_ms=nothing,
        considered=int(considered),
        turned_away={reason: int(count) for reason, count in zip(REASONS, counts, strict=True) if count},
        nearest_miss_ms=None if miss == NO_MISS else int(miss),
    )


@numba.njit(cache=True, nogil=True)
def pass_without_roads(
    begin, end, columns, legs, sequence, own, seats_requested, earliest_ms, latest_ms, now_ms, open_rows, counts
):
    """(rows considered, rows left) of [begin, end) by the tests that need no roads; open_rows: (end - begin,) uint8, 1 where left.

    legs: (least, most), of how many legs the rows are that are looked at.
    """
    # Cut to the block, compared in the columns' own types, without branches: then many rows are tested at a time.
    retired_at, leg_count, driver, seats = (
        columns[0][begin:end],
        columns[1][begin:end],
        columns[2][begin:end],
        columns[3][begin:end],
    )
    leaves_from_ms, leaves_by_ms, longest_ms = columns[4][begin:end], columns[5][begin:end], columns[6][begin:end]
    own_driver = np.int32(own)
    least_legs, most_legs = np.uint8(legs[0]), np.uint8(legs[1])
    seats_needed = np.uint8(seats_requested)
    considered = others = meeting = left = 0
    for k in range(end - begin):
        active = (retired_at[k] > sequence) & (leaves_by_ms[k] >= now_ms)
        active &= (leg_count[k] >= least_legs) & (leg_count[k] <= most_legs)
        other = active & (driver[k] != own_driver)
        # The whole trip lies within this span, however late or early it leaves and whatever detour it takes.
        meets = other & (leaves_from_ms[k] <= latest_ms) & (leaves_by_ms[k] + longest_ms[k] >= earliest_ms)
        roomy = meets & (seats[k] >= seats_needed)
        considered += active
        others += other
        meeting += meets
        left += roomy
        open_rows[k] = roomy
    counts[OWN] += considered - others
    counts[WINDOW] += others - meeting
    counts[SEATS] += meeting - left
    return considered, left


@numba.njit(cache=True, nogil=True)
def _exact_detour(row, positions, base, edges, distance, pickup_edge, pickup_at, dropoff_edge, dropoff_at, direct):
    """(detour_ms, detour_cm, to_pickup_ms) of a row, or (NO_MISS, 0, 0) when there is no way."""
    origin_edge, origin_at, destination_edge, destination_at = positions
    edge = origin_edge[row]
    at = np.int64(origin_at[row])
    forward, backward = edges[edge, 2], edges[edge, 3]
    to_start, to_end = leave(forward, backward, at)
    to_pickup = min(to_start + distance[edges[edge, 0], 0], to_end + distance[edges[edge, 1], 0])
    if edge == pickup_edge:
        to_pickup = min(to_pickup, along_edge(forward, backward, at, pickup_at))
    edge = destination_edge[row]
    at = np.int64(destination_at[row])
    forward, backward = edges[edge, 2], edges[edge, 3]
    from_start, from_end = reach(forward, backward, at)
    onward = min(from_start + distance[edges[edge, 0], 1], from_end + distance[edges[edge, 1], 1])
    if edge == dropoff_edge:
        onward = min(onward, along_edge(forward, backward, dropoff_at, at))
    if to_pickup >= INFINITE or onward >= INFINITE:
        return NO_MISS, np.int64(0), np.int64(0)
    total = to_pickup + direct + onward
    return (total >> 32) - (base >> 32), (total & _LENGTH_MASK) - (base & _LENGTH_MASK), to_pickup >> 32


@numba.njit(cache=True, nogil=True)
def _scan(
    open_columns,
    bound_columns,
    positions,
    terms,
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
    """(found, rows considered, nearest miss in ms) of `gather`.

    The first four arguments are tuples of columns, (rows,) each, as in `index.Rows`; counts: (reasons,) int64, added to.
    found: (k, 5) int64: row, detour_ms, detour_cm, to_pickup_ms, shift_ms.
    """
    out_a, out_b, out_a_ms, out_b_ms, in_a, in_b, in_a_ms, in_b_ms = bound_columns
    base_cost, departure_ms, flexibility_ms, max_detour_ms, max_detour_cm = terms
    longest_ms = open_columns[6]
    to_pickup_ms = np.empty(len(distance), np.int32)
    from_dropoff_ms = np.empty(len(distance), np.int32)
    least_times(distance, edges, pickup_edge, dropoff_edge, to_pickup_ms, from_dropoff_ms)
    open_rows = np.empty(BLOCK, np.uint8)
    rows = np.empty(BLOCK + 1, np.int32)
    beyond_ms = np.empty(BLOCK + 1, np.int32)
    found = np.empty((64, 5), np.int64)
    size = considered = 0
    miss = NO_MISS
    ride_ms = (direct >> 32) if window_is_arrival else np.int64(0)
    for begin in range(0, len(base_cost), BLOCK):
        end = min(len(base_cost), begin + BLOCK)
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
            to_pickup_ms, from_dropoff_ms, direct >> 32, miss, rows, beyond_ms,
        )  # fmt: skip
        counts[DETOUR] += left - near
        if size + near > len(found):
            more = np.empty((2 * (size + near), 5), np.int64)
            more[:size] = found[:size]
            found = more
        for k in range(near):
            if beyond_ms[k] >= miss:  # a nearer miss was found since the bound was taken
                counts[DETOUR] += 1
                continue
            row = rows[k]
            detour_ms, detour_cm, until_pickup_ms = _exact_detour(
                row,
                positions,
                base_cost[row],
                edges,
                distance,
                pickup_edge,
                pickup_at,
                dropoff_edge,
                dropoff_at,
                direct,
            )
            departure = departure_ms[row]
            planned = departure + until_pickup_ms + ride_ms
            latest = np.int64(flexibility_ms[row])
            earliest = max(-latest, now_ms - departure)
            in_window = planned + earliest <= latest_ms and planned + latest >= earliest_ms
            in_length = max_detour_cm[row] == NO_LIMIT or detour_cm <= max_detour_cm[row]
            if detour_ms > max_detour_ms[row]:
                counts[DETOUR] += 1
                if in_window and in_length and detour_ms < NO_MISS:
                    miss = min(miss, detour_ms - max_detour_ms[row])
            elif not in_length:
                counts[LENGTH] += 1
            elif not in_window:
                counts[WINDOW] += 1
            else:
                found[size, 0] = row
                found[size, 1] = detour_ms
                found[size, 2] = detour_cm
                found[size, 3] = until_pickup_ms
                found[size, 4] = max(earliest, min(max(np.int64(0), earliest_ms - planned), latest_ms - planned))
                size += 1
    return found[:size].copy(), considered, miss
