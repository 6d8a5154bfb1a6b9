"""The best pair of a pickup and a dropoff for offers of several legs; the counterpart of `meeting_pairs`, by the same rules."""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.base.positions import INFINITE
from matcher.matching.meeting.bounds import FROM_PICKUP, ONWARD, TO_DROPOFF, TO_PICKUP
from matcher.matching.meeting.pairs import DEAR, drives_from, drives_to, window_of
from matcher.matching.scan.feasible import (
    DETOUR_CM,
    DETOUR_MS,
    DROPOFF_CHOICE,
    NO_MISS,
    OUTCOME,
    PICKUP_CHOICE,
    WALK_MS,
)
from matcher.matching.scan.insertion import (
    FITS,
    MOST_LEGS,
    NO_SEATS,
    TOO_LONG_MS,
    best_insertion,
    count_reason,
    promises_after,
)

#: More than any detour, in ms, and small enough to be added up.
NOWHERE_MS = 1 << 40


@numba.njit(cache=True, nogil=True)
def pairs_of_itineraries(
    rows,
    uses,
    offers,
    legs,
    limits,
    edges,
    to_pickups,
    from_pickups,
    to_dropoffs,
    from_dropoffs,
    between,
    pickups,
    dropoffs,
    seats_requested,
    asked,
    prices,
    counts,
):
    """(rows that fit, their (k, OUTCOME) outcomes, nearest miss in ms) among some offers of several legs.

    offers, legs, limits: tuples of columns of `index.Rows` and `index.Legs`. uses: of `meeting_bounds.bound_itineraries`; a drive
    that is of no use is none. to_pickups … from_dropoffs: (n, ·) packed, true where legs that use them begin (to) and end (from). The rest as in `meeting_pairs.pairs_of_direct`.
    """
    leg_begin, leg_count, departure_ms, shift_ms, flexibility_s, max_detour_ms, max_detour_cm = offers
    origin_edge, origin_at, destination_edge, destination_at, base_cost = legs
    seats, early_ms, late_ms = limits
    s, t = len(pickups[0]), len(dropoffs[0])
    between_ms = between[:s, :t] >> 32
    found = np.empty(len(rows), np.int64)
    outcomes = np.zeros((len(rows), OUTCOME), np.int64)
    trial = np.zeros(OUTCOME, np.int64)
    # A leg's costs of all candidates lie side by side.
    to_pickup, from_pickup = np.empty((MOST_LEGS, s), np.int64), np.empty((MOST_LEGS, s), np.int64)
    to_dropoff, onward = np.empty((MOST_LEGS, t), np.int64), np.empty((MOST_LEGS, t), np.int64)
    pairs = np.empty((s * t, 2), np.int64)
    for k in range(s):
        for c in range(t):
            pairs[k * t + c, 0], pairs[k * t + c, 1] = k, c
    least_ms, fetching_ms = np.empty((s, t), np.int64), np.empty(s, np.int64)
    early_after, late_after = np.empty(MOST_LEGS, np.int64), np.empty(MOST_LEGS, np.int64)
    size = seen = 0
    nearest = NO_MISS
    for row in rows:
        begin, count = leg_begin[row], np.int64(leg_count[row])
        last = begin + count
        for i in range(count):
            leg = begin + i
            here, here_at = origin_edge[leg], np.int64(origin_at[leg])
            there, there_at = destination_edge[leg], np.int64(destination_at[leg])
            # What is of no use is as good as no way, and was not worked out.
            to_pickup[i], from_pickup[i], to_dropoff[i], onward[i] = INFINITE, INFINITE, INFINITE, INFINITE
            if uses[seen] & TO_PICKUP:
                drives_to(edges, here, here_at, to_pickups, pickups[0], pickups[1], to_pickup[i])
            if uses[seen] & FROM_PICKUP:
                drives_from(edges, there, there_at, from_pickups, pickups[0], pickups[1], from_pickup[i])
            if uses[seen] & TO_DROPOFF:
                drives_to(edges, here, here_at, to_dropoffs, dropoffs[0], dropoffs[1], to_dropoff[i])
            if uses[seen] & ONWARD:
                drives_from(edges, there, there_at, from_dropoffs, dropoffs[0], dropoffs[1], onward[i])
            seen += 1
        stops = (to_pickup[:count], from_pickup[:count], to_dropoff[:count], onward[:count])
        own_legs = (base_cost[begin:last], seats[begin:last], early_ms[begin:last], late_ms[begin:last])
        promises_after(count, own_legs[2], own_legs[3], early_after, late_after)
        _least_detours(stops, between_ms, own_legs[0], own_legs[1], seats_requested, fetching_ms, least_ms)
        flexibility_ms = np.int64(flexibility_s[row]) * 1000
        terms = (
            departure_ms[row],
            max(-flexibility_ms - shift_ms[row], asked[3] - departure_ms[row]),
            flexibility_ms - shift_ms[row],
            np.int64(max_detour_ms[row]),
            np.int64(max_detour_cm[row]),
        )
        fits, how_far, miss = _best_pair(
            pairs,
            stops,
            between,
            least_ms,
            own_legs,
            terms,
            pickups[2],
            dropoffs[2],
            seats_requested,
            asked,
            prices,
            early_after,
            late_after,
            nearest,
            trial,
            outcomes[size],
        )
        if fits:
            found[size] = row
            size += 1
        else:
            nearest = min(nearest, miss)
            count_reason(how_far, counts)
    return found[:size].copy(), outcomes[:size].copy(), nearest


