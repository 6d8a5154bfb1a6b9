"""Exact drives to or from a few positions, worked out for those edges that somebody asks about, and kept while a search lasts."""

from __future__ import annotations

import numpy as np

from matcher.matching.positions import EdgeTable
from matcher.roads.customisation import Metric
from matcher.roads.many_sweep import climb_many, settle_many
from matcher.roads.network import I32, I64
from matcher.roads.scratch import ColumnScratch
from matcher.roads.sweep import FROM_SOURCE, TO_TARGET
from matcher.roads.topology import Topology


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
