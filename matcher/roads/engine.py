"""The roads of one region: snap, locate, drive, sweep, and compare routes."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np

from matcher.domain.place import Coordinate, RoadPosition
from matcher.matching.base.positions import EDGE, INFINITE, EdgeTable, FixedPosition, fixed_position, split_cost
from matcher.matching.base.roads import PackedDrive, PathTable
from matcher.roads.hierarchy.customisation import customise
from matcher.roads.hierarchy.overlap import ArcTable, RiderDrive, Routes, Turn, shared_of_routes
from matcher.roads.hierarchy.pack import EdgeArcs, drive_between, pack_pairs, unpack_drive
from matcher.roads.hierarchy.scratch import ScratchPool
from matcher.roads.hierarchy.summit import Summit, no_summit, summit_of
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import I32, I64, U8, RoadNetwork, read_only
from matcher.roads.network.lines import first_lines
from matcher.roads.network.public_points import crossing_name
from matcher.roads.network.snapping import Snapper, cut, locate
from matcher.roads.sweeps.columns import NODES_AN_OFFER, DriveColumns, LeastPair, SomeDrives, sides_of
from matcher.roads.sweeps.many import costs_between, sweep_least
from matcher.roads.sweeps.one import sweep_places

#: From so many drives in one call on it pays to have made a summit.
SUMMIT_FROM = 100


@dataclass(frozen=True, slots=True)
class SnappedPosition:
    """The nearest point on a drivable road: its position, coordinate, straight distance, and street name."""

    position: RoadPosition
    coordinate: Coordinate
    distance_m: float
    street: str | None


@dataclass(frozen=True, slots=True)
class DrivenRoute:
    """The fastest drive through some road positions, and among the fastest the shortest."""

    duration_ms: int
    length_cm: int
    points: tuple[Coordinate, ...]


class RoadEngine:
    """The roads of one region under one metric. Thread-safe.

    The default metric is the fastest drive, and of the fastest the shortest (`RoadNetwork.packed_cost`).
    """

    def __init__(
        self,
        name: str,
        fingerprint: str,
        network: RoadNetwork,
        topology: Topology,
        arc_cost: I64 | None = None,
        *,
        like: RoadEngine | None = None,
    ):
        """arc_cost: (m,) packed; free flow without it. like: an engine to share what no metric changes with."""
        self.name = name
        self.fingerprint = fingerprint
        self.network = network
        self.topology = topology
        self.arc_cost = read_only(network.packed_cost if arc_cost is None else arc_cost)
        self.hierarchy, self.sweep_graph = customise(topology, self.arc_cost)
        self.edges = edge_table(network, topology, self.arc_cost)
        self._edge_arcs = EdgeArcs(network.edge_forward_arc, network.edge_backward_arc)
        self._street_count = network.street_count
        self._arcs = ArcTable(topology.arc_code, network.arc_length_cm, network.arc_forward)
        self._snapper: Snapper = Snapper(first_lines(network, network.street_count)) if like is None else like._snapper
        self._scratch: ScratchPool = ScratchPool(network, topology) if like is None else like._scratch

    # --- one metric at all hours ------------------------------------------------------------------------------------

    @property
    def slots(self) -> tuple[Self]:
        """These roads, at every hour."""
        return (self,)

    def slot_of(self, departure: datetime) -> int:  # noqa: ARG002  # alike at every hour
        """0."""
        return 0

    def slots_of(self, departures_ms: I64) -> I64:
        """(k,) zeros."""
        return np.zeros(len(departures_ms), dtype=np.int64)

    def at(self, departure: datetime) -> Self:  # noqa: ARG002  # alike at every hour
        """These roads."""
        return self

    # --- asked by use cases -----------------------------------------------------------------------------------------

    def snap(self, coordinate: Coordinate, *, limit_m: float) -> SnappedPosition | None:
        """The nearest drivable road within `limit_m` metres (inclusive), or None. Ties go to the lowest edge."""
        found = self._snapper.nearest(coordinate, limit_m)
        if found is None:
            return None
        position, point, distance_m = found
        return SnappedPosition(position, point, distance_m, self.network.name(position.edge))

    def locate(self, position: RoadPosition) -> Coordinate:
        """Where a road position is."""
        return locate(self.network, position)

    def street(self, position: RoadPosition) -> str | None:
        """The name of the street a position is on; of a public point the streets that cross there."""
        if position.edge < self._street_count:
            return self.network.name(position.edge)
        return crossing_name(self.network, position.edge)

    def public_position(self, position: RoadPosition) -> RoadPosition:
        """The public point that stands for a door; the door itself in a region without public points."""
        stub = int(self.network.edge_public[position.edge])
        return position if stub < 0 else RoadPosition(stub, 0.0)

    def is_public_point(self, position: RoadPosition) -> bool:
        """Whether a position is on the stub of a public point: the point itself, or what stands for its doors."""
        return position.edge >= self._street_count

    @functools.cached_property
    def allowance_ms(self) -> int:
        """What reaching a door from its public point and driving back is counted as; 0 without public points."""
        network = self.network
        if network.stub_count == 0:
            return 0
        stub = network.street_count
        arcs = (network.edge_forward_arc[stub], network.edge_backward_arc[stub])
        return sum(split_cost(int(self.arc_cost[arc]))[0] for arc in arcs)

    def door_position(self, position: RoadPosition) -> RoadPosition | None:
        """Where a car meets somebody at the door, as strangers may know it: the end of the public point's stub.

        None when driving from the public point to the door and back takes more than the stub's allowance. The door
        itself in a region without public points.
        """
        stub = int(self.network.edge_public[position.edge])
        if stub < 0:
            return position
        point = RoadPosition(stub, 0.0)
        driven = self.drive([point, position, point], with_points=False)
        if driven is None:
            return None
        out, back = self.network.edge_forward_arc[stub], self.network.edge_backward_arc[stub]
        time_ms, length_cm = divmod(int(self.arc_cost[out] + self.arc_cost[back]), 1 << 32)
        fits = driven.duration_ms <= time_ms and driven.length_cm <= length_cm
        return RoadPosition(stub, 1.0) if fits else None

    def drive(self, stops: Sequence[RoadPosition], *, with_points: bool = True) -> DrivenRoute | None:
        """The fastest drive through two or more positions in order, or None when there is no way."""
        if len(stops) < 2:
            raise ValueError("a drive needs two stops or more")
        time_ms = length_cm = 0
        points: list[Coordinate] = []
        for origin, destination in itertools.pairwise(stops):
            leg = self.pack_drive(origin, destination)
            if leg is None:
                return None
            leg_ms, leg_cm = split_cost(leg.cost)
            time_ms, length_cm = time_ms + leg_ms, length_cm + leg_cm
            if with_points:
                points += self.points(origin, destination, leg)[1 if points else 0 :]
        return DrivenRoute(time_ms, length_cm, tuple(points))

    # --- asked by the matching core: see SearchRoads ----------------------------------------------------------------

    def pack_drive(self, origin: RoadPosition, destination: RoadPosition) -> PackedDrive | None:
        """The fastest drive between two positions, packed, or None when there is no way."""
        ends = fixed_position(origin), fixed_position(destination)
        with self._scratch.query() as work:
            cost, codes = drive_between(self.hierarchy, self.edges, self._edge_arcs, *ends, work)
        return None if cost >= INFINITE else PackedDrive(int(cost), codes)

    def pack_drives(
        self, origin_edge: I32, origin_at: I32, destination_edge: I32, destination_at: I32
    ) -> tuple[I64, I32, I64, I32]:
        """(cost, codes, begin, size) of k drives between positions in fixed point, (k,) each, without the GIL.

        Drive i has the packed cost cost[i] (INFINITE and size 0 when there is no way) and the codes of a `PackedDrive`,
        codes[begin[i] : begin[i] + size[i]].
        """
        origins = FixedPosition(_column(origin_edge), _column(origin_at))
        destinations = FixedPosition(_column(destination_edge), _column(destination_at))
        summit = self._summit if len(origin_edge) >= SUMMIT_FROM else no_summit()
        with self._scratch.query() as work:
            drives: tuple[I64, I32, I64, I32] = pack_pairs(
                self.hierarchy, summit, self.edges, self._edge_arcs, origins, destinations, work
            )
        return drives

    @functools.cached_property
    def _summit(self) -> Summit:
        """Made when it is first needed; two threads may make it at once, and either is good."""
        return summit_of(self.hierarchy)

    def cost(self, origin: RoadPosition, destination: RoadPosition) -> int | None:
        """The packed cost of the fastest drive, or None when there is no way."""
        packed = self.pack_drive(origin, destination)
        return None if packed is None else packed.cost

    @contextmanager
    def sweep(self, target: RoadPosition, source: RoadPosition) -> Iterator[I64]:
        """(n, 2) packed costs by rank: to `target`, and from `source`; INFINITE or more without a way."""
        with self._scratch.distances(2) as distance:
            self._sweep(target, source, distance)
            yield distance

    @contextmanager
    def sweep_both(self, pickup: RoadPosition, dropoff: RoadPosition) -> Iterator[I64]:
        """(n, 4) packed: `sweep(pickup, dropoff)` and `sweep(dropoff, pickup)` side by side, in one pass."""
        with self._scratch.distances(4) as distance:
            self._sweep(pickup, dropoff, distance)
            yield distance

    def _sweep(self, pickup: RoadPosition, dropoff: RoadPosition, distance: I64) -> None:
        sweep_places(self.sweep_graph, self.edges, fixed_position(pickup), fixed_position(dropoff), distance)

    @contextmanager
    def some_drives(self, pickup: RoadPosition, dropoff: RoadPosition, *, both: bool) -> Iterator[SomeDrives]:
        """The distances of `sweep` or `sweep_both`, computed on demand; see `SearchRoads.some_drives`."""
        with self._scratch.some() as work:
            drives = SomeDrives(self.sweep_graph, self.edges, work)
            drives.begin(fixed_position(pickup), fixed_position(dropoff), both=both)
            yield drives
            drives.forget()

    @property
    def few_offers(self) -> int:
        """For how many offers, at most, `some_drives` is cheaper than a sweep; see `SearchRoads.few_offers`."""
        return self.network.node_count // NODES_AN_OFFER

    @contextmanager
    def columns(self, edge: I64, at: I64, *, to: bool) -> Iterator[DriveColumns]:
        """Drives to (or from) some positions, computed on demand; see `SearchRoads.columns`."""
        with self._scratch.columns(len(edge)) as work:
            yield DriveColumns(self.sweep_graph, self.edges, FixedPosition(edge, at), work, to=to)

    def costs_between(self, sources: DriveColumns, targets: DriveColumns) -> I64:
        """(s, t) packed: from each source to each target, INFINITE or more where there is no way."""
        costs: I64 = costs_between(self.edges, sources.columns, targets.columns)
        return costs

    @contextmanager
    def sweep_least(self, pairs: Sequence[LeastPair]) -> Iterator[I64]:
        """(n, 2 or 6) packed: to the nearest target and from the nearest source; see `SearchRoads.sweep_least`."""
        with self._scratch.distances(2 * len(pairs)) as least:
            sweep_least(self.sweep_graph, sides_of(pairs), least)
            yield least

    @contextmanager
    def some_least(self, pairs: Sequence[LeastPair]) -> Iterator[SomeDrives]:
        """The distances of `sweep_least`, computed on demand."""
        with self._scratch.some() as work:
            drives = SomeDrives(self.sweep_graph, self.edges, work)
            drives.begin_least(pairs)
            yield drives
            drives.forget()

    def shared_lengths(
        self, rider: PackedDrive, rider_ends: tuple[int, int], legs: PathTable, leg_begin: I64, leg_count: U8
    ) -> I64:
        """Centimetres of the rider's road that each route runs along; see `SearchRoads.shared_lengths`."""
        drive, routes = RiderDrive(self.arcs(rider), *rider_ends), Routes(leg_begin, leg_count)
        with self._scratch.overlap() as work:
            turn = Turn(work.next_round(), work.next_routes(len(leg_begin)))
            shared: I64 = shared_of_routes(self.hierarchy, self._arcs, drive, legs, routes, work, turn)
        return shared

    # --- routes as people see them ----------------------------------------------------------------------------------

    def arcs(self, drive: PackedDrive) -> I32:
        """The arcs of a drive, int32, in order; the first and the last are driven in part."""
        arcs: I32 = unpack_drive(self.hierarchy, drive.codes)
        return arcs

    def points(self, origin: RoadPosition, destination: RoadPosition, drive: PackedDrive) -> list[Coordinate]:
        """The line that a drive follows, from position to position."""
        network = self.network
        arcs = self.arcs(drive)
        lats, lons = [], []
        for k, arc in enumerate(arcs):
            forward = bool(network.arc_forward[arc])
            begin, end = (0.0, 1.0) if forward else (1.0, 0.0)
            if k == 0:
                begin = origin.fraction
            if k == len(arcs) - 1:
                end = destination.fraction
            lat, lon = cut(network, int(network.arc_edge[arc]), begin, end)
            lats.append(lat if k == 0 else lat[1:])
            lons.append(lon if k == 0 else lon[1:])
        return [
            Coordinate(lat=float(lat), lon=float(lon))
            for lat, lon in zip(np.concatenate(lats), np.concatenate(lons), strict=True)
        ]


def edge_table(network: RoadNetwork, topology: Topology, arc_cost: I64) -> EdgeTable:
    """The ends and costs of all edges of a network under one metric."""
    forward, backward = network.edge_forward_arc, network.edge_backward_arc
    arc = np.where(forward >= 0, forward, backward)
    tail = topology.rank_of_node[network.arc_tail[arc]]
    head = topology.rank_of_node[network.arc_head[arc]]
    start, end = np.where(forward >= 0, tail, head), np.where(forward >= 0, head, tail)
    costs = [np.where(arcs >= 0, arc_cost[arcs], INFINITE).astype(np.int64) for arcs in (forward, backward)]
    together = np.empty(len(start), EDGE)
    for name, column in zip(EDGE.names or (), (start, end, *costs), strict=True):
        together[name] = column
    return EdgeTable(
        read_only(start.astype(np.int32)),
        read_only(end.astype(np.int32)),
        read_only(costs[0]),
        read_only(costs[1]),
        together=together,
    )


def _column(array: I32) -> I32:
    return read_only(array.astype(np.int32, copy=False))
