"""Exact drives to or from a few positions, for those edges that are asked about, kept while a search lasts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from matcher.matching.base.positions import EdgeTable, FixedPosition
from matcher.roads.hierarchy.customisation import SweepGraph
from matcher.roads.hierarchy.scratch import ColumnScratch, SomeScratch
from matcher.roads.network.graph import I32, I64
from matcher.roads.sweeps.many import ClimbedPositions, NearestOf, climb_many, settle_many
from matcher.roads.sweeps.one import FROM_SOURCE, TO_TARGET
from matcher.roads.sweeps.restricted import (
    begin_restricted,
    begin_restricted_least,
    forget_restricted,
    settle_restricted,
)

#: Offers are few where each has so many nodes of the network to itself. Measured with bench/labels.py: drives for some
#: take as long as a sweep at one offer to 50 nodes (two columns) or 75 (four) of 76,595, and to 100 or 150 of a
#: million.
NODES_AN_OFFER = 150


class DriveColumns:
    """Drives to (or from) k positions. Not thread-safe: one search's own."""

    def __init__(
        self, graph: SweepGraph, edges: EdgeTable, positions: FixedPosition, work: ColumnScratch, *, to: bool
    ) -> None:
        self._graph, self._edges = graph, edges
        self._side = TO_TARGET if to else FROM_SOURCE
        n, k = len(work.state), len(positions.edge)
        distance = work.flat[: n * k].reshape(n, k)
        work.state[:] = 0
        nodes = climb_many(graph, edges, self._side, positions, distance, work.state)
        self.columns = ClimbedPositions(positions, nodes, work.state, distance)

    def settled(self, edges: I32) -> I64:
        """(n, k) packed costs, true in the rows of the ends of all edges asked for so far."""
        distance, wanted = self.columns.distance, np.ascontiguousarray(edges, dtype=np.int32)
        settle_many(self._graph, self._edges, self._side, wanted, distance, self.columns.state)
        return distance


#: Targets with what each adds, sources with what each adds.
LeastPair = tuple[DriveColumns, I64, DriveColumns, I64]


def sides_of(pairs: Sequence[LeastPair]) -> tuple[NearestOf, ...]:
    """The six sides of one pair or three, as `many.sweep_least` wants them."""
    sides = []
    for targets, to_extra, sources, from_extra in pairs:
        sides.append(NearestOf(targets.columns.nodes, targets.columns.distance, to_extra))
        sides.append(NearestOf(sources.columns.nodes, sources.columns.distance, from_extra))
    return tuple(sides * (6 // len(sides)))


class SomeDrives:
    """The distances of a sweep, for nodes that are asked about. One search's own; ends with `forget`."""

    def __init__(self, graph: SweepGraph, edges: EdgeTable, work: SomeScratch) -> None:
        self._graph, self._edges, self._work = graph, edges, work
        self.count = 0  # nodes that were touched
        self.state = work.state
        self._distance: I64 = work.flat[:0].reshape(0, 2)

    def forget(self) -> None:
        """Leave the work arrays as the next search wants them."""
        forget_restricted(self._work, self.count)
        self.count = 0

    def begin(self, pickup: FixedPosition, dropoff: FixedPosition, *, both: bool) -> None:
        """Distances as of `one.sweep_places`, with four columns or two."""
        self._distance = self._columns(4 if both else 2)
        self.count = begin_restricted(self._graph, self._edges, pickup, dropoff, self._distance, self._work)

    def begin_least(self, pairs: Sequence[LeastPair]) -> None:
        """Distances as of `many.sweep_least`."""
        self._distance = self._columns(2 * len(pairs))
        self.count = begin_restricted_least(sides_of(pairs), self._distance, self._work)

    def settled(self, edges: I32) -> I64:
        """(n, 2, 4 or 6) packed, true in the rows of the ends of all edges asked for so far.

        Other rows hold anything but negative numbers.
        """
        wanted = np.ascontiguousarray(edges, dtype=np.int32)
        self.count = settle_restricted(self._graph, self._edges, wanted, self._distance, self._work, self.count)
        return self._distance

    def _columns(self, count: int) -> I64:
        n = len(self._work.state)
        return self._work.flat[: n * count].reshape(n, count)
