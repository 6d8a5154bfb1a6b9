"""Baselines: scipy's and networkx's Dijkstra, and another customizable contraction hierarchy."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
import numpy.typing as npt
from routingkit_cch import CCH, CCHManyToOne, CCHMetric, CCHOneToMany
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from matcher.domain.offer import Offer
from matcher.domain.place import RoadPosition
from matcher.roads.engine import RoadEngine
from matcher.roads.network.graph import RoadNetwork

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

#: A cost as one float64: time_ms * 2**27 + length_cm, exact while a way is below 2**27 cm (1,342 km) and 2**26 ms (18
#: h).
LENGTH_BITS = 27


@dataclass(frozen=True, eq=False)
class Graphs:
    """The road graph as scipy takes it, and its transpose."""

    onward: csr_array
    back: csr_array

    @classmethod
    def of(cls, network: RoadNetwork, weight: I64) -> Graphs:
        """One entry a pair of nodes: of parallel arcs the best one, because a sparse matrix would add them up."""
        n = network.node_count
        pair = network.arc_tail.astype(np.int64) * n + network.arc_head
        order = np.lexsort((weight, pair))
        first = order[np.unique(pair[order], return_index=True)[1]]
        tail, head, best = network.arc_tail[first], network.arc_head[first], weight[first].astype(np.float64)
        return cls(csr_array((best, (tail, head)), shape=(n, n)), csr_array((best, (head, tail)), shape=(n, n)))


def joint_weight(network: RoadNetwork) -> I64:
    """(m,) time and length in one number that float64 adds exactly."""
    return (network.arc_time_ms.astype(np.int64) << LENGTH_BITS) + network.arc_length_cm


def scipy_pair(graphs: Graphs, pickup_node: int, dropoff_node: int) -> tuple[F64, F64]:
    """All costs to one node, and all from another: what one request needs at the least."""
    return costs_from(graphs.back, pickup_node), costs_from(graphs.onward, dropoff_node)


def costs_from(graph: csr_array, node: int) -> F64:
    """(n,) costs from one node, infinite where there is no way."""
    costs: F64 = dijkstra(graph, indices=np.array([node]))[0]
    return costs


class NetworkxPair:
    """The same with networkx, on a plain DiGraph."""

    def __init__(self, network: RoadNetwork) -> None:
        self._onward: nx.DiGraph[int] = nx.DiGraph()
        for tail, head, ms in zip(
            network.arc_tail.tolist(), network.arc_head.tolist(), network.arc_time_ms.tolist(), strict=True
        ):
            if not self._onward.has_edge(tail, head) or self._onward[tail][head]["weight"] > ms:
                self._onward.add_edge(tail, head, weight=ms)
        self._back = self._onward.reverse()

    def __call__(self, pickup_node: int, dropoff_node: int) -> None:
        """Run both."""
        nx.single_source_dijkstra_path_length(self._back, pickup_node)
        nx.single_source_dijkstra_path_length(self._onward, dropoff_node)


class RoutingKitPair:
    """RoutingKit's many-to-one and one-to-many, pinned to the nodes at the offers' stops, on our own node order.

    Its Python binding returns lists; making them is a part of what it costs.
    """

    def __init__(self, engine: RoadEngine, offers: list[Offer]) -> None:
        network = engine.network
        cch = CCH(engine.topology.node_at_rank.tolist(), network.arc_tail.tolist(), network.arc_head.tolist(), False)
        self._metric = CCHMetric(cch, network.arc_time_ms.tolist())
        self._cch = cch
        self.origins = sorted({node for offer in offers for node, _ in ways_out(network, offer.origin.position)})
        destinations = sorted({node for offer in offers for node, _ in ways_in(network, offer.destination.position)})
        self._to = CCHManyToOne(self._metric, self.origins)
        self._from = CCHOneToMany(self._metric, destinations)
        self._network = network

    def __call__(self, pickup: RoadPosition, dropoff: RoadPosition) -> list[int | None]:
        """Both; returns the times from the offers' origin nodes to the pickup."""
        to_pickup: list[int | None] = self._to.distances_to_multi(ways_in(self._network, pickup))
        self._from.distances_from_multi(ways_out(self._network, dropoff))
        return to_pickup


def ways_out(network: RoadNetwork, position: RoadPosition) -> list[tuple[int, int]]:
    """(node, ms) for each end of its edge that a car may leave a position by."""
    return [(int(network.arc_head[arc]), ms - behind) for arc, ms, behind in _arcs(network, position)]


def ways_in(network: RoadNetwork, position: RoadPosition) -> list[tuple[int, int]]:
    """(node, ms) for each end of its edge that a car may come to a position from."""
    return [(int(network.arc_tail[arc]), behind) for arc, _, behind in _arcs(network, position)]


def _arcs(network: RoadNetwork, position: RoadPosition) -> list[tuple[int, int, int]]:
    """(arc, its ms, the ms of it that lie behind the position), for each direction."""
    at = round(position.fraction * 2**30)
    found = []
    for arc, fixed in (
        (int(network.edge_forward_arc[position.edge]), at),
        (int(network.edge_backward_arc[position.edge]), 2**30 - at),
    ):
        if arc >= 0:
            ms = int(network.arc_time_ms[arc])
            found.append((arc, ms, (ms * fixed + 2**29) >> 30))
    return found
