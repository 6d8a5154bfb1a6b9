"""Shortest drives by the book: every road position is a node of its own, one Dijkstra a question, costs as (ms, cm)
pairs.

Positions cut an arc by the documented rule: at the fixed-point fraction f of 2**30 (from the arc's own beginning), the
part of an amount x that lies behind is (x f + 2**29) >> 30.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matcher.domain.place import RoadPosition
from tests.builders import Street

ONE = 2**30
Node = tuple[int, int, int]  # (0, node, 0) or (1, edge, fixed)
Cost = tuple[int, int]  # ms, cm
Piece = tuple[int, bool, int, int]  # edge, along its direction, from cm, to cm


@dataclass(frozen=True)
class OracleDrive:
    """A fastest drive: its cost, the pieces of road it runs along, and whether no other way is as good."""

    cost: Cost
    pieces: tuple[Piece, ...]  # in no order
    unique: bool


class OracleRoads:
    """The street network cut at every position that a scenario mentions."""

    def __init__(self, streets: Sequence[Street], positions: Iterable[RoadPosition]) -> None:
        self._out: dict[Node, list[tuple[Node, Cost, Piece]]] = defaultdict(list)
        cuts: dict[int, set[int]] = defaultdict(set)
        for position in positions:
            cuts[position.edge].add(fixed(position))
        for edge, street in enumerate(streets):
            here = sorted(cuts[edge])
            if street.forward_ms is not None:
                stops = [(0, (0, street.start, 0)), *((f, (1, edge, f)) for f in here), (ONE, (0, street.end, 0))]
                self._lay(edge, True, street.forward_ms, street.length_cm, stops)
            if street.backward_ms is not None:
                stops = [
                    (0, (0, street.end, 0)),
                    *((ONE - f, (1, edge, f)) for f in reversed(here)),
                    (ONE, (0, street.start, 0)),
                ]
                self._lay(edge, False, street.backward_ms, street.length_cm, stops)
        self._found: dict[Node, tuple[dict[Node, Cost], dict[Node, list[tuple[Node, Piece, Cost]]]]] = {}

    def _lay(self, edge: int, along: bool, ms: int, cm: int, stops: list[tuple[int, Node]]) -> None:
        for (f, tail), (g, head) in itertools.pairwise(stops):
            piece = (edge, along, part(cm, f), part(cm, g))
            self._out[tail].append((head, (part(ms, g) - part(ms, f), piece[3] - piece[2]), piece))

    def drive(self, origin: RoadPosition, destination: RoadPosition) -> OracleDrive | None:
        """The fastest drive, of the fastest the shortest; None without a way."""
        source, target = node(origin), node(destination)
        if source not in self._found:
            self._found[source] = self._dijkstra(source)
        cost, before = self._found[source]
        if target not in cost:
            return None
        # All that lies on any fastest way. When there is but one, its pieces add up to its cost.
        on_way: dict[Piece, Cost] = {}
        seen, todo = {target}, [target]
        while todo:
            for tail, piece, by in before[todo.pop()]:
                if by != (0, 0):
                    on_way[piece] = by
                if tail not in seen:
                    seen.add(tail)
                    todo.append(tail)
        total = (sum(by[0] for by in on_way.values()), sum(by[1] for by in on_way.values()))
        return OracleDrive(cost[target], tuple(on_way), total == cost[target])

    def _dijkstra(self, source: Node) -> tuple[dict[Node, Cost], dict[Node, list[tuple[Node, Piece, Cost]]]]:
        best: dict[Node, Cost] = {source: (0, 0)}
        done: set[Node] = set()
        queue = [((0, 0), source)]
        while queue:
            cost, here = heapq.heappop(queue)
            if here in done:
                continue
            done.add(here)
            for there, (ms, cm), _ in self._out[here]:
                new = (cost[0] + ms, cost[1] + cm)
                if there not in best or new < best[there]:
                    best[there] = new
                    heapq.heappush(queue, (new, there))
        before: dict[Node, list[tuple[Node, Piece, Cost]]] = defaultdict(list)
        for tail in done:
            for head, (ms, cm), piece in self._out[tail]:
                if best[head] == (best[tail][0] + ms, best[tail][1] + cm) and head != source:
                    before[head].append((tail, piece, (ms, cm)))
        return best, before


def fixed(position: RoadPosition) -> int:
    """The position's fraction in 1 / 2**30, rounded."""
    return round(position.fraction * ONE)


def part(amount: int, f: int) -> int:
    """What of an amount lies behind fraction f of an arc."""
    return (amount * f + 2**29) >> 30


def node(position: RoadPosition) -> Node:
    """The node that a position is."""
    return (1, position.edge, fixed(position))


def common_cm(rider: Iterable[Piece], driver: Iterable[Piece]) -> int:
    """Centimetres of road, each direction by itself, that are in both unions of pieces."""
    roads: dict[tuple[int, bool], tuple[list[tuple[int, int]], list[tuple[int, int]]]] = defaultdict(lambda: ([], []))
    for side, pieces in enumerate((rider, driver)):
        for edge, along, low, high in pieces:
            roads[edge, along][side].append((low, high))
    total = 0
    for ours, theirs in roads.values():
        marks = sorted({mark for piece in (*ours, *theirs) for mark in piece})
        for low, high in itertools.pairwise(marks):
            if all(any(a <= low and high <= b for a, b in side) for side in (ours, theirs)):
                total += high - low
    return total
