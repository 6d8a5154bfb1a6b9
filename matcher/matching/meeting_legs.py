"""The best pair of a pickup and a dropoff for offers of several legs; the counterpart of `meeting_pairs`, by the same rules."""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.feasible import DETOUR_CM, DETOUR_MS, DROPOFF_CHOICE, NO_MISS, OUTCOME, PICKUP_CHOICE, WALK_MS
from matcher.matching.insertion import FITS, MOST_LEGS, NO_SEATS, best_insertion, count_reason, promises_after
from matcher.matching.meeting_pairs import DEAR, drives_from, drives_to, window_of
from matcher.matching.positions import INFINITE


@numba.njit(cache=True, nogil=True)
def pairs_of_itineraries(
    rows,
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

    offers, legs, limits: tuples of columns of `index.Rows` and `index.Legs`. to_pickups … from_dropoffs: (n, ·) packed, true where the
    legs of these offers begin (to) and end (from). The rest as in `meeting_pairs.pairs_of_direct`.
    """
    leg_begin, leg_count, departure_ms, shift_ms, flexibility_s, max_detour_ms, max_detour_cm = offers
    origin_edge, origin_at, destination_edge, destination_at, base_cost = legs
    seats, early_ms, late_ms = limits
    s, t = len(pickups[0]), len(dropoffs[0])
    found = np.empty(len(rows), np.int64)
    outcomes = np.zeros((len(rows), OUTCOME), np.int64)
    trial = np.zeros(OUTCOME, np.int64)
    to_pickup, from_pickup = np.empty((s, MOST_LEGS), np.int64), np.empty((s, MOST_LEGS), np.int64)
    to_dropoff, onward = np.empty((t, MOST_LEGS), np.int64), np.empty((t, MOST_LEGS), np.int64)
    fetching, setting_down = np.empty(s, np.int64), np.empty(t, np.int64)
    early_after, late_after = np.empty(MOST_LEGS, np.int64), np.empty(MOST_LEGS, np.int64)
    size = 0
    nearest = NO_MISS
    for row in rows:
        begin, count = leg_begin[row], np.int64(leg_count[row])
        last = begin + count
        for i in range(count):
            leg = begin + i
            here, here_at = origin_edge[leg], np.int64(origin_at[leg])
            there, there_at = destination_edge[leg], np.int64(destination_at[leg])
            drives_to(edges, here, here_at, to_pickups, pickups[0], pickups[1], to_pickup[:, i])
            drives_from(edges, there, there_at, from_pickups, pickups[0], pickups[1], from_pickup[:, i])
            drives_to(edges, here, here_at, to_dropoffs, dropoffs[0], dropoffs[1], to_dropoff[:, i])
            drives_from(edges, there, there_at, from_dropoffs, dropoffs[0], dropoffs[1], onward[:, i])
        promises_after(count, early_ms[begin:last], late_ms[begin:last], early_after, late_after)
        _least_added(to_pickup, from_pickup, base_cost[begin:last], seats[begin:last], seats_requested, fetching)
        _least_added(to_dropoff, onward, base_cost[begin:last], seats[begin:last], seats_requested, setting_down)
        stops = (to_pickup, from_pickup, to_dropoff, onward)
        own_legs = (base_cost[begin:last], seats[begin:last], early_ms[begin:last], late_ms[begin:last])
        flexibility_ms = np.int64(flexibility_s[row]) * 1000
        terms = (
            departure_ms[row],
            max(-flexibility_ms - shift_ms[row], asked[3] - departure_ms[row]),
            flexibility_ms - shift_ms[row],
            np.int64(max_detour_ms[row]),
            np.int64(max_detour_cm[row]),
        )
        fits, how_far, miss = _best_pair(
            stops,
            between,
            fetching,
            setting_down,
            own_legs,
            terms,
            pickups[2],
            dropoffs[2],
            seats_requested,
            asked,
            prices,
            early_after,
            late_after,
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
    stops,
    between,
    fetching,
    setting_down,
    own_legs,
    terms,
    walk_to,
    walk_from,
    seats_requested,
    asked,
    prices,
    early_after,
    late_after,
    trial,
    outcome,
):
    """(whether any pair fits, how far the best came, miss_ms) for one offer; fills `outcome` with the best. trial: (OUTCOME,) scratch."""
    to_pickup, from_pickup, to_dropoff, onward = stops
    base_cost, seats, early_ms, late_ms = own_legs
    departure_ms, lowest_ms, highest_ms, budget_ms, budget_cm = terms
    best, best_walk, best_ms, best_cm = DEAR, DEAR, DEAR, DEAR
    how_far = NO_SEATS
    miss = NO_MISS
    # Once to find the best, passing over what cannot be better; and, when nothing fits, once again to say why.
    for explaining in range(2):
        for pair in range(len(walk_to) * len(walk_from)):
            k, c = pair // len(walk_from), pair % len(walk_from)
            walk_ms = walk_to[k] + walk_from[c]
            if not explaining:
                longest_ms = budget_ms
                if prices[0] > 0 and best < DEAR:
                    longest_ms = min(budget_ms, (best - prices[1] * walk_ms) // prices[0])
                if max(fetching[k], setting_down[c]) > longest_ms or longest_ms < _least_detour_ms(
                    to_pickup[k],
                    from_pickup[k],
                    to_dropoff[c],
                    onward[c],
                    between[k, c],
                    base_cost,
                    seats,
                    seats_requested,
                ):
                    continue
            earliest_ms, latest_ms, not_before_ms = window_of(asked, walk_to[k], walk_from[c])
            came, beyond = best_insertion(
                len(base_cost),
                base_cost,
                seats,
                early_ms,
                late_ms,
                to_pickup[k],
                from_pickup[k],
                to_dropoff[c],
                onward[c],
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
                miss = min(miss, beyond)
                continue
            cost = prices[0] * trial[DETOUR_MS] + prices[1] * walk_ms
            if (cost, walk_ms, trial[DETOUR_MS], trial[DETOUR_CM]) < (best, best_walk, best_ms, best_cm):
                best, best_walk, best_ms, best_cm = cost, walk_ms, trial[DETOUR_MS], trial[DETOUR_CM]
                outcome[:] = trial
                outcome[PICKUP_CHOICE] = k
                outcome[DROPOFF_CHOICE] = c
                outcome[WALK_MS] = walk_ms
        if best < DEAR:
            break
    return best < DEAR, how_far, miss


@numba.njit(cache=True, nogil=True)
def _least_added(to_stop, from_stop, base_cost, seats, seats_requested, least_ms):
    """least_ms[k]: what going by candidate k adds to any leg with seats; no insertion costs less (triangle inequality)."""
    for k in range(len(least_ms)):
        least_ms[k] = INFINITE >> 31
        for i in range(len(base_cost)):
            if seats[i] >= seats_requested:
                added_ms = ((to_stop[k, i] + from_stop[k, i]) >> 32) - (base_cost[i] >> 32)
                least_ms[k] = min(least_ms[k], added_ms)


@numba.njit(cache=True, nogil=True)
def _least_detour_ms(to_pickup, from_pickup, to_dropoff, onward, direct, base_cost, seats, seats_requested):
    """The least detour over pairs of legs with seats at both, whatever the times and the legs between them."""
    least = fetching = INFINITE >> 31
    for i in range(len(base_cost)):
        if seats[i] < seats_requested:
            continue
        base_ms = base_cost[i] >> 32
        same_leg = (to_pickup[i] >> 32) + (direct >> 32) + (onward[i] >> 32) - base_ms
        least = min(least, same_leg, fetching + (to_dropoff[i] >> 32) + (onward[i] >> 32) - base_ms)
        fetching = min(fetching, (to_pickup[i] >> 32) + (from_pickup[i] >> 32) - base_ms)
    return least
