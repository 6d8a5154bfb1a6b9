"""Drives as the verifier sees them: pieces of road, and what two drives have in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


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


def common_cm(ours: Iterable[RoadPiece], theirs: Iterable[RoadPiece]) -> int:
    """Centimetres of road that both run along.

    The two directions of a street are different roads, and no piece counts twice.
    """
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
