"""Point-to-point distances and the packed path that has them, by two walks up the elimination tree.

Source: Dibbelt, Strasser, Wagner, arXiv 1402.0402, section 7.2 (elimination-tree query).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from matcher.matching.base.positions import INFINITE, Int


class Seed(NamedTuple):
    """Where a climb begins: two equal or adjacent ranks and their packed costs, INFINITE for "not this one"."""

    node_a: Int
    cost_a: Int
    node_b: Int
    cost_b: Int


class TreeQuery(NamedTuple):
    """Which way is wanted: from a seed to a seed, shorter than `bound`, which is INFINITE at most."""

    source: Seed
    target: Seed
    bound: Int


class Way(NamedTuple):
    """A shortest way from rank `start` to rank `finish` along the first `size` codes of the scratch.

    (bound, -1, -1, 0) when there is none shorter than the bound.
    """

    cost: Int
    start: Int
    finish: Int
    size: Int


@numba.njit(cache=True, nogil=True)
def tree_query(hierarchy, query, work):
    """The shortest `Way` of a `TreeQuery` in a `Hierarchy`. work: a `QueryScratch`, of which `codes` is overwritten.

    Every meeting point is a common ancestor. Both walks reach these from below, in step, and a node that is as far from
    its end as the best way found so far is not looked beyond: weights are not negative, so nothing shorter leads
    through it.
    """
    parent, source, target = hierarchy.parent, query.source, query.target
    forward, backward = work.forward, work.backward
    forward_code, backward_code = work.forward_code, work.backward_code
    seed_climb(source, forward, forward_code)
    seed_climb(target, backward, backward_code)
    best, top = query.bound, -1
    v, w = min(source.node_a, source.node_b), min(target.node_a, target.node_b)
    while v != w:
        if w < 0 or 0 <= v < w:
            if forward[v] < best:
                relax_up(hierarchy, 0, v, forward, forward_code)
            v = parent[v]
        else:
            if backward[w] < best:
                relax_up(hierarchy, 1, w, backward, backward_code)
            w = parent[w]
    while v >= 0:
        both = forward[v] + backward[v]
        if both < best:
            best, top = both, v
        if forward[v] < best:
            relax_up(hierarchy, 0, v, forward, forward_code)
        if backward[v] < best:
            relax_up(hierarchy, 1, v, backward, backward_code)
        v = parent[v]
    start, finish, size = -1, -1, 0
    if top >= 0:
        start, finish, size = _collect(hierarchy.up_tail, top, forward_code, backward_code, work.codes)
    _forget(parent, source, forward)
    _forget(parent, target, backward)
    return Way(np.int64(best), np.int64(start), np.int64(finish), np.int64(size))


@numba.njit(cache=True, nogil=True)
def seed_climb(seed, distance, code):
    """Where a climb begins: distances and codes of one or two nodes."""
    distance[seed.node_a] = seed.cost_a
    distance[seed.node_b] = min(distance[seed.node_b], seed.cost_b)
    code[seed.node_a] = -1
    code[seed.node_b] = -1


@numba.njit(cache=True, nogil=True, inline="always")
def relax_up(hierarchy, side, v, distance, code):
    """Go on from a node to its upper neighbours: ways up on side 0, ways down on side 1."""
    up_head, weight = hierarchy.up_head, hierarchy.weight
    here = distance[v]
    for slot in range(hierarchy.up_first[v], hierarchy.up_first[v + 1]):
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
    v = min(seed.node_a, seed.node_b)
    while v >= 0:
        distance[v] = INFINITE
        v = parent[v]
