"""Point-to-point distances and the packed path that has them, by two walks up the elimination tree.

Source: Dibbelt, Strasser, Wagner, arXiv 1402.0402, section 7.2 (elimination-tree query).
"""

from __future__ import annotations

import numba

from matcher.matching.base.positions import INFINITE


@numba.njit(cache=True, nogil=True)
def tree_query(
    parent,
    up_first,
    up_tail,
    up_head,
    weight,
    source,
    target,
    bound,
    forward,
    backward,
    forward_code,
    backward_code,
    codes,
):
    """(distance, start, finish, size): the shortest way from a source seed to a target seed, and its direction codes.

    source, target: (node_a, cost_a, node_b, cost_b), ranks, as in `sweep.climb`. The path runs from rank `start` to rank
    `finish` along codes[0 : size]; (bound, -1, -1, 0) when there is no way shorter than `bound`, which is INFINITE at
    most. forward, backward: (n,) int64 scratch, all INFINITE before and after. forward_code, backward_code: (n,) int32
    scratch. codes: (>= 2 tree heights,) int32, overwritten.

    Every meeting point is a common ancestor. Both walks reach these from below, in step, and a node that is as far from its
    end as the best way found so far is not looked beyond: weights are not negative, so nothing shorter leads through it.
    """
    seed_climb(source, forward, forward_code)
    seed_climb(target, backward, backward_code)
    best, top = bound, -1
    v, w = min(source[0], source[2]), min(target[0], target[2])
    while v != w:
        if w < 0 or 0 <= v < w:
            if forward[v] < best:
                relax_up(up_first, up_head, weight, 0, v, forward, forward_code)
            v = parent[v]
        else:
            if backward[w] < best:
                relax_up(up_first, up_head, weight, 1, w, backward, backward_code)
            w = parent[w]
    while v >= 0:
        both = forward[v] + backward[v]
        if both < best:
            best, top = both, v
        if forward[v] < best:
            relax_up(up_first, up_head, weight, 0, v, forward, forward_code)
        if backward[v] < best:
            relax_up(up_first, up_head, weight, 1, v, backward, backward_code)
        v = parent[v]
    start, finish, size = -1, -1, 0
    if top >= 0:
        start, finish, size = _collect(up_tail, top, forward_code, backward_code, codes)
    _forget(parent, source, forward)
    _forget(parent, target, backward)
    return best, start, finish, size


@numba.njit(cache=True, nogil=True)
def seed_climb(seed, distance, code):
    """Where a climb begins: distances and codes of one or two nodes."""
    distance[seed[0]] = seed[1]
    distance[seed[2]] = min(distance[seed[2]], seed[3])
    code[seed[0]] = -1
    code[seed[2]] = -1


@numba.njit(cache=True, nogil=True, inline="always")
def relax_up(up_first, up_head, weight, side, v, distance, code):
    """Go on from a node to its upper neighbours: ways up on side 0, ways down on side 1."""
    here = distance[v]
    for slot in range(up_first[v], up_first[v + 1]):
        there = here + weight[2 * slot + side]
        if there < distance[up_head[slot]]:
            distance[up_head[slot]] = there
            code[up_head[slot]] = 2 * slot + side


@numba.njit(cache=True, nogil=True)
def _collect(up_tail, top, forward_code, backward_code, codes):
    """(start, finish, size) of the path over `top`; its codes in driving order."""
    size = 0
    start = top
    while forward_code[start] >= 0:
        codes[size] = forward_code[start]
        size += 1
        start = up_tail[forward_code[start] >> 1]
    for k in range(size // 2):
        codes[k], codes[size - 1 - k] = codes[size - 1 - k], codes[k]
    finish = top
    while backward_code[finish] >= 0:
        codes[size] = backward_code[finish]
        size += 1
        finish = up_tail[backward_code[finish] >> 1]
    return start, finish, size


@numba.njit(cache=True, nogil=True)
def _forget(parent, seed, distance):
    v = min(seed[0], seed[2])
    while v >= 0:
        distance[v] = INFINITE
        v = parent[v]
