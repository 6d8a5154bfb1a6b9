"""Where a rider can be met: the door, published meeting places, and street corners within a walk.

The rule, for one door and one walking limit:

- The door is always first: the car stops where the rider's place meets the road. The way from the place to the road is
  the rider's own and counts as no walk there; it counts in every other walk, so that the limit bounds all that is
  walked.
- Then open meeting places, the nearest on foot first.
- Then corners, the nearest first: a road node is taken when the car may stop there and no corner taken before it, and
  not the door, lies within its *elbow room*, which grows with the walk: near the door a small difference matters,
  farther away a candidate stands for its surroundings. Corners of main roads need less room, because a driver who
  passes need not turn off.
- At most `cap` in all. Corners have the places that meeting places can never take: as many as there are meeting places
  within LONGEST_WALK_M of the door as the crow flies are set aside for them, but a third is always left to corners.

None of this depends on the walking limit, but for the length of the lists: whoever walks farther is offered the same
candidates and more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matcher.domain.match import MAX_WALK_M
from matcher.domain.place import Coordinate, Place, RoadPosition
from matcher.roads.foot.kernels import spread_out
from matcher.roads.foot.meeting_place import MeetingPlace
from matcher.roads.foot.stopping import NO_CLASS
from matcher.roads.foot.walking import Foothold, WalkReach, Walks
from matcher.roads.network.graph import F64, ROAD_CLASSES, RoadNetwork, read_only
from matcher.roads.network.snapping import locate

DEFAULT_CAP = 16
#: How far a meeting place may lie from the door, as the crow flies, to have a candidate set aside for it.
LONGEST_WALK_M = float(MAX_WALK_M)

_EARTH_RADIUS_M = 6_371_008.8  # as Coordinate.distance_m

#: Elbow room of a corner: this part of the walk to it, and at least the second, in metres.
ROOM_PER_WALK = 0.5
LEAST_ROOM_M = 50.0
#: What main roads need of it, by the most important class of road at the corner.
_ROOM_OF_CLASS = {"primary": 0.6, "primary_link": 0.8, "secondary": 0.7, "secondary_link": 0.8, "tertiary": 0.8}
_ROOM = np.array([_ROOM_OF_CLASS.get(name, 1.0) for name in ROAD_CLASSES] + [1.0] * (NO_CLASS + 1 - len(ROAD_CLASSES)))


@dataclass(frozen=True, slots=True)
class StopCandidate:
    """A place where the car may stop for the rider, and the walk between it and the rider's door."""

    position: RoadPosition
    coordinate: Coordinate
    label: str
    walk_cm: int
    walk_ms: int
    place_id: str | None = None  # of the published meeting place
    walk_node: int | None = None  # of the corner, in the walk network


