"""All offers that can carry a rider and their detours, by scipy's Dijkstra and numpy: no code of the pipeline.

`carpool check` verifies the matches that were given; this also finds those that were missed, among 100,000 offers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from bench.baselines import LENGTH_BITS, Graphs, costs_from, joint_weight
from matcher.domain.offer import Offer
from matcher.domain.place import RoadPosition
from matcher.matching.scan.query import Query
from matcher.roads.network.graph import RoadNetwork

I64 = npt.NDArray[np.int64]
NO_WAY = np.int64(1 << 58)


@dataclass(frozen=True, eq=False)
class Stops:
    """Positions of many offers: edge and fraction in 1 / 2**30, (offers,) int64 each."""

    edge: I64
    at: I64

    @classmethod
    def of(cls, positions: list[RoadPosition]) -> Stops:
        """Columns of positions."""
        return cls(
            np.array([position.edge for position in positions], dtype=np.int64),
            np.array([round(position.fraction * 2**30) for position in positions], dtype=np.int64),
        )


class Oracle:
    """Rules and costs written a second time, for offers of one leg."""

    def __init__(self, network: RoadNetwork, offers: list[Offer]) -> None:
        self._network = network
        self._weight = joint_weight(network)
        self._graphs = Graphs.of(network, self._weight)
        self._origins = Stops.of([offer.origin.position for offer in offers])
        self._destinations = Stops.of([offer.destination.position for offer in offers])
        self._base = np.array([(o.duration_ms << LENGTH_BITS) + o.length_cm for o in offers], dtype=np.int64)
        self._departure = np.array([round(o.departure.timestamp() * 1000) for o in offers], dtype=np.int64)
        self._flexibility = np.array([1000 * o.flexibility_s for o in offers], dtype=np.int64)
        self._budget = np.array([1000 * o.max_detour_s for o in offers], dtype=np.int64)
        self._seats = np.array([o.seats_left for o in offers], dtype=np.int64)

    def matches(self, query: Query) -> dict[int, tuple[int, int]]:
        """{offer number: (detour_ms, detour_cm)} of every offer that can carry the rider."""
        pickup, dropoff = Stops.of([query.pickup]), Stops.of([query.dropoff])
        to_pickup = self._from_stops(self._origins, self._nodes_to(pickup), pickup)
        onward = self._to_stops(self._destinations, self._nodes_from(dropoff), dropoff)
        direct = self._from_stops(pickup, self._nodes_to(dropoff), dropoff)[0]
        fits, detour, detour_cm = self._fits(query, to_pickup, direct, onward)
        return {int(k): (int(detour[k]), int(detour_cm[k])) for k in np.flatnonzero(fits)}

    def walking_matches(self, query: Query) -> dict[int, tuple[int, ...]]:
        """{offer number: (detour_ms, detour_cm, walk_ms, pickup choice, dropoff choice)} of every offer that can carry
        the rider between any two of their meeting points: the pair whose detour and walk cost least at four to one.
        Departure windows only."""
        pickups, dropoffs = ([Stops.of([c.position]) for c in side] for side in (query.pickups, query.dropoffs))
        fetch = [self._from_stops(self._origins, self._nodes_to(stop), stop) for stop in pickups]
        home = [self._to_stops(self._destinations, self._nodes_from(stop), stop) for stop in dropoffs]
        into = [self._nodes_to(stop) for stop in dropoffs]
        best = np.full((6, len(self._base)), np.iinfo(np.int64).max)
        for k, pickup in enumerate(pickups):
            for c, dropoff in enumerate(dropoffs):
                walk_to, walk_ms = query.pickups[k].walk_ms, query.pickups[k].walk_ms + query.dropoffs[c].walk_ms
                later = replace(query, earliest_ms=query.earliest_ms + walk_to, latest_ms=query.latest_ms + walk_to)
                direct = self._from_stops(pickup, into[c], dropoff)[0]
                fits, detour, detour_cm = self._fits(later, fetch[k], direct, home[c], query.now_ms + walk_to)
                told = (4 * detour + walk_ms, np.full_like(detour, walk_ms), detour_cm, detour)
                less = fits & (
                    (told[0] < best[0])
                    | (told[0] == best[0]) & ((walk_ms < best[1]) | (walk_ms == best[1]) & (detour_cm < best[2]))
                )
                for row, values in enumerate((*told, np.full_like(detour, k), np.full_like(detour, c))):
                    best[row, less] = values[less]
        found = np.flatnonzero(best[0] < np.iinfo(np.int64).max)
        return {int(k): tuple(best[[3, 2, 1, 4, 5], k].tolist()) for k in found}

    def _fits(
        self, query: Query, to_pickup: I64, direct: np.int64, onward: I64, there_ms: int = 0
    ) -> tuple[npt.NDArray[np.bool_], I64, I64]:
        """(whether it fits, detour in ms, in cm) of each offer; the rider is at the pickup from there_ms on."""
        total = to_pickup + direct + onward
        detour = in_ms(total) - in_ms(self._base)
        planned = self._departure + in_ms(to_pickup)
        earliest = np.maximum(self._departure - self._flexibility, query.now_ms) - self._departure
        earliest = np.maximum(earliest, there_ms - planned)
        fits = (
            (to_pickup < NO_WAY)
            & (direct < NO_WAY)
            & (onward < NO_WAY)
            & (earliest <= self._flexibility)
            & (self._departure + self._flexibility >= query.now_ms)
            & (self._seats >= query.seats)
            & (detour <= self._budget)
            & (planned + earliest <= query.latest_ms)
            & (planned + self._flexibility >= query.earliest_ms)
        )
        return fits, detour, in_cm(total) - in_cm(self._base)

    def wrong_bases(self, numbers: list[int]) -> int:
        """How many of some offers have another drive of their own than Dijkstra finds."""
        wrong = 0
        for number in numbers:
            here = Stops(self._origins.edge[[number]], self._origins.at[[number]])
            there = Stops(self._destinations.edge[[number]], self._destinations.at[[number]])
            wrong += int(self._from_stops(here, self._nodes_to(there), there)[0] != self._base[number])
        return wrong

    def _nodes_to(self, stop: Stops) -> I64:
        """(n,) costs of driving from every node to one stop."""
        seeds = [(self._network.arc_tail[arc[0]], behind[0]) for arc, behind in self._arcs(stop) if arc[0] >= 0]
        return self._spread(seeds, self._graphs.back)

    def _nodes_from(self, stop: Stops) -> I64:
        """(n,) costs of driving from one stop to every node."""
        seeds = [
            (self._network.arc_head[arc[0]], self._weight[arc[0]] - behind[0])
            for arc, behind in self._arcs(stop)
            if arc[0] >= 0
        ]
        return self._spread(seeds, self._graphs.onward)

    def _spread(self, seeds: list[tuple[np.int32, np.int64]], graph: csr_array) -> I64:
        best = np.full(self._network.node_count, NO_WAY)
        for node, start in seeds:
            found = costs_from(graph, int(node))
            reached = np.isfinite(found)
            best[reached] = np.minimum(best[reached], found[reached].astype(np.int64) + start)
        return best

    def _from_stops(self, stops: Stops, nodes: I64, goal: Stops) -> I64:
        best = np.full(len(stops.edge), NO_WAY)
        for (arc, behind), (_, goal_behind) in zip(self._arcs(stops), self._arcs_at(stops.edge, goal), strict=True):
            cost = self._weight[arc] - behind + nodes[self._network.arc_head[arc]]
            straight = np.where((stops.edge == goal.edge) & (goal_behind >= behind), goal_behind - behind, NO_WAY)
            best = np.where(arc >= 0, np.minimum(best, np.minimum(cost, straight)), best)
        return np.minimum(best, NO_WAY)

    def _to_stops(self, stops: Stops, nodes: I64, source: Stops) -> I64:
        best = np.full(len(stops.edge), NO_WAY)
        for (arc, behind), (_, source_behind) in zip(self._arcs(stops), self._arcs_at(stops.edge, source), strict=True):
            cost = behind + nodes[self._network.arc_tail[arc]]
            straight = np.where((stops.edge == source.edge) & (behind >= source_behind), behind - source_behind, NO_WAY)
            best = np.where(arc >= 0, np.minimum(best, np.minimum(cost, straight)), best)
        return np.minimum(best, NO_WAY)

    def _arcs(self, stops: Stops) -> list[tuple[I64, I64]]:
        """(arc or -1, the cost of it that lies behind the stop) for each direction."""
        return self._arcs_at(stops.edge, stops)

    def _arcs_at(self, edge: I64, stops: Stops) -> list[tuple[I64, I64]]:
        network, at = self._network, np.broadcast_to(stops.at, edge.shape)
        pairs = ((network.edge_forward_arc[edge], at), (network.edge_backward_arc[edge], 2**30 - at))
        return [(arc.astype(np.int64), self._behind(arc, fixed)) for arc, fixed in pairs]

    def _behind(self, arc: npt.NDArray[np.int32], fixed: I64) -> I64:
        ms, cm = self._network.arc_time_ms[arc].astype(np.int64), self._network.arc_length_cm[arc].astype(np.int64)
        return ((((ms * fixed) + 2**29) >> 30) << LENGTH_BITS) + (((cm * fixed) + 2**29) >> 30)


def in_ms(cost: I64) -> I64:
    """Milliseconds of packed costs."""
    return cost >> LENGTH_BITS


def in_cm(cost: I64) -> I64:
    """Centimetres of packed costs."""
    return cost & ((1 << LENGTH_BITS) - 1)
