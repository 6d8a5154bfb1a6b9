"""Offers of several legs: which of them can carry a rider, each tested exactly at its cheapest feasible pair of legs.

Whatever stops lie between, the new drive leads from the origin over the pickup and the dropoff to the destination, so
that the bound of offers of one leg holds for the trip as a whole: rows go through the same sieves as in `gather`, and
few are left for the pairs (see `insertion`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numba
import numpy as np

from matcher.matching.base.positions import I64, INFINITE, AnyArray, EdgeTable, along_edge, leave, reach
from matcher.matching.base.reach import FROM_DROPOFF, FROM_PICKUP, TO_DROPOFF, TO_PICKUP, Bounds, least_times
from matcher.matching.index.rows import Legs, Rows
from matcher.matching.index.snapshot import Snapshot
from matcher.matching.index.zones import SEVERAL
from matcher.matching.scan.feasible import FOUND, NO_MISS, Feasible, Harvest, note, with_room
from matcher.matching.scan.gather import Ways, gather_rows
from matcher.matching.scan.insertion import (
    FITS,
    MOST_LEGS,
    Drives,
    Ride,
    best_insertion,
    count_reason,
    trip_of,
)
from matcher.matching.scan.open_rows import OpenRows
from matcher.matching.scan.query import Query
from matcher.matching.scan.reasons import no_counts
from matcher.matching.scan.sieve import Sieve, blocks_to_look_at, near_in_block, scratch_of

_FIRST_ROOM = 64
#: Legs that are looked at together: their costs stay in the nearest cache.
TOGETHER = 256
#: More than any detour, in ms, and small enough to be added up.
NOWHERE_MS = 1 << 40
#: The ends of a leg, and what it costs to drive between them and the rider, packed: as in `Drives`.
LEG_COSTS = np.dtype(
    [
        (name, np.int64)
        for name in ("here", "here_at", "there", "there_at", "to_pickup", "from_pickup", "to_dropoff", "onward")
    ]
)


class Trips(NamedTuple):
    """All offers and all legs."""

    rows: Rows
    legs: Legs


class LegsWork(NamedTuple):
    """Scratch for a batch of rows and their legs."""

    costs: AnyArray  # (TOGETHER,) LEG_COSTS
    leg_of: I64
    row_of: I64
    first_of: I64  # the first leg of each row in the batch
    beyond_ms: I64
    after: I64  # (2, MOST_LEGS), see `trip_of`


def gather_itineraries(
    snapshot: Snapshot, edges: EdgeTable, distance: I64, direct: int, query: Query, bounds: Bounds | None = None
) -> Feasible:
    """Test every offer of several legs in the snapshot against a query, exactly; the counterpart of `gather.gather`.

    distance: (n, 4) packed, of `sweep_both`. bounds: as there.
    """
    sieve = Sieve.of(snapshot, query, SEVERAL)
    found, considered, miss = _scan(
        Trips(snapshot.rows, snapshot.legs),
        sieve,
        bounds or least_times(distance, direct >> 32),
        Ways(edges.together, distance),
        query.asked(direct),
    )
    return Feasible.of(found, considered, sieve.counts, miss)


def gather_some(
    snapshot: Snapshot, edges: EdgeTable, distance: I64, direct: int, query: Query, some: OpenRows
) -> Feasible:
    """Test some offers, of one leg or several, without sieves; the answer is that of `gather` and `gather_itineraries`.

    distance: (n, 2 or 4) packed, as in `gather_itineraries`, true at both ends of some.edges; two columns are enough
    where no row has several legs.
    """
    several = snapshot.rows.leg_count[some.rows] > 1
    ways, asked = Ways(edges.together, distance), query.asked(direct)
    found = gather_rows(snapshot, ways, asked, replace(some, rows=some.rows[~several]))
    if not several.any():
        return found
    counts = no_counts()
    others, miss = _try_all(some.rows[several], Trips(snapshot.rows, snapshot.legs), ways, asked, counts)
    return found.joined(Feasible.of(others, 0, counts, miss))


@numba.njit(cache=True, nogil=True)
def _scan(trips, sieve, bounds, ways, asked):
    """((k,) FOUND, rows considered, nearest miss in ms) of `gather_itineraries`."""
    sifted = scratch_of(sieve.blocks.size)
    work = legs_work()
    harvest = Harvest(np.empty(_FIRST_ROOM, FOUND), 0, NO_MISS)
    queue, considered = blocks_to_look_at(sieve, bounds)
    for i in range(len(queue.numbers)):
        active, near = near_in_block(sieve, bounds, queue, i, harvest.miss_ms, sifted)
        considered += active
        if near > 0:
            harvest = try_rows(sifted.rows[:near], trips, ways, asked, work, with_room(harvest, near), sieve.counts)
    return harvest.found[: harvest.size].copy(), considered, harvest.miss_ms


@numba.njit(cache=True, nogil=True)
def _try_all(which, trips, ways, asked, counts):
    """((k,) FOUND, nearest miss in ms) among some rows."""
    harvest = Harvest(np.empty(len(which), FOUND), 0, NO_MISS)
    harvest = try_rows(which, trips, ways, asked, legs_work(), harvest, counts)
    return harvest.found[: harvest.size].copy(), harvest.miss_ms


@numba.njit(cache=True, nogil=True)
def legs_work():
    """Scratch for `try_rows`."""
    numbers = np.empty((4, TOGETHER), np.int64)
    after = np.empty((2, MOST_LEGS), np.int64)
    return LegsWork(np.empty(TOGETHER, LEG_COSTS), numbers[0], numbers[1], numbers[2], numbers[3], after)


@numba.njit(cache=True, nogil=True)
def try_rows(which, trips, ways, asked, work, harvest, counts):
    """The harvest with those of some rows of several legs that fit, for which it has room; the others are counted.

    Rows go through in batches, and step by step: what is far away in memory is fetched for many legs at once.
    """
    leg_begin, leg_count, max_detour_ms = trips.rows.leg_begin, trips.rows.leg_count, trips.rows.max_detour_ms
    base_cost, leg_seats = trips.legs.base_cost, trips.legs.seats
    costs, leg_of, row_of, first_of, beyond_of = work.costs, work.leg_of, work.row_of, work.first_of, work.beyond_ms
    found, size, miss = harvest.found, harvest.size, harvest.miss_ms
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
        _drives_of_legs(leg_of[:used], trips.legs, ways, asked, costs)
        for k in range(rows):
            first = first_of[k]
            own = costs[first : first_of[k + 1] if k + 1 < rows else used]
            least = least_detour_ms(leg_of[first], own, base_cost, leg_seats, asked.direct >> 32, asked.seats)
            beyond_of[k] = least - np.int64(max_detour_ms[row_of[k]])
        for k in range(rows):
            row = row_of[k]
            own = costs[first_of[k] : first_of[k + 1] if k + 1 < rows else used]
            if beyond_of[k] > 0 and beyond_of[k] >= miss:
                # Seats on some leg are what every row here has: the least detour is of legs with seats, and too long.
                counts[0].detour += 1
                continue
            insertion = _insert(row, own, trips, asked, work.after)
            if insertion.how_far == FITS:
                note(found[size], row, insertion)
                size += 1
            else:
                miss = min(miss, insertion.miss_ms)
                count_reason(insertion.how_far, counts)
    return Harvest(found, size, miss)


@numba.njit(cache=True, nogil=True)
def _drives_of_legs(which, legs, ways, asked, costs):
    """Fills `costs` for some legs; INFINITE where there is no way.

    What is to be read goes into it first, for all legs: then the memory is asked for several of them at a time.
    """
    edges, distance = ways.edges, ways.distance
    for k in range(len(which)):
        leg, cost = which[k], costs[k]
        cost.here, cost.here_at = legs.origin_edge[leg], legs.origin_at[leg]
        cost.there, cost.there_at = legs.destination_edge[leg], legs.destination_at[leg]
    for k in range(len(which)):
        cost = costs[k]
        edge = edges[cost.here]
        start, end = distance[edge.start], distance[edge.end]
        to_start, to_end = leave(edge.forward, edge.backward, cost.here_at)
        to_pickup = min(to_start + start[TO_PICKUP], to_end + end[TO_PICKUP])
        to_dropoff = min(to_start + start[TO_DROPOFF], to_end + end[TO_DROPOFF])
        if cost.here == asked.pickup_edge:
            to_pickup = min(to_pickup, along_edge(edge.forward, edge.backward, cost.here_at, asked.pickup_at))
        if cost.here == asked.dropoff_edge:
            to_dropoff = min(to_dropoff, along_edge(edge.forward, edge.backward, cost.here_at, asked.dropoff_at))
        edge = edges[cost.there]
        start, end = distance[edge.start], distance[edge.end]
        from_start, from_end = reach(edge.forward, edge.backward, cost.there_at)
        onward = min(from_start + start[FROM_DROPOFF], from_end + end[FROM_DROPOFF])
        from_pickup = min(from_start + start[FROM_PICKUP], from_end + end[FROM_PICKUP])
        if cost.there == asked.pickup_edge:
            from_pickup = min(from_pickup, along_edge(edge.forward, edge.backward, asked.pickup_at, cost.there_at))
        if cost.there == asked.dropoff_edge:
            onward = min(onward, along_edge(edge.forward, edge.backward, asked.dropoff_at, cost.there_at))
        cost.to_pickup, cost.from_pickup = min(to_pickup, INFINITE), min(from_pickup, INFINITE)
        cost.to_dropoff, cost.onward = min(to_dropoff, INFINITE), min(onward, INFINITE)


@numba.njit(cache=True, nogil=True, inline="always")
def least_detour_ms(begin, costs, base_cost, seats, direct_ms, seats_requested):
    """The least detour over pairs of legs with seats at both, whatever the times and the legs between them.

    begin: the first of the legs, in base_cost and seats; costs: (legs,) LEG_COSTS of its own.
    """
    least = fetching = np.int64(NOWHERE_MS)
    for i in range(len(costs)):
        if seats[begin + i] < seats_requested:
            continue
        base_ms = base_cost[begin + i] >> 32
        to_pickup, onward = costs[i].to_pickup >> 32, costs[i].onward >> 32
        added = (costs[i].to_dropoff >> 32) + onward - base_ms
        least = min(least, to_pickup + direct_ms + onward - base_ms, fetching + added)
        fetching = min(fetching, to_pickup + (costs[i].from_pickup >> 32) - base_ms)
    return least


@numba.njit(cache=True, nogil=True)
def _insert(row, costs, trips, asked, after):
    """The best Insertion into one offer. costs: of its legs; after: scratch of `trip_of`."""
    drives = Drives(costs.to_pickup, costs.from_pickup, costs.to_dropoff, costs.onward)
    ride = Ride(asked.direct, asked.seats, asked.earliest_ms, asked.latest_ms, asked.window_is_arrival, asked.now_ms)
    return best_insertion(trip_of(row, trips.rows, trips.legs, asked.now_ms, after), drives, ride)
