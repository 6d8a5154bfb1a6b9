"""The road graph as the verifier sees it: positions, coordinates and plain shortest drives, with no index and no hierarchy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from matcher.domain.place import Coordinate, RoadPosition


@dataclass(frozen=True, slots=True)
class RoadPiece:
    """A piece of one direction of a street, in centimetres from where that direction begins."""

    edge: int
    forward: bool
    begin_cm: int
    end_cm: int


@dataclass(frozen=True, slots=True)
class PlainDrive:
    """A fastest drive, the shortest of the fastest, and the road it runs along. `unique`: no other drive is as good."""

    ms: int
    cm: int
    pieces: tuple[RoadPiece, ...]
    unique: bool


class PlainTree(Protocol):
    """The fastest drives from one position."""

    def cost(self, target: RoadPosition) -> tuple[int, int] | None:
        """(ms, cm) of driving to a position, or None when there is no way."""

    def drive(self, target: RoadPosition) -> PlainDrive | None:
        """The same with the road it runs along."""


class PlainRoads(Protocol):
    """The road graph and nothing beside it."""

    def is_on_road(self, position: RoadPosition) -> bool:
        """Whether there is such a position. The other methods take only positions for which this is so."""

    def locate(self, position: RoadPosition) -> Coordinate:
        """Where a position is."""

    def length_cm(self, edge: int) -> int:
        """How long a street piece is."""

    def tree(self, origin: RoadPosition) -> PlainTree:
        """The fastest drives from a position to everywhere. Heavy: call it in the executor."""


class PlainRoadsByTime(Protocol):
    """The road graph at every hour of the week."""

    def at(self, departure: datetime) -> PlainRoads:
        """The roads as somebody drives them who leaves at this moment, to the end of the trip; the same object for the same speeds."""


def common_cm(ours: Iterable[RoadPiece], theirs: Iterable[RoadPiece]) -> int:
    """Centimetres of road that both run along; the two directions of a street are different roads, and no piece counts twice."""
    mine, other = _merged(ours), _merged(theirs)
    return sum(
        max(0, min(end, end_there) - max(begin, begin_there))
        for road in mine.keys() & other.keys()
        for begin, end in mine[road]
        for begin_there, end_there in other[road]
    )


def _merged(pieces: Iterable[RoadPiece]) -> dict[tuple[int, bool], list[tuple[int, int]]]:
    """The pieces of each road, joined where they overlap or touch."""
    found: dict[tuple[int, bool], list[tuple[int, int]]] = defaultdict(list)
    for piece in sorted(pieces, key=lambda piece: (piece.edge, piece.forward, piece.begin_cm)):
        road = found[piece.edge, piece.forward]
        if road and piece.begin_cm <= road[-1][1]:
            road[-1] = (road[-1][0], max(road[-1][1], piece.end_cm))
        else:
            road.append((piece.begin_cm, piece.end_cm))
    return found


def point_at(roads: PlainRoads, pieces: Iterable[RoadPiece], ahead_cm: int) -> RoadPosition:
    """The position that is reached after driving `ahead_cm` along the pieces; their end when they are shorter."""
    position: RoadPosition | None = None
    for piece in pieces:
        whole_cm = max(1, roads.length_cm(piece.edge))
        step_cm = piece.end_cm - piece.begin_cm
        at_cm = piece.begin_cm + min(ahead_cm, step_cm)
        share = min(1.0, at_cm / whole_cm)
        position = RoadPosition(piece.edge, share if piece.forward else 1.0 - share)
        if ahead_cm <= step_cm:
            return position
        ahead_cm -= step_cm
    if position is None:
        raise ValueError("a drive has at least one piece")
    return position
