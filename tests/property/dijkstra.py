"""Distances between road positions by networkx' Dijkstra. Shares nothing with the engine but the network's arrays.

A cost is one plain Python integer, `time_ms * 2**40 + length_cm`, computed here from the arrays without any kernel.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import networkx as nx

from matcher.domain.place import RoadPosition
from matcher.roads.network.graph import RoadNetwork

TIME = 2**40
WHOLE = 2**30


class Oracle:
    """What a drive costs on a network, one way or another."""

    def __init__(self, network: RoadNetwork) -> None:
        self._network = network
        self.tail = network.arc_tail.tolist()
        self.head = network.arc_head.tolist()
        self._time_ms = network.arc_time_ms.tolist()
        self._length_cm = network.arc_length_cm.tolist()
        self._graph: nx.DiGraph[int | str] = nx.DiGraph()
        self._graph.add_nodes_from(range(network.node_count))
        for arc, (tail, head) in enumerate(zip(self.tail, self.head, strict=True)):
            self._add(self._graph, tail, head, self.cost(arc))

    def cost(self, arc: int, low: int = 0, high: int = WHOLE) -> int:
        """Of driving an arc from `low` to `high`, in 2**30ths of it. Offsets from its start are rounded, halves up."""
        parts = (self._time_ms[arc], self._length_cm[arc])
        time, length = ((2 * p * high + WHOLE) // (2 * WHOLE) - (2 * p * low + WHOLE) // (2 * WHOLE) for p in parts)
        return int(time * TIME + length)

    def arcs_at(self, position: RoadPosition) -> list[tuple[int, int]]:
        """(arc, how far along it in 2**30ths) for each direction that a position can be driven in."""
        along = round(position.fraction * WHOLE)
        forward = int(self._network.edge_forward_arc[position.edge])
        backward = int(self._network.edge_backward_arc[position.edge])
        return [(arc, at) for arc, at in ((forward, along), (backward, WHOLE - along)) if arc >= 0]

    def distance(self, origin: RoadPosition, destination: RoadPosition) -> int | None:
        """The cost of the best drive, or None where there is no way."""
        graph = self._with_ends(origin, destination)
        try:
            return int(nx.dijkstra_path_length(graph, "origin", "destination"))
        except nx.NetworkXNoPath:
            return None
        finally:
            graph.remove_nodes_from(["origin", "destination"])

    def distances_from(self, origin: RoadPosition) -> dict[int | str, int]:
        """The cost of driving to every node that can be reached."""
        graph = self._with_ends(origin, None)
        try:
            costs = nx.single_source_dijkstra_path_length(graph, "origin")
            return {node: int(cost) for node, cost in costs.items()}
        finally:
            graph.remove_node("origin")

    def distances_to(self, destination: RoadPosition) -> dict[int | str, int]:
        """The cost of driving from every node that can reach it."""
        graph = self._with_ends(None, destination)
        try:
            costs = nx.single_source_dijkstra_path_length(graph.reverse(copy=False), "destination")
            return {node: int(cost) for node, cost in costs.items()}
        finally:
            graph.remove_node("destination")

    def cost_of_arcs(self, origin: RoadPosition, destination: RoadPosition, arcs: Sequence[int]) -> int:
        """The cost of driving these arcs from position to position. Fails when that is not a drive."""
        for arc, then in itertools.pairwise(arcs):
            assert self.head[arc] == self.tail[then], f"arc {then} does not begin where arc {arc} ends"
        leaves, arrives = dict(self.arcs_at(origin)), dict(self.arcs_at(destination))
        assert arcs[0] in leaves, "the first arc is not at the origin"
        assert arcs[-1] in arrives, "the last arc is not at the destination"
        if len(arcs) == 1:
            assert leaves[arcs[0]] <= arrives[arcs[0]], "an arc is driven backwards"
            return self.cost(arcs[0], leaves[arcs[0]], arrives[arcs[0]])
        middle = sum(self.cost(arc) for arc in arcs[1:-1])
        return self.cost(arcs[0], low=leaves[arcs[0]]) + middle + self.cost(arcs[-1], high=arrives[arcs[-1]])

    def _with_ends(self, origin: RoadPosition | None, destination: RoadPosition | None) -> nx.DiGraph[int | str]:
        """The graph, with nodes "origin" and "destination" where the positions are."""
        graph = self._graph
        leaves = [] if origin is None else self.arcs_at(origin)
        arrives = [] if destination is None else self.arcs_at(destination)
        for arc, at in leaves:
            self._add(graph, "origin", self.head[arc], self.cost(arc, low=at))
        for arc, at in arrives:
            self._add(graph, self.tail[arc], "destination", self.cost(arc, high=at))
        for arc, at in leaves:
            for other, there in arrives:
                if arc == other and at <= there:
                    self._add(graph, "origin", "destination", self.cost(arc, at, there))
        return graph

    @staticmethod
    def _add(graph: nx.DiGraph[int | str], tail: int | str, head: int | str, cost: int) -> None:
        if not graph.has_edge(tail, head) or cost < graph.edges[tail, head]["weight"]:
            graph.add_edge(tail, head, weight=cost)


def plain(packed: int) -> int:
    """The engine's packed cost in the oracle's form."""
    return (packed >> 32) * TIME + (packed & (2**32 - 1))
