"""How much road two routes have in common, exactly, arc by arc."""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.base.positions import FRACTION_ONE


@numba.njit(cache=True, nogil=True)
def shared_of_routes(
    first,
    second,
    up_tail,
    parent,
    arc_code,
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
    under_round,
    stack,
    first_route,
    seen,
):
    """(k,) int64: centimetres of the rider's road that each of k routes runs along.

    up_tail, parent, arc_code: of the Topology. rider_arcs: the rider's unpacked drive; rider_from, rider_to: its ends as fixed-point
    fractions of their edges. codes … destination_at: a `matching.roads.PathTable` of legs. Route i is the leg_count[i] legs from leg_begin[i]
    on. A leg costs a look at each of its codes; those that may run along the rider's road (see `_mark_under`) are unpacked, each once a round
    (memo). A route with several legs that share something is unpacked there. stamp … stack: `scratch.OverlapScratch` with a fresh round.
    seen: (m,) int32, nowhere first_route … first_route + k - 1.
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
    _mark_under(rider_arcs, arc_code, up_tail, parent, under_round, round_now)
    shared = np.empty(len(leg_begin), np.int64)
    for i in range(len(leg_begin)):
        total = np.int64(0)
        sharing = 0
        for row in range(leg_begin[i], leg_begin[i] + leg_count[i]):
            x, x_low, x_high, y, y_high = _ends_of_leg(
                row, arc_length_cm, arc_forward, codes, begin, size, origin_at, destination_at
            )
            of_leg = _shared_piece(x, x_low, x_high, a, a_low, a_high, b, b_low, b_high, stamp_round, round_now)
            if y >= 0:
                of_leg += _shared_piece(
                    y, np.int64(0), y_high, a, a_low, a_high, b, b_low, b_high, stamp_round, round_now
                )
                for k in range(begin[row] + 2, begin[row] + size[row]):
                    # Asked here and not in the kernel: most codes of most routes share nothing, and a call costs more than the look.
                    if under_round[up_tail[codes[k] >> 1]] == round_now:
                        of_leg += shared_on_code(
                            first, second, up_tail, codes[k], stamp, stamp_round,
                            memo, memo_round, under_round, round_now, stack,
                        )  # fmt: skip
            total += of_leg
            sharing += of_leg > 0
        # One leg is a fastest drive, which runs along no road twice; several may, and that road counts once.
        if sharing > 1:
            total = _union_of_legs(
                first, second, up_tail, arc_length_cm, arc_forward, codes, begin, size, origin_at, destination_at,
                leg_begin[i], leg_count[i], (a, a_low, a_high, b, b_low, b_high),
                round_now, stamp, stamp_round, memo, under_round, stack, first_route + i, seen,
            )  # fmt: skip
        shared[i] = total
    return shared


@numba.njit(cache=True, nogil=True)
def _mark_under(rider_arcs, arc_code, up_tail, parent, under_round, round_now):
    """under_round[v] = round_now for all nodes v at or below which, in the elimination tree, an arc of the rider's has its low end.

    A code stands for its own arc, or for two codes whose low end lies below its own; so the arcs that it unpacks to have their low ends at or
    below its own, and a code whose low end is not marked shares nothing. O(arcs + height).
    """
    for arc in rider_arcs:
        code = arc_code[arc]
        if code < 0:
            continue  # a loop from a node to itself is on no fastest drive but at its ends
        node = up_tail[code >> 1]
        while node >= 0 and under_round[node] != round_now:
            under_round[node] = round_now
            node = parent[node]


@numba.njit(cache=True, nogil=True, inline="always")
def _ends_of_leg(row, arc_length_cm, arc_forward, codes, begin, size, origin_at, destination_at):
    """(first arc, from, to, last arc, to) in cm along the arcs: the two that a leg drives in part; the last is -1 when there is but one."""
    x = codes[begin[row]]
    x_low = _reached_cm(arc_length_cm[x], arc_forward[x], origin_at[row])
    if size[row] == 1:
        return x, x_low, _reached_cm(arc_length_cm[x], arc_forward[x], destination_at[row]), np.int32(-1), np.int64(0)
    y = codes[begin[row] + 1]
    return x, x_low, np.int64(arc_length_cm[x]), y, _reached_cm(arc_length_cm[y], arc_forward[y], destination_at[row])


@numba.njit(cache=True, nogil=True)
def _union_of_legs(
    first,
    second,
    up_tail,
    arc_length_cm,
    arc_forward,
    codes,
    begin,
    size,
    origin_at,
    destination_at,
    leg,
    legs,
    rider,
    round_now,
    stamp,
    stamp_round,
    memo,
    under_round,
    stack,
    route,
    seen,
):
    """What a route that may run along a road twice has in common with the rider's drive; its marked codes have been summed up this round.

    rider: (a, a_low, a_high, b, b_low, b_high), the ends of the rider's drive. seen: (m,) int32, nowhere `route`. Codes that have
    nothing in common are not unpacked, so this costs what is shared, not what is driven.
    """
    a, a_low, a_high, b, b_low, b_high = rider
    total = np.int64(0)
    for row in range(leg, leg + legs):
        for k in range(begin[row] + 2, begin[row] + size[row]):
            stack[0] = codes[k]
            depth = 1
            while depth > 0:
                depth -= 1
                code = stack[depth]
                if under_round[up_tail[code >> 1]] != round_now or memo[code] == 0:
                    continue
                if second[code] >= 0:
                    stack[depth] = second[code]
                    stack[depth + 1] = first[code]
                    depth += 2
                elif seen[first[code]] != route:
                    seen[first[code]] = route
                    total += stamp[first[code]]
    # Arcs that are driven in part count where they are not driven as a whole as well.
    keys = np.empty(2 * legs, np.int64)
    highs = np.empty(2 * legs, np.int64)
    used = 0
    for row in range(leg, leg + legs):
        x, x_low, x_high, y, y_high = _ends_of_leg(
            row, arc_length_cm, arc_forward, codes, begin, size, origin_at, destination_at
        )
        if stamp_round[x] == round_now and seen[x] != route:
            keys[used], highs[used] = np.int64(x) << 32 | x_low, x_high
            used += 1
        if y >= 0 and stamp_round[y] == round_now and seen[y] != route:
            keys[used], highs[used] = np.int64(y) << 32, y_high
            used += 1
    if used > 0:
        total += _sum_of_union(keys[:used], highs[:used], a, a_low, a_high, b, b_low, b_high, stamp_round, round_now)
    return total


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
def shared_on_code(
    first, second, up_tail, code, stamp, round_of_stamp, memo, round_of_memo, under_round, round_now, stack
):
    """Sum of stamp[arc] over the arcs of a code that `_mark_under` has marked, each such code computed once a round.

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
        # Both have their low end where the driver passes between them.
        if under_round[up_tail[a >> 1]] != round_now:
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
