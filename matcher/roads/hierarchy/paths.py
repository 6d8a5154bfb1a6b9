"""From packed paths to arcs."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def unpack(hierarchy, codes):
    """The arcs, int32, that some codes stand for, in driving order. O(length of the path)."""
    first, second = hierarchy.first, hierarchy.second
    stack = np.empty(64, np.int32)
    arcs = np.empty(256, np.int32)
    used = 0
    for whole in codes:
        stack[0] = whole
        depth = 1
        while depth > 0:
            depth -= 1
            code = stack[depth]
            if second[code] < 0:
                if used == len(arcs):
                    grown = np.empty(2 * used, np.int32)
                    grown[:used] = arcs
                    arcs = grown
                arcs[used] = first[code]
                used += 1
            else:
                if depth + 2 > len(stack):
                    taller = np.empty(2 * len(stack), np.int32)
                    taller[:depth] = stack[:depth]
                    stack = taller
                stack[depth] = second[code]
                stack[depth + 1] = first[code]
                depth += 2
    return arcs[:used].copy()
