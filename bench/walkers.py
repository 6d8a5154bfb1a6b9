"""Riders who walk: searches with meeting points around both doors. The same seed gives the same riders."""

from __future__ import annotations

import numpy as np

from bench.worlds import World
from matcher.domain.place import RoadPosition
from matcher.matching.scan.query import MeetingCandidate, Query

#: Candidates a side, the door included; as many as a rider of the service has at most.
CANDIDATES = 16
WALKING_SPEED_M_S = 1.3
#: Streets are that much longer than straight lines.
_WINDING = 1.3
_METRES_A_DEGREE = 111_195.0


def draw_walkers(world: World, queries: list[Query], walk_m: int, seed: int) -> list[Query]:
    """The same riders, who walk up to walk_m metres: to 15 crossings within the walk, or from the door, at each end."""
    rng = np.random.default_rng([seed, 3, walk_m])
    return [
        query.meeting_at(_around(world, query.pickup, walk_m, rng), _around(world, query.dropoff, walk_m, rng))
        for query in queries
    ]


def _around(world: World, door: RoadPosition, walk_m: int, rng: np.random.Generator) -> list[MeetingCandidate]:
    network, here = world.engine.network, world.engine.locate(door)
    north = (network.node_lat - here.lat) * _METRES_A_DEGREE
    east = (network.node_lon - here.lon) * _METRES_A_DEGREE * np.cos(np.radians(here.lat))
    walks_m = np.hypot(north, east) * _WINDING
    near = np.flatnonzero((walks_m <= walk_m) & (np.diff(network.first_out) > 0))
    chosen = rng.permutation(near)[: CANDIDATES - 1]
    nodes = chosen[np.argsort(walks_m[chosen], kind="stable")]
    arcs = network.first_out[nodes]
    ends = zip(network.arc_edge[arcs].tolist(), network.arc_forward[arcs].tolist(), strict=True)
    positions = [RoadPosition(edge, 0.0 if forward else 1.0) for edge, forward in ends]
    walks_ms = np.round(walks_m[nodes] / WALKING_SPEED_M_S * 1000).astype(np.int64).tolist()
    return [
        MeetingCandidate(door, 0),
        *(MeetingCandidate(position, walk_ms) for position, walk_ms in zip(positions, walks_ms, strict=True)),
    ]
