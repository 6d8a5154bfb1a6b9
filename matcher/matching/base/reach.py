"""How long a detour is at least, before any exact cost is computed: what a sweep says of nodes, of cells of nodes, and
of groups of cells.

Of a position on an edge only one node is kept: one from which the position can be driven to along its edge (for an
origin), or that can be driven to from it (for a destination), the nearer one where there are two. If a car needs c from
the node to the origin, then for any stop the node is at most c farther from it than the origin is (triangle
inequality); so the node's distance less c is a true bound on the origin's, also for a stop on the same edge. c goes
into the offer's *reach*: drive without riders, plus budget, plus c at either end. The detour is at least `beyond` what
the driver accepts where

    to_pickup[origin node] + ride + from_dropoff[destination node] - reach = beyond.

Offers of several legs obey it as well: whatever stops lie between, the new drive leads from the origin over the pickup
and the dropoff to the destination. Nodes are ranks of the nested dissection, so neighbours in number are neighbours on
the road: 2**CELL_BITS of them are a cell, and the least of a cell's nodes is a bound for each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from matcher.matching.base.positions import FRACTION_ONE, I32, I64, INFINITE, U32, part_of

#: Three days of driving, in ms: longer times, and "no way", are cut to this, so that no sum of a bound leaves 32 bits.
FAR = np.int32(1 << 28)
#: Nodes of a cell: its bounds of a country fit the nearest cache. Nodes of a group: for whole blocks.
CELL_BITS, GROUP_BITS = 4, 8


#: Columns of the distances of a sweep; those of `sweep_both` have the last two as well.
TO_PICKUP, FROM_DROPOFF, TO_DROPOFF, FROM_PICKUP = range(4)


class Ends(NamedTuple):
    """Where k drives begin and end, (k,) int32 each: edges with fixed-point fractions."""

    origin_edge: I32
    origin_at: I32
    destination_edge: I32
    destination_at: I32


class Reach(NamedTuple):
    """What bounds on k offers are taken from, (k,) each, as in `rows.Rows`."""

    origin_node: U32
    destination_node: U32
    reach_ms: I32


class Bounds(NamedTuple):
    """What bounds on detours are taken from; times in ms, int32, cut to FAR.

    distance: (n, 2 or more) packed costs by node. cell_to, cell_from: (cells,) the least to the pickup and from the
    dropoff of each cell. group_to, group_from: (levels, groups), [k, g] the least of the 2**k groups from g on.
    direct_ms: the rider's own drive.
    """

    distance: I64
    cell_to: I32
    cell_from: I32
    group_to: I32
    group_from: I32
    direct_ms: np.int32


def reach_of(edges: Any, ends: Ends, cost: I64, max_detour_ms: I32) -> Reach:
    """The reach of k offers. edges: (e,) EDGE; cost: packed, of their drives without riders."""
    return Reach(*reach_columns(edges, ends, cost, max_detour_ms))


@numba.njit(cache=True, nogil=True)
def reach_columns(edges, ends, cost, max_detour_ms):
    """The columns of `Reach`.

    A budget that is used up counts as none: the bound is on what lies beyond what is left of it, and is only less for
    that.
    """
    k = len(cost)
    origin_node, destination_node, reach_ms = np.empty(k, np.uint32), np.empty(k, np.uint32), np.empty(k, np.int32)
    for i in range(k):
        edge, at = edges[ends.origin_edge[i]], np.int64(ends.origin_at[i])
        # From the start along the forward arc, from the end along the backward arc.
        from_start = part_ms(edge.forward, at)
        from_end = part_ms(edge.backward, FRACTION_ONE - at)
        origin_node[i] = edge.start if from_start <= from_end else edge.end
        reach = min(from_start, from_end)
        edge, at = edges[ends.destination_edge[i]], np.int64(ends.destination_at[i])
        # What is left of either arc, so that the parts on both sides add up to the arc.
        to_end = rest_ms(edge.forward, at)
        to_start = rest_ms(edge.backward, FRACTION_ONE - at)
        destination_node[i] = edge.end if to_end <= to_start else edge.start
        reach_ms[i] = reach + min(to_end, to_start) + (cost[i] >> 32) + max(0, max_detour_ms[i])
    return origin_node, destination_node, reach_ms


@numba.njit(cache=True, nogil=True, inline="always")
def part_ms(cost, fixed):
    """The time of a part of an arc, FAR where there is no arc."""
    return part_of(cost, fixed) >> 32 if cost < INFINITE else np.int64(FAR)


@numba.njit(cache=True, nogil=True, inline="always")
def rest_ms(cost, fixed):
    """The time of what is left of an arc, FAR where there is no arc."""
    return (cost - part_of(cost, fixed)) >> 32 if cost < INFINITE else np.int64(FAR)


@numba.njit(cache=True, nogil=True)
def least_times(distance, direct_ms):
    """The Bounds of a sweep. distance: (n, 2 or more) packed, TO_PICKUP and FROM_DROPOFF at least."""
    size = 1 << CELL_BITS
    count = (len(distance) + size - 1) >> CELL_BITS
    cell_to, cell_from = np.empty(count, np.int32), np.empty(count, np.int32)
    for c in range(count):
        first = c * size
        to, back = distance[first, TO_PICKUP], distance[first, FROM_DROPOFF]
        for v in range(first + 1, min(len(distance), first + size)):
            to, back = min(to, distance[v, TO_PICKUP]), min(back, distance[v, FROM_DROPOFF])
        cell_to[c], cell_from[c] = time_of(to), time_of(back)
    group_to = least_of_ranges(least_of_each(cell_to, GROUP_BITS - CELL_BITS))
    group_from = least_of_ranges(least_of_each(cell_from, GROUP_BITS - CELL_BITS))
    return Bounds(distance, cell_to, cell_from, group_to, group_from, np.int32(min(direct_ms, np.int64(FAR))))


@numba.njit(cache=True, nogil=True, inline="always")
def time_of(packed):
    """The time of a packed cost in 32 bits, cut to FAR.

    Anything may stand at a node that nobody asks for: it must not leave 32 bits in a sum.
    """
    return np.int32(max(np.int64(0), min(packed >> 32, np.int64(FAR))))


@numba.njit(cache=True, nogil=True)
def least_of_each(values, bits):
    """The least of each 2**bits values in a row."""
    size = 1 << bits
    count = (len(values) + size - 1) >> bits
    least = np.empty(count, np.int32)
    for k in range(count):
        lowest = values[k * size]
        for i in range(k * size + 1, min(len(values), k * size + size)):
            lowest = min(lowest, values[i])
        least[k] = lowest
    return least


@numba.njit(cache=True, nogil=True)
def least_of_ranges(values):
    """(levels, n): [k, i] is the least of values[i : i + 2**k]; what lies beyond the end is left out."""
    n = len(values)
    levels = 1
    while (1 << levels) <= n:
        levels += 1
    least = np.empty((levels, n), np.int32)
    least[0] = values
    for k in range(1, levels):
        half = 1 << (k - 1)
        for i in range(n):
            least[k, i] = min(least[k - 1, i], least[k - 1, i + half]) if i + half < n else least[k - 1, i]
    return least


@numba.njit(cache=True, nogil=True, inline="always")
def least_between(least, first, last):
    """The least of values[first : last + 1], of two overlapping ranges of `least_of_ranges`."""
    level = 0
    while (2 << level) <= last - first + 1:
        level += 1
    return min(least[level, first], least[level, last + 1 - (1 << level)])
