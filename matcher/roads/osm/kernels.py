"""Kernels of the import: strongly connected parts, and folding pieces of street into edges."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from matcher.roads.network.graph import I32


def largest_component(node_count: int, tail: I32, head: I32) -> npt.NDArray[np.bool_]:
    """(n,) True for the nodes of the strongly connected part with the most nodes; of equals, that with the lowest node.

    Tarjan, "Depth-first search and linear graph algorithms" (1972), without recursion; O(nodes + arcs).
    """
    order = np.argsort(tail, kind="stable")
    first = np.zeros(node_count + 1, dtype=np.int64)
    np.cumsum(np.bincount(tail, minlength=node_count), out=first[1:])
    component = _components(first, head[order].astype(np.int32))
    sizes = np.bincount(component)
    lowest = np.full(len(sizes), node_count, dtype=np.int64)
    np.minimum.at(lowest, component, np.arange(node_count))
    best = np.lexsort((lowest, -sizes))[0]
    return np.asarray(component == best)


@numba.njit(cache=True, nogil=True)
def _components(first, head):
    n = len(first) - 1
    component = np.full(n, -1, np.int32)
    index = np.full(n, -1, np.int32)
    low = np.zeros(n, np.int32)
    cursor = np.zeros(n, np.int64)
    open_nodes = np.empty(n, np.int32)  # Tarjan's stack
    path = np.empty(n, np.int32)  # the call stack
    opened = 0
    counter = 0
    found = 0
    for root in range(n):
        if index[root] >= 0:
            continue
        depth = 0
        path[0] = root
        index[root] = low[root] = counter
        counter += 1
        cursor[root] = first[root]
        open_nodes[opened] = root
        opened += 1
        while depth >= 0:
            v = path[depth]
            if cursor[v] < first[v + 1]:
                w = head[cursor[v]]
                cursor[v] += 1
                if index[w] < 0:
                    index[w] = low[w] = counter
                    counter += 1
                    cursor[w] = first[w]
                    open_nodes[opened] = w
                    opened += 1
                    depth += 1
                    path[depth] = w
                elif component[w] < 0:
                    low[v] = min(low[v], index[w])
                continue
            depth -= 1
            if depth >= 0:
                low[path[depth]] = min(low[path[depth]], low[v])
            if low[v] == index[v]:
                while True:
                    opened -= 1
                    w = open_nodes[opened]
                    component[w] = found
                    if w == v:
                        break
                found += 1
    return component


@numba.njit(cache=True, nogil=True)
def _folds(stays, start, end, group, along, against):
    """Which nodes disappear, and the two piece ends (2 * piece, + 1 for its end) that meet at each of them."""
    node_count = len(stays)
    degree = np.zeros(node_count, np.int32)
    end_a = np.full(node_count, -1, np.int64)
    end_b = np.full(node_count, -1, np.int64)
    for p in range(len(start)):
        for side in range(2):
            node = start[p] if side == 0 else end[p]
            degree[node] += 1
            if degree[node] == 1:
                end_a[node] = 2 * p + side
            else:
                end_b[node] = 2 * p + side
    folds = np.zeros(node_count, np.bool_)
    for node in range(node_count):
        p, q = end_a[node] >> 1, end_b[node] >> 1
        if stays[node] or degree[node] != 2 or p == q or group[p] != group[q]:
            continue
        # Travelling p -> node -> q.
        p_onward, p_back = (along[p], against[p]) if end_a[node] & 1 == 1 else (against[p], along[p])
        q_onward, q_back = (along[q], against[q]) if end_b[node] & 1 == 0 else (against[q], along[q])
        folds[node] = p_onward == q_onward and p_back == q_back
    return folds, end_a, end_b


@numba.njit(cache=True, nogil=True)
def chains(stays, start, end, group, along, against):
    """Join pieces of street end to end where nothing meets and nothing changes.

    stays: (n,) bool, nodes that are kept whatever meets there. Pieces: start, end (k,) int32 nodes; group (k,) int64,
    equal where class and name are; along, against (k,) float64 km/h in and against the direction of drawing, 0 when
    closed. A node disappears when it need not stay and exactly two piece ends meet there, of two pieces of one group
    whose speeds agree in the direction of travel. A ring that would vanish whole keeps the first node of its first
    piece. Returns (chain_first (c + 1,), piece (k,), turned (k,) uint8): chain i is piece[chain_first[i] :
    chain_first[i + 1]] in order of travel, turned = 1 where a piece runs against its drawing. Every chain may be driven
    from its first piece to its last.
    """
    k = len(start)
    folds, end_a, end_b = _folds(stays, start, end, group, along, against)
    chain_first = np.zeros(k + 1, np.int64)
    piece = np.empty(k, np.int32)
    turned = np.empty(k, np.uint8)
    done = np.zeros(k, np.bool_)
    chain_count = 0
    filled = 0
    for ring in range(2):
        for p in range(k):
            if done[p]:
                continue
            if ring == 1:
                folds[start[p]] = False
            if folds[start[p]] and folds[end[p]]:
                continue
            reverse = folds[start[p]]
            begin = filled
            now, is_turned = p, reverse
            while True:
                done[now] = True
                piece[filled] = now
                turned[filled] = is_turned
                filled += 1
                node = start[now] if is_turned else end[now]
                if not folds[node]:
                    break
                arrived = 2 * now + (0 if is_turned else 1)
                other = end_b[node] if end_a[node] == arrived else end_a[node]
                now, is_turned = other >> 1, (other & 1) == 1
            if (against[p] if reverse else along[p]) <= 0.0:
                _turn(piece, turned, begin, filled)
            chain_count += 1
            chain_first[chain_count] = filled
    return chain_first[: chain_count + 1].copy(), piece, turned


@numba.njit(cache=True, nogil=True)
def _turn(piece, turned, begin, end):
    low, high = begin, end - 1
    while low < high:
        piece[low], piece[high] = piece[high], piece[low]
        turned[low], turned[high] = turned[high], turned[low]
        low += 1
        high -= 1
    for i in range(begin, end):
        turned[i] = 1 - turned[i]


@numba.njit(cache=True, nogil=True)
def chain_points(chain_first, piece, turned, piece_begin, piece_end):
    """Which way points make up each chain. piece_begin, piece_end (k,) int64: first and last point of a piece, both
    included.

    Returns (point_first (c + 1,) int64, point (g,) int64); the point where two pieces meet is there once.
    """
    c = len(chain_first) - 1
    point_first = np.zeros(c + 1, np.int64)
    for i in range(c):
        size = 1
        for j in range(chain_first[i], chain_first[i + 1]):
            size += piece_end[piece[j]] - piece_begin[piece[j]]
        point_first[i + 1] = point_first[i] + size
    point = np.empty(point_first[c], np.int64)
    for i in range(c):
        write = point_first[i]
        for j in range(chain_first[i], chain_first[i + 1]):
            begin, end = piece_begin[piece[j]], piece_end[piece[j]]
            step = 1
            if turned[j] == 1:
                begin, end, step = end, begin, -1
            skip = 1 if j > chain_first[i] else 0
            for offset in range(skip, abs(end - begin) + 1):
                point[write] = begin + step * offset
                write += 1
    return point_first, point


@numba.njit(cache=True, nogil=True)
def union(size, pair_a, pair_b):
    """(size,) int64: for each thing the lowest thing that pairs join it to, directly or through others."""
    parent = np.arange(size)
    for i in range(len(pair_a)):
        a, b = pair_a[i], pair_b[i]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a < b:
            parent[b] = a
        else:
            parent[a] = b
    for i in range(size):
        parent[i] = parent[parent[i]]
    return parent
