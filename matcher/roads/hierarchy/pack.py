"""Packed drives: the few dozen codes of a drive, one by one or thousands in a call; and unpacked again."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from matcher.matching.base.positions import INFINITE, FixedPosition, along_edge, leave, reach
from matcher.roads.hierarchy.paths import unpack
from matcher.roads.hierarchy.query import Seed, TreeQuery, tree_query
from matcher.roads.hierarchy.summit import summit_query
from matcher.roads.network.graph import I32

#: Room for the first drives of a batch; a drive across a country is some 40 to 80 codes.
_CODES_A_DRIVE = 48


class EdgeArcs(NamedTuple):
    """The arcs of each edge of a network, (e,) each; -1 where it may not be driven that way."""

    forward: I32
    backward: I32


@numba.njit(cache=True, nogil=True)
def drive_between(hierarchy, edges, arcs, origin, destination, work):
    """(packed cost, codes) of the fastest drive from a `FixedPosition` to another; (INFINITE, []) without a way.

    edges: an `EdgeTable`. arcs: `EdgeArcs`. work: a `QueryScratch`. codes as in `PackedDrive`.
    """
    query = _query_of(edges, origin, destination)
    way = tree_query(hierarchy, query, work)
    packed = np.empty(way.size + 2, np.int32)
    size = _pack(edges.forward, arcs, (origin, destination), query, way, work.codes, packed)
    return way.cost, packed[:size]


@numba.njit(cache=True, nogil=True)
def pack_pairs(hierarchy, summit, edges, arcs, origins, destinations, work):
    """(cost, codes, begin, size) of k drives, each packed as by `drive_between`.

    Drive i is codes[begin[i] : begin[i] + size[i]]. origins, destinations: `FixedPosition` of (k,) int32 arrays. cost:
    (k,) int64, packed, INFINITE where there is no way (and size 0). codes: int32, all drives one after another. begin:
    (k,) int64. size: (k,) int32. summit: a `Summit`, or none.
    """
    k = len(origins.edge)
    cost = np.empty(k, np.int64)
    begin = np.empty(k, np.int64)
    size = np.empty(k, np.int32)
    flat = np.empty(_CODES_A_DRIVE * k, np.int32)
    used = 0
    for i in range(k):
        origin = FixedPosition(np.int64(origins.edge[i]), np.int64(origins.at[i]))
        destination = FixedPosition(np.int64(destinations.edge[i]), np.int64(destinations.at[i]))
        query = _query_of(edges, origin, destination)
        way = summit_query(hierarchy, summit, query, work)
        if used + way.size + 2 > len(flat):
            grown = np.empty(2 * len(flat) + way.size + 2, np.int32)
            grown[:used] = flat[:used]
            flat = grown
        cost[i] = way.cost
        begin[i] = used
        size[i] = _pack(edges.forward, arcs, (origin, destination), query, way, work.codes, flat[used:])
        used += size[i]
    return cost, flat[:used].copy(), begin, size


@numba.njit(cache=True, nogil=True)
def _query_of(edges, origin, destination):
    """What a drive asks of the hierarchy; the bound is the cost along the edge itself where both ends are on one."""
    s, t = origin.edge, destination.edge
    direct = INFINITE
    if s == t:
        direct = along_edge(edges.forward[s], edges.backward[s], origin.at, destination.at)
    to_start, to_end = leave(edges.forward[s], edges.backward[s], origin.at)
    from_start, from_end = reach(edges.forward[t], edges.backward[t], destination.at)
    source = Seed(edges.end[s], to_end, edges.start[s], to_start)
    return TreeQuery(source, Seed(edges.start[t], from_start, edges.end[t], from_end), direct)


@numba.njit(cache=True, nogil=True)
def _pack(edge_forward, arcs, ends, query, way, codes, packed):
    """How many codes a drive has, which are put into `packed`, of two more than the way; 0 without a way."""
    (s, s_at), (t, t_at) = ends
    if way.cost >= INFINITE:
        return 0
    if way.start < 0:
        along = along_edge(edge_forward[s], INFINITE, s_at, t_at)
        packed[0] = arcs.forward[s] if along == query.bound else arcs.backward[s]
        return 1
    # On a loop both ends are one node, and the cheaper way round is the one that was taken.
    source, target = query.source, query.target
    by_end = source.cost_a if way.start == source.node_a else INFINITE
    by_start = source.cost_b if way.start == source.node_b else INFINITE
    packed[0] = arcs.forward[s] if by_end <= by_start else arcs.backward[s]
    by_start = target.cost_a if way.finish == target.node_a else INFINITE
    by_end = target.cost_b if way.finish == target.node_b else INFINITE
    packed[1] = arcs.forward[t] if by_start <= by_end else arcs.backward[t]
    packed[2 : 2 + way.size] = codes[: way.size]
    return 2 + way.size


@numba.njit(cache=True, nogil=True)
def unpack_drive(hierarchy, codes):
    """The arcs of a packed drive, int32, in driving order; the first and the last are driven in part."""
    if len(codes) == 1:
        return codes.copy()
    middle = unpack(hierarchy, codes[2:])
    arcs = np.empty(len(middle) + 2, np.int32)
    arcs[0] = codes[0]
    arcs[1:-1] = middle
    arcs[-1] = codes[1]
    return arcs
