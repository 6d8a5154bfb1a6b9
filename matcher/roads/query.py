"""Point-to-point distances and the packed path that has them, by two walks up the elimination tree.

Source: Dibbelt, Strasser, Wagner, arXiv 1402.0402, section 7.2 (elimination-tree query).
"""

from __future__ import annotations

import numba

from matcher.matching.positions import INFINITE


@numba.njit(cache=True, nogil=True)
def tree_query(parent, up_first, up_tail, up_head, weight, source, target, forward, backward, forward_code, backward_code, codes):
    """(distance, start, finish, size): the shortest way from a source seed to a target seed, and its direction codes.

    source, target: (node_a, cost_a, node_b, cost_b), ranks, as in `sweep.climb`. The path runs from rank
    `start` to rank `finish` along codes[0 : size] (INFINITE, -1, -1, 0 when there is no way). forward, backward: (n,) int64 scratch, all INFINITE
    before and after. forward_code, backward_code: (n,) int32 scratch. codes: (>= 2 tree heights,) int32, overwritten.
    """
    _walk(parent, up_first, up_head, weight, 0, source, forward, forward_code)
    _walk(parent, up_first, up_head, weight, 1, target, backward, backward_code)
    best, top = INFINITE, -1
    v = min(target[0], target[2])
    while v >= 0:
        both = forward[v] + backward[v]
        if both < best:
            best, top = both, v
        v = parent[v]
    start, finish, size = -1, -1, 0
    if top >= 0:
        v = top
        while forward_code[v] >= 0:
            codes[size] = forward_code[v]
            size += 1
            v = up_tail[forward_code[v] >> 1]
        start = v
        for k in range(size // 2):
            codes[k], codes[size - 1 - k] = codes[size - 1 - k], codes[k]
        v = top
        while backward_code[v] >= 0:
            codes[size] = backward_code[v]
            size += 1
            v = up_tail[backward_code[v] >> 1]
        finish = v
    _forget(parent, source, forward)
    _forget(parent, target, backward)
    return best, start, finish, size


@numba.njit(cache=True, nogil=True)
def _walk(parent, up_first, up_head, weight, side, seed, distance, code):
    v = min(seed[0], seed[2])
    while v >= 0:
        code[v] = -1
        v = parent[v]
    distance[seed[0]] = min(distance[seed[0]], seed[1])
    distance[seed[2]] = min(distance[seed[2]], seed[3])
    v = min(seed[0], seed[2])
    while v >= 0:
        here = distance[v]
        if here < INFINITE:
            for slot in range(up_first[v], up_first[v + 1]):
                there = here + weight[2 * slot + side]
                if there < distance[up_head[slot]]:
                    distance[up_head[slot]] = there
                    code[up_head[slot]] = 2 * slot + side
        v = parent[v]


@numba.njit(cache=True, nogil=True)
def _forget(parent, seed, distance):
    v = min(seed[0], seed[2])
    while v >= 0:
        distance[v] = INFINITE
        v = parent[v]
