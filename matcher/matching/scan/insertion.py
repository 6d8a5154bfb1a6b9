"""Where in one itinerary a rider fits best: the cheapest feasible pair of legs, with seats by leg and promises kept.

Source: the insertion formulas of section 3 of the design (same leg, and across legs); O(legs²) pairs an offer. What it
takes to drive between stops and the rider comes in small arrays, one element a leg, so that the same code serves a
rider at the door and one who walks.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from matcher.matching.base.plan import ANY_TIME, NO_LIMIT
from matcher.matching.base.positions import I32, I64, INFINITE, LENGTH_MASK, U8, Int
from matcher.matching.scan.feasible import NO_MISS, Insertion

#: How far a pair of legs came: the test that stopped it, or none. The furthest of all tells why an offer is turned
#: away.
NO_SEATS, TOO_LONG_MS, TOO_LONG_CM, WRONG_TIME, FITS = range(5)
MOST_LEGS = 256


class Trip(NamedTuple):
    """One offer of several legs: columns of `rows.Legs` cut to it, and what holds for it as a whole.

    early_after[k], late_after[k]: by how much all stops from the end of leg k on may shift together. lowest_ms,
    highest_ms: how much later than planned the driver may leave, for the driver's own sake. budget_ms, budget_cm: what
    is left of the detour.
    """

    base_cost: I64
    seats: U8
    early_ms: I32
    late_ms: I32
    early_after: I64
    late_after: I64
    departure_ms: Int
    lowest_ms: Int
    highest_ms: Int
    budget_ms: Int
    budget_cm: Int


class Drives(NamedTuple):
    """Packed, one a leg or more: from the stop before a leg to the pickup, from the pickup to the stop after it, and
    the
    same for the dropoff."""

    to_pickup: I64
    from_pickup: I64
    to_dropoff: I64
    onward: I64


class Ride(NamedTuple):
    """What the rider asks at one pair of places.

    direct: packed, between them. earliest_ms, latest_ms: of boarding, or of alighting when window_is_arrival.
    not_before_ms: when the rider can be at the pickup.
    """

    direct: Int
    seats: Int
    earliest_ms: Int
    latest_ms: Int
    window_is_arrival: bool
    not_before_ms: Int


@numba.njit(cache=True, nogil=True)
def best_insertion(trip, drives, ride):
    """The Insertion at the best pair of legs, or how far the best came.

    Of several feasible pairs the cheapest (time, then length) wins, then the earliest pickup leg, then the earliest
    dropoff leg. The driver leaves as near to plan as the rider's window and all promises allow. miss_ms is the least
    detour beyond the budget among pairs that fit otherwise, NO_MISS without one.
    """
    base_cost, seats, early_ms, late_ms = trip.base_cost, trip.seats, trip.early_ms, trip.late_ms
    to_pickup, from_pickup, to_dropoff, onward = drives.to_pickup, drives.from_pickup, drives.to_dropoff, drives.onward
    early_after, late_after, direct = trip.early_after, trip.late_after, ride.direct
    lowest_ms, highest_ms = trip.lowest_ms, trip.highest_ms
    how_far = NO_SEATS
    miss = NO_MISS
    best = INFINITE
    best_ms = best_cm = best_until = best_shift = best_ride = np.int64(0)
    best_i = best_j = 0
    before_pickup = np.int64(0)
    for i in range(len(base_cost)):
        picking_up_ms = ((to_pickup[i] + from_pickup[i]) >> 32) - (base_cost[i] >> 32)
        until_pickup = before_pickup + to_pickup[i]
        before_pickup += base_cost[i]
        before_dropoff = np.int64(0)  # drive of the legs between the pickup's and the dropoff's
        # How the stops between pickup and dropoff may shift, Δ of the pickup included.
        lowest, highest = lowest_ms, highest_ms
        for j in range(i, len(base_cost)):
            if seats[j] < ride.seats:
                break
            if i == j:
                no_way = max(to_pickup[i], direct, onward[i]) >= INFINITE
                aboard, driven, replaced = direct, to_pickup[i] + direct + onward[i], base_cost[i]
            else:
                lowest = max(lowest, -early_ms[j - 1] - picking_up_ms)
                highest = min(highest, late_ms[j - 1] - picking_up_ms)
                no_way = max(to_pickup[i], from_pickup[i], to_dropoff[j], onward[j]) >= INFINITE
                aboard = from_pickup[i] + before_dropoff + to_dropoff[j]
                driven = to_pickup[i] + from_pickup[i] + to_dropoff[j] + onward[j]
                replaced = base_cost[i] + base_cost[j]
                before_dropoff += base_cost[j]
            how_far = max(how_far, TOO_LONG_MS)
            if no_way:
                continue
            detour_ms = (driven >> 32) - (replaced >> 32)
            detour_cm = (driven & LENGTH_MASK) - (replaced & LENGTH_MASK)
            boarding = trip.departure_ms + (until_pickup >> 32)
            planned = boarding + (aboard >> 32) if ride.window_is_arrival else boarding
            soonest = max(
                lowest, -early_after[j] - detour_ms, ride.earliest_ms - planned, ride.not_before_ms - boarding
            )
            furthest = min(highest, late_after[j] - detour_ms, ride.latest_ms - planned)
            in_time = soonest <= furthest
            in_length = trip.budget_cm == NO_LIMIT or detour_cm <= trip.budget_cm
            if detour_ms > trip.budget_ms:
                came = TOO_LONG_MS
                if in_time and in_length:
                    miss = min(miss, detour_ms - trip.budget_ms)
            elif not in_length:
                came = TOO_LONG_CM
            else:
                came = FITS if in_time else WRONG_TIME
            how_far = max(how_far, came)
            total = (detour_ms << 32) + detour_cm
            if came == FITS and total < best:
                best, best_ms, best_cm, best_until, best_ride = total, detour_ms, detour_cm, until_pickup >> 32, aboard
                best_shift, best_i, best_j = max(soonest, min(np.int64(0), furthest)), i, j
        lowest_ms = max(lowest_ms, -early_ms[i])
        highest_ms = min(highest_ms, late_ms[i])
    return Insertion(how_far, miss, best_ms, best_cm, best_until, best_shift, best_ride, best_i, best_j)


@numba.njit(cache=True, nogil=True)
def trip_of(row, rows, legs, now_ms, after):
    """An offer of several legs as a Trip, whose driver leaves no sooner than now. after: (2, MOST_LEGS) scratch."""
    begin = rows.leg_begin[row]
    count = np.int64(rows.leg_count[row])
    end = begin + count
    early_ms, late_ms = legs.early_ms[begin:end], legs.late_ms[begin:end]
    early = late = np.int64(ANY_TIME)
    for k in range(count - 1, -1, -1):
        early, late = min(early, np.int64(early_ms[k])), min(late, np.int64(late_ms[k]))
        after[0, k], after[1, k] = early, late
    flexibility_ms = np.int64(rows.flexibility_s[row]) * 1000
    return Trip(
        legs.base_cost[begin:end],
        legs.seats[begin:end],
        early_ms,
        late_ms,
        after[0],
        after[1],
        rows.departure_ms[row],
        max(-flexibility_ms - rows.shift_ms[row], now_ms - rows.departure_ms[row]),
        flexibility_ms - rows.shift_ms[row],
        np.int64(rows.max_detour_ms[row]),
        np.int64(rows.max_detour_cm[row]),
    )


@numba.njit(cache=True, nogil=True, inline="always")
def count_reason(how_far, counts):
    """Count an offer that does not fit by the furthest that any insertion came."""
    if how_far == NO_SEATS:
        counts[0].no_seats += 1
    elif how_far == TOO_LONG_MS:
        counts[0].detour += 1
    elif how_far == TOO_LONG_CM:
        counts[0].detour_length += 1
    else:
        counts[0].outside_window += 1
