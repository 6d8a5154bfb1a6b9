"""Offers of several legs: the cheapest feasible pair of legs for pickup and dropoff, with seats by leg and promises kept.

Source: the insertion formulas of section 3 of the design (same leg, and across legs); O(legs²) pairs an offer.
"""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.feasible import DETOUR, LENGTH, NO_MISS, OWN, REASONS, SEATS, WINDOW, Feasible
from matcher.matching.index import Snapshot
from matcher.matching.plan import ANY_TIME, NO_LIMIT
from matcher.matching.positions import I64, INFINITE, EdgeTable, along_edge, fixed_position, leave, reach
from matcher.matching.query import Query

_LENGTH_MASK = 0xFFFFFFFF
#: How far a pair of legs came: the test that stopped it, or none. The furthest of all pairs tells why an offer is turned away.
_NO_SEATS, _TOO_LONG_MS, _TOO_LONG_CM, _WRONG_TIME, _FITS = range(5)
#: What an insertion is told by: columns of `best_insertion`'s outcome.
_DETOUR_MS, _DETOUR_CM, _TO_PICKUP_MS, _RIDE_MS, _RIDE_CM, _PICKUP_LEG, _DROPOFF_LEG, _SHIFT_MS = range(8)
_MOST_LEGS = 256


def gather_itineraries(
    snapshot: Snapshot, edges: EdgeTable, at_pickup: I64, at_dropoff: I64, direct: int, query: Query
) -> Feasible:
    """Test every offer of several legs in the snapshot against a query, exactly; the counterpart of `gather.gather`.

    at_pickup: (n, 2) packed, to the pickup in column 0 and from the dropoff in column 1; at_dropoff: to the dropoff in column 0 and
    from the pickup in column 1.
    """
    rows, legs = snapshot.rows, snapshot.legs
    counts = np.zeros(len(REASONS), dtype=np.int64)
    found, outcomes, considered, miss = _scan(
        snapshot.itineraries,
        (rows.leg_begin, rows.leg_count, rows.driver, rows.seats, rows.retired_at),
        (rows.departure_ms, rows.leaves_from_ms, rows.leaves_by_ms, rows.longest_ms),
        (rows.max_detour_ms, rows.max_detour_cm),
        (legs.origin_edge, legs.origin_at, legs.destination_edge, legs.destination_at, legs.base_cost),
        (legs.seats, legs.early_ms, legs.late_ms),
        snapshot.sequence,
        snapshot.own,
        edges.together,
        at_pickup,
        at_dropoff,
        *fixed_position(query.pickup),
        *fixed_position(query.dropoff),
        direct,
        query.seats,
        query.earliest_ms,
        query.latest_ms,
        query.window_is_arrival,
        query.now_ms,
        counts,
    )
    return Feasible(
        rows=found,
        detour_ms=outcomes[:, _DETOUR_MS],
        detour_cm=outcomes[:, _DETOUR_CM],
        to_pickup_ms=outcomes[:, _TO_PICKUP_MS],
        shift_ms=outcomes[:, _SHIFT_MS],
        ride_ms=outcomes[:, _RIDE_MS],
        ride_cm=outcomes[:, _RIDE_CM],
        pickup_leg=outcomes[:, _PICKUP_LEG],
        dropoff_leg=outcomes[:, _DROPOFF_LEG],
        considered=int(considered),
        turned_away={reason: int(count) for reason, count in zip(REASONS, counts, strict=True) if count},
        nearest_miss_ms=None if miss == NO_MISS else int(miss),
    )


