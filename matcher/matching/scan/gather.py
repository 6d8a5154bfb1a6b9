"""Which offers can carry a rider, and what each would add to its driver's way: one scan over all offers of one leg.

They go through the sieves block by block (see `sieve`); what is left is tested exactly, here.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from matcher.matching.base.plan import NO_LIMIT
from matcher.matching.base.positions import I64, INFINITE, EdgeTable, along_edge, fixed_position, leave, reach
from matcher.matching.base.reach import least_times
from matcher.matching.index.rows import Snapshot
from matcher.matching.index.zones import DIRECT
from matcher.matching.scan.feasible import DETOUR, LENGTH, NO_MISS, REASONS, WINDOW, Feasible
from matcher.matching.scan.query import Query
from matcher.matching.scan.sieve import blocks_by_promise, near_in_block, survey, terms_of

_LENGTH_MASK = 0xFFFFFFFF
_FIRST_ROOM = 64


def gather(
    snapshot: Snapshot, edges: EdgeTable, distance: I64, direct: int, query: Query, reach: tuple[Any, ...] | None = None
) -> Feasible:
    """Test every offer of one leg in the snapshot against a query, exactly.

    distance: (n, 2 or more) packed, to the pickup in column 0, from the dropoff in column 1, true at the ends of every offer that is left by the
    tests that need no roads. direct: packed cost of the rider's own drive. Offers whose latest departure is before the query's now are no longer
    active, and are not considered. reach: `reach.least_times` of distance and direct, for callers who have it already.
    """
    counts = np.zeros(len(REASONS), dtype=np.int64)
    found, considered, miss = _scan(
        snapshot.rows.sieved,
        snapshot.blocks,
        _exact_columns(snapshot),
        terms_of(query),
        edges.together,
        distance,
        reach or least_times(distance, direct >> 32),
        _asked(query, direct),
        counts,
    )
    return _feasible(found, int(considered), miss, counts, direct)


def gather_rows(
    snapshot: Snapshot,
    edges: EdgeTable,
    distance: I64,
    direct: int,
    query: Query,
    which: I64,
    considered: int,
    counts: I64,
) -> Feasible:
    """The same for some rows that have passed the tests that need no roads; considered, counts: what those tests have counted."""
    counts = counts.copy()
    found, miss = _test_all(which, _exact_columns(snapshot), edges.together, distance, _asked(query, direct), counts)
    return _feasible(found, considered, miss, counts, direct)


def _exact_columns(snapshot: Snapshot) -> tuple[Any, ...]:
    rows = snapshot.rows
    return (
        rows.origin_edge,
        rows.origin_at,
        rows.destination_edge,
        rows.destination_at,
        rows.base_cost,
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
        query.earliest_ms,
        query.latest_ms,
        query.window_is_arrival,
        query.now_ms,
    )


def _feasible(found: I64, considered: int, miss: int, counts: I64, direct: int) -> Feasible:
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
        considered=considered,
        turned_away={reason: int(count) for reason, count in zip(REASONS, counts, strict=True) if count},
        nearest_miss_ms=None if miss == NO_MISS else int(miss),
    )


@numba.njit(cache=True, nogil=True)
def _scan(offers, blocks, exact, terms, edges, distance, reach, asked, counts):
    """(found, rows considered, nearest miss in ms) of `gather`.

    offers, blocks: `rows.Rows.sieved` and `rows.Snapshot.blocks`; exact, asked: of the functions here; counts: (reasons,) int64, added to.
    found: (k, 5) int64: row, detour_ms, detour_cm, to_pickup_ms, shift_ms.
    """
    block = blocks[5]
    state = np.empty(block, np.uint8)
    rows, beyond_ms = np.empty(block + 1, np.int32), np.empty(block + 1, np.int32)
    work = np.empty((block, 8), np.int64)
    found = np.empty((_FIRST_ROOM, 5), np.int64)
    codes, considered = survey(DIRECT, blocks, terms, counts)
    numbers, bounds = blocks_by_promise(codes, blocks, reach)
    size = 0
    miss = NO_MISS
    for i in range(len(numbers)):
        active, near = near_in_block(
            numbers[i], codes, bounds[i], DIRECT, offers, blocks, terms, reach, miss, state, rows, beyond_ms, counts
        )
        considered += active
        if near == 0:
            continue
        if size + near > len(found):
            more = np.empty((2 * (size + near), 5), np.int64)
            more[:size] = found[:size]
            found = more
        size, miss = _test(rows[:near], exact, edges, distance, asked, work, found, size, miss, counts)
    return found[:size].copy(), considered, miss


@numba.njit(cache=True, nogil=True)
def _test_all(which, exact, edges, distance, asked, counts):
    """(found, nearest miss in ms) among some rows."""
    found = np.empty((len(which), 5), np.int64)
    work = np.empty((len(which), 8), np.int64)
    size, miss = _test(which, exact, edges, distance, asked, work, found, 0, NO_MISS, counts)
    return found[:size].copy(), miss


@numba.njit(cache=True, nogil=True)
def _test(which, exact, edges, distance, asked, work, found, size, miss, counts):
    """(size, miss): writes those of some rows that fit behind the first `size` of `found`, and counts why the others do not.

    miss: by how many ms an offer at least misses for nothing but its detour, so far. work: (len(which) or more, 8) int64 scratch.
    """
    departure_ms, shift_ms, flexibility_s, max_detour_ms, max_detour_cm = (
        exact[5],
        exact[6],
        exact[7],
        exact[8],
        exact[9],
    )
    direct, earliest_ms, latest_ms, window_is_arrival, now_ms = asked[4], asked[5], asked[6], asked[7], asked[8]
    ride_ms = (direct >> 32) if window_is_arrival else np.int64(0)
    _detours(which, exact, edges, distance, asked, work)
    for k in range(len(which)):
        row = which[k]
        to_pickup, onward, base = work[k, 0], work[k, 1], work[k, 2]
        if to_pickup >= INFINITE or onward >= INFINITE:
            counts[DETOUR] += 1
            continue
        total = to_pickup + direct + onward
        detour_ms, detour_cm = (total >> 32) - (base >> 32), (total & _LENGTH_MASK) - (base & _LENGTH_MASK)
        beyond_ms = detour_ms - max_detour_ms[row]
        if beyond_ms >= miss:
            counts[DETOUR] += 1
            continue
        departure = departure_ms[row]
        planned = departure + (to_pickup >> 32) + ride_ms
        # By how much later than planned now the driver may leave: the flexibility lies around the published departure.
        flexibility = np.int64(flexibility_s[row]) * 1000
        latest = flexibility - shift_ms[row]
        earliest = max(-flexibility - shift_ms[row], now_ms - departure)
        in_window = planned + earliest <= latest_ms and planned + latest >= earliest_ms
        in_length = max_detour_cm[row] == NO_LIMIT or detour_cm <= max_detour_cm[row]
        if beyond_ms > 0:
            counts[DETOUR] += 1
            if in_window and in_length:
                miss = beyond_ms
        elif not in_length:
            counts[LENGTH] += 1
        elif not in_window:
            counts[WINDOW] += 1
        else:
            found[size, 0] = row
            found[size, 1] = detour_ms
            found[size, 2] = detour_cm
            found[size, 3] = to_pickup >> 32
            found[size, 4] = min(max(np.int64(0), earliest, earliest_ms - planned), latest, latest_ms - planned)
            size += 1
    return size, miss


@numba.njit(cache=True, nogil=True)
def _detours(which, exact, edges, distance, asked, work):
    """work[k, :3]: packed, from the origin of the k-th row to the pickup, from the dropoff to its destination, and its drive without riders.

    INFINITE or more where there is no way. One step for all rows before the next: then the memory is asked for many of them at a time.
    """
    origin_edge, origin_at, destination_edge, destination_at, base_cost = (
        exact[0],
        exact[1],
        exact[2],
        exact[3],
        exact[4],
    )
    pickup_edge, pickup_at, dropoff_edge, dropoff_at = asked[0], asked[1], asked[2], asked[3]
    for k in range(len(which)):
        row = which[k]
        work[k, 2] = base_cost[row]
        work[k, 3], work[k, 4] = origin_edge[row], origin_at[row]
        work[k, 5], work[k, 6] = destination_edge[row], destination_at[row]
    for k in range(len(which)):
        edge, at = work[k, 3], work[k, 4]
        forward, backward = edges[edge, 2], edges[edge, 3]
        to_start, to_end = leave(forward, backward, at)
        cost = min(to_start + distance[edges[edge, 0], 0], to_end + distance[edges[edge, 1], 0])
        if edge == pickup_edge:
            cost = min(cost, along_edge(forward, backward, at, pickup_at))
        work[k, 0] = cost
    for k in range(len(which)):
        edge, at = work[k, 5], work[k, 6]
        forward, backward = edges[edge, 2], edges[edge, 3]
        from_start, from_end = reach(forward, backward, at)
        cost = min(from_start + distance[edges[edge, 0], 1], from_end + distance[edges[edge, 1], 1])
        if edge == dropoff_edge:
            cost = min(cost, along_edge(forward, backward, dropoff_at, at))
        work[k, 1] = cost
