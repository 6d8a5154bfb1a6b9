"""House numbers along streets: exact, between two neighbours, or the nearest one known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.domain.place import Coordinate
from matcher.geocoding.words.text import fold

_NUMBER = re.compile(r"\s*(\d{1,6})\s*[-/ ]?\s*([a-z]\b|bis\b|ter\b)?")

#: Beyond the last known number of a street, the nearest one still tells where to go when it is this close.
MAX_BEYOND = 100


def parse_number(text: str) -> tuple[int, str] | None:
    """(450, "b") of "450-B"; the first of a range; None when it does not begin with a number."""
    found = _NUMBER.match(fold(text))
    return None if found is None else (int(found.group(1)), found.group(2) or "")


@dataclass(frozen=True, slots=True)
class HouseFound:
    """The place of a number. `precision`: house or interpolated; `certainty` in [0, 1]; `shown`: as printed."""

    coordinate: Coordinate
    precision: str
    certainty: float
    shown: str


@dataclass(frozen=True, slots=True)
class HouseNumbers:
    """All numbers, grouped by entry: those of entry e are rows first[e] : first[e + 1], ascending by number."""

    first: npt.NDArray[np.int64]  # (entries + 1,)
    number: npt.NDArray[np.int32]  # (houses,)
    suffix: list[str]  # (houses,)
    lat: npt.NDArray[np.float64]  # (houses,) degrees
    lon: npt.NDArray[np.float64]  # (houses,) degrees

    @classmethod
    def build(cls, entries: int, houses: Sequence[tuple[int, int, str, float, float]]) -> HouseNumbers:
        """From (entry, number, suffix, lat, lon) in any order."""
        ordered = sorted(houses, key=lambda house: house[:3])
        counts = np.bincount(np.array([house[0] for house in ordered], dtype=np.int64), minlength=entries)
        return cls(
            first=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            number=np.array([house[1] for house in ordered], dtype=np.int32),
            suffix=[house[2] for house in ordered],
            lat=np.array([house[3] for house in ordered], dtype=np.float64),
            lon=np.array([house[4] for house in ordered], dtype=np.float64),
        )

    def locate(self, entry: int, number: int, suffix: str) -> HouseFound | None:
        """The best known place for a number of a street, or None when its numbers tell nothing about it.

        Between two numbers the position is linear, on the same side of the street (same parity) where both are known.
        """
        low, high = int(self.first[entry]), int(self.first[entry + 1])
        if low == high:
            return None
        numbers = self.number[low:high]
        left = low + int(np.searchsorted(numbers, number, side="left"))
        right = low + int(np.searchsorted(numbers, number, side="right"))
        if left < right:
            row = next((row for row in range(left, right) if self.suffix[row] == suffix), left)
            # 450 stands for 450B when only that is known, and the other way round: the same doorway within metres.
            return HouseFound(self.at(row), "house", 1.0 if self.suffix[row] == suffix else 0.9, self.text(row))
        same_side = low + np.flatnonzero((numbers & 1) == (number & 1))
        return (
            self._between(same_side, number)
            or self._between(np.arange(low, high, dtype=np.int64), number)
            or self._nearest(low, high, number)
        )

    def at(self, row: int) -> Coordinate:
        return Coordinate(lat=float(self.lat[row]), lon=float(self.lon[row]))

    def text(self, row: int) -> str:
        """The number as people write it: 450, 450B, 12 bis."""
        suffix = self.suffix[row]
        return f"{self.number[row]}{' ' + suffix if len(suffix) > 1 else suffix.upper()}"

    def _between(self, rows: npt.NDArray[np.int64], number: int) -> HouseFound | None:
        after = int(np.searchsorted(self.number[rows], number))
        if after in (0, len(rows)):
            return None
        a, b = int(rows[after - 1]), int(rows[after])
        share = (number - int(self.number[a])) / (int(self.number[b]) - int(self.number[a]))
        east = (float(self.lon[b] - self.lon[a]) + 180.0) % 360.0 - 180.0
        where = Coordinate(
            lat=float(self.lat[a] + share * (self.lat[b] - self.lat[a])),
            lon=(float(self.lon[a]) + share * east + 180.0) % 360.0 - 180.0,
        )
        return HouseFound(where, "interpolated", 0.8, str(number))

    def _nearest(self, low: int, high: int, number: int) -> HouseFound | None:
        row = low if number < int(self.number[low]) else high - 1
        if abs(int(self.number[row]) - number) > MAX_BEYOND:
            return None
        return HouseFound(self.at(row), "interpolated", 0.6, str(number))
