"""The metric-dependent half of the hierarchy: weights of all slots from the weights of the arcs.

Source: Dibbelt, Strasser, Wagner, arXiv 1402.0402, section 6 (basic customisation by lower triangles, perfect
customisation).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from matcher.matching.base.positions import INFINITE
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import I32, I64, read_only


class Hierarchy(NamedTuple):
    """A hierarchy under one metric, as kernels take it. Read-only.

    Slots and direction codes are those of its Topology; C = 2 S codes. A code stands for one arc of the network
    (`second` is -1, `first` is the arc), or for two codes driven one after the other (`first`, then `second`), or for
    nothing (weight INFINITE, both -1).
    """

    parent: I32  # (n,)
    up_first: I32  # (n + 1,)
    up_tail: I32  # (S,)
    up_head: I32  # (S,)
    weight: I64  # (C,) packed cost
    first: I32  # (C,)
    second: I32  # (C,)


class SweepGraph(NamedTuple):
    """The slots of a Hierarchy that lie on a shortest path, by low rank: all that a sweep must look at. Read-only."""

    parent: I32  # (n,)
    first: I32  # (n + 1,)
    head: I32  # (T,)
    weight: I64  # (2 T,) packed up and down cost of each slot, side by side


def customise(topology: Topology, arc_cost: I64) -> tuple[Hierarchy, SweepGraph]:
    """The hierarchy under a metric, (m,) >= 0. O(triangles), a fraction of a second for a country."""
    parent, up_first, up_tail, up_head = topology.parent, topology.up_first, topology.up_tail, topology.up_head
    weight, first, second = _customise(up_first, up_head, topology.arc_code, read_only(arc_cost))
    weight = read_only(weight)
    hierarchy = Hierarchy(parent, up_first, up_tail, up_head, weight, read_only(first), read_only(second))
    return hierarchy, SweepGraph(parent, *map(read_only, _perfect(up_first, up_head, weight)))


@numba.njit(cache=True, nogil=True)
def _customise(up_first, up_head, arc_code, arc_weight):
    n = len(up_first) - 1
    codes = 2 * len(up_head)
    weight = np.full(codes, INFINITE, np.int64)
    first = np.full(codes, -1, np.int32)
    second = np.full(codes, -1, np.int32)
    for arc in range(len(arc_code)):
        code = arc_code[arc]
        if code >= 0 and arc_weight[arc] < weight[code]:
            weight[code] = arc_weight[arc]
            first[code] = arc
    for v in range(n):
        end = up_first[v + 1]
        for low in range(up_first[v], end):
            x = up_head[low]
            slot = up_first[x]
            for high in range(low + 1, end):
                y = up_head[high]
                while up_head[slot] < y:  # up(v) above x is a subset of up(x): the slot exists
                    slot += 1
                up = weight[2 * low + 1] + weight[2 * high]
                if up < weight[2 * slot]:
                    weight[2 * slot] = up
                    first[2 * slot] = 2 * low + 1
                    second[2 * slot] = 2 * high
                down = weight[2 * high + 1] + weight[2 * low]
                if down < weight[2 * slot + 1]:
                    weight[2 * slot + 1] = down
                    first[2 * slot + 1] = 2 * high + 1
                    second[2 * slot + 1] = 2 * low
    return weight, first, second


@numba.njit(cache=True, nogil=True)
def _perfect(up_first, up_head, weight):
    """Leave out slots that lie on no shortest path in either direction: their weight is beaten by another triangle.

    Perfect customisation visits nodes from the highest rank down; when node v is reached, all slots above it hold true
    distances, so a slot (v, x) that is longer than the way over a third node y of up(v) can never be needed by a sweep,
    which then reaches v through y (y's own distance being exact). A slot that is only as short as another way stays in.
    """
    n = len(up_first) - 1
    true = weight.copy()
    needed = np.zeros(len(up_head), np.uint8)
    for v in range(n - 1, -1, -1):
        end = up_first[v + 1]
        for low in range(up_first[v], end):
            x = up_head[low]
            slot = up_first[x]
            for high in range(low + 1, end):
                y = up_head[high]
                while up_head[slot] < y:
                    slot += 1
                # the upper slot (x, y) is exact by now; each lower side may go over the other
                true[2 * low] = min(true[2 * low], true[2 * high] + true[2 * slot + 1])
                true[2 * low + 1] = min(true[2 * low + 1], true[2 * slot] + true[2 * high + 1])
                true[2 * high] = min(true[2 * high], true[2 * low] + true[2 * slot])
                true[2 * high + 1] = min(true[2 * high + 1], true[2 * slot + 1] + true[2 * low + 1])
    kept = 0
    for slot in range(len(up_head)):
        up_used = weight[2 * slot] < INFINITE and weight[2 * slot] == true[2 * slot]
        down_used = weight[2 * slot + 1] < INFINITE and weight[2 * slot + 1] == true[2 * slot + 1]
        if up_used or down_used:
            needed[slot] = 1
            kept += 1
    sweep_first = np.zeros(n + 1, np.int32)
    sweep_head = np.empty(kept, np.int32)
    sweep_weight = np.empty(2 * kept, np.int64)
    used = 0
    for v in range(n):
        for slot in range(up_first[v], up_first[v + 1]):
            if needed[slot]:
                sweep_head[used] = up_head[slot]
                sweep_weight[2 * used] = weight[2 * slot]
                sweep_weight[2 * used + 1] = weight[2 * slot + 1]
                used += 1
        sweep_first[v + 1] = used
    return sweep_first, sweep_head, sweep_weight
