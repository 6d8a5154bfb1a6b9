"""Point-to-point distances and the packed path that has them, by two walks up the elimination tree.

Source: Dibbelt, Strasser, Wagner, arXiv 1402.0402, section 7.2 (elimination-tree query).
"""

from __future__ import annotations

import numba
import numpy as np

from matcher.roads.customisation import INFINITE


@numba.njit(cache=True, nogil=True)
def tree_query(parent, up_first, up_head, weight, source, target, forward, backward, forward_code, backward_code, codes):  # type: ignore[no-untyped-def]
    """(distance, start node, length): the shortest way from a source seed to a target seed, and its direction codes.

    source, target: (node_a, cost_a, node_b, cost_b), ranks, as in `sweep.climb`. The path leaves the source at `start`, then
    drives codes[0 : length] (INFINITE, -1, 0 when there is no way). forward, backward: (n,) int64 scratch, all INFINITE
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
    start, size = -1, 0
    if top >= 0:
        v = top
        while forward_code[v] >= 0:
            codes[size] = forward_code[v]
            size += 1
            v = low_end(up_first, forward_code[v] >> 1)
        start = v
        for k in range(size // 2):
            codes[k], codes[size - 1 - k] = codes[size - 1 - k], codes[k]
        v = top
        while backward_code[v] >= 0:
            codes[size] = backward_code[v]
            size += 1
            v = low_end(up_first, backward_code[v] >> 1)
    _forget(parent, source, forward)
    _forget(parent, target, backward)
    return best, start, size


@numba.njit(cache=True, nogil=True)
def _walk(parent, up_first, up_head, weight, side, seed, distance, code):  # type: ignore[no-untyped-def]
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
def _forget(parent, seed, distance):  # type: ignore[no-untyped-def]
    v = min(seed[0], seed[2])
    while v >= 0:
        distance[v] = INFINITE
        v = parent[v]


@numba.njit(cache=True, nogil=True)
def low_end(up_first, slot):  # type: ignore[no-untyped-def]
    """The low rank of a slot: the last v with up_first[v] <= slot (binary search)."""
    begin, end = np.int64(0), np.int64(len(up_first) - 1)
    while end - begin > 1:
        middle = (begin + end) >> 1
        if up_first[middle] <= slot:
            begin = middle
        else:
            end = middle
    # nodes without slots share their up_first with the next node: the last of them is the one that owns the slot
    return begin
