"""Kernels of walking: lengths of walks from one place within a limit, and a choice of stops that lie apart."""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from matcher.roads.network.graph import I32

#: Farther than any walk; the rest state of the `distance` work array.
UNREACHED = np.int32(2**31 - 1)

_METRES_PER_DEGREE = math.radians(1.0) * 6_371_008.8  # on the mean sphere, as Coordinate.distance_m


class WalkGraph(NamedTuple):
    """The arrays of a `WalkNetwork` that walks are found on. Read-only."""

    first_out: I32
    out_head: I32
    out_edge: I32
    edge_length_cm: I32


class WalkStart(NamedTuple):
    """An edge, and how long the walk from the place to each of its ends is."""

    edge: int
    start_node: int
    to_start_cm: int
    end_node: int
    to_end_cm: int


class WalkScratch(NamedTuple):
    """Work arrays, (n,) each."""

    distance: I32  # all UNREACHED between uses
    from_row: I32
    by_edge: I32
    row_of: I32


class Walked(NamedTuple):
    """k nodes by the length of the walk, each after its parent."""

    node: I32  # (k,)
    length_cm: I32  # (k,) ascending
    parent: I32  # (k,) row of the node before, -1 where the walk comes straight from the place
    edge: I32  # (k,) the walk edge it comes along


@numba.njit(cache=True, nogil=True)
def walks_within(graph, start, limit_cm, work):
    """Every node within `limit_cm` (inclusive) of a `WalkStart`, as `Walked`.

    Of walks of one length the one found first counts. Dijkstra from the two ends of the edge. The order does not depend
    on the limit.
    """
    first_out, out_head, out_edge, edge_length = graph.first_out, graph.out_head, graph.out_edge, graph.edge_length_cm
    distance, from_row, by_edge, row_of = work.distance, work.from_row, work.by_edge, work.row_of
    heap = np.empty(256, np.int64)
    size = 0
    for side in range(2):
        node, cost = (start.start_node, start.to_start_cm) if side == 0 else (start.end_node, start.to_end_cm)
        if cost <= limit_cm and cost < distance[node]:
            distance[node] = cost
            from_row[node] = -1
            by_edge[node] = start.edge
            row_of[node] = -1
            heap, size = _push(heap, size, (np.int64(cost) << 32) | np.int64(node))
    settled = np.empty(256, np.int32)
    count = 0
    while size > 0:
        key = heap[0]
        size = _pop(heap, size)
        node = np.int32(key & 0xFFFFFFFF)
        length = key >> 32
        if row_of[node] >= 0 or length > distance[node]:
            continue
        if count == len(settled):
            settled = _grown(settled)
        settled[count] = node
        row_of[node] = count
        for slot in range(first_out[node], first_out[node + 1]):
            other = out_head[slot]
            there = length + edge_length[out_edge[slot]]
            if there <= limit_cm and there < distance[other]:
                if distance[other] == UNREACHED:
                    row_of[other] = -1
                distance[other] = there
                from_row[other] = count
                by_edge[other] = out_edge[slot]
                heap, size = _push(heap, size, (np.int64(there) << 32) | np.int64(other))
        count += 1
    node_out = settled[:count].copy()
    length_out = np.empty(count, np.int32)
    parent_out = np.empty(count, np.int32)
    edge_out = np.empty(count, np.int32)
    for row in range(count):
        node = node_out[row]
        length_out[row] = distance[node]
        parent_out[row] = from_row[node]
        edge_out[row] = by_edge[node]
        distance[node] = UNREACHED
    return Walked(node_out, length_out, parent_out, edge_out)


@numba.njit(cache=True, nogil=True)
def _grown(array):
    larger = np.empty(2 * len(array), array.dtype)
    larger[: len(array)] = array
    return larger


@numba.njit(cache=True, nogil=True)
def _push(heap, size, key):
    """(heap, size) with one more key; the heap is a new array when the old one was full."""
    if size == len(heap):
        heap = _grown(heap)
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if heap[above] <= key:
            break
        heap[at] = heap[above]
        at = above
    heap[at] = key
    return heap, size + 1


@numba.njit(cache=True, nogil=True)
def _pop(heap, size):
    """The size of the heap without its lowest key."""
    size -= 1
    key = heap[size]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        if below + 1 < size and heap[below + 1] < heap[below]:
            below += 1
        if heap[below] >= key:
            break
        heap[at] = heap[below]
        at = below
    heap[at] = key
    return size


@numba.njit(cache=True, nogil=True)
def spread_out(lat, lon, walk, needed, door_lat, door_lon, most):
    """(k,) int32, ascending: stops that lie apart from the door and from each other, at most `most`, the nearest first.

    lat, lon (s,) degrees, walk (s,) cm ascending, needed (s,) float64 metres. Stop i is taken when no stop taken before
    it, and not the door, lies within needed[i] of it, as the crow flies in the plane that touches the Earth at the
    door. Whether it is taken depends on stops with shorter walks only, so that a longer list begins with what a shorter
    one gives.
    """
    x_scale = _METRES_PER_DEGREE * math.cos(math.radians(door_lat))
    x, y = np.empty(most + 1), np.empty(most + 1)
    x[0] = y[0] = 0.0
    taken = np.empty(most, np.int32)
    count = 0
    for i in range(len(walk)):
        if count == most:
            break
        x_i, y_i = (lon[i] - door_lon) * x_scale, (lat[i] - door_lat) * _METRES_PER_DEGREE
        apart = True
        for k in range(count + 1):
            if math.hypot(x_i - x[k], y_i - y[k]) < needed[i]:
                apart = False
                break
        if apart:
            taken[count] = i
            count += 1
            x[count], y[count] = x_i, y_i
    return taken[:count].copy()
