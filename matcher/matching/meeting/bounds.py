"""Which offers might carry a rider who walks: a true bound on the detour over all pairs of a pickup and a dropoff.

For offers of one leg the bound comes from *potentials*: numbers a_k and b_c, one a candidate, with a_k + b_c never more
than the drive from pickup k to dropoff c. Then the least over k of d(origin, p_k) + a_k, plus the least over c of
b_c + d(q_c, destination), is at most the new drive over any pair; and since the drives of a city are nearly additive,
it is nearly that drive. For offers of several legs see `bound_itineraries`.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from matcher.matching.base.positions import I64, leave, reach
from matcher.matching.base.reach import FAR
from matcher.matching.meeting.candidates import Meeting
from matcher.matching.scan.insertion import MOST_LEGS
from matcher.matching.scan.itineraries import NOWHERE_MS, Trips

#: Which drives of a leg are needed: from its beginning to the pickup, from the pickup to its end, and so for the
#: dropoff.
TO_PICKUP, FROM_PICKUP, TO_DROPOFF, ONWARD = 1, 2, 4, 8
EVERY_DRIVE = TO_PICKUP | FROM_PICKUP | TO_DROPOFF | ONWARD
#: Columns of the least distances, (n, 6) packed: to the pickup with the least a_k added, from the dropoff with the
#: least
#: b_c added; to the nearest pickup and from it; the same for dropoffs.
OUT, HOME, NEAREST_TO_PICKUP, NEAREST_FROM_PICKUP, NEAREST_TO_DROPOFF, NEAREST_FROM_DROPOFF = range(6)


class Added(NamedTuple):
    """What each leg of an offer adds at least, in ms: by fetching the rider there, by setting the rider down there, and
    by both on that leg."""

    fetch: I64
    set_down: I64
    alone: I64


class Wanted(NamedTuple):
    """Which offers are looked for: with so many seats, and less than `threshold` ms beyond their budget."""

    seats: int
    threshold: int


@numba.njit(cache=True, nogil=True)
def bound_itineraries(which, trips: Trips, meeting: Meeting, least, wanted, counts):
    """(rows, uses): those of some offers of several legs that are `wanted`, and which drives of their legs matter to
    that: (legs of these rows in order,) uint8, of TO_PICKUP … ONWARD.

    which: (k,) rows. least: (n, 6), written to and mended again. counts: (1,) COUNTS, added to.

    Fetching the rider on leg i adds at least fetching at the pickup nearest to that leg, and setting down on a later
    leg as much again; on one leg the three of them and the bound by potentials hold at once (triangle inequality).
    """
    leg_begin, leg_count, max_detour_ms = trips.rows.leg_begin, trips.rows.leg_count, trips.rows.max_detour_ms
    nodes, kept = _open_ends(meeting, least)
    rows = np.empty(len(which), np.int64)
    uses = np.empty(1024, np.uint8)
    added = Added(np.empty(MOST_LEGS, np.int64), np.empty(MOST_LEGS, np.int64), np.empty(MOST_LEGS, np.int64))
    size, used = 0, np.int64(0)
    for row in which:
        begin, count = leg_begin[row], np.int64(leg_count[row])
        if used + count > len(uses):
            more = np.empty(2 * (used + count), np.uint8)
            more[:used] = uses[:used]
            uses = more
        _added_by_legs(begin, count, trips.legs, meeting.edges, least, wanted.seats, added)
        longest = max_detour_ms[row] + wanted.threshold
        if _uses_of_legs(count, added, longest, uses[used : used + count]):
            rows[size] = row
            size += 1
            used += count
        else:
            counts[0].detour += 1
    for k in range(len(nodes)):
        least[nodes[k]] = kept[k]
    return rows[:size].copy(), uses[:used].copy()


@numba.njit(cache=True, nogil=True)
def _open_ends(meeting, least):
    """(nodes, their rows of `least` as they were).

    A stop on a candidate's own edge may do without either end of it: what touches those ends is never passed over.
    """
    pickups, dropoffs = meeting.pickups.edge, meeting.dropoffs.edge
    s, t = len(pickups), len(dropoffs)
    nodes = np.empty(2 * (s + t), np.int64)
    kept = np.empty((2 * (s + t), least.shape[1]), np.int64)
    for k in range(s + t):
        edge = meeting.edges[pickups[k] if k < s else dropoffs[k - s]]
        nodes[2 * k], nodes[2 * k + 1] = edge.start, edge.end
        kept[2 * k], kept[2 * k + 1] = least[edge.start], least[edge.end]
    nowhere_near = -(np.int64(FAR) << 32)
    for k in range(2 * s):
        at = least[nodes[k]]
        at[OUT] = at[NEAREST_TO_PICKUP] = at[NEAREST_FROM_PICKUP] = nowhere_near
    for k in range(2 * s, 2 * (s + t)):
        at = least[nodes[k]]
        at[HOME] = at[NEAREST_TO_DROPOFF] = at[NEAREST_FROM_DROPOFF] = nowhere_near
    return nodes, kept


@numba.njit(cache=True, nogil=True)
def _added_by_legs(begin, count, legs, edges, least, seats, added):
    """Fills `added` for the legs of one offer."""
    fetch, set_down, alone = added.fetch, added.set_down, added.alone
    for i in range(count):
        leg = begin + i
        if legs.seats[leg] < seats:
            fetch[i] = set_down[i] = alone[i] = NOWHERE_MS
            continue
        here, there = edges[legs.origin_edge[leg]], edges[legs.destination_edge[leg]]
        to_start, to_end = leave(here.forward, here.backward, np.int64(legs.origin_at[leg]))
        from_start, from_end = reach(there.forward, there.backward, np.int64(legs.destination_at[leg]))
        start, end = least[here.start], least[here.end]
        out = min(to_start + start[OUT], to_end + end[OUT]) >> 32
        to_pickup = min(to_start + start[NEAREST_TO_PICKUP], to_end + end[NEAREST_TO_PICKUP]) >> 32
        to_dropoff = min(to_start + start[NEAREST_TO_DROPOFF], to_end + end[NEAREST_TO_DROPOFF]) >> 32
        start, end = least[there.start], least[there.end]
        home = min(from_start + start[HOME], from_end + end[HOME]) >> 32
        from_pickup = min(from_start + start[NEAREST_FROM_PICKUP], from_end + end[NEAREST_FROM_PICKUP]) >> 32
        onward = min(from_start + start[NEAREST_FROM_DROPOFF], from_end + end[NEAREST_FROM_DROPOFF]) >> 32
        base_ms = legs.base_cost[leg] >> 32
        fetch[i], set_down[i] = to_pickup + from_pickup - base_ms, to_dropoff + onward - base_ms
        alone[i] = max(fetch[i], set_down[i], out + home - base_ms)


@numba.njit(cache=True, nogil=True)
def _uses_of_legs(count, added, longest, uses):
    """Whether any pair of legs may add less than `longest` ms; `uses` says which drives of each leg belong to one."""
    later = np.int64(NOWHERE_MS)  # setting down on a leg behind
    for i in range(count - 1, -1, -1):
        uses[i] = TO_PICKUP | ONWARD if added.alone[i] < longest else 0
        if added.fetch[i] + later < longest:
            uses[i] |= TO_PICKUP | FROM_PICKUP
        later = min(later, added.set_down[i])
    before = np.int64(NOWHERE_MS)  # fetching on a leg ahead
    some = False
    for j in range(count):
        if before + added.set_down[j] < longest:
            uses[j] |= TO_DROPOFF | ONWARD
        before = min(before, added.fetch[j])
        some |= uses[j] != 0
    return some
