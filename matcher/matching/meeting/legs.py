"""The best pair of a pickup and a dropoff for offers of several legs; the counterpart of `pairs`, by the same rules."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from matcher.matching.base.positions import I64, INFINITE
from matcher.matching.meeting.bounds import FROM_PICKUP, ONWARD, TO_DROPOFF, TO_PICKUP
from matcher.matching.meeting.candidates import Around, Meeting, Walker
from matcher.matching.meeting.pairs import DEAR, drives_from, drives_to, ride_of
from matcher.matching.scan.feasible import FOUND, NO_MISS, note
from matcher.matching.scan.insertion import (
    FITS,
    MOST_LEGS,
    NO_SEATS,
    TOO_LONG_MS,
    Drives,
    best_insertion,
    count_reason,
    trip_of,
)
from matcher.matching.scan.itineraries import NOWHERE_MS, Trips


class _Pairs(NamedTuple):
    """Every (pickup, dropoff) in order, (s * t, 2); and scratch: (s, t) and (s,), see `_least_detours`."""

    choices: I64
    least_ms: I64
    fetching_ms: I64


@numba.njit(cache=True, nogil=True)
def pairs_of_itineraries(which, uses, trips: Trips, meeting: Meeting, around: Around, walker: Walker, counts):
    """((k,) FOUND, nearest miss in ms) among some offers of several legs.

    uses: of `bounds.bound_itineraries`; a drive that is of no use is none. counts: (1,) COUNTS, added to.
    """
    legs, edges = trips.legs, meeting.edges
    s, t = len(meeting.pickups.edge), len(meeting.dropoffs.edge)
    between_ms = meeting.between[:s, :t] >> 32
    found = np.empty(len(which), FOUND)
    # A leg's costs of all candidates lie side by side.
    to_pickup, from_pickup = np.empty((MOST_LEGS, s), np.int64), np.empty((MOST_LEGS, s), np.int64)
    to_dropoff, onward = np.empty((MOST_LEGS, t), np.int64), np.empty((MOST_LEGS, t), np.int64)
    pairs = _Pairs(np.empty((s * t, 2), np.int64), np.empty((s, t), np.int64), np.empty(s, np.int64))
    for k in range(s):
        for c in range(t):
            pairs.choices[k * t + c, 0], pairs.choices[k * t + c, 1] = k, c
    after = np.empty((2, MOST_LEGS), np.int64)
    size = seen = 0
    nearest = NO_MISS
    for row in which:
        begin, count = trips.rows.leg_begin[row], np.int64(trips.rows.leg_count[row])
        for i in range(count):
            leg = begin + i
            here, here_at = legs.origin_edge[leg], np.int64(legs.origin_at[leg])
            there, there_at = legs.destination_edge[leg], np.int64(legs.destination_at[leg])
            # What is of no use is as good as no way, and was not worked out.
            to_pickup[i], from_pickup[i], to_dropoff[i], onward[i] = INFINITE, INFINITE, INFINITE, INFINITE
            if uses[seen] & TO_PICKUP:
                drives_to(edges, here, here_at, around.to_pickups, meeting.pickups, to_pickup[i])
            if uses[seen] & FROM_PICKUP:
                drives_from(edges, there, there_at, around.from_pickups, meeting.pickups, from_pickup[i])
            if uses[seen] & TO_DROPOFF:
                drives_to(edges, here, here_at, around.to_dropoffs, meeting.dropoffs, to_dropoff[i])
            if uses[seen] & ONWARD:
                drives_from(edges, there, there_at, around.from_dropoffs, meeting.dropoffs, onward[i])
            seen += 1
        drives = Drives(to_pickup[:count], from_pickup[:count], to_dropoff[:count], onward[:count])
        trip = trip_of(row, trips.rows, legs, walker.now_ms, after)
        _least_detours(drives, between_ms, trip, walker.seats, pairs)
        fits, how_far, miss = _best_pair(pairs, drives, meeting, trip, walker, nearest, found[size])
        if fits:
            found[size].row = row
            size += 1
        else:
            nearest = min(nearest, miss)
            count_reason(how_far, counts)
    return found[:size].copy(), nearest


@numba.njit(cache=True, nogil=True)
def _best_pair(pairs, drives, meeting, trip, walker, nearest_ms, found):
    """(whether any pair fits, how far the best came, miss_ms) for one offer; fills `found` with the best.

    A miss is told if it is nearer than nearest_ms.
    """
    choices, least_ms, budget_ms = pairs.choices, pairs.least_ms, trip.budget_ms
    walk_to, walk_from = meeting.pickups.walk_ms, meeting.dropoffs.walk_ms
    detour_price, walk_price = walker.detour_price, walker.walk_price
    best, best_walk, best_ms, best_cm, best_pair = DEAR, DEAR, DEAR, DEAR, -1
    how_far = NO_SEATS
    miss = NO_MISS
    first = _most_hopeful(least_ms, meeting, budget_ms, walker)
    # First the pair that is likely to be the best, so that the others are passed over; then all in order; and, when
    # nothing fits, those once again that are too long, to say why.
    for turn in range(-1, 2 * len(choices)):
        explaining = turn >= len(choices)
        if explaining and best < DEAR:
            break
        pair = first if turn < 0 else turn - len(choices) * explaining
        if pair < 0 or (pair == first and turn >= 0):
            continue
        k, c = choices[pair, 0], choices[pair, 1]
        walk_ms = walk_to[k] + walk_from[c]
        beyond = least_ms[k, c] - budget_ms
        if explaining:
            if beyond <= 0:
                continue
            if least_ms[k, c] < NOWHERE_MS:
                how_far = max(how_far, TOO_LONG_MS)
            if beyond >= min(miss, nearest_ms):
                continue
        elif beyond > 0 or detour_price * least_ms[k, c] + walk_price * walk_ms > best:
            continue
        stops = Drives(drives.to_pickup[:, k], drives.from_pickup[:, k], drives.to_dropoff[:, c], drives.onward[:, c])
        trial = best_insertion(trip, stops, ride_of(meeting, walker, k, c))
        if trial.how_far != FITS:
            how_far = max(how_far, trial.how_far)
            miss = min(miss, trial.miss_ms)
            continue
        cost = detour_price * trial.detour_ms + walk_price * walk_ms
        detour_ms, detour_cm = trial.detour_ms, trial.detour_cm
        if (cost, walk_ms, detour_ms, detour_cm, pair) < (best, best_walk, best_ms, best_cm, best_pair):
            best, best_walk, best_ms, best_cm, best_pair = cost, walk_ms, detour_ms, detour_cm, pair
            note(found, 0, trial)
            found.pickup_choice, found.dropoff_choice, found.walk_ms = k, c, walk_ms
    return best < DEAR, how_far, miss


@numba.njit(cache=True, nogil=True)
def _most_hopeful(least_ms, meeting, budget_ms, walker):
    """The pair whose generalised cost may be the least of those that may be within the budget; -1 when there is
    none."""
    walk_to, walk_from = meeting.pickups.walk_ms, meeting.dropoffs.walk_ms
    hopeful, least = -1, DEAR
    for k in range(len(walk_to)):
        for c in range(len(walk_from)):
            cost = walker.detour_price * least_ms[k, c] + walker.walk_price * (walk_to[k] + walk_from[c])
            if least_ms[k, c] <= budget_ms and cost < least:
                hopeful, least = k * len(walk_from) + c, cost
    return hopeful


@numba.njit(cache=True, nogil=True)
def _least_detours(drives, between_ms, trip, seats, pairs):
    """least_ms[k, c]: the least detour over pairs of legs with seats at both, whatever the times and the legs between
    them, when the rider is picked up at k and set down at c; NOWHERE_MS without seats."""
    to_pickup, from_pickup, to_dropoff, onward = drives.to_pickup, drives.from_pickup, drives.to_dropoff, drives.onward
    least_ms, fetching_ms = pairs.least_ms, pairs.fetching_ms
    s, t = least_ms.shape
    least_ms[:] = NOWHERE_MS
    fetching_ms[:] = NOWHERE_MS  # on a leg before
    for i in range(len(trip.base_cost)):
        if trip.seats[i] < seats:
            continue
        base_ms = trip.base_cost[i] >> 32
        for k in range(s):
            out_ms, fetched_ms = (to_pickup[i, k] >> 32) - base_ms, fetching_ms[k] - base_ms
            for c in range(t):
                same_leg = out_ms + between_ms[k, c]
                across = fetched_ms + (to_dropoff[i, c] >> 32)
                least_ms[k, c] = min(least_ms[k, c], min(same_leg, across) + (onward[i, c] >> 32))
            fetching_ms[k] = min(fetching_ms[k], out_ms + (from_pickup[i, k] >> 32))
