"""Packed drives: the few dozen codes of a drive between two positions, and unpacked again."""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.base.positions import INFINITE, along_edge, leave, reach
from matcher.roads.hierarchy.paths import unpack
from matcher.roads.hierarchy.query import tree_query


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
    source, target, direct = ends_of_drive(edge_start, edge_end, edge_forward, edge_backward, s, s_at, t, t_at)
    best, begin, finish, size = tree_query(
        parent,
        up_first,
        up_tail,
        up_head,
        weight,
        source,
        target,
        direct,
        forward,
        backward,
        forward_code,
        backward_code,
        codes,
    )
    packed = np.empty(size + 2, np.int32)
    length = pack_codes(
        edge_forward, forward_arc, backward_arc, s, s_at, t, t_at, source, target, direct, best, begin, finish,
        codes[:size], packed,
    )  # fmt: skip
    return best, packed[:length]


@numba.njit(cache=True, nogil=True)
def ends_of_drive(edge_start, edge_end, edge_forward, edge_backward, s, s_at, t, t_at):
    """(source, target, bound) of `query.tree_query` for a drive; the bound is the cost along the edge itself where both ends are on one."""
    direct = INFINITE
    if s == t:
        direct = along_edge(edge_forward[s], edge_backward[s], s_at, t_at)
    to_start, to_end = leave(edge_forward[s], edge_backward[s], s_at)
    from_start, from_end = reach(edge_forward[t], edge_backward[t], t_at)
    return (edge_end[s], to_end, edge_start[s], to_start), (edge_start[t], from_start, edge_end[t], from_end), direct


@numba.njit(cache=True, nogil=True)
def pack_codes(
    edge_forward, forward_arc, backward_arc, s, s_at, t, t_at, source, target, direct, best, begin, finish, codes, packed
):  # fmt: skip
    """How many codes a drive has, which are put into `packed`, of two more than `codes`; 0 without a way.

    best, begin, finish, codes: the answer of `query.tree_query` to source, target and direct.
    """
    if best >= INFINITE:
        return 0
    if begin < 0:
        along = along_edge(edge_forward[s], INFINITE, s_at, t_at)
        packed[0] = forward_arc[s] if along == direct else backward_arc[s]
        return 1
    # On a loop both ends are one node, and the cheaper way round is the one that was taken.
    by_end = source[1] if begin == source[0] else INFINITE
    by_start = source[3] if begin == source[2] else INFINITE
    packed[0] = forward_arc[s] if by_end <= by_start else backward_arc[s]
    by_start = target[1] if finish == target[0] else INFINITE
    by_end = target[3] if finish == target[2] else INFINITE
    packed[1] = forward_arc[t] if by_start <= by_end else backward_arc[t]
    packed[2 : 2 + len(codes)] = codes
    return 2 + len(codes)


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
