"""Distances to and from the two places of a rider, for no more nodes than are asked about.

The true distance of a node follows from its ancestors in the elimination tree, and from nothing else. So each walk from a node up to the first
ancestor that is known already, and down again, settles the node for good. Few offers on a large network cost what they touch, not what the
network is.
Source: Delling, Goldberg, Werneck, "Faster Batched Shortest Paths in Road Networks" (RPHAST), 2011; on the elimination tree of a CCH.
"""

from __future__ import annotations

import numba

from matcher.matching.base.positions import INFINITE
from matcher.roads.sweeps.many import CLIMBED, SETTLED, UNTOUCHED, WANTED, seed_least
from matcher.roads.sweeps.one import climb_places

#: One new node to so many of the network is worth a look at the state of all.
_SCAN_FROM = 100


@numba.njit(cache=True, nogil=True)
def begin_restricted(
    parent,
    sweep_first,
    sweep_head,
    sweep_weight,
    start,
    end,
    forward,
    backward,
    pickup,
    pickup_at,
    dropoff,
    dropoff_at,
    distance,
    state,
    touched,
):
    """How many nodes were touched: the ancestors of the two places, whose rows of `distance` hold ways that only climb, from now on.

    The arguments up to dropoff_at and the columns of `distance`, (n, 2) or (n, 4), are those of `sweep.sweep_places`. state: (n,) uint8, all
    UNTOUCHED before. touched: (n,) int32, the nodes that are no longer so are noted at its beginning.
    """
    count = 0
    for edge in (pickup, dropoff):
        v = min(start[edge], end[edge])
        while v >= 0 and state[v] == UNTOUCHED:
            state[v] = CLIMBED
            distance[v, :] = INFINITE
            touched[count] = v
            count += 1
            v = parent[v]
    climb_places(
        parent, sweep_first, sweep_head, sweep_weight, start, end, forward, backward,
        pickup, pickup_at, dropoff, dropoff_at, distance,
    )  # fmt: skip
    return count


@numba.njit(cache=True, nogil=True)
def begin_restricted_least(sides, least, state, touched):
    """As `begin_restricted` for the nearest of several places, each with an extra; the arguments are those of `many_sweep.sweep_least`."""
    count = 0
    for column in range(least.shape[1]):
        for v in sides[column][0]:
            if state[v] == UNTOUCHED:
                state[v] = CLIMBED
                least[v, :] = INFINITE
                touched[count] = v
                count += 1
    seed_least(sides, least)
    return count


@numba.njit(cache=True, nogil=True)
def settle_restricted(
    parent, sweep_first, sweep_head, sweep_weight, start, end, wanted, distance, state, touched, count, path
):
    """Fill the rows of `distance` of both ends of the edges `wanted`, (w,) int32, with true distances; returns how many nodes are touched now.

    count: what the call before returned. path: int32 scratch, as long as the elimination tree is high. What is SETTLED already is not
    done again; O(slots of new nodes), and a look at each node's state when they are many.
    """
    before = count
    for edge in wanted:
        for stop in (start[edge], end[edge]):
            v = stop
            while v >= 0 and state[v] < SETTLED:
                if state[v] == UNTOUCHED:
                    distance[v, :] = INFINITE
                    touched[count] = v
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
                    _settle(sweep_first, sweep_head, sweep_weight, path[size], distance)
                    state[path[size]] = SETTLED
    else:
        # Many: in the order of a sweep, in which what is needed next lies near.
        for v in range(len(state) - 1, -1, -1):
            if state[v] & WANTED:
                _settle(sweep_first, sweep_head, sweep_weight, v, distance)
                state[v] = SETTLED
    return count


@numba.njit(cache=True, nogil=True, inline="always")
def _settle(sweep_first, sweep_head, sweep_weight, v, distance):
    """The true distances of a node from those of its ancestors."""
    for first in range(0, distance.shape[1], 2):
        to_target, from_source = distance[v, first], distance[v, first + 1]
        for k in range(sweep_first[v], sweep_first[v + 1]):
            h = sweep_head[k]
            to_target = min(to_target, sweep_weight[2 * k] + distance[h, first])
            from_source = min(from_source, sweep_weight[2 * k + 1] + distance[h, first + 1])
        distance[v, first] = to_target
        distance[v, first + 1] = from_source


@numba.njit(cache=True, nogil=True)
def forget_restricted(state, touched, count):
    """Make `state` all UNTOUCHED again."""
    for k in range(count):
        state[touched[k]] = UNTOUCHED
