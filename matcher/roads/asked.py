"""What use cases ask of the roads: `RoadEngine` and `RoadEngines` answer it, and in tests a road on paper does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from matcher.domain.place import Coordinate, RoadPosition
from matcher.roads.engine import DrivenRoute, SnappedPosition


class RoadsByTime(Protocol):
    """The road network of the served region. Pure CPU work, thread-safe; call the heavy methods in the executor."""

    @property
    def name(self) -> str:
        """The region's name."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever stored road positions or drives are no longer valid; see `same_positions` for positions."""

    def snap(self, coordinate: Coordinate, *, limit_m: float) -> SnappedPosition | None:
        """The nearest road within `limit_m` metres, or None."""

    def locate(self, position: RoadPosition) -> Coordinate:
        """The coordinate of a road position."""

    def street(self, position: RoadPosition) -> str | None:
        """The name of the street a position is on."""

    def at(self, departure: datetime) -> Roads:
        """The roads for a trip that departs at this moment, to its end."""


class Roads(RoadsByTime, Protocol):
    """The same at one time of the week."""

    def drive(self, stops: Sequence[RoadPosition], *, with_points: bool = True) -> DrivenRoute | None:
        """The fastest drive through two or more positions in order, or None when there is no way."""
