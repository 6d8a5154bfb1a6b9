"""Things that tests are about, with readable defaults: small road networks, engines on them, offers and requests."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np

from matcher.domain.match import MatchRequest, TimeWindow, WindowKind
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.place import Coordinate, Place, RoadPosition
from matcher.roads.engine import RoadEngine
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import RoadNetwork, pack_names

#: The clock of tests: a Tuesday morning.
NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
ANYWHERE = Coordinate(lat=0.0, lon=0.0)


@dataclass(frozen=True, slots=True)
class Street:
    """A street piece from node `start` to node `end`; a time in ms for each direction that may be driven, None where
    it may not.
    """

    start: int
    end: int
    length_cm: int
    forward_ms: int | None
    backward_ms: int | None = None
    bends: tuple[tuple[float, float], ...] = ()  # (lat, lon) of the points between its ends


def a_network(streets: Sequence[Street], nodes: int | None = None) -> RoadNetwork:
    """The road network of some streets; street k is edge k. Node k lies at 0.01 k degrees east on a zigzag."""
    n = nodes if nodes is not None else 1 + max(max(street.start, street.end) for street in streets)
    lat = np.array([0.001 * (k % 3) for k in range(n)])
    lon = np.array([0.01 * k for k in range(n)])
    arcs = []
    for edge, street in enumerate(streets):
        if street.forward_ms is not None:
            arcs.append((street.start, street.end, edge, 1, street.forward_ms))
        if street.backward_ms is not None:
            arcs.append((street.end, street.start, edge, 0, street.backward_ms))
    arcs.sort()
    forward_arc = np.full(len(streets), -1, dtype=np.int32)
    backward_arc = np.full(len(streets), -1, dtype=np.int32)
    for arc, (_, _, edge, forward, _) in enumerate(arcs):
        (forward_arc if forward else backward_arc)[edge] = arc
    lines = [
        [(lat[street.start], lon[street.start]), *street.bends, (lat[street.end], lon[street.end])]
        for street in streets
    ]
    blob, name_first = pack_names(["Main Street"])
    tails = [arc[0] for arc in arcs]
    return RoadNetwork(
        node_lat=lat,
        node_lon=lon,
        first_out=np.searchsorted(np.array(tails), np.arange(n + 1)).astype(np.int32),
        arc_tail=np.array(tails, dtype=np.int32),
        arc_head=np.array([arc[1] for arc in arcs], dtype=np.int32),
        arc_time_ms=np.array([arc[4] for arc in arcs], dtype=np.int32),
        arc_length_cm=np.array([streets[arc[2]].length_cm for arc in arcs], dtype=np.int32),
        arc_edge=np.array([arc[2] for arc in arcs], dtype=np.int32),
        arc_forward=np.array([arc[3] for arc in arcs], dtype=np.uint8),
        edge_class=np.zeros(len(streets), dtype=np.uint8),
        edge_name=np.array([k % 2 - 1 for k in range(len(streets))], dtype=np.int32),
        edge_forward_arc=forward_arc,
        edge_backward_arc=backward_arc,
        edge_point_first=np.cumsum([0, *(len(line) for line in lines)]).astype(np.int64),
        point_lat=np.array([point[0] for line in lines for point in line], dtype=np.float64),
        point_lon=np.array([point[1] for line in lines for point in line], dtype=np.float64),
        name_blob=blob,
        name_first=name_first,
        edge_public=np.full(len(streets), -1, dtype=np.int32),
    )


def an_engine(streets: Sequence[Street]) -> RoadEngine:
    """A road engine on some streets."""
    network = a_network(streets)
    return RoadEngine("test", "fingerprint", network, Topology.build(network))


def a_ring(nodes: int = 6, *, length_cm: int = 100_000, drive_ms: int = 60_000) -> list[Street]:
    """Two-way streets around a ring, a kilometre and a minute each."""
    return [Street(k, (k + 1) % nodes, length_cm, drive_ms, drive_ms) for k in range(nodes)]


def a_place(edge: int, fraction: float = 0.5, label: str = "Somewhere") -> Place:
    """A place on the road."""
    return Place(ANYWHERE, label, RoadPosition(edge, fraction), 0.0)


_numbers = itertools.count(1)


def an_offer(
    origin: tuple[int, float] = (0, 0.5),
    destination: tuple[int, float] = (2, 0.5),
    *,
    via: Sequence[tuple[int, float]] = (),
    offer_id: UUID | None = None,
    driver_id: str | None = None,
    departure: datetime = NOW + timedelta(hours=1),
    flexibility_s: int = 900,
    seats_left: int = 3,
    max_detour_s: int = 600,
    max_detour_m: int | None = None,
    preferences: Mapping[str, bool] | None = None,
    status: OfferStatus = OfferStatus.OPEN,
    version: int = 1,
) -> Offer:
    """An open offer of three seats in an hour; positions are (edge, fraction).

    Ids and drivers count up unless they are given.
    """
    number = next(_numbers)
    return Offer(
        id=UUID(int=number) if offer_id is None else offer_id,
        driver_id=f"driver-{number}" if driver_id is None else driver_id,
        region="test",
        region_fingerprint="fingerprint",
        status=status,
        version=version,
        origin=a_place(*origin, label="Origin"),
        destination=a_place(*destination, label="Destination"),
        via=tuple(a_place(*stop, label="Via") for stop in via),
        departure=departure,
        flexibility_s=flexibility_s,
        seats_offered=max(1, seats_left),
        seats_left=seats_left,
        max_detour_s=max_detour_s,
        max_detour_m=max_detour_m,
        preferences=dict(preferences or {}),
        comment="",
        duration_ms=600_000,
        length_cm=1_000_000,
        created_at=NOW,
        updated_at=NOW,
    )


def a_request(
    origin: tuple[int, float] = (0, 0.75),
    destination: tuple[int, float] = (2, 0.25),
    *,
    rider_id: str = "rider",
    earliest: datetime = NOW + timedelta(minutes=30),
    latest: datetime = NOW + timedelta(minutes=90),
    window_kind: WindowKind = WindowKind.DEPARTURE,
    seats: int = 1,
    limit: int = 10,
    preferences: Mapping[str, bool] | None = None,
) -> MatchRequest:
    """A rider along the way of the default offer, at its time."""
    return MatchRequest(
        rider_id=rider_id,
        origin=a_place(*origin, label="From"),
        destination=a_place(*destination, label="To"),
        window=TimeWindow(earliest, latest),
        window_kind=window_kind,
        seats=seats,
        max_walk_m=0,
        limit=limit,
        preferences=dict(preferences or {}),
    )