@numba.njit(cache=True, nogil=True)
def _scan(  # type: ignore[no-untyped-def]
    itineraries,
    offers,
    times,
    budgets,
    legs,
    limits,
    sequence,
    own,
    edges,
    at_pickup,
    at_dropoff,
    pickup_edge,
    pickup_at,
    dropoff_edge,
    dropoff_at,
    direct,
    seats_requested,
    earliest_ms,
    latest_ms,
    window_is_arrival,
    now_ms,
    counts,
):
    """The scan of `gather_itineraries`; the tuples are columns of `index.Rows` and `index.Legs`. counts: (reasons,) int64, added to."""
    leg_begin, leg_count, driver, seats, retired_at = offers
    departure_ms, leaves_from_ms, leaves_by_ms, longest_ms = times
    max_detour_ms, max_detour_cm = budgets
    found = np.empty(len(itineraries), np.int64)
    outcomes = np.empty((len(itineraries), 8), np.int64)
    picking_up_ms = np.empty(_MOST_LEGS, np.int64)
    early_after = np.empty(_MOST_LEGS, np.int64)
    late_after = np.empty(_MOST_LEGS, np.int64)
    size = 0
    considered = 0
    miss = NO_MISS
    for row in itineraries:
        if retired_at[row] <= sequence or leaves_by_ms[row] < now_ms:
            continue
        considered += 1
        if driver[row] == own:
            counts[OWN] += 1
            continue
        if leaves_from_ms[row] > latest_ms or leaves_by_ms[row] + longest_ms[row] < earliest_ms:
            counts[WINDOW] += 1
            continue
        if seats[row] < seats_requested:
            counts[SEATS] += 1
            continue
        how_far, beyond = _best_insertion(
            leg_begin[row],
            np.int64(leg_count[row]),
            legs,
            limits,
            edges,
            at_pickup,
            at_dropoff,
            pickup_edge,
            pickup_at,
            dropoff_edge,
            dropoff_at,
            direct,
            seats_requested,
            departure_ms[row],
            max(leaves_from_ms[row], now_ms) - departure_ms[row],
            leaves_by_ms[row] - departure_ms[row],
            np.int64(max_detour_ms[row]),
            np.int64(max_detour_cm[row]),
            earliest_ms,
            latest_ms,
            window_is_arrival,
            miss,
            picking_up_ms,
            early_after,
            late_after,
            outcomes[size],
        )
        if how_far == _FITS:
            found[size] = row
            size += 1
            continue
        miss = min(miss, beyond)
        if how_far == _NO_SEATS:
            counts[SEATS] += 1
        elif how_far == _TOO_LONG_MS:
            counts[DETOUR] += 1
        elif how_far == _TOO_LONG_CM:
            counts[LENGTH] += 1
        else:
            counts[WINDOW] += 1
    return found[:size].copy(), outcomes[:size].copy(), considered, miss


@numba.njit(cache=True, nogil=True, inline="always")
def _drive_to(edges, edge, at, distance, column, target_edge, target_at):  # type: ignore[no-untyped-def]
    """Packed cost from a stop to the target of a column of distances."""
    forward, backward = edges[edge, 2], edges[edge, 3]
    to_start, to_end = leave(forward, backward, at)
    cost = min(to_start + distance[edges[edge, 0], column], to_end + distance[edges[edge, 1], column])
    if edge == target_edge:
        cost = min(cost, along_edge(forward, backward, at, target_at))
    return min(cost, INFINITE)


@numba.njit(cache=True, nogil=True, inline="always")
def _drive_from(edges, edge, at, distance, column, source_edge, source_at):  # type: ignore[no-untyped-def]
    """Packed cost from the source of a column of distances to a stop."""
    forward, backward = edges[edge, 2], edges[edge, 3]
    from_start, from_end = reach(forward, backward, at)
    cost = min(from_start + distance[edges[edge, 0], column], from_end + distance[edges[edge, 1], column])
    if edge == source_edge:
        cost = min(cost, along_edge(forward, backward, source_at, at))
    return min(cost, INFINITE)


