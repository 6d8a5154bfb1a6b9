"""Walks from a door: places within a limit, the length of each walk, and its line."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from matcher.domain.place import Coordinate
from matcher.matching.base.positions import FRACTION_ONE, fraction_to_fixed
from matcher.roads.foot.kernels import UNREACHED, WalkGraph, WalkScratch, WalkStart, walks_within
from matcher.roads.foot.network import WalkNetwork
from matcher.roads.network.graph import I32
from matcher.roads.network.snapping import Snapper, cut

#: Metres a second on level ground: 4.7 km/h, an unhurried adult.
WALKING_SPEED_M_S = 1.3


@dataclass(frozen=True, slots=True)
class Foothold:
    """Where a place meets the ways to walk: a position on an edge of the walk network, and the straight line to it."""

    edge: int
    at: int  # how far along the edge, in 2**30ths
    coordinate: Coordinate  # of the place
    on_way: Coordinate  # of the position
    access_cm: int  # length of the straight line, part of every walk


@dataclass(frozen=True, eq=False)
class WalkReach:
    """What can be reached on foot from one door within a limit: k walk nodes by length, each after its parent.

    Lengths are walked lengths in centimetres, from the door itself: the straight line to the first way included.
    """

    door: Coordinate
    limit_cm: int  # inclusive
    foothold: Foothold | None  # None where no way lies within the limit; then nothing is reached
    node: I32  # (k,)
    length_cm: I32  # (k,) ascending
    parent: I32  # (k,) row of the node before, -1 where the walk comes straight from the foothold
    edge: I32  # (k,) the walk edge it comes along

    @functools.cached_property
    def row_of_node(self) -> dict[int, int]:
        """The row of each node that is reached."""
        return {node: row for row, node in enumerate(self.node.tolist())}


class Walks:
    """Walks in one region. Thread-safe; a call takes 12 bytes a node of work space, which is kept for the next."""

    def __init__(self, network: WalkNetwork, *, speed_m_s: float = WALKING_SPEED_M_S) -> None:
        if not speed_m_s > 0:
            raise ValueError("speed_m_s must be more than 0")
        self.network = network
        self.speed_m_s = speed_m_s
        self._snapper = Snapper(network)
        self._graph = WalkGraph(network.first_out, network.out_head, network.out_edge, network.edge_length_cm)
        self._spare: list[WalkScratch] = []

    def duration_ms(self, length_cm: int) -> int:
        """How long a walk takes: length divided by speed, rounded to the nearest millisecond."""
        return round(length_cm * 10 / self.speed_m_s)

    def foothold(self, coordinate: Coordinate, limit_m: float) -> Foothold | None:
        """The nearest way to walk within `limit_m` metres (inclusive), or None. Ties go to the lowest edge."""
        found = self._snapper.nearest(coordinate, limit_m)
        if found is None:
            return None
        position, on_way, distance_m = found
        return Foothold(
            position.edge, fraction_to_fixed(position.fraction), coordinate, on_way, round(distance_m * 100)
        )

    def reach(self, coordinate: Coordinate, max_walk_m: float) -> WalkReach:
        """Every walk node within `max_walk_m` metres of walking (inclusive); exact, O(k log k) for k nodes reached."""
        limit_cm = min(round(max_walk_m * 100), int(UNREACHED) - 1)
        foothold = self.foothold(coordinate, max_walk_m)
        if foothold is None or foothold.access_cm > limit_cm:
            nothing = np.zeros(0, dtype=np.int32)
            return WalkReach(coordinate, limit_cm, None, nothing, nothing, nothing, nothing)
        edge, (to_start, to_end) = foothold.edge, self._offsets(foothold)
        start = WalkStart(
            edge,
            int(self.network.edge_start[edge]),
            foothold.access_cm + to_start,
            int(self.network.edge_end[edge]),
            foothold.access_cm + to_end,
        )
        work = self._take_work()
        walked = walks_within(self._graph, start, limit_cm, work)
        self._spare.append(work)
        return WalkReach(coordinate, limit_cm, foothold, *walked)

    def length_to(self, reach: WalkReach, target: Foothold) -> int | None:
        """The walk from the door to a place off the ways, its own straight line included; None beyond the limit."""
        found = self._last_step(reach, target)
        return None if found is None else found[0]

    def line_to_node(self, reach: WalkReach, node: int) -> list[Coordinate]:
        """The line of the walk from the door to a walk node that was reached. Raises KeyError for any other node."""
        return self._line(reach, reach.row_of_node[node])

    def line_to(self, reach: WalkReach, target: Foothold) -> list[Coordinate]:
        """The line of the walk to a place off the ways, straight lines included. Raises KeyError beyond the limit."""
        found = self._last_step(reach, target)
        if found is None:
            raise KeyError(target)
        _, row, at_end = found
        own = target.at / FRACTION_ONE
        if row is None:
            assert reach.foothold is not None
            line = [reach.door, *self._piece(target.edge, reach.foothold.at / FRACTION_ONE, own)]
        else:
            line = self._line(reach, row) + self._piece(target.edge, 1.0 if at_end else 0.0, own)
        return _without_repeats([*line, target.coordinate])

    def _last_step(self, reach: WalkReach, target: Foothold) -> tuple[int, int | None, bool] | None:
        """(length, last row or None on the foothold's edge, whether that row is at the target edge's end)."""
        if reach.foothold is None:
            return None
        to_start, to_end = self._offsets(target)
        options: list[tuple[int, int | None, bool]] = []
        if target.edge == reach.foothold.edge:
            from_start, _ = self._offsets(reach.foothold)
            options.append((reach.foothold.access_cm + abs(from_start - to_start), None, False))
        ends = ((self.network.edge_start, to_start, False), (self.network.edge_end, to_end, True))
        for node_of_edge, offset_cm, at_end in ends:
            row = reach.row_of_node.get(int(node_of_edge[target.edge]))
            if row is not None:
                options.append((int(reach.length_cm[row]) + offset_cm, row, at_end))
        if not options:
            return None
        length_cm, row_or_none, at_end = min(options, key=lambda option: option[0])
        length_cm += target.access_cm
        return (length_cm, row_or_none, at_end) if length_cm <= reach.limit_cm else None

    def _offsets(self, foothold: Foothold) -> tuple[int, int]:
        """(cm to the start of its edge, cm to its end); they sum to the edge."""
        whole = int(self.network.edge_length_cm[foothold.edge])
        to_start = (whole * foothold.at + FRACTION_ONE // 2) // FRACTION_ONE
        return to_start, whole - to_start

    def _line(self, reach: WalkReach, row: int) -> list[Coordinate]:
        network, foothold = self.network, reach.foothold
        assert foothold is not None
        steps = []
        while row >= 0:
            steps.append(row)
            row = int(reach.parent[row])
        line = [reach.door]
        for step in reversed(steps):
            edge, parent = int(reach.edge[step]), int(reach.parent[step])
            end = 1.0 if network.edge_end[edge] == reach.node[step] else 0.0
            begin = 1.0 - end
            if parent < 0:
                begin = foothold.at / FRACTION_ONE
                if network.edge_start[edge] == network.edge_end[edge]:
                    end = float(foothold.at * 2 > FRACTION_ONE)  # a loop: the nearer way round
            line += self._piece(edge, begin, end)
        return _without_repeats(line)

    def _piece(self, edge: int, begin: float, end: float) -> list[Coordinate]:
        lats, lons = cut(self.network, edge, begin, end)
        return [Coordinate(lat=float(lat), lon=float(lon)) for lat, lon in zip(lats, lons, strict=True)]

    def _take_work(self) -> WalkScratch:
        try:
            return self._spare.pop()
        except IndexError:
            n = self.network.node_count
            distance = np.full(n, UNREACHED, dtype=np.int32)
            return WalkScratch(distance, *(np.empty(n, dtype=np.int32) for _ in range(3)))


def _without_repeats(line: list[Coordinate]) -> list[Coordinate]:
    return [point for k, point in enumerate(line) if k == 0 or point != line[k - 1]]
