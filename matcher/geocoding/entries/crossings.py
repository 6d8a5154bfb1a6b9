"""Where streets meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.domain.place import Coordinate
from matcher.geocoding.words.geometry import distances_m

#: Junctions of the same two streets nearer than this are one crossing: the corners of a dual carriageway.
SAME_CROSSING_M = 120.0
#: Streets that do not touch still "cross" for a person when they come this near: the next corner, a missing link in the
#: map.
MAX_GAP_M = 150.0


@dataclass(frozen=True, slots=True)
class CrossingFound:
    """A crossing of two entries. `gap_m` is 0 where they share a junction."""

    entry: int
    other: int
    coordinate: Coordinate
    gap_m: float


@dataclass(frozen=True, slots=True)
class Crossings:
    """All junctions, grouped by entry: those of entry e are rows first[e] : first[e + 1]."""

    first: npt.NDArray[np.int64]  # (entries + 1,)
    other_key: npt.NDArray[np.int32]  # (junctions,) key of the other street's name, -1 when no entry has that name
    other_name: list[str]  # (junctions,)
    lat: npt.NDArray[np.float64]  # (junctions,) degrees
    lon: npt.NDArray[np.float64]  # (junctions,) degrees

    @classmethod
    def build(cls, entries: int, junctions: Sequence[tuple[int, int, str, float, float]]) -> Crossings:
        """From (entry, key of the other name, other name, lat, lon), ascending by entry."""
        counts = np.bincount(np.array([j[0] for j in junctions], dtype=np.int64), minlength=entries)
        return cls(
            first=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            other_key=np.array([j[1] for j in junctions], dtype=np.int32),
            other_name=[j[2] for j in junctions],
            lat=np.array([j[3] for j in junctions], dtype=np.float64),
            lon=np.array([j[4] for j in junctions], dtype=np.float64),
        )

    def shared(self, entry: int, others: Mapping[int, int]) -> list[CrossingFound]:
        """The junctions of an entry with any street whose name key is in `others` (key -> entry), corners merged."""
        rows = np.arange(self.first[entry], self.first[entry + 1])
        found: list[CrossingFound] = []
        for row in rows[np.isin(self.other_key[rows], list(others))]:
            other = others[int(self.other_key[row])]
            where = Coordinate(lat=float(self.lat[row]), lon=float(self.lon[row]))
            if all(known.other != other or known.coordinate.distance_m(where) >= SAME_CROSSING_M for known in found):
                found.append(CrossingFound(entry, other, where, 0.0))
        return found

    def nearest_pair(
        self, entry: int, other: int, lat: npt.NDArray[np.float64], lon: npt.NDArray[np.float64]
    ) -> CrossingFound | None:
        """The known point of `entry` nearest to `other`, if within MAX_GAP_M. `lat`, `lon`: one more point of each."""
        where, gap_m = self.closest(entry, other, lat, lon)
        return CrossingFound(entry, other, where, gap_m) if gap_m <= MAX_GAP_M else None

    def closest(
        self, entry: int, other: int, lat: npt.NDArray[np.float64], lon: npt.NDArray[np.float64]
    ) -> tuple[Coordinate, float]:
        """The known point of `entry` that is closest to a known point of `other`, and the metres between them."""
        mine, theirs = self._points(entry, lat, lon), self._points(other, lat, lon)
        gaps = distances_m(mine[0][:, None], mine[1][:, None], theirs[0][None, :], theirs[1][None, :])
        a, b = np.unravel_index(int(np.argmin(gaps)), gaps.shape)
        return Coordinate(lat=float(mine[0][a]), lon=float(mine[1][a])), float(gaps[a, b])

    def _points(
        self, entry: int, lat: npt.NDArray[np.float64], lon: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        rows = slice(int(self.first[entry]), int(self.first[entry + 1]))
        return np.append(self.lat[rows], lat[entry]), np.append(self.lon[rows], lon[entry])
