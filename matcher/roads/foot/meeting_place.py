"""Places that were made for meeting: car parks and lay-bys that an authority publishes for carpooling."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.domain.place import Coordinate, RoadPosition

#: A place farther than this from every road where a car may stop has wrong coordinates, or the map has a hole there.
ROAD_LIMIT_M = 300.0


@dataclass(frozen=True, slots=True)
class MeetingPlace:
    """A published meeting place, on the road. Only open ones are offered to riders.

    `coordinate` is its entrance as published, `position` the nearest road on which a car may stop.
    """

    id: str
    name: str
    kind: str
    coordinate: Coordinate
    position: RoadPosition
    open: bool
