"""Where in one itinerary a rider fits best: the cheapest feasible pair of legs, with seats by leg and promises kept.

Source: the insertion formulas of section 3 of the design (same leg, and across legs); O(legs²) pairs an offer. What it takes to drive
between stops and the rider comes in small arrays, one element a leg, so that the same code serves a rider at the door and one who walks.
"""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.base.plan import ANY_TIME, NO_LIMIT
from matcher.matching.base.positions import INFINITE
from matcher.matching.scan.feasible import (
    DETOUR,
    DETOUR_CM,
    DETOUR_MS,
    DROPOFF_LEG,
    LENGTH,
    NO_MISS,
    PICKUP_LEG,
    RIDE_CM,
    RIDE_MS,
    SEATS,
    SHIFT_MS,
    TO_PICKUP_MS,
    WINDOW,
)

LENGTH_MASK = 0xFFFFFFFF
#: How far a pair of legs came: the test that stopped it, or none. The furthest of all pairs tells why an offer is turned away.
NO_SEATS, TOO_LONG_MS, TOO_LONG_CM, WRONG_TIME, FITS = range(5)
MOST_LEGS = 256


@numba.njit(cache=True, nogil=True)
def best_insertion(
    leg_count,
    base_cost,
    seats,
    early_ms,
    late_ms,
    to_pickup,
    from_pickup,
    to_dropoff,
    onward,
    direct,
    seats_requested,
    departure_ms,
    lowest_ms,
    highest_ms,
    not_before_ms,
    budget_ms,
    budget_cm,
    earliest_ms,
    latest_ms,
    window_is_arrival,
    early_after,
    late_after,
    outcome,
):
    """(how far the best pair of legs came, miss_ms); fills `outcome`, but for who walks where, when it fits.

    base_cost … late_ms: columns of `index.Legs`, cut to begin at the offer's first leg. to_pickup, from_pickup, to_dropoff, onward:
    (leg_count,) packed or longer: from the stop before a leg to the pickup, from the pickup to the stop after it, and the same for the
    dropoff. direct: from the pickup to the dropoff. lowest_ms, highest_ms: how much later than planned the driver may leave, for the
    driver's own sake. not_before_ms: when the rider can be at the pickup. earliest_ms, latest_ms: of boarding, or of alighting when
    window_is_arrival. budget_ms, budget_cm: what is left of the detour. early_after, late_after: of `promises_after`.

    Of several feasible pairs the cheapest (time, then length) wins, then the earliest pickup leg, then the earliest dropoff leg.
    The driver leaves as near to plan as the rider's window and all promises allow. miss_ms is the least detour beyond the budget
    among pairs that fit otherwise, NO_MISS without one.
    """
    how_far = NO_SEATS
    miss = NO_MISS
    best = INFINITE
    before_pickup = np.int64(0)
    for i in range(leg_count):
        picking_up_ms = ((to_pickup[i] + from_pickup[i]) >> 32) - (base_cost[i] >> 32)
        until_pickup = before_pickup + to_pickup[i]
        before_pickup += base_cost[i]
        before_dropoff = np.int64(0)  # drive of the legs between the pickup's and the dropoff's
        # How the stops between pickup and dropoff may shift, Δ of the pickup included.
        lowest, highest = lowest_ms, highest_ms
        for j in range(i, leg_count):
            if seats[j] < seats_requested:
                break
            if i != j:
                lowest = max(lowest, -early_ms[j - 1] - picking_up_ms)
                highest = min(highest, late_ms[j - 1] - picking_up_ms)
            ride, driven, replaced = _pair_costs(
                i == j,
                to_pickup[i],
                from_pickup[i],
                before_dropoff,
                to_dropoff[j],
                onward[j],
                direct,
                base_cost[i],
                base_cost[j],
            )
            if i != j:
                before_dropoff += base_cost[j]
            how_far = max(how_far, TOO_LONG_MS)
            if driven >= INFINITE:
                continue
            detour_ms = (driven >> 32) - (replaced >> 32)
            detour_cm = (driven & LENGTH_MASK) - (replaced & LENGTH_MASK)
            boarding = departure_ms + (until_pickup >> 32)
            planned = boarding + (ride >> 32) if window_is_arrival else boarding
            soonest = max(lowest, -early_after[j] - detour_ms, earliest_ms - planned, not_before_ms - boarding)
            furthest = min(highest, late_after[j] - detour_ms, latest_ms - planned)
            in_time = soonest <= furthest
            in_length = budget_cm == NO_LIMIT or detour_cm <= budget_cm
            if detour_ms > budget_ms:
                came = TOO_LONG_MS
                if in_time and in_length:
                    miss = min(miss, detour_ms - budget_ms)
            else:
                came = _came(in_length, in_time)
            how_far = max(how_far, came)
            total = (detour_ms << 32) + detour_cm
            if came == FITS and total < best:
                best = total
                shift_ms = max(soonest, min(np.int64(0), furthest))
                _note(outcome, detour_ms, detour_cm, until_pickup >> 32, ride, i, j, shift_ms)
        lowest_ms = max(lowest_ms, -early_ms[i])
        highest_ms = min(highest_ms, late_ms[i])
    return how_far, miss


@numba.njit(cache=True, nogil=True)
def promises_after(leg_count, early_ms, late_ms, early_after, late_after):
    """early_after[k], late_after[k]: by how much all stops from the end of leg k on may shift together."""
    early = late = np.int64(ANY_TIME)
    for k in range(leg_count - 1, -1, -1):
        early, late = min(early, np.int64(early_ms[k])), min(late, np.int64(late_ms[k]))
        early_after[k], late_after[k] = early, late


@numba.njit(cache=True, nogil=True, inline="always")
def count_reason(how_far, counts):
    """Count an offer that does not fit by the furthest that any insertion came."""
    if how_far == NO_SEATS:
        counts[SEATS] += 1
    elif how_far == TOO_LONG_MS:
        counts[DETOUR] += 1
    elif how_far == TOO_LONG_CM:
        counts[LENGTH] += 1
    else:
        counts[WINDOW] += 1


@numba.njit(cache=True, nogil=True, inline="always")
def _pair_costs(same_leg, to_pickup, from_pickup, between, to_dropoff, onward, direct, base_pickup, base_dropoff):
    """(ride, new driving, driving it replaces), packed, of a pair of legs; new driving is INFINITE where there is no way."""
    if same_leg:
        if max(to_pickup, direct, onward) >= INFINITE:
            return direct, INFINITE, base_pickup
        return direct, to_pickup + direct + onward, base_pickup
    if max(to_pickup, from_pickup, to_dropoff, onward) >= INFINITE:
        return direct, INFINITE, base_pickup
    driven = to_pickup + from_pickup + to_dropoff + onward
    return from_pickup + between + to_dropoff, driven, base_pickup + base_dropoff


@numba.njit(cache=True, nogil=True, inline="always")
def _came(in_length, in_time):
    """How far a pair within the time budget came."""
    if not in_length:
        return TOO_LONG_CM
    return FITS if in_time else WRONG_TIME


@numba.njit(cache=True, nogil=True, inline="always")
def _note(outcome, detour_ms, detour_cm, to_pickup_ms, ride, i, j, shift_ms):
    outcome[DETOUR_MS] = detour_ms
    outcome[DETOUR_CM] = detour_cm
    outcome[TO_PICKUP_MS] = to_pickup_ms
    outcome[SHIFT_MS] = shift_ms
    outcome[RIDE_MS] = ride >> 32
    outcome[RIDE_CM] = ride & LENGTH_MASK
    outcome[PICKUP_LEG] = i
    outcome[DROPOFF_LEG] = j
