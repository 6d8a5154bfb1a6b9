"""How much road two routes have in common, exactly, arc by arc."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from matcher.matching.base.positions import FRACTION_ONE, Int
from matcher.roads.network.graph import I32, I64, U8


class ArcTable(NamedTuple):
    """The arcs of a network. Read-only."""

    code: I32  # (m,) as in Topology
    length_cm: I32  # (m,)
    forward: U8  # (m,)


class RiderDrive(NamedTuple):
    """The rider's unpacked drive, and its ends as fixed-point fractions of their edges."""

    arcs: I32
    origin_at: int
    destination_at: int


class Routes(NamedTuple):
    """Route i is the leg_count[i] legs from leg_begin[i] on."""

    leg_begin: I64  # (k,)
    leg_count: U8  # (k,)


class Turn(NamedTuple):
    """One use of an `OverlapScratch`: a fresh round, and a fresh number for the (first) route."""

    round: int
    route: int


class _RiderEnds(NamedTuple):
    """The first and last arc of the rider's drive and the piece of each, in cm; no piece of b where a is both."""

    a: Int
    a_low: Int
    a_high: Int
    b: Int
    b_low: Int
    b_high: Int


@numba.njit(cache=True, nogil=True)
def shared_of_routes(hierarchy, arcs, rider, legs, routes, work, turn):
    """(k,) int64: centimetres of a `RiderDrive` that each of k `Routes` runs along.

    legs: a `PathTable`. work: an `OverlapScratch`. turn: a fresh `Turn`. A leg costs a look at each of its codes; those
    that may run along the rider's road (see `_mark_under`) are unpacked, each once a round (memo). A route with several
    legs that share something is unpacked there.
    """
    under_round, up_tail = work.under_round, hierarchy.up_tail
    codes, begin, size = legs.codes, legs.begin, legs.size
    ends = _stamp_rider(arcs, rider, work, turn.round)
    _mark_under(hierarchy, arcs.code, rider.arcs, under_round, turn.round)
    shared = np.empty(len(routes.leg_begin), np.int64)
    for i in range(len(routes.leg_begin)):
        total = np.int64(0)
        sharing = 0
        first, last = np.int64(routes.leg_begin[i]), np.int64(routes.leg_begin[i] + routes.leg_count[i])
        for row in range(first, last):
            x, x_low, x_high, y, y_high = _ends_of_leg(row, arcs, legs)
            of_leg = _shared_piece(x, x_low, x_high, ends, work, turn.round)
            if y >= 0:
                of_leg += _shared_piece(y, np.int64(0), y_high, ends, work, turn.round)
                for k in range(begin[row] + 2, begin[row] + size[row]):
                    # Asked here and not in the kernel: most codes of most routes share nothing, and a call costs more
                    # than the look.
                    if under_round[up_tail[codes[k] >> 1]] == turn.round:
                        of_leg += _shared_on_code(hierarchy, codes[k], work, turn.round)
            total += of_leg
            sharing += of_leg > 0
        # One leg is a fastest drive, which runs along no road twice; several may, and that road counts once.
        if sharing > 1:
            total = _union_of_legs(hierarchy, arcs, legs, (first, last), ends, work, Turn(turn.round, turn.route + i))
        shared[i] = total
    return shared


@numba.njit(cache=True, nogil=True)
def _stamp_rider(arcs, rider, work, round_now):
    """The `_RiderEnds` of the rider's drive, of which each arc's stamp is, this round, how many cm of it are driven."""
    stamp, stamp_round, length_cm = work.stamp, work.stamp_round, arcs.length_cm
    a, b = rider.arcs[0], rider.arcs[-1]
    single = len(rider.arcs) == 1
    a_low = _reached_cm(length_cm[a], arcs.forward[a], rider.origin_at)
    b_high = _reached_cm(length_cm[b], arcs.forward[b], rider.destination_at)
    a_high = b_high if single else np.int64(length_cm[a])
    if single:
        b_high = np.int64(0)  # the one piece is a's; b has none of its own
    for arc in rider.arcs[1:-1]:
        stamp[arc] = length_cm[arc]
        stamp_round[arc] = round_now
    stamp[a] = a_high - a_low
    stamp_round[a] = round_now
    if not single:
        stamp[b] = (stamp[b] if b == a else 0) + b_high
        stamp_round[b] = round_now
    return _RiderEnds(a, a_low, a_high, b, np.int64(0), b_high)


@numba.njit(cache=True, nogil=True)
def _mark_under(hierarchy, arc_code, rider_arcs, under_round, round_now):
    """under_round[v] = round_now for the low ends of the rider's arcs and their ancestors in the elimination tree.

    A code stands for its own arc, or for two codes whose low end lies below its own; so the arcs that it unpacks to
    have their low ends at or below its own, and a code whose low end is not marked shares nothing. O(arcs + height).
    """
    parent, up_tail = hierarchy.parent, hierarchy.up_tail
    for arc in rider_arcs:
        code = arc_code[arc]
        if code < 0:
            continue  # a loop from a node to itself is on no fastest drive but at its ends
        node = up_tail[code >> 1]
        while node >= 0 and under_round[node] != round_now:
            under_round[node] = round_now
            node = parent[node]


@numba.njit(cache=True, nogil=True, inline="always")
def _ends_of_leg(row, arcs, legs):
    """(first arc, from, to, last arc, to) in cm along the arcs that a leg drives in part; last arc -1 on one arc."""
    length_cm, forward = arcs.length_cm, arcs.forward
    x = legs.codes[legs.begin[row]]
    x_low = _reached_cm(length_cm[x], forward[x], legs.origin_at[row])
    if legs.size[row] == 1:
        return x, x_low, _reached_cm(length_cm[x], forward[x], legs.destination_at[row]), np.int32(-1), np.int64(0)
    y = legs.codes[legs.begin[row] + 1]
    return x, x_low, np.int64(length_cm[x]), y, _reached_cm(length_cm[y], forward[y], legs.destination_at[row])