class MeetingPoints:
    """Candidates for pickups and dropoffs in one region. Thread-safe."""

    def __init__(
        self, network: RoadNetwork, walks: Walks, places: Sequence[MeetingPlace] = (), cap: int = DEFAULT_CAP
    ) -> None:
        """places: closed ones are left out. cap: at least 2."""
        if cap < 2:
            raise ValueError("cap must be at least 2: the door and one more")
        self._network = network
        self._walks = walks
        self._cap = cap
        self._street_count = network.street_count
        offered = [place for place in places if place.open]
        footholds = [walks.foothold(place.coordinate, LONGEST_WALK_M) for place in offered]
        self._places = [(place, foot) for place, foot in zip(offered, footholds, strict=True) if foot is not None]
        self._place_lat: F64 = np.array([place.coordinate.lat for place, _ in self._places], dtype=np.float64)
        self._place_lon: F64 = np.array([place.coordinate.lon for place, _ in self._places], dtype=np.float64)

    def candidates(self, place: Place, max_walk_m: float) -> list[StopCandidate]:
        """Where a rider who walks up to `max_walk_m` metres (inclusive) can be met; the door first. Deterministic."""
        # What stands for the doors around a public point lies at the point.
        stands_for_door = place.position.edge >= self._street_count
        where = place.coordinate if stands_for_door else locate(self._network, place.position)
        door = StopCandidate(place.position, where, place.label, 0, 0)
        if max_walk_m <= 0:
            return [door]
        reach = self._walks.reach(place.coordinate, max_walk_m)
        apart_m = _distances_m(place.coordinate, self._place_lat, self._place_lon)
        near = int((apart_m <= LONGEST_WALK_M).sum())
        set_aside = min(near, (self._cap - 1) - (self._cap - 1) // 3)
        # A walk is no shorter than the straight line; lengths on the ellipsoid and on the sphere differ by 0.6 % at
        # most.
        within = np.flatnonzero(apart_m <= max_walk_m * 1.02 + 1.0)
        published = self._published(reach, [self._places[index] for index in within.tolist()])[:set_aside]
        corners = self._corners(reach, door.coordinate, self._cap - 1 - set_aside)
        return [door, *published, *corners]

    def walk(self, begin: Coordinate, end: Coordinate) -> tuple[int, int]:
        """(cm, ms) of the walk between two places; as the crow flies where no way is known."""
        apart_m = begin.distance_m(end)
        foothold = self._walks.foothold(end, LONGEST_WALK_M)
        reach = self._walks.reach(begin, min(LONGEST_WALK_M, 2 * apart_m + 500))
        walk_cm = None if foothold is None else self._walks.length_to(reach, foothold)
        if walk_cm is None:
            walk_cm = round(100 * apart_m)
        return walk_cm, self._walks.duration_ms(walk_cm)

    def line(self, place: Place, candidate: StopCandidate) -> list[Coordinate]:
        """The walk between a door and one of its candidates, from the door; one point when the car stops there."""
        if candidate.place_id is None and candidate.walk_node is None:
            return list(dict.fromkeys([place.coordinate, candidate.coordinate]))
        reach = self._walks.reach(place.coordinate, candidate.walk_cm / 100)
        if candidate.walk_node is not None:
            return self._walks.line_to_node(reach, candidate.walk_node)
        foothold = next(foot for published, foot in self._places if published.id == candidate.place_id)
        return self._walks.line_to(reach, foothold)

    def _published(self, reach: WalkReach, places: Sequence[tuple[MeetingPlace, Foothold]]) -> list[StopCandidate]:
        found = []
        for place, foothold in places:
            walk_cm = self._walks.length_to(reach, foothold)
            if walk_cm is not None:
                coordinate = locate(self._network, place.position)
                walk_ms = self._walks.duration_ms(walk_cm)
                found.append(StopCandidate(place.position, coordinate, place.name, walk_cm, walk_ms, place.id))
        return sorted(found, key=lambda candidate: (candidate.walk_cm, str(candidate.place_id)))

    def _corners(self, reach: WalkReach, door: Coordinate, most: int) -> list[StopCandidate]:
        walk = self._walks.network
        rows = np.flatnonzero(walk.stop_edge[reach.node] >= 0)
        nodes, length_cm = reach.node[rows], reach.length_cm[rows]
        room = np.maximum(LEAST_ROOM_M, length_cm / 100 * ROOM_PER_WALK) * _ROOM[walk.stop_class[nodes]]
        taken = spread_out(
            read_only(walk.node_lat[nodes]),
            read_only(walk.node_lon[nodes]),
            read_only(length_cm),
            read_only(room),
            door.lat,
            door.lon,
            most,
        )
        return [self._corner(int(nodes[row]), int(length_cm[row])) for row in taken.tolist()]

    def _corner(self, node: int, walk_cm: int) -> StopCandidate:
        walk = self._walks.network
        position = RoadPosition(int(walk.stop_edge[node]), float(walk.stop_at_end[node]))
        coordinate = Coordinate(lat=float(walk.node_lat[node]), lon=float(walk.node_lon[node]))
        label = self._corner_name(node) or f"{coordinate.lat:.5f}, {coordinate.lon:.5f}"
        return StopCandidate(position, coordinate, label, walk_cm, self._walks.duration_ms(walk_cm), walk_node=node)

    def _corner_name(self, node: int) -> str:
        """`A & B`, the more important street first; the street where only one has a name."""
        walk = self._walks.network
        edges = [int(edge) for edge in (walk.corner_a[node], walk.corner_b[node]) if edge >= 0]
        return " & ".join(name for name in map(self._network.name, edges) if name is not None)


def _distances_m(door: Coordinate, lat: F64, lon: F64) -> F64:
    """Great-circle distances in metres, as `Coordinate.distance_m`."""
    phi, door_phi = np.radians(lat), math.radians(door.lat)
    h = np.sin((phi - door_phi) / 2) ** 2
    h += np.cos(phi) * math.cos(door_phi) * np.sin((np.radians(lon) - math.radians(door.lon)) / 2) ** 2
    return np.asarray(2 * _EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(1.0, h))))
