"""Which offers can carry a rider, and what each would add to its driver's way: one scan over all offers of one leg.

They go through the sieves block by block (see `sieve`); what is left is tested exactly, here.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from matcher.matching.base.plan import NO_LIMIT
from matcher.matching.base.positions import (
    I64,
    INFINITE,
    LENGTH_MASK,
    AnyArray,
    EdgeTable,
    along_edge,
    leave,
    reach,
)
from matcher.matching.base.reach import FROM_DROPOFF, TO_PICKUP, Bounds, least_times
from matcher.matching.index.snapshot import Snapshot
from matcher.matching.index.zones import DIRECT
from matcher.matching.scan.feasible import FOUND, NO_MISS, Feasible, Harvest, Insertion, note, with_room
from matcher.matching.scan.open_rows import OpenRows
from matcher.matching.scan.query import Asked, Query
from matcher.matching.scan.sieve import Sieve, blocks_to_look_at, near_in_block, scratch_of

_FIRST_ROOM = 64
#: Scratch for the exact test of one row: packed costs from its origin to the pickup, from the dropoff to its
#: destination and of its drive without riders; and its ends.
_WORK = np.dtype(
    [
        (name, np.int64)
        for name in ("to_pickup", "onward", "base", "origin", "origin_at", "destination", "destination_at", "unused")
    ]
)


class Ways(NamedTuple):
    """The roads as exact tests see them: (e,) EDGE, and the (n, 2 or more) distances of a sweep."""

    edges: AnyArray
    distance: I64


def gather(
    snapshot: Snapshot, edges: EdgeTable, distance: I64, direct: int, query: Query, bounds: Bounds | None = None
) -> Feasible:
    """Test every offer of one leg in the snapshot against a query, exactly.

    distance: (n, 2 or more) packed, TO_PICKUP and FROM_DROPOFF, true at the ends of every offer that is left by the
    tests that need no roads. direct: packed cost of the rider's own drive. Offers whose latest departure is before the
    query's now are no longer active, and are not considered. bounds: `reach.least_times` of distance and direct, for
    callers who have it already.
    """
    sieve = Sieve.of(snapshot, query, DIRECT)
    ways = Ways(edges.together, distance)
    found, considered, miss = _scan(
        snapshot.rows, sieve, bounds or least_times(distance, direct >> 32), ways, query.asked(direct)
    )
    return Feasible.of(found, considered, sieve.counts, miss)


def gather_rows(snapshot: Snapshot, ways: Ways, asked: Asked, some: OpenRows) -> Feasible:
    """The same for rows of one leg that have passed the tests that need no roads."""
    counts = some.counts.copy()
    found, miss = _test_all(some.rows, snapshot.rows, ways, asked, counts)
    return Feasible.of(found, some.considered, counts, miss)


@numba.njit(cache=True, nogil=True)
def _scan(offers, sieve, bounds, ways, asked):
    """((k,) FOUND, rows considered, nearest miss in ms) of `gather`. offers: all Rows."""
    sifted = scratch_of(sieve.blocks.size)
    work = np.empty(sieve.blocks.size, _WORK)
    harvest = Harvest(np.empty(_FIRST_ROOM, FOUND), 0, NO_MISS)
    queue, considered = blocks_to_look_at(sieve, bounds)
    for i in range(len(queue.numbers)):
        active, near = near_in_block(sieve, bounds, queue, i, harvest.miss_ms, sifted)
        considered += active
        if near > 0:
            harvest = _test(sifted.rows[:near], offers, ways, asked, work, with_room(harvest, near), sieve.counts)
    return harvest.found[: harvest.size].copy(), considered, harvest.miss_ms


@numba.njit(cache=True, nogil=True)
def _test_all(which, offers, ways, asked, counts):
    """((k,) FOUND, nearest miss in ms) among some rows."""
    harvest = Harvest(np.empty(len(which), FOUND), 0, NO_MISS)
    harvest = _test(which, offers, ways, asked, np.empty(len(which), _WORK), harvest, counts)
    return harvest.found[: harvest.size].copy(), harvest.miss_ms


@numba.njit(cache=True, nogil=True)
def _test(which, offers, ways, asked, work, harvest, counts):
    """The harvest with those of some rows that fit, for which it has room; counts why the others do not.

    work: (len(which) or more,) scratch.
    """
    found, size, miss = harvest.found, harvest.size, harvest.miss_ms
    departure_ms, shift_ms, flexibility_s = offers.departure_ms, offers.shift_ms, offers.flexibility_s
    max_detour_ms, max_detour_cm = offers.max_detour_ms, offers.max_detour_cm
    direct, tally = asked.direct, counts[0]
    ride_ms = (direct >> 32) if asked.window_is_arrival else np.int64(0)
    _detours(which, offers, ways, asked, work)
    for k in range(len(which)):
        row = which[k]
        to_pickup, onward, base = work[k].to_pickup, work[k].onward, work[k].base
        if to_pickup >= INFINITE or onward >= INFINITE:
            tally.detour += 1
            continue
        total = to_pickup + direct + onward
        detour_ms, detour_cm = (total >> 32) - (base >> 32), (total & LENGTH_MASK) - (base & LENGTH_MASK)
        beyond_ms = detour_ms - max_detour_ms[row]
        if beyond_ms >= miss:
            tally.detour += 1
            continue
        departure = departure_ms[row]
        planned = departure + (to_pickup >> 32) + ride_ms
        # By how much later than planned now the driver may leave: the flexibility lies around the published departure.
        flexibility = np.int64(flexibility_s[row]) * 1000
        latest = flexibility - shift_ms[row]
        earliest = max(-flexibility - shift_ms[row], asked.now_ms - departure)
        in_window = planned + earliest <= asked.latest_ms and planned + latest >= asked.earliest_ms
        in_length = max_detour_cm[row] == NO_LIMIT or detour_cm <= max_detour_cm[row]
        if beyond_ms > 0:
            tally.detour += 1
            if in_window and in_length:
                miss = beyond_ms
        elif not in_length:
            tally.detour_length += 1
        elif not in_window:
            tally.outside_window += 1
        else:
            soonest = max(np.int64(0), earliest, asked.earliest_ms - planned)
            shift = min(soonest, latest, asked.latest_ms - planned)
            note(found[size], row, Insertion(0, 0, detour_ms, detour_cm, to_pickup >> 32, shift, direct, 0, 0))
            size += 1
    return Harvest(found, size, miss)


@numba.njit(cache=True, nogil=True)
def _detours(which, offers, ways, asked, work):
    """Fills the packed costs of `work` for some rows; INFINITE or more where there is no way.

    One step for all rows before the next: then the memory is asked for many of them at a time.
    """
    edges, distance = ways.edges, ways.distance
    origin_edge, origin_at, base_cost = offers.origin_edge, offers.origin_at, offers.base_cost
    destination_edge, destination_at = offers.destination_edge, offers.destination_at
    for k in range(len(which)):
        row = which[k]
        work[k].base = base_cost[row]
        work[k].origin, work[k].origin_at = origin_edge[row], origin_at[row]
        work[k].destination, work[k].destination_at = destination_edge[row], destination_at[row]
    for k in range(len(which)):
        edge, at = edges[work[k].origin], work[k].origin_at
        to_start, to_end = leave(edge.forward, edge.backward, at)
        cost = min(to_start + distance[edge.start, TO_PICKUP], to_end + distance[edge.end, TO_PICKUP])
        if work[k].origin == asked.pickup_edge:
            cost = min(cost, along_edge(edge.forward, edge.backward, at, asked.pickup_at))
        work[k].to_pickup = cost
    for k in range(len(which)):
        edge, at = edges[work[k].destination], work[k].destination_at
        from_start, from_end = reach(edge.forward, edge.backward, at)
        cost = min(from_start + distance[edge.start, FROM_DROPOFF], from_end + distance[edge.end, FROM_DROPOFF])
        if work[k].destination == asked.dropoff_edge:
            cost = min(cost, along_edge(edge.forward, edge.backward, asked.dropoff_at, at))
        work[k].onward = cost