@numba.njit(cache=True, nogil=True)
def _best_insertion(  # type: ignore[no-untyped-def]
    leg_begin,
    leg_count,
    legs,
    limits,
    edges,
    at_pickup,
    at_dropoff,
    pickup_edge,
    pickup_at,
    dropoff_edge,
    dropoff_at,
    direct,
    seats_requested,
    departure_ms,
    lowest_ms,
    highest_ms,
    budget_ms,
    budget_cm,
    earliest_ms,
    latest_ms,
    window_is_arrival,
    least_miss,
    picking_up_ms,
    early_after,
    late_after,
    outcome,
):
    """(how far the best pair of legs came, miss_ms); fills `outcome` when it fits.

    at_pickup: (n, 2) packed, column 0 to the pickup, column 1 from the dropoff; at_dropoff: column 0 to the dropoff, column 1
    from the pickup. lowest_ms, highest_ms: how much later than planned the driver may leave, for the driver's own sake. budget_ms,
    budget_cm: what is left of the detour. Of several feasible pairs the cheapest (time, then length) wins, then the earliest pickup leg,
    then the earliest dropoff leg. The driver leaves as near to plan as the rider's window and all promises allow.

    miss_ms is the least detour beyond the budget among pairs that fit otherwise, NO_MISS without one; pairs that are further off than
    least_miss need not be looked at. The last three arrays before `outcome`: (_MOST_LEGS,) int64 scratch.
    """
    origin_edge, origin_at, destination_edge, destination_at, base_cost = legs
    seats, early_ms, late_ms = limits
    least = _least_pickup_ms(
        leg_begin,
        leg_count,
        legs,
        seats,
        edges,
        at_pickup,
        at_dropoff,
        pickup_edge,
        pickup_at,
        seats_requested,
        picking_up_ms,
    )
    if least > budget_ms and least - budget_ms >= least_miss:
        return (_NO_SEATS if least == INFINITE else _TOO_LONG_MS), NO_MISS
    _promises_after(leg_begin, leg_count, early_ms, late_ms, early_after, late_after)
    how_far = _NO_SEATS
    miss = NO_MISS
    best = INFINITE
    before_pickup = np.int64(0)
    for i in range(leg_count):
        row = leg_begin + i
        to_pickup = _drive_to(edges, origin_edge[row], np.int64(origin_at[row]), at_pickup, 0, pickup_edge, pickup_at)
        from_pickup = _drive_from(
            edges, destination_edge[row], np.int64(destination_at[row]), at_dropoff, 1, pickup_edge, pickup_at
        )
        until_pickup = before_pickup + to_pickup
        before_pickup += base_cost[row]
        before_dropoff = np.int64(0)  # drive of the legs between the pickup's and the dropoff's
        lowest, highest = (
            lowest_ms,
            highest_ms,
        )  # how the stops between pickup and dropoff may shift, Δ of the pickup included
        for j in range(i, leg_count):
            last = leg_begin + j
            if seats[last] < seats_requested:
                break
            to_dropoff = _drive_to(
                edges, origin_edge[last], np.int64(origin_at[last]), at_dropoff, 0, dropoff_edge, dropoff_at
            )
            onward = _drive_from(
                edges, destination_edge[last], np.int64(destination_at[last]), at_pickup, 1, dropoff_edge, dropoff_at
            )
            if i != j:
                before = leg_begin + j - 1
                lowest = max(lowest, -early_ms[before] - picking_up_ms[i])
                highest = min(highest, late_ms[before] - picking_up_ms[i])
            ride, driven, replaced = _pair_costs(
                i == j,
                to_pickup,
                from_pickup,
                before_dropoff,
                to_dropoff,
                onward,
                direct,
                base_cost[row],
                base_cost[last],
            )
            if i != j:
                before_dropoff += base_cost[last]
            how_far = max(how_far, _TOO_LONG_MS)
            if driven >= INFINITE:
                continue
            detour_ms = (driven >> 32) - (replaced >> 32)
            detour_cm = (driven & _LENGTH_MASK) - (replaced & _LENGTH_MASK)
            planned = departure_ms + (until_pickup >> 32)
            if window_is_arrival:
                planned += ride >> 32
            soonest = max(lowest, -early_after[j] - detour_ms, earliest_ms - planned)
            furthest = min(highest, late_after[j] - detour_ms, latest_ms - planned)
            in_time = soonest <= furthest
            in_length = budget_cm == NO_LIMIT or detour_cm <= budget_cm
            if detour_ms > budget_ms:
                came = _TOO_LONG_MS
                if in_time and in_length:
                    miss = min(miss, detour_ms - budget_ms)
            else:
                came = _came(in_length, in_time)
            how_far = max(how_far, came)
            total = (detour_ms << 32) + detour_cm
            if came == _FITS and total < best:
                best = total
                shift_ms = max(soonest, min(np.int64(0), furthest))
                _note(outcome, detour_ms, detour_cm, until_pickup >> 32, ride, i, j, shift_ms)
        lowest_ms = max(lowest_ms, -early_ms[row])
        highest_ms = min(highest_ms, late_ms[row])
    return how_far, miss


