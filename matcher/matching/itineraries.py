"""Offers of several legs: which of them can carry a rider, each tested exactly at its cheapest feasible pair of legs (see `insertion`).

Whatever stops lie between, the new drive leads from the origin over the pickup and the dropoff to the destination, so that the bound of offers
of one leg holds for the trip as a whole: rows go through the same sieves as in `gather`, and few are left for the pairs.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from matcher.matching.bounds import least_times, within_reach
from matcher.matching.feasible import DETOUR, NO_MISS, OUTCOME, REASONS, Feasible
from matcher.matching.gather import BLOCK, SEVERAL_LEGS, pass_without_roads
from matcher.matching.index import Snapshot
from matcher.matching.insertion import (
    FITS,
    MOST_LEGS,
    NO_SEATS,
    TOO_LONG_MS,
    best_insertion,
    count_reason,
    drive_from,
    drive_to,
    promises_after,
)
from matcher.matching.open_rows import OpenRows
from matcher.matching.positions import I64, INFINITE, EdgeTable, fixed_position
from matcher.matching.query import Query

_FIRST_ROOM = 64


def gather_itineraries(snapshot: Snapshot, edges: EdgeTable, distance: I64, direct: int, query: Query) -> Feasible:
    """Test every offer of several legs in the snapshot against a query, exactly; the counterpart of `gather.gather`.

    distance: (n, 4) packed, to the pickup, from the dropoff, to the dropoff, from the pickup.
    """
    rows, legs = snapshot.rows, snapshot.legs
    counts = np.zeros(len(REASONS), dtype=np.int64)
    found, outcomes, considered, miss = _scan(
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
        _terms(snapshot),
        (legs.origin_edge, legs.origin_at, legs.destination_edge, legs.destination_at, legs.base_cost),
        (legs.seats, legs.early_ms, legs.late_ms),
        snapshot.sequence,
        snapshot.own,
        edges.together,
        distance,
        _asked(query, direct),
        counts,
    )
    return Feasible.of(found, outcomes, considered, counts, miss)


def gather_some(
    snapshot: Snapshot, edges: EdgeTable, distance: I64, direct: int, query: Query, some: OpenRows
) -> Feasible:
    """Test some offers, of one leg or several, without sieves; the answer is that of `gather` and `gather_itineraries` together.

    distance: (n, 2 or 4) packed, as in `gather_itineraries`, true at both ends of some.edges; two columns are enough where no
    row has several legs.
    """
    legs = snapshot.legs
    counts = some.counts.copy()
    found, outcomes, miss = _try_all(
        some.rows,
        _terms(snapshot),
        (legs.origin_edge, legs.origin_at, legs.destination_edge, legs.destination_at, legs.base_cost),
        (legs.seats, legs.early_ms, legs.late_ms),
        edges.together,
        distance,
        _asked(query, direct),
        counts,
    )
    return Feasible.of(found, outcomes, some.considered, counts, miss)


def _terms(snapshot: Snapshot) -> tuple[npt.NDArray[Any], ...]:
    rows = snapshot.rows
    return (
        rows.leg_begin,
        rows.leg_count,
        rows.departure_ms,
        rows.leaves_from_ms,
        rows.leaves_by_ms,
        rows.max_detour_ms,
        rows.max_detour_cm,
    )


def _asked(query: Query, direct: int) -> tuple[int, ...]:
    return (
        *fixed_position(query.pickup),
        *fixed_position(query.dropoff),
        direct,
        query.seats,
        query.earliest_ms,
        query.latest_ms,
        query.window_is_arrival,
        query.now_ms,
    )


@numba.njit(cache=True, nogil=True)
def _scan(open_columns, bound_columns, terms, legs, limits, sequence, own, edges, distance, asked, counts):
    """The scan of `gather_itineraries`: (rows that fit, their (k, OUTCOME) outcomes, rows considered, nearest miss in ms).

    The tuples are columns of `index.Rows` and `index.Legs`; asked: see `_asked`. counts: (reasons,) int64, added to.
    """
    out_a, out_b, out_a_ms, out_b_ms, in_a, in_b, in_a_ms, in_b_ms = bound_columns
    longest_ms = open_columns[6]
    pickup_edge, _, dropoff_edge, _, direct, seats_requested, earliest_ms, latest_ms, _, now_ms = asked
    to_pickup_ms = np.empty(len(distance), np.int32)
    from_dropoff_ms = np.empty(len(distance), np.int32)
    least_times(distance, edges, pickup_edge, dropoff_edge, to_pickup_ms, from_dropoff_ms)
    open_rows = np.empty(BLOCK, np.uint8)
    rows = np.empty(BLOCK + 1, np.int32)
    beyond_ms = np.empty(BLOCK + 1, np.int32)
    work = np.empty((6, MOST_LEGS), np.int64)
    found = np.empty(_FIRST_ROOM, np.int64)
    outcomes = np.zeros((_FIRST_ROOM, OUTCOME), np.int64)
    size = considered = 0
    miss = NO_MISS
    for begin in range(0, len(longest_ms), BLOCK):
        end = min(len(longest_ms), begin + BLOCK)
        active, left = pass_without_roads(
            begin, end, open_columns, SEVERAL_LEGS,
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
        for k in range(near):
            if beyond_ms[k] >= miss:  # a nearer miss was found since the bound was taken
                counts[DETOUR] += 1
                continue
            if size == len(found):
                found, outcomes = _grown(found), _grown(outcomes)
            row = rows[k]
            how_far, beyond = _try(row, terms, legs, limits, edges, distance, asked, miss, work, outcomes[size])
            if how_far == FITS:
                found[size] = row
                size += 1
            else:
                miss = min(miss, beyond)
                count_reason(how_far, counts)
    return found[:size].copy(), outcomes[:size].copy(), considered, miss


@numba.njit(cache=True, nogil=True)
def _try_all(which, terms, legs, limits, edges, distance, asked, counts):
    """(rows that fit, their (k, OUTCOME) outcomes, nearest miss in ms) among some rows; the arguments are those of `_scan`."""
    work = np.empty((6, MOST_LEGS), np.int64)
    found = np.empty(_FIRST_ROOM, np.int64)
    outcomes = np.zeros((_FIRST_ROOM, OUTCOME), np.int64)
    size = 0
    miss = NO_MISS
    for row in which:
        if size == len(found):
            found, outcomes = _grown(found), _grown(outcomes)
        how_far, beyond = _try(row, terms, legs, limits, edges, distance, asked, miss, work, outcomes[size])
        if how_far == FITS:
            found[size] = row
            size += 1
        else:
            miss = min(miss, beyond)
            count_reason(how_far, counts)
    return found[:size].copy(), outcomes[:size].copy(), miss


@numba.njit(cache=True, nogil=True)
def _grown(array):
    more = np.zeros((2 * array.shape[0], *array.shape[1:]), array.dtype)
    more[: array.shape[0]] = array
    return more


@numba.njit(cache=True, nogil=True)
def _try(row, terms, legs, limits, edges, distance, asked, nearest_miss_ms, work, outcome):
    """(how far the best insertion came, miss_ms) of one offer, as `best_insertion`; a miss is told if it is nearer than nearest_miss_ms.

    work: (6, MOST_LEGS) int64 scratch.
    """
    leg_begin, leg_count, departure_ms, leaves_from_ms, leaves_by_ms, max_detour_ms, max_detour_cm = terms
    origin_edge, origin_at, destination_edge, destination_at, base_cost = legs
    leg_seats, early_ms, late_ms = limits
    pickup_edge, pickup_at, dropoff_edge, dropoff_at, direct, seats_requested = asked[:6]
    earliest_ms, latest_ms, window_is_arrival, now_ms = asked[6:]
    to_pickup, from_pickup, to_dropoff, onward, early_after, late_after = (
        work[0],
        work[1],
        work[2],
        work[3],
        work[4],
        work[5],
    )
    begin, count, budget_ms = leg_begin[row], np.int64(leg_count[row]), np.int64(max_detour_ms[row])
    # Fetching the rider alone is a bound on the whole: setting down on a later leg only adds, and on the same leg the way over the
    # dropoff is no shorter than the way straight on (triangle inequality). Likewise setting down alone.
    fetching_ms = setting_down_ms = INFINITE
    for i in range(count):
        leg = begin + i
        here, here_at = origin_edge[leg], np.int64(origin_at[leg])
        there, there_at = destination_edge[leg], np.int64(destination_at[leg])
        to_pickup[i] = drive_to(edges, here, here_at, distance, 0, pickup_edge, pickup_at)
        onward[i] = drive_from(edges, there, there_at, distance, 1, dropoff_edge, dropoff_at)
        if count > 1:
            to_dropoff[i] = drive_to(edges, here, here_at, distance, 2, dropoff_edge, dropoff_at)
            from_pickup[i] = drive_from(edges, there, there_at, distance, 3, pickup_edge, pickup_at)
            if leg_seats[leg] >= seats_requested:
                base_ms = base_cost[leg] >> 32
                fetching_ms = min(fetching_ms, ((to_pickup[i] + from_pickup[i]) >> 32) - base_ms)
                setting_down_ms = min(setting_down_ms, ((to_dropoff[i] + onward[i]) >> 32) - base_ms)
    if count > 1:
        least_ms = max(fetching_ms, setting_down_ms)
        if least_ms > budget_ms and least_ms - budget_ms >= nearest_miss_ms:
            return NO_SEATS if least_ms == INFINITE else TOO_LONG_MS, NO_MISS
    promises_after(count, early_ms[begin:], late_ms[begin:], early_after, late_after)
    return best_insertion(
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
        outcome,
    )
