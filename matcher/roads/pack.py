"""Packed drives: the few dozen codes of a drive between two positions, unpacked again, and compared with other drives."""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.positions import FRACTION_ONE, INFINITE, along_edge, leave, reach
from matcher.roads.paths import shared_on_code, unpack
from matcher.roads.query import tree_query


@numba.njit(cache=True, nogil=True)
def drive_between(
    parent,
    up_first,
    up_tail,
    up_head,
    weight,
    edge_start,
    edge_end,
    edge_forward,
    edge_backward,
    forward_arc,
    backward_arc,
    s,
    s_at,
    t,
    t_at,
    forward,
    backward,
    forward_code,
    backward_code,
    codes,
):
    """(packed cost, codes) of the fastest drive from edge s at fraction s_at to edge t at t_at; (INFINITE, []) without a way.

    codes as in `matching.roads.PackedDrive`. The last five arguments are scratch (see `query.tree_query`).
    """
    direct = INFINITE
    if s == t:
        direct = along_edge(edge_forward[s], edge_backward[s], s_at, t_at)
    to_start, to_end = leave(edge_forward[s], edge_backward[s], s_at)
    from_start, from_end = reach(edge_forward[t], edge_backward[t], t_at)
    best, begin, finish, size = tree_query(
        parent,
        up_first,
        up_tail,
        up_head,
        weight,
        (edge_end[s], to_end, edge_start[s], to_start),
        (edge_start[t], from_start, edge_end[t], from_end),
        forward,
        backward,
        forward_code,
        backward_code,
        codes,
    )
    if direct <= best:
        if direct >= INFINITE:
            return INFINITE, np.empty(0, np.int32)
        along = along_edge(edge_forward[s], INFINITE, s_at, t_at)
        return direct, np.array([forward_arc[s] if along == direct else backward_arc[s]], dtype=np.int32)
    if best >= INFINITE:
        return INFINITE, np.empty(0, np.int32)
    packed = np.empty(size + 2, np.int32)
    # On a loop both ends are one node, and the cheaper way round is the one that was taken.
    by_end = to_end if begin == edge_end[s] else INFINITE
    by_start = to_start if begin == edge_start[s] else INFINITE
    packed[0] = forward_arc[s] if by_end <= by_start else backward_arc[s]
    by_start = from_start if finish == edge_start[t] else INFINITE
    by_end = from_end if finish == edge_end[t] else INFINITE
    packed[1] = forward_arc[t] if by_start <= by_end else backward_arc[t]
    packed[2:] = codes[:size]
    return best, packed


@numba.njit(cache=True, nogil=True)
def unpack_drive(first, second, codes):
    """The arcs of a packed drive, int32, in driving order; the first and the last are driven in part."""
    if len(codes) == 1:
        return codes.copy()
    middle = unpack(first, second, codes[2:], len(codes) - 2)
    arcs = np.empty(len(middle) + 2, np.int32)
    arcs[0] = codes[0]
    arcs[1:-1] = middle
    arcs[-1] = codes[1]
    return arcs


@numba.njit(cache=True, nogil=True, inline="always")
def _reached_cm(length_cm, along_forward, at):
    """How far along an arc a position of its edge is."""
    fixed = np.int64(at) if along_forward else FRACTION_ONE - np.int64(at)
    return (np.int64(length_cm) * fixed + (1 << 29)) >> 30


@numba.njit(cache=True, nogil=True, inline="always")
def _common(low_a, high_a, low_b, high_b):
    return max(np.int64(0), min(high_a, high_b) - max(low_a, low_b))


@numba.njit(cache=True, nogil=True)
def shared_of_rows(
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
    rows,
    round_now,
    stamp,
    stamp_round,
    memo,
    memo_round,
    stack,
):
    """(len(rows),) int32: centimetres that each row's drive has in common with the rider's, arc by arc.

    rider_arcs: the rider's unpacked drive; rider_from, rider_to: its ends as fixed-point fractions of their edges. codes …
    destination_at: a `matching.roads.PathTable`. stamp … stack: `scratch.OverlapScratch` with a fresh round.
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
    shared = np.empty(len(rows), np.int32)
    for i in range(len(rows)):
        row = rows[i]
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
                total += shared_on_code(
                    first, second, codes[k], stamp, stamp_round, memo, memo_round, round_now, stack
                )
        total += _shared_piece(x, x_low, x_high, a, a_low, a_high, b, b_low, b_high, stamp_round, round_now)
        shared[i] = total
    return shared


@numba.njit(cache=True, nogil=True, inline="always")
def _shared_piece(arc, low, high, a, a_low, a_high, b, b_low, b_high, stamp_round, round_now):
    """What a piece [low, high] of an arc has in common with the rider's drive."""
    if arc == a or arc == b:
        common = np.int64(0)
        if arc == a:
            common += _common(low, high, a_low, a_high)
        if arc == b:
            common += _common(low, high, b_low, b_high)
        return common
    if stamp_round[arc] == round_now:
        return high - low
    return np.int64(0)
