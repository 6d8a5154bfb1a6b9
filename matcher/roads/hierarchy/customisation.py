"""The metric-dependent half of the hierarchy: weights of all slots from the weights of the arcs.

Source: Dibbelt, Strasser, Wagner, arXiv 1402.0402, section 6 (basic customisation by lower triangles, perfect customisation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from matcher.matching.base.positions import INFINITE
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import I32, I64, hold_read_only, read_only


@dataclass(frozen=True, eq=False)
class Metric:
    """A customised hierarchy. Indexed by direction code (see Topology), C = 2 S codes.

    A code either stands for one arc of the network (`second` is -1, `first` is the arc) or for two codes driven one after
    the other (`first`, then `second`), or for nothing (weight INFINITE, both -1).
    """

    arc_weight: I64  # (m,)
    weight: I64  # (C,)
    first: I32  # (C,)
    second: I32  # (C,)
    sweep_first: I32  # (n + 1,) slots that a sweep must look at, by low rank: a subset of the topology's
    sweep_head: I32  # (T,)
    sweep_weight: I64  # (2 T,) up and down weight of each such slot, side by side

    def __post_init__(self) -> None:
        hold_read_only(self)

    @classmethod
    def customise(cls, topology: Topology, arc_weight: I64) -> Metric:
        """Weights for all slots. `arc_weight` is (m,) int64, >= 0; O(triangles) time, a fraction of a second for a country."""
        arc_weight = read_only(arc_weight.astype(np.int64, copy=False))
        weight, first, second = _customise(topology.up_first, topology.up_head, topology.arc_code, arc_weight)
        sweep_first, sweep_head, sweep_weight = _perfect(topology.up_first, topology.up_head, weight)
        return cls(arc_weight, weight, first, second, sweep_first, sweep_head, sweep_weight)


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