@numba.njit(cache=True, nogil=True)
def _union_of_legs(hierarchy, arcs, legs, rows, ends, work, turn):
    """What a route that may run along a road twice shares with the rider's drive.

    Its marked codes have been summed up this round. rows: (first, last + 1) of its legs. Codes that have nothing in
    common are not unpacked: this costs what is shared, not what is driven.
    """
    codes, begin, size, up_tail = legs.codes, legs.begin, legs.size, hierarchy.up_tail
    stack, seen = work.stack, work.seen
    first, second = hierarchy.first, hierarchy.second
    total = np.int64(0)
    for row in range(rows[0], rows[1]):
        for k in range(begin[row] + 2, begin[row] + size[row]):
            stack[0] = codes[k]
            depth = 1
            while depth > 0:
                depth -= 1
                code = stack[depth]
                if work.under_round[up_tail[code >> 1]] != turn.round or work.memo[code] == 0:
                    continue
                if second[code] >= 0:
                    stack[depth] = second[code]
                    stack[depth + 1] = first[code]
                    depth += 2
                elif seen[first[code]] != turn.route:
                    seen[first[code]] = turn.route
                    total += work.stamp[first[code]]
    # Arcs that are driven in part count where they are not driven as a whole as well.
    keys = np.empty(2 * (rows[1] - rows[0]), np.int64)
    highs = np.empty(len(keys), np.int64)
    used = 0
    for row in range(rows[0], rows[1]):
        x, x_low, x_high, y, y_high = _ends_of_leg(row, arcs, legs)
        if work.stamp_round[x] == turn.round and seen[x] != turn.route:
            keys[used], highs[used] = np.int64(x) << 32 | x_low, x_high
            used += 1
        if y >= 0 and work.stamp_round[y] == turn.round and seen[y] != turn.route:
            keys[used], highs[used] = np.int64(y) << 32, y_high
            used += 1
    if used > 0:
        total += _sum_of_union(keys[:used], highs[:used], ends, work, turn.round)
    return total


@numba.njit(cache=True, nogil=True)
def _sum_of_union(keys, highs, ends, work, round_now):
    """What the union of the pieces has in common with the rider's drive."""
    total = np.int64(0)
    arc_before = np.int64(-1)
    done = np.int64(0)
    for k in np.argsort(keys):
        arc = keys[k] >> 32
        low = keys[k] & 0xFFFFFFFF
        if arc != arc_before:
            arc_before, done = arc, np.int64(0)
        low = max(low, done)
        if highs[k] > low:
            total += _shared_piece(arc, low, highs[k], ends, work, round_now)
            done = highs[k]
    return total


@numba.njit(cache=True, nogil=True, inline="always")
def _shared_piece(arc, low, high, ends, work, round_now):
    """What a piece [low, high] of an arc has in common with the rider's drive."""
    if arc == ends.a or arc == ends.b:  # noqa: PLR1714  # a tuple to look in is slower in a kernel
        common = np.int64(0)
        if arc == ends.a:
            common += _common(low, high, ends.a_low, ends.a_high)
        if arc == ends.b:
            common += _common(low, high, ends.b_low, ends.b_high)
        return common
    if work.stamp_round[arc] == round_now:
        return high - low
    return np.int64(0)


@numba.njit(cache=True, nogil=True)
def _shared_on_code(hierarchy, code, work, round_now):
    """Sum of stamp[arc] over the arcs of a code that `_mark_under` has marked, each such code computed once a round.

    A code's parts have a lower slot than itself, so the stack is never deeper than twice the tree's height.
    """
    memo, round_of_memo, stack, up_tail = work.memo, work.memo_round, work.stack, hierarchy.up_tail
    first, second = hierarchy.first, hierarchy.second
    if round_of_memo[code] == round_now:
        return memo[code]
    depth = 1
    stack[0] = code
    while depth > 0:
        top = stack[depth - 1]
        if round_of_memo[top] == round_now:
            depth -= 1
            continue
        if second[top] < 0:
            arc = first[top]
            memo[top] = work.stamp[arc] if work.stamp_round[arc] == round_now else 0
            round_of_memo[top] = round_now
            depth -= 1
            continue
        a, b = first[top], second[top]
        # Both have their low end where the driver passes between them.
        if work.under_round[up_tail[a >> 1]] != round_now:
            memo[top] = 0
            round_of_memo[top] = round_now
            depth -= 1
            continue
        a_known = round_of_memo[a] == round_now
        b_known = round_of_memo[b] == round_now
        if a_known and b_known:
            memo[top] = memo[a] + memo[b]
            round_of_memo[top] = round_now
            depth -= 1
        else:
            if not b_known:
                stack[depth] = b
                depth += 1
            if not a_known:
                stack[depth] = a
                depth += 1
    return memo[code]


@numba.njit(cache=True, nogil=True, inline="always")
def _reached_cm(length_cm, along_forward, at):
    """How far along an arc a position of its edge is."""
    fixed = np.int64(at) if along_forward else FRACTION_ONE - np.int64(at)
    return (np.int64(length_cm) * fixed + (1 << 29)) >> 30


@numba.njit(cache=True, nogil=True, inline="always")
def _common(low_a, high_a, low_b, high_b):
    return max(np.int64(0), min(high_a, high_b) - max(low_a, low_b))
