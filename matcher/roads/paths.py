"""From packed paths to arcs, and how much road two routes have in common."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def unpack(first, second, codes, size):
    """The arcs, int32, that codes[0 : size] stand for, in driving order. O(length of the path)."""
    stack = np.empty(64, np.int32)
    arcs = np.empty(256, np.int32)
    used = 0
    for k in range(size):
        stack[0] = codes[k]
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
