"""Numbered lines on the map: what snapping needs of a network, whether cars drive it or people walk it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from matcher.roads.network.graph import F64, I64, hold_read_only


class Lines(Protocol):
    """e lines of two points or more; all arrays are C-contiguous and read-only."""

    @property
    def edge_point_first(self) -> I64:
        """(e + 1,) line k's points, ends included: edge_point_first[k] : edge_point_first[k + 1]."""

    @property
    def point_lat(self) -> F64:
        """(g,) degrees."""

    @property
    def point_lon(self) -> F64:
        """(g,) degrees."""


@dataclass(frozen=True, eq=False)
class SomeLines:
    """Some of the lines of a network, numbered anew; `number` gives back what a line was before."""

    number: I64  # (e,)
    edge_point_first: I64
    point_lat: F64
    point_lon: F64

    def __post_init__(self) -> None:
        hold_read_only(self)


def choose_lines(lines: Lines, chosen: npt.NDArray[np.bool_]) -> SomeLines:
    """The lines where `chosen` (e,) is True, in the same order."""
    sizes = np.diff(lines.edge_point_first)
    points = np.repeat(chosen, sizes)
    first = np.zeros(int(chosen.sum()) + 1, dtype=np.int64)
    np.cumsum(sizes[chosen], out=first[1:])
    return SomeLines(np.flatnonzero(chosen).astype(np.int64), first, lines.point_lat[points], lines.point_lon[points])


def first_lines(lines: Lines, count: int) -> SomeLines:
    """The first lines of a network, under their numbers; shares its arrays."""
    first = lines.edge_point_first[: count + 1]
    points = int(first[-1])
    return SomeLines(np.arange(count, dtype=np.int64), first, lines.point_lat[:points], lines.point_lon[:points])


def line_points(lines: Lines, line: int) -> tuple[F64, F64]:
    """(lats, lons) of a line, in degrees, both ends included."""
    begin, end = int(lines.edge_point_first[line]), int(lines.edge_point_first[line + 1])
    return lines.point_lat[begin:end], lines.point_lon[begin:end]