@numba.njit(cache=True, nogil=True)
def _best_pair(
    pairs,
    stops,
    between,
    least_ms,
    own_legs,
    terms,
    walk_to,
    walk_from,
    seats_requested,
    asked,
    prices,
    early_after,
    late_after,
    nearest_ms,
    trial,
    outcome,
):
    """(whether any pair fits, how far the best came, miss_ms) for one offer; fills `outcome` with the best.

    pairs: every (k, c) in order. least_ms: of `_least_detours`. A miss is told if it is nearer than nearest_ms. trial: (OUTCOME,) scratch.
    """
    to_pickup, from_pickup, to_dropoff, onward = stops
    base_cost, seats, early_ms, late_ms = own_legs
    departure_ms, lowest_ms, highest_ms, budget_ms, budget_cm = terms
    best, best_walk, best_ms, best_cm, best_pair = DEAR, DEAR, DEAR, DEAR, -1
    how_far = NO_SEATS
    miss = NO_MISS
    first = _most_hopeful(least_ms, walk_to, walk_from, budget_ms, prices)
    # First the pair that is likely to be the best, so that the others are passed over; then all in order; and, when nothing fits, those once
    # again that are too long, to say why.
    for turn in range(-1, 2 * len(pairs)):
        explaining = turn >= len(pairs)
        if explaining and best < DEAR:
            break
        pair = first if turn < 0 else turn - len(pairs) * explaining
        if pair < 0 or (pair == first and turn >= 0):
            continue
        k, c = pairs[pair, 0], pairs[pair, 1]
        walk_ms = walk_to[k] + walk_from[c]
        beyond = least_ms[k, c] - budget_ms
        if explaining:
            if beyond <= 0:
                continue
            if least_ms[k, c] < NOWHERE_MS:
                how_far = max(how_far, TOO_LONG_MS)
            if beyond >= min(miss, nearest_ms):
                continue
        elif beyond > 0 or prices[0] * least_ms[k, c] + prices[1] * walk_ms > best:
            continue
        earliest_ms, latest_ms, not_before_ms = window_of(asked, walk_to[k], walk_from[c])
        came, missed_by = best_insertion(
            len(base_cost),
            base_cost,
            seats,
            early_ms,
            late_ms,
            to_pickup[:, k],
            from_pickup[:, k],
            to_dropoff[:, c],
            onward[:, c],
            between[k, c],
            seats_requested,
            departure_ms,
            lowest_ms,
            highest_ms,
            not_before_ms,
            budget_ms,
            budget_cm,
            earliest_ms,
            latest_ms,
            asked[2],
            early_after,
            late_after,
            trial,
        )
        if came != FITS:
            how_far = max(how_far, came)
            miss = min(miss, missed_by)
            continue
        cost = prices[0] * trial[DETOUR_MS] + prices[1] * walk_ms
        if (cost, walk_ms, trial[DETOUR_MS], trial[DETOUR_CM], pair) < (best, best_walk, best_ms, best_cm, best_pair):
            best, best_walk, best_ms, best_cm, best_pair = (
                cost,
                walk_ms,
                trial[DETOUR_MS],
                trial[DETOUR_CM],
                pair,
            )
            outcome[:] = trial
            outcome[PICKUP_CHOICE] = k
            outcome[DROPOFF_CHOICE] = c
            outcome[WALK_MS] = walk_ms
    return best < DEAR, how_far, miss


@numba.njit(cache=True, nogil=True)
def _most_hopeful(least_ms, walk_to, walk_from, budget_ms, prices):
    """The pair whose generalised cost may be the least of those that may be within the budget; -1 when there is none."""
    hopeful, least = -1, DEAR
    for k in range(len(walk_to)):
        for c in range(len(walk_from)):
            cost = prices[0] * least_ms[k, c] + prices[1] * (walk_to[k] + walk_from[c])
            if least_ms[k, c] <= budget_ms and cost < least:
                hopeful, least = k * len(walk_from) + c, cost
    return hopeful


@numba.njit(cache=True, nogil=True)
def _least_detours(stops, between_ms, base_cost, seats, seats_requested, fetching_ms, least_ms):
    """least_ms[k, c]: the least detour over pairs of legs with seats at both, whatever the times and the legs between them, when the rider is
    picked up at k and set down at c; NOWHERE_MS without seats. fetching_ms: (s,) scratch."""
    to_pickup, from_pickup, to_dropoff, onward = stops
    s, t = least_ms.shape
    least_ms[:] = NOWHERE_MS
    fetching_ms[:] = NOWHERE_MS  # on a leg before
    for i in range(len(base_cost)):
        if seats[i] < seats_requested:
            continue
        base_ms = base_cost[i] >> 32
        for k in range(s):
            out_ms, fetched_ms = (to_pickup[i, k] >> 32) - base_ms, fetching_ms[k] - base_ms
            for c in range(t):
                same_leg = out_ms + between_ms[k, c]
                across = fetched_ms + (to_dropoff[i, c] >> 32)
                least_ms[k, c] = min(least_ms[k, c], min(same_leg, across) + (onward[i, c] >> 32))
            fetching_ms[k] = min(fetching_ms[k], out_ms + (from_pickup[i, k] >> 32))
