"""What the use cases ask of the roads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from matcher.domain.place import Coordinate, Place, RoadPosition


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


class RoadsByTime(Protocol):
    """The road network of the region that is served. Pure CPU work, thread-safe; call the heavy ones in the executor."""

    @property
    def name(self) -> str:
        """The region's name."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever stored road positions or drives are no longer valid; see `same_positions` for the positions alone."""

    def snap(self, coordinate: Coordinate, *, limit_m: float) -> SnappedPosition | None:
        """The nearest road within `limit_m` metres, or None."""

    def locate(self, position: RoadPosition) -> Coordinate:
        """Where a road position is."""

    def street(self, position: RoadPosition) -> str | None:
        """The name of the street a position is on."""

    def at(self, departure: datetime) -> Roads:
        """The roads as somebody drives them who leaves at this moment, to the end of the trip."""


class Roads(RoadsByTime, Protocol):
    """The same at one time of the week."""

    def drive(self, stops: Sequence[RoadPosition], *, with_points: bool = True) -> DrivenRoute | None:
        """The fastest drive through two or more positions in order, or None when there is no way."""


class StopCandidate(Protocol):
    """A place where the car may stop for a rider, and the walk between it and the rider's door."""

    @property
    def position(self) -> RoadPosition:
        """Where on the road the car stops."""

    @property
    def coordinate(self) -> Coordinate:
        """Where that is."""

    @property
    def label(self) -> str:
        """What it is called."""

    @property
    def walk_cm(self) -> int:
        """Length of the walk."""

    @property
    def walk_ms(self) -> int:
        """How long the walk takes."""


class MeetingPoints(Protocol):
    """Ways on foot in the region that is served. Pure CPU work, thread-safe; call it in the executor."""

    def candidates(self, place: Place, max_walk_m: float) -> Sequence[StopCandidate]:
        """Where a rider who walks up to `max_walk_m` metres (inclusive) from or to a place can be met; the door first, without a walk.
        Whoever walks farther is offered the same candidates and more."""
