"""Distances to and from the two places of a rider, for no more nodes than are asked about.

The true distance of a node follows from its ancestors in the elimination tree, and from nothing else. So each walk from
a node up to the first ancestor that is known already, and down again, settles the node for good. Few offers on a large
network cost what they touch, not what the network is. Source: Delling, Goldberg, Werneck, "Faster Batched Shortest
Paths in Road Networks" (RPHAST), 2011; on the elimination tree of a CCH.
"""

from __future__ import annotations

import numba

from matcher.matching.base.positions import INFINITE
from matcher.roads.sweeps.many import CLIMBED, SETTLED, UNTOUCHED, WANTED, seed_least
from matcher.roads.sweeps.one import climb_places

#: One new node to so many of the network is worth a look at the state of all.
_SCAN_FROM = 100


@numba.njit(cache=True, nogil=True)
def begin_restricted(graph, edges, pickup, dropoff, distance, work):
    """How many nodes were touched: the ancestors of the two places, whose rows of `distance` get ways that only climb.

    The other arguments are those of `one.sweep_places`. work: a clean `SomeScratch`; the nodes that are no longer
    UNTOUCHED are noted at the beginning of work.touched.
    """
    state, count = work.state, 0
    for edge in (pickup.edge, dropoff.edge):
        v = min(edges.start[edge], edges.end[edge])
        while v >= 0 and state[v] == UNTOUCHED:
            state[v] = CLIMBED
            distance[v, :] = INFINITE
            work.touched[count] = v
            count += 1
            v = graph.parent[v]
    climb_places(graph, edges, pickup, dropoff, distance)
    return count


@numba.njit(cache=True, nogil=True)
def begin_restricted_least(sides, least, work):
    """As `begin_restricted` for the nearest of several places; sides and least as in `many.sweep_least`."""
    state, count = work.state, 0
    for column in range(least.shape[1]):
        for v in sides[column].nodes:
            if state[v] == UNTOUCHED:
                state[v] = CLIMBED
                least[v, :] = INFINITE
                work.touched[count] = v
                count += 1
    seed_least(sides, least)
    return count


@numba.njit(cache=True, nogil=True)
def settle_restricted(graph, edges, wanted, distance, work, count):
    """Settle both ends of the edges `wanted`, (w,) int32; returns how many nodes are touched now.

    count: what the call before returned. What is SETTLED already is not done again; O(slots of new nodes), and a look
    at each node's state when they are many.
    """
    parent, start, end, state, path = graph.parent, edges.start, edges.end, work.state, work.path
    before = count
    for edge in wanted:
        for stop in (start[edge], end[edge]):
            v = stop
            while v >= 0 and state[v] < SETTLED:
                if state[v] == UNTOUCHED:
                    distance[v, :] = INFINITE
                    work.touched[count] = v
                    count += 1
                state[v] |= WANTED
                v = parent[v]
    if (count - before) * _SCAN_FROM < len(state):
        # Few: up again from each stop, and settle on the way down.
        for edge in wanted:
            for stop in (start[edge], end[edge]):
                size = 0
                v = stop
                while v >= 0 and state[v] != SETTLED:
                    path[size] = v
                    size += 1
                    v = parent[v]
                while size > 0:
                    size -= 1
                    _settle(graph, path[size], distance)
                    state[path[size]] = SETTLED
    else:
        # Many: in the order of a sweep, in which what is needed next lies near.
        for v in range(len(state) - 1, -1, -1):
            if state[v] & WANTED:
                _settle(graph, v, distance)
                state[v] = SETTLED
    return count


@numba.njit(cache=True, nogil=True, inline="always")
def _settle(graph, v, distance):
    """The true distances of a node from those of its ancestors."""
    head, weight = graph.head, graph.weight
    for column in range(0, distance.shape[1], 2):
        to_target, from_source = distance[v, column], distance[v, column + 1]
        for k in range(graph.first[v], graph.first[v + 1]):
            h = head[k]
            to_target = min(to_target, weight[2 * k] + distance[h, column])
            from_source = min(from_source, weight[2 * k + 1] + distance[h, column + 1])
        distance[v, column] = to_target
        distance[v, column + 1] = from_source


@numba.njit(cache=True, nogil=True)
def forget_restricted(work, count):
    """Make `work` clean again."""
    for v in work.touched[:count]:
        work.state[v] = UNTOUCHED
