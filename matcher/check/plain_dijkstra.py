"""Fastest drives by nothing but the road graph and a heap: what the verifier measures everything else against.

Dijkstra (1959) with lazy deletion, on the arrays of a `RoadNetwork`. Shares no code with the hierarchy, its order, its
sweeps or the matching core, and implements the documented rule for positions anew: the part of an amount x that lies
behind the fixed-point fraction f of 2**30, measured from the arc's own beginning, is x f / 2**30 rounded to the
nearest, halves up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Self

import numba
import numpy as np

from matcher.check.roads import PlainDrive, RoadPiece
from matcher.domain.place import Coordinate, RoadPosition
from matcher.roads.network.graph import I64, U8, RoadNetwork
from matcher.roads.region.slot_clock import SlotClock, zone_at
from matcher.roads.region.speeds import SpeedProfile, metrics_for

_ONE = 2**30
_CM = 2**32  # a cost in the heap is ms * 2**32 + cm, so that of the fastest drives the shortest comes first
_FAR = np.int64(2**62)
_METRES_PER_DEGREE = 6_371_008.8 * math.pi / 180


class PlainDijkstra:
    """The roads of one network. Thread-safe.

    A tree costs O(m log m): some 20 ms on a graph of 100,000 nodes.
    """

    def __init__(self, network: RoadNetwork, time_ms: I64 | None = None) -> None:
        """time_ms: (m,) of driving each arc; free flow without it."""
        self._network = network
        self._time_ms: I64 = network.arc_time_ms.astype(np.int64) if time_ms is None else time_ms
        self._cost: I64 = self._time_ms * _CM + network.arc_length_cm.astype(np.int64)

    def at(self, departure: datetime) -> Self:  # noqa: ARG002  # alike at every hour
        return self

    def is_on_road(self, position: RoadPosition) -> bool:
        """Whether there is such a street piece, with a direction that may be driven, and the fraction is one."""
        return (
            0 <= position.edge < self._network.edge_count
            and 0.0 <= position.fraction <= 1.0
            and any(True for _ in self.arcs_at(position))
        )

    def stands_for_doors(self, position: RoadPosition) -> bool:
        """Whether a position is the end of a public point's dead end."""
        return position.edge == int(self._network.edge_public[position.edge]) and position.fraction == 1.0

    def locate(self, position: RoadPosition) -> Coordinate:
        """The coordinate of a position: that share of the street's length, on a plane tangent at its first point."""
        lats, lons = (column.tolist() for column in self._network.geometry(position.edge))
        east_m = _METRES_PER_DEGREE * math.cos(math.radians(lats[0]))
        steps = [
            math.hypot((lats[k + 1] - lats[k]) * _METRES_PER_DEGREE, (lons[k + 1] - lons[k]) * east_m)
            for k in range(len(lats) - 1)
        ]
        ahead_m = position.fraction * sum(steps)
        for k, step in enumerate(steps):
            if ahead_m <= step or k == len(steps) - 1:
                share = min(1.0, ahead_m / step) if step > 0.0 else 0.0
                return Coordinate(
                    lat=lats[k] + share * (lats[k + 1] - lats[k]), lon=lons[k] + share * (lons[k + 1] - lons[k])
                )
            ahead_m -= step
        return Coordinate(lat=lats[0], lon=lons[0])

    def length_cm(self, edge: int) -> int:
        network = self._network
        arc = max(int(network.edge_forward_arc[edge]), int(network.edge_backward_arc[edge]))
        return int(network.arc_length_cm[arc])

    def tree(self, origin: RoadPosition) -> PlainTree:
        """The fastest drives from a position to everywhere."""
        network = self._network
        seeds = list(self.arcs_at(origin))
        distance, by_arc, rival = _dijkstra(
            network.first_out,
            network.arc_head,
            self._cost,
            np.array([int(network.arc_head[arc]) for arc, _ in seeds], dtype=np.int64),
            np.array([self.piece_cost(arc, at, _ONE) for arc, at in seeds], dtype=np.int64),
            np.array([-1 - arc for arc, _ in seeds], dtype=np.int64),
        )
        return PlainTree(self, origin, distance, by_arc, rival)

    # --- for its trees ----------------------------------------------------------------------------------------------

    def tail(self, arc: int) -> int:
        return int(self._network.arc_tail[arc])

    def arcs_at(self, position: RoadPosition) -> Iterator[tuple[int, int]]:
        """(arc, how far along it in 2**30ths) for each direction in which a position can be driven through."""
        along = round(position.fraction * _ONE)
        forward = int(self._network.edge_forward_arc[position.edge])
        backward = int(self._network.edge_backward_arc[position.edge])
        if forward >= 0:
            yield forward, along
        if backward >= 0:
            yield backward, _ONE - along

    def piece_cost(self, arc: int, low: int, high: int) -> int:
        """What driving an arc from `low` to `high`, in 2**30ths of it, costs."""
        parts = (int(self._time_ms[arc]), int(self._network.arc_length_cm[arc]))
        ms, cm = (_behind(amount, high) - _behind(amount, low) for amount in parts)
        return ms * _CM + cm

    def piece(self, arc: int, low: int = 0, high: int = _ONE) -> RoadPiece:
        """The road between two such fractions of an arc."""
        length_cm = int(self._network.arc_length_cm[arc])
        along = bool(self._network.arc_forward[arc])
        return RoadPiece(int(self._network.arc_edge[arc]), along, _behind(length_cm, low), _behind(length_cm, high))


