"""How much road two routes have in common, exactly, arc by arc."""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.positions import FRACTION_ONE
from matcher.roads.pack import unpack_drive


@numba.njit(cache=True, nogil=True)
def shared_of_routes(
    first,
    second,
    arc_length_cm,
    arc_forward,
    rider_arcs,
    rider_from,
    rider_to,
    codes,
    begin,
    size,
    origin_at,
    destination_at,
    leg_begin,
    leg_count,
    round_now,
    stamp,
    stamp_round,
    memo,
    memo_round,
    stack,
):
    """(k,) int64: centimetres of the rider's road that each of k routes runs along.

    rider_arcs: the rider's unpacked drive; rider_from, rider_to: its ends as fixed-point fractions of their edges. codes …
    destination_at: a `matching.roads.PathTable` of legs. Route i is the leg_count[i] legs from leg_begin[i] on. A route of one leg
    costs a look at each of its codes (memo: each code is summed up once a round); one of several is unpacked, because its legs may
    run along a road twice, and that road counts once. stamp … stack: `scratch.OverlapScratch` with a fresh round.
    """
    a, b = rider_arcs[0], rider_arcs[-1]
    single = len(rider_arcs) == 1
    a_low = _reached_cm(arc_length_cm[a], arc_forward[a], rider_from)
    b_high = _reached_cm(arc_length_cm[b], arc_forward[b], rider_to)
    a_high = b_high if single else np.int64(arc_length_cm[a])
    b_low = np.int64(0)
    if single:
        b_high = np.int64(0)  # the one piece is a's; b has none of its own
    for k in range(1, len(rider_arcs) - 1):
        stamp[rider_arcs[k]] = arc_length_cm[rider_arcs[k]]
        stamp_round[rider_arcs[k]] = round_now
    stamp[a] = a_high - a_low
    stamp_round[a] = round_now
    if not single:
        stamp[b] = (stamp[b] if b == a else 0) + b_high
        stamp_round[b] = round_now
    shared = np.empty(len(leg_begin), np.int64)
    for i in range(len(leg_begin)):
        row = leg_begin[i]
        if leg_count[i] > 1:
            keys, highs = _pieces(
                first,
                second,
                arc_length_cm,
                arc_forward,
                codes,
                begin,
                size,
                origin_at,
                destination_at,
                row,
                leg_count[i],
                stamp_round,
                round_now,
            )
            shared[i] = _sum_of_union(keys, highs, a, a_low, a_high, b, b_low, b_high, stamp_round, round_now)
            continue
        base = begin[row]
        count = size[row]
        x = codes[base]
        x_low = _reached_cm(arc_length_cm[x], arc_forward[x], origin_at[row])
        total = np.int64(0)
        if count == 1:
            x_high = _reached_cm(arc_length_cm[x], arc_forward[x], destination_at[row])
        else:
            x_high = np.int64(arc_length_cm[x])
            y = codes[base + 1]
            y_high = _reached_cm(arc_length_cm[y], arc_forward[y], destination_at[row])
            total += _shared_piece(y, np.int64(0), y_high, a, a_low, a_high, b, b_low, b_high, stamp_round, round_now)
            for k in range(base + 2, base + count):
                total += shared_on_code(first, second, codes[k], stamp, stamp_round, memo, memo_round, round_now, stack)
        total += _shared_piece(x, x_low, x_high, a, a_low, a_high, b, b_low, b_high, stamp_round, round_now)
        shared[i] = total
    return shared


@numba.njit(cache=True, nogil=True)
def _pieces(
    first,
    second,
    arc_length_cm,
    arc_forward,
    codes,
    begin,
    size,
    origin_at,
    destination_at,
    leg,
    legs,
    stamp_round,
    round_now,
):
    """(arc << 32 | low, high) of every piece of a route of several legs that lies on an arc of the rider's."""
    room = 64
    keys = np.empty(room, np.int64)
    highs = np.empty(room, np.int64)
    used = 0
    for row in range(leg, leg + legs):
        arcs = unpack_drive(first, second, codes[begin[row] : begin[row] + size[row]])
        for k in range(len(arcs)):
            arc = arcs[k]
            if stamp_round[arc] != round_now:
                continue
            if used == room:
                room *= 2
                keys = np.concatenate((keys, np.empty_like(keys)))
                highs = np.concatenate((highs, np.empty_like(highs)))
            low = np.int64(0)
            high = np.int64(arc_length_cm[arc])
            if k == 0:
                low = _reached_cm(arc_length_cm[arc], arc_forward[arc], origin_at[row])
            if k == len(arcs) - 1:
                high = _reached_cm(arc_length_cm[arc], arc_forward[arc], destination_at[row])
            keys[used] = np.int64(arc) << 32 | low
            highs[used] = high
            used += 1
    return keys[:used], highs[:used]


@numba.njit(cache=True, nogil=True)
def _sum_of_union(keys, highs, a, a_low, a_high, b, b_low, b_high, stamp_round, round_now):
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
            total += _shared_piece(arc, low, highs[k], a, a_low, a_high, b, b_low, b_high, stamp_round, round_now)
            done = highs[k]
    return total


@numba.njit(cache=True, nogil=True, inline="always")
def _shared_piece(arc, low, high, a, a_low, a_high, b, b_low, b_high, stamp_round, round_now):
    """What a piece [low, high] of an arc has in common with the rider's drive."""
    if arc == a or arc == b:  # noqa: PLR1714, SIM109  # a tuple to look in is slower in a kernel
        common = np.int64(0)
        if arc == a:
            common += _common(low, high, a_low, a_high)
        if arc == b:
            common += _common(low, high, b_low, b_high)
        return common
    if stamp_round[arc] == round_now:
        return high - low
    return np.int64(0)


@numba.njit(cache=True, nogil=True)
def shared_on_code(first, second, code, stamp, round_of_stamp, memo, round_of_memo, round_now, stack):
    """Sum of stamp[arc] over the arcs of a code, each code computed once a round.

    stamp: (m,) int32, valid where round_of_stamp == round_now, else 0. memo: (C,) int32 likewise. A code's parts have a lower
    slot than itself, so the stack is never deeper than twice the tree's height. stack: int32 scratch of that size.
    """
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
            memo[top] = stamp[arc] if round_of_stamp[arc] == round_now else 0
            round_of_memo[top] = round_now
            depth -= 1
            continue
        a, b = first[top], second[top]
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