@numba.njit(cache=True, nogil=True)
def _least_pickup_ms(  # type: ignore[no-untyped-def]
    leg_begin,
    leg_count,
    legs,
    seats,
    edges,
    at_pickup,
    at_dropoff,
    pickup_edge,
    pickup_at,
    seats_requested,
    picking_up_ms,
):
    """The least that fetching the rider adds to any leg with seats, INFINITE when none has; picking_up_ms: the same by leg.

    No pair of legs costs less: setting down on a later leg only adds, and on the same leg the way over the dropoff is no shorter than
    the way straight on (triangle inequality).
    """
    origin_edge, origin_at, destination_edge, destination_at, base_cost = legs
    least = INFINITE
    for i in range(leg_count):
        row = leg_begin + i
        to_pickup = _drive_to(edges, origin_edge[row], np.int64(origin_at[row]), at_pickup, 0, pickup_edge, pickup_at)
        from_pickup = _drive_from(
            edges, destination_edge[row], np.int64(destination_at[row]), at_dropoff, 1, pickup_edge, pickup_at
        )
        picking_up_ms[i] = ((to_pickup + from_pickup) >> 32) - (base_cost[row] >> 32)
        if seats[row] >= seats_requested:
            least = min(least, picking_up_ms[i])
    return least


@numba.njit(cache=True, nogil=True)
def _promises_after(leg_begin, leg_count, early_ms, late_ms, early_after, late_after):  # type: ignore[no-untyped-def]
    """early_after[k], late_after[k]: by how much all stops from the end of leg k on may shift together."""
    early = late = np.int64(ANY_TIME)
    for k in range(leg_count - 1, -1, -1):
        early, late = min(early, np.int64(early_ms[leg_begin + k])), min(late, np.int64(late_ms[leg_begin + k]))
        early_after[k], late_after[k] = early, late


@numba.njit(cache=True, nogil=True, inline="always")
def _pair_costs(  # type: ignore[no-untyped-def]
    same_leg, to_pickup, from_pickup, between, to_dropoff, onward, direct, base_pickup, base_dropoff
):
    """(ride, new driving, driving it replaces), packed, of a pair of legs; new driving is INFINITE where there is no way."""
    if same_leg:
        if to_pickup >= INFINITE or onward >= INFINITE:
            return direct, INFINITE, base_pickup
        return direct, to_pickup + direct + onward, base_pickup
    if max(to_pickup, from_pickup, to_dropoff, onward) >= INFINITE:
        return direct, INFINITE, base_pickup
    driven = to_pickup + from_pickup + to_dropoff + onward
    return from_pickup + between + to_dropoff, driven, base_pickup + base_dropoff


@numba.njit(cache=True, nogil=True, inline="always")
def _came(in_length, in_time):  # type: ignore[no-untyped-def]
    """How far a pair within the time budget came."""
    if not in_length:
        return _TOO_LONG_CM
    return _FITS if in_time else _WRONG_TIME


@numba.njit(cache=True, nogil=True, inline="always")
def _note(outcome, detour_ms, detour_cm, to_pickup_ms, ride, i, j, shift_ms):  # type: ignore[no-untyped-def]
    outcome[_DETOUR_MS] = detour_ms
    outcome[_DETOUR_CM] = detour_cm
    outcome[_TO_PICKUP_MS] = to_pickup_ms
    outcome[_RIDE_MS] = ride >> 32
    outcome[_RIDE_CM] = ride & _LENGTH_MASK
    outcome[_PICKUP_LEG] = i
    outcome[_DROPOFF_LEG] = j
    outcome[_SHIFT_MS] = shift_ms