class PlainDijkstraByTime:
    """The roads of one network at every hour."""

    def __init__(self, slots: Sequence[PlainDijkstra], clock: SlotClock) -> None:
        self._slots = tuple(slots)
        self._clock = clock

    @classmethod
    def of(cls, network: RoadNetwork, profile: SpeedProfile, centre: Coordinate) -> PlainDijkstraByTime:
        """The roads under a profile, read by the clocks at `centre`."""
        times = [metric >> 32 for metric in metrics_for(network, profile).values()]
        return cls([PlainDijkstra(network, time_ms) for time_ms in times], SlotClock(profile, zone_at(centre)))

    def at(self, departure: datetime) -> PlainDijkstra:
        """The roads of the slot that a departure falls in."""
        return self._slots[self._clock.slot_of(departure)]


class PlainTree:
    """The fastest drives from one position to every other, the shortest of the fastest."""

    def __init__(self, roads: PlainDijkstra, origin: RoadPosition, distance: I64, by_arc: I64, rival: U8) -> None:
        self._roads = roads
        self._origin = origin
        self._distance = distance
        self._by_arc = by_arc
        self._rival = rival

    def cost(self, target: RoadPosition) -> tuple[int, int] | None:
        """(ms, cm) of driving to a position, or None when there is no way."""
        ways = self._ways(target)
        return None if not ways else divmod(min(ways)[0], _CM)

    def drive(self, target: RoadPosition) -> PlainDrive | None:
        """The drive to a position with the road it runs along, or None when there is no way."""
        ways = sorted(self._ways(target))
        if not ways:
            return None
        cost, arc, low, high = ways[0]
        unique = len(ways) == 1 or ways[1][0] > cost
        pieces = [self._roads.piece(arc, max(low, 0), high)]
        begins = dict(self._roads.arcs_at(self._origin))
        while low < 0:
            node = self._roads.tail(arc)
            unique = unique and not self._rival[node]
            by = int(self._by_arc[node])
            arc, low = (by, -1) if by >= 0 else (-1 - by, begins[-1 - by])
            pieces.append(self._roads.piece(arc, max(low, 0)))
        return PlainDrive(*divmod(cost, _CM), tuple(reversed(pieces)), unique)

    def _ways(self, target: RoadPosition) -> list[tuple[int, int, int, int]]:
        """(cost, last arc, from, to) of every way to a position; from is -1 when the arc is entered at its tail."""
        roads = self._roads
        begins = dict(roads.arcs_at(self._origin))
        ways = []
        for arc, at in roads.arcs_at(target):
            reached = int(self._distance[roads.tail(arc)])
            if reached < _FAR:
                ways.append((reached + roads.piece_cost(arc, 0, at), arc, -1, at))
            if arc in begins and begins[arc] <= at:
                ways.append((roads.piece_cost(arc, begins[arc], at), arc, begins[arc], at))
        return ways


def _behind(amount: int, f: int) -> int:
    return (2 * amount * f + _ONE) // (2 * _ONE)


@numba.njit(cache=True, nogil=True)
def _dijkstra(first_out, head, cost, seed_node, seed_cost, seed_mark):
    """(distance, by_arc, rival), (n,) each.

    The packed cost of reaching each node, 2**62 without a way; the arc by which it is reached, or the seed's mark
    (negative); and 1 where another way is as good.

    first_out: (n + 1,); head: (m,); cost: (m,) int64 packed; the seeds: (s,) int64.
    """
    n = len(first_out) - 1
    distance = np.full(n, _FAR, np.int64)
    by_arc = np.zeros(n, np.int64)
    rival = np.zeros(n, np.uint8)
    keys = np.empty(len(head) + len(seed_node) + 1, np.int64)
    nodes = np.empty(len(head) + len(seed_node) + 1, np.int64)
    size = 0
    for s in range(len(seed_node)):
        v = seed_node[s]
        if seed_cost[s] < distance[v]:
            distance[v], by_arc[v], rival[v] = seed_cost[s], seed_mark[s], 0
            size = _push(keys, nodes, size, seed_cost[s], v)
        elif seed_cost[s] == distance[v]:
            rival[v] = 1
    while size > 0:
        key, v = keys[0], nodes[0]
        size = _pop(keys, nodes, size)
        if key > distance[v]:
            continue
        for arc in range(first_out[v], first_out[v + 1]):
            w = head[arc]
            new = key + cost[arc]
            if new < distance[w]:
                distance[w], by_arc[w], rival[w] = new, arc, 0
                size = _push(keys, nodes, size, new, w)
            elif new == distance[w]:
                rival[w] = 1
    return distance, by_arc, rival


@numba.njit(cache=True, nogil=True)
def _push(keys, nodes, size, key, node):
    """Put a node in the binary heap; returns its new size."""
    k = size
    while k > 0:
        above = (k - 1) >> 1
        if keys[above] <= key:
            break
        keys[k], nodes[k] = keys[above], nodes[above]
        k = above
    keys[k], nodes[k] = key, node
    return size + 1


@numba.njit(cache=True, nogil=True)
def _pop(keys, nodes, size):
    """Drop the least of the heap; returns its new size."""
    size -= 1
    key, node = keys[size], nodes[size]
    k = 0
    while True:
        below = 2 * k + 1
        if below >= size:
            break
        if below + 1 < size and keys[below + 1] < keys[below]:
            below += 1
        if keys[below] >= key:
            break
        keys[k], nodes[k] = keys[below], nodes[below]
        k = below
    keys[k], nodes[k] = key, node
    return size
