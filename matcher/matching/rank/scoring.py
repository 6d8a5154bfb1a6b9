"""How good a feasible offer is for a rider: a weighted sum of parts, each in [0, 1] with its own ceiling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from matcher.domain.match import ScorePart, ScorePartName
from matcher.matching.base.positions import I64, U8
from matcher.matching.base.prices import PRICE_STEPS

F64 = npt.NDArray[np.float64]

#: Scores are rounded to this many decimals before they are compared, so that ties are ties on every machine.
SCORE_DECIMALS = 6
#: The larger of the prices of detour and walk; integers, so that equal costs are equal on every machine.
PRICE_UNIT = 1 << 16

_ONES_IN_BYTE = np.array([byte.bit_count() for byte in range(256)], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class ScoreWeights:
    """What counts how much, and where each part reaches 0. Weights are relative: they are divided by their sum.

    Raises ValueError for a negative weight, weights that are all 0, or a ceiling that is not above 0.
    """

    detour: float = 0.40
    overlap: float = 0.30
    time: float = 0.10
    walk: float = 0.10
    preferences: float = 0.05
    price: float = 0.05
    detour_ceiling_s: float = 1800.0
    time_ceiling_s: float = 3600.0
    walk_ceiling_s: float = 1800.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name.endswith("_ceiling_s"):
                if not value > 0:
                    raise ValueError(f"{item.name} must be above 0, not {value}")
            elif not value >= 0:
                raise ValueError(f"the weight of {item.name} must not be negative, not {value}")
        if self._sum() <= 0:
            raise ValueError("at least one weight must be above 0")

    def _sum(self) -> float:
        return self.detour + self.overlap + self.time + self.walk + self.preferences + self.price

    @property
    def prices(self) -> tuple[int, int]:
        """What a millisecond of detour and one of walk cost: their weights over their ceilings, as integers of which the larger is PRICE_UNIT."""
        detour, walk = self.detour / self.detour_ceiling_s, self.walk / self.walk_ceiling_s
        larger = max(detour, walk)
        if larger == 0:
            return 0, 0
        return round(PRICE_UNIT * (detour / larger)), round(PRICE_UNIT * (walk / larger))

    @property
    def shares(self) -> dict[ScorePartName, float]:
        """The weight of each part, divided by the sum of all, in the order of `PartValues`."""
        total = self._sum()
        return {
            ScorePartName.DETOUR: self.detour / total,
            ScorePartName.OVERLAP: self.overlap / total,
            ScorePartName.TIME: self.time / total,
            ScorePartName.WALK: self.walk / total,
            ScorePartName.PREFERENCES: self.preferences / total,
            ScorePartName.PRICE: self.price / total,
        }


@dataclass(frozen=True, eq=False)
class PartValues:
    """The parts of k offers, (k,) float64 each in [0, 1]; 1 is best."""

    detour: F64
    overlap: F64
    time: F64
    walk: F64
    preferences: F64
    price: F64

    def score(self, weights: ScoreWeights) -> F64:
        """(k,) scores in [0, 1], rounded. Never falls when a part rises."""
        detour, overlap, time, walk, preferences, price = weights.shares.values()
        total = (
            detour * self.detour
            + overlap * self.overlap
            + time * self.time
            + walk * self.walk
            + preferences * self.preferences
            + price * self.price
        )
        return np.round(total, SCORE_DECIMALS)

    def taken(self, chosen: I64) -> PartValues:
        """The parts of some offers, in the given order."""
        return PartValues(
            self.detour[chosen],
            self.overlap[chosen],
            self.time[chosen],
            self.walk[chosen],
            self.preferences[chosen],
            self.price[chosen],
        )

    def by_offer(self) -> Iterator[tuple[float, ...]]:
        """The parts of one offer after another."""
        columns = (self.detour, self.overlap, self.time, self.walk, self.preferences, self.price)
        return zip(*(column.tolist() for column in columns), strict=True)


def falling(amount: npt.NDArray[np.generic], ceiling: float) -> F64:
    """1 at an amount of 0, falling evenly to 0 at the ceiling and beyond."""
    return np.asarray(1.0 - np.clip(np.abs(amount) / ceiling, 0.0, 1.0), dtype=np.float64)


def agreement(
    rider_stated: int, rider_welcome: int, stated: npt.NDArray[np.uint8], welcome: npt.NDArray[np.uint8]
) -> F64:
    """The share of the rider's stated preferences that the driver does not contradict; 1 where none was stated."""
    asked = rider_stated.bit_count()
    if asked == 0:
        return np.ones(len(stated))
    contradicted = (welcome ^ np.uint8(rider_welcome)) & stated & np.uint8(rider_stated)
    return np.asarray(1.0 - _ONES_IN_BYTE[contradicted] / asked, dtype=np.float64)


def price_values(steps: U8) -> F64:
    """1 for a free seat, falling evenly to 0 for one at the whole cost of the drive. steps: as in `rows.Rows`."""
    return np.asarray(1.0 - steps / np.float64(PRICE_STEPS), dtype=np.float64)


def describe_parts(
    values: tuple[float, ...],
    weights: ScoreWeights,
    *,
    detour_s: float,
    overlap: float,
    shift_s: float,
    walk_s: float,
) -> dict[ScorePartName, ScorePart]:
    """The parts of a score as people read them: value, weight, what was measured, and the ceiling.

    values: of the parts, in the order of `PartValues`.
    """
    preferences, price = values[-2:]
    measured = (
        (detour_s, weights.detour_ceiling_s, "s"),
        (overlap, 1.0, "share"),
        (shift_s, weights.time_ceiling_s, "s"),
        (walk_s, weights.walk_ceiling_s, "s"),
        (preferences, 1.0, "share"),
        (round(1.0 - price, SCORE_DECIMALS), 1.0, "share"),
    )
    return {
        name: ScorePart(round(value, SCORE_DECIMALS), share, *what)
        for (name, share), value, what in zip(weights.shares.items(), values, measured, strict=True)
    }
