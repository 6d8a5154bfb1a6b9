"""Exact drives to or from a few positions, worked out for those edges that somebody asks about, and kept while a search lasts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from matcher.domain.place import RoadPosition
from matcher.matching.base.positions import EdgeTable, fixed_position
from matcher.roads.hierarchy.customisation import Metric
from matcher.roads.hierarchy.scratch import ColumnScratch, SomeScratch
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import I32, I64
from matcher.roads.sweeps.many import climb_many, settle_many
from matcher.roads.sweeps.one import FROM_SOURCE, TO_TARGET
from matcher.roads.sweeps.restricted import (
    begin_restricted,
    begin_restricted_least,
    forget_restricted,
    settle_restricted,
)

#: Offers are few where each has so many nodes of the network to itself. Measured with bench/labels.py: drives for some take as long as a sweep
#: at one offer to 50 nodes (two columns) or 75 (four) of 76,595, and to 100 or 150 of a million.
NODES_AN_OFFER = 150


class DriveColumns:
    """Drives to (or from) k positions; implements `matching.roads.DriveColumns`. Not thread-safe: one search's own."""

    def __init__(
        self, topology: Topology, metric: Metric, edges: EdgeTable, edge: I64, at: I64, work: ColumnScratch, *, to: bool
    ) -> None:
        self.edge, self.at = edge, at
        self.state = work.state
        self._metric, self._edges = metric, edges
        self._side = TO_TARGET if to else FROM_SOURCE
        n, k = len(work.state), len(edge)
        self.distance: I64 = work.flat[: n * k].reshape(n, k)
        self.state[:] = 0
        self.nodes: I32 = climb_many(
            topology.parent,
            metric.sweep_first,
            metric.sweep_head,
            metric.sweep_weight,
            self._side,
            edges.start,
            edges.end,
            edges.forward,
            edges.backward,
            edge,
            at,
            self.distance,
            self.state,
        )

    def settled(self, edges: I32) -> I64:
        """(n, k) packed costs between each node and the positions; true in the rows of the ends of these edges, and of all asked before."""
        settle_many(
            self._metric.sweep_first,
            self._metric.sweep_head,
            self._metric.sweep_weight,
            self._side,
            self._edges.start,
            self._edges.end,
            np.ascontiguousarray(edges, dtype=np.int32),
            self.distance,
            self.state,
        )
        return self.distance


#: Targets with what each adds, sources with what each adds.
LeastPair = tuple[DriveColumns, I64, DriveColumns, I64]


def sides_of(pairs: Sequence[LeastPair]) -> tuple[tuple[I32, I64, I64], ...]:
    """The six sides of one pair or three, as `many_sweep.sweep_least` wants them."""
    sides = []
    for targets, to_extra, sources, from_extra in pairs:
        sides.append((targets.nodes, targets.distance, to_extra))
        sides.append((sources.nodes, sources.distance, from_extra))
    return tuple(sides * (6 // len(sides)))


class SomeDrives:
    """The distances of a sweep, for nodes that are asked about; implements `matching.roads.SomeDrives`. One search's own; ends with `forget`."""

    def __init__(self, topology: Topology, metric: Metric, edges: EdgeTable, work: SomeScratch) -> None:
        self._topology, self._metric, self._edges, self._work = topology, metric, edges, work
        self.count = 0  # nodes that were touched
        self.state = work.state
        self._distance: I64 = work.flat[:0].reshape(0, 2)

    def forget(self) -> None:
        """Leave the work arrays as the next search wants them."""
        forget_restricted(self._work.state, self._work.touched, self.count)
        self.count = 0

    def begin(self, pickup: RoadPosition, dropoff: RoadPosition, *, both: bool) -> None:
        """Distances as of `sweep.sweep_places`, with four columns or two."""
        self._distance = self._columns(4 if both else 2)
        self.count = begin_restricted(
            self._topology.parent,
            self._metric.sweep_first,
            self._metric.sweep_head,
            self._metric.sweep_weight,
            self._edges.start,
            self._edges.end,
            self._edges.forward,
            self._edges.backward,
            *fixed_position(pickup),
            *fixed_position(dropoff),
            self._distance,
            self._work.state,
            self._work.touched,
        )

    def begin_least(self, pairs: Sequence[LeastPair]) -> None:
        """Distances as of `many_sweep.sweep_least`."""
        self._distance = self._columns(2 * len(pairs))
        self.count = begin_restricted_least(sides_of(pairs), self._distance, self._work.state, self._work.touched)

    def settled(self, edges: I32) -> I64:
        """(n, 2, 4 or 6) packed; true in the rows of the ends of these edges, and of all asked before. Other rows hold anything but negative numbers."""
        self.count = settle_restricted(
            self._topology.parent,
            self._metric.sweep_first,
            self._metric.sweep_head,
            self._metric.sweep_weight,
            self._edges.start,
            self._edges.end,
            np.ascontiguousarray(edges, dtype=np.int32),
            self._distance,
            self._work.state,
            self._work.touched,
            self.count,
            self._work.path,
        )
        return self._distance

    def _columns(self, count: int) -> I64:
        n = len(self._work.state)
        return self._work.flat[: n * count].reshape(n, count)
