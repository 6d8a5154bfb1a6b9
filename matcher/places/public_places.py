"""What others may know of a place: the public point around it, and where a car meets somebody who lives there."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol

from matcher.domain.place import Coordinate, Place, RoadPosition

#: Positions along the stub of a public point: the crossing itself, and what stands for every door around it.
POINT: Final = 0.0
DOOR: Final = 1.0


class PublicRoads(Protocol):
    """What is asked of the roads; see `RoadEngine`."""

    @property
    def allowance_ms(self) -> int:
        """What reaching a door from its public point and driving back is counted as; 0 without public points."""

    def locate(self, position: RoadPosition) -> Coordinate:
        """Where a road position is."""

    def street(self, position: RoadPosition) -> str | None:
        """The name of the street a position is on; of a public point the streets that cross there."""

    def is_public_point(self, position: RoadPosition) -> bool:
        """Whether a position is on the stub of a public point."""

    def public_position(self, position: RoadPosition) -> RoadPosition:
        """The public point that stands for a door; the door itself in a region without public points."""

    def door_position(self, position: RoadPosition) -> RoadPosition | None:
        """What stands for a door where a car can meet somebody there; None where that takes too long."""


class PublicPlaces:
    """Places as others may know them; in a region without public points every place is public as it is."""

    def __init__(self, roads: PublicRoads) -> None:
        self._roads = roads
        self._points: dict[int, Place] = {}

    @property
    def allowance_s(self) -> int:
        """What both doors of a rider add to every detour, in seconds."""
        return 2 * self._roads.allowance_ms // 1000

    def point(self, place: Place) -> Place:
        """The public point that stands for a place."""
        position = self._roads.public_position(place.position)
        return place if position == place.position else self._at(position)

    def met_at(self, place: Place) -> Place:
        """A rider's place, positioned where a car meets them: at the door, or at the public point if that is too far.

        At the door means at the end of the stub, which is the same for every door around the public point.
        """
        if self._roads.is_public_point(place.position):
            return place
        door = self._roads.door_position(place.position)
        return replace(place, position=door or self._roads.public_position(place.position))

    def known(self, place: Place) -> Place:
        """What follows from the public point of a rider's place alone, as if every door could be met."""
        point = self.behind(self._roads.public_position(place.position))
        return place if point is None else replace(point, position=RoadPosition(point.position.edge, DOOR))

    def behind(self, position: RoadPosition) -> Place | None:
        """The public point on whose stub a position is; None for any other position."""
        if not self._roads.is_public_point(position):
            return None
        return self._at(RoadPosition(position.edge, POINT))

    def _at(self, point: RoadPosition) -> Place:
        known = self._points.get(point.edge)
        if known is None:
            where = self._roads.locate(point)
            label = self._roads.street(point) or f"{where.lat:.5f}, {where.lon:.5f}"
            known = self._points[point.edge] = Place(where, label, point, 0.0)
        return known
