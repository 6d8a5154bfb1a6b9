"""Offers of several legs: which of them can carry a rider, each tested exactly at its cheapest feasible pair of legs (see `insertion`).

Whatever stops lie between, the new drive leads from the origin over the pickup and the dropoff to the destination, so that the bound of offers
of one leg holds for the trip as a whole: rows go through the same sieves as in `gather`, and few are left for the pairs.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from matcher.matching.base.positions import I64, INFINITE, EdgeTable, along_edge, fixed_position, leave, reach
from matcher.matching.base.reach import least_times
from matcher.matching.index.rows import Snapshot
from matcher.matching.index.zones import SEVERAL
from matcher.matching.scan.feasible import DETOUR, NO_MISS, OUTCOME, REASONS, Feasible
from matcher.matching.scan.gather import gather_rows
from matcher.matching.scan.insertion import (
    FITS,
    MOST_LEGS,
    best_insertion,
    count_reason,
    promises_after,
)
from matcher.matching.scan.open_rows import OpenRows
from matcher.matching.scan.query import Query
from matcher.matching.scan.sieve import blocks_by_promise, near_in_block, survey, terms_of

_FIRST_ROOM = 64
#: Legs that are looked at together: their costs stay in the nearest cache.
TOGETHER = 512
#: More than any detour, in ms, and small enough to be added up.
NOWHERE_MS = 1 << 40


def gather_itineraries(
    snapshot: Snapshot, edges: EdgeTable, distance: I64, direct: int, query: Query, reach: tuple[Any, ...] | None = None
) -> Feasible:
    """Test every offer of several legs in the snapshot against a query, exactly; the counterpart of `gather.gather`.

    distance: (n, 4) packed, to the pickup, from the dropoff, to the dropoff, from the pickup. reach: as there.
    """
    legs = snapshot.legs
    counts = np.zeros(len(REASONS), dtype=np.int64)
    found, outcomes, considered, miss = _scan(
        snapshot.rows.sieved,
        snapshot.blocks,
        terms_of(query),
        _terms(snapshot),
        (legs.origin_edge, legs.origin_at, legs.destination_edge, legs.destination_at, legs.base_cost),
        (legs.seats, legs.early_ms, legs.late_ms),
        edges.together,
        distance,
        reach or least_times(distance, direct >> 32),
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
    several = snapshot.rows.leg_count[some.rows] > 1
    found = gather_rows(snapshot, edges, distance, direct, query, some.rows[~several], some.considered, some.counts)
    if not several.any():
        return found
    legs = snapshot.legs
    counts = np.zeros(len(REASONS), dtype=np.int64)
    rows, outcomes, miss = _try_all(
        some.rows[several],
        _terms(snapshot),
        (legs.origin_edge, legs.origin_at, legs.destination_edge, legs.destination_at, legs.base_cost),
        (legs.seats, legs.early_ms, legs.late_ms),
        edges.together,
        distance,
        _asked(query, direct),
        counts,
    )
    return found.joined(Feasible.of(rows, outcomes, 0, counts, miss))


def _terms(snapshot: Snapshot) -> tuple[npt.NDArray[Any], ...]:
    rows = snapshot.rows
    return (
        rows.leg_begin,
        rows.leg_count,
        rows.departure_ms,
        rows.shift_ms,
        rows.flexibility_s,
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
def _scan(offers, blocks, terms, trips, legs, limits, edges, distance, reach, asked, counts):
    """The scan of `gather_itineraries`: (rows that fit, their (k, OUTCOME) outcomes, rows considered, nearest miss in ms).

    offers, blocks, terms: as in `sieve`; trips: of `_terms`; legs, limits: columns of `rows.Legs`; asked: see `_asked`. counts: (reasons,)
    int64, added to.
    """
    block = blocks[5]
    state = np.empty(block, np.uint8)
    rows, beyond_ms = np.empty(block + 1, np.int32), np.empty(block + 1, np.int32)
    work = legs_work()
    found = np.empty(_FIRST_ROOM, np.int64)
    outcomes = np.zeros((_FIRST_ROOM, OUTCOME), np.int64)
    codes, considered = survey(SEVERAL, blocks, terms, counts)
    numbers, bounds = blocks_by_promise(codes, blocks, reach)
    size = 0
    miss = NO_MISS
    for i in range(len(numbers)):
        active, near = near_in_block(
            numbers[i], codes, bounds[i], SEVERAL, offers, blocks, terms, reach, miss, state, rows, beyond_ms, counts
        )
        considered += active
        found, outcomes, size, miss = try_rows(
            rows[:near], trips, legs, limits, edges, distance, asked, work, found, outcomes, size, miss, counts
        )
    return found[:size].copy(), outcomes[:size].copy(), considered, miss


@numba.njit(cache=True, nogil=True)
def _try_all(which, terms, legs, limits, edges, distance, asked, counts):
    """(rows that fit, their (k, OUTCOME) outcomes, nearest miss in ms) among some rows; the arguments are those of `_scan`."""
    found = np.empty(_FIRST_ROOM, np.int64)
    outcomes = np.zeros((_FIRST_ROOM, OUTCOME), np.int64)
    found, outcomes, size, miss = try_rows(
        which, terms, legs, limits, edges, distance, asked, legs_work(), found, outcomes, 0, NO_MISS, counts
    )
    return found[:size].copy(), outcomes[:size].copy(), miss


@numba.njit(cache=True, nogil=True)
def legs_work():
    """Scratch for `try_rows`."""
    return np.empty((TOGETHER, 4), np.int64), np.empty((4, TOGETHER), np.int64), np.empty((2, MOST_LEGS), np.int64)


@numba.njit(cache=True, nogil=True)
def try_rows(which, terms, legs, limits, edges, distance, asked, work, found, outcomes, size, miss, counts):
    """Test some rows of several legs exactly: (found, outcomes, size, miss) with what fits added behind the first `size`.

    found: (room,) and outcomes: (room, OUTCOME), grown when they are full. miss: the least detour beyond a budget so far, in ms. Rows that
    do not fit are counted.

    Rows go through in batches, and step by step: what is far away in memory is fetched for many legs at once.
    """
    leg_begin, leg_count, max_detour_ms = terms[0], terms[1], terms[5]
    base_cost, leg_seats = legs[4], limits[0]
    direct_ms, seats_requested = asked[4] >> 32, asked[5]
    costs, columns, after = work
    leg_of, row_of, first_of, beyond_of = columns[0], columns[1], columns[2], columns[3]
    begin = 0
    while begin < len(which):
        rows = used = 0
        while begin < len(which):
            row = which[begin]
            count = np.int64(leg_count[row])
            if used + count > TOGETHER:
                break
            row_of[rows], first_of[rows] = row, used
            for leg in range(leg_begin[row], leg_begin[row] + count):
                leg_of[used] = leg
                used += 1
            rows += 1
            begin += 1
        _drives_of_legs(leg_of[:used], legs, edges, distance, asked, costs)
        for k in range(rows):
            row, first = row_of[k], first_of[k]
            end = first_of[k + 1] if k + 1 < rows else used
            least = least_detour_ms(
                leg_of[first], end - first, costs[first:end], base_cost, leg_seats, direct_ms, seats_requested
            )
            beyond_of[k] = least - np.int64(max_detour_ms[row])
        for k in range(rows):
            row, first = row_of[k], first_of[k]
            end = first_of[k + 1] if k + 1 < rows else used
            if beyond_of[k] > 0 and beyond_of[k] >= miss:
                # Seats on some leg are what every row here has: the least detour is of legs with seats, and too long.
                counts[DETOUR] += 1
                continue
            if size == len(found):
                found, outcomes = _grown(found), _grown(outcomes)
            how_far, beyond = _insert(
                row, end - first, costs[first:end], terms, legs, limits, asked, after, outcomes[size]
            )
            if how_far == FITS:
                found[size] = row
                size += 1
            else:
                miss = min(miss, beyond)
                count_reason(how_far, counts)
    return found, outcomes, size, miss


@numba.njit(cache=True, nogil=True)
def _drives_of_legs(which, legs, edges, distance, asked, costs):
    """costs[k]: packed, from where leg k begins to the pickup, from the pickup to where it ends, and the same for the dropoff.

    INFINITE where there is no way. What is to be read goes into `costs` first, for all legs: then the memory is asked for several of them at a time.
    """
    origin_edge, origin_at, destination_edge, destination_at, _ = legs
    pickup_edge, pickup_at, dropoff_edge, dropoff_at = asked[:4]
    for k in range(len(which)):
        leg = which[k]
        costs[k, 0], costs[k, 1] = origin_edge[leg], origin_at[leg]
        costs[k, 2], costs[k, 3] = destination_edge[leg], destination_at[leg]
    for k in range(len(which)):
        here, here_at, there, there_at = costs[k, 0], costs[k, 1], costs[k, 2], costs[k, 3]
        forward, backward = edges[here, 2], edges[here, 3]
        start, end = edges[here, 0], edges[here, 1]
        to_start, to_end = leave(forward, backward, here_at)
        to_pickup = min(to_start + distance[start, 0], to_end + distance[end, 0])
        to_dropoff = min(to_start + distance[start, 2], to_end + distance[end, 2])
        if here == pickup_edge:
            to_pickup = min(to_pickup, along_edge(forward, backward, here_at, pickup_at))
        if here == dropoff_edge:
            to_dropoff = min(to_dropoff, along_edge(forward, backward, here_at, dropoff_at))
        forward, backward = edges[there, 2], edges[there, 3]
        start, end = edges[there, 0], edges[there, 1]
        from_start, from_end = reach(forward, backward, there_at)
        from_dropoff = min(from_start + distance[start, 1], from_end + distance[end, 1])
        from_pickup = min(from_start + distance[start, 3], from_end + distance[end, 3])
        if there == pickup_edge:
            from_pickup = min(from_pickup, along_edge(forward, backward, pickup_at, there_at))
        if there == dropoff_edge:
            from_dropoff = min(from_dropoff, along_edge(forward, backward, dropoff_at, there_at))
        costs[k, 0], costs[k, 1] = min(to_pickup, INFINITE), min(from_pickup, INFINITE)
        costs[k, 2], costs[k, 3] = min(to_dropoff, INFINITE), min(from_dropoff, INFINITE)


@numba.njit(cache=True, nogil=True, inline="always")
def least_detour_ms(begin, count, costs, base_cost, seats, direct_ms, seats_requested):
    """The least detour over pairs of legs with seats at both, whatever the times and the legs between them. costs: of `_drives_of_legs`."""
    least = fetching = np.int64(NOWHERE_MS)
    for i in range(count):
        if seats[begin + i] < seats_requested:
            continue
        base_ms = base_cost[begin + i] >> 32
        to_pickup, onward = costs[i, 0] >> 32, costs[i, 3] >> 32
        added = (costs[i, 2] >> 32) + onward - base_ms
        least = min(least, to_pickup + direct_ms + onward - base_ms, fetching + added)
        fetching = min(fetching, to_pickup + (costs[i, 1] >> 32) - base_ms)
    return least


@numba.njit(cache=True, nogil=True)
def _grown(array):
    more = np.zeros((2 * array.shape[0], *array.shape[1:]), array.dtype)
    more[: array.shape[0]] = array
    return more


@numba.njit(cache=True, nogil=True)
def _insert(row, count, costs, terms, legs, limits, asked, after, outcome):
    """(how far the best insertion came, miss_ms) of one offer, as `best_insertion`. costs: of `_drives_of_legs`; after: (2, legs) scratch."""
    leg_begin, _, departure_ms, shift_ms, flexibility_s, max_detour_ms, max_detour_cm = terms
    flexibility_ms = np.int64(flexibility_s[row]) * 1000
    begin = leg_begin[row]
    end = begin + count
    seats, early_ms, late_ms = limits[0][begin:end], limits[1][begin:end], limits[2][begin:end]
    _, _, _, _, direct, seats_requested, earliest_ms, latest_ms, window_is_arrival, now_ms = asked
    promises_after(count, early_ms, late_ms, after[0], after[1])
    return best_insertion(
        count,
        legs[4][begin:end],
        seats,
        early_ms,
        late_ms,
        costs[:, 0],
        costs[:, 1],
        costs[:, 2],
        costs[:, 3],
        direct,
        seats_requested,
        departure_ms[row],
        max(-flexibility_ms - shift_ms[row], now_ms - departure_ms[row]),
        flexibility_ms - shift_ms[row],
        now_ms,
        np.int64(max_detour_ms[row]),
        np.int64(max_detour_cm[row]),
        earliest_ms,
        latest_ms,
        window_is_arrival,
        after[0],
        after[1],
        outcome,
    )
