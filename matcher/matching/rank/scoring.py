"""How good a feasible offer is for a rider: a weighted sum of parts, each in [0, 1] with its own ceiling.

`PARTS` is the only list of the parts. The weights, their settings, the answer's parts and what `explain` tells of each
derive from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from matcher.domain.match import ScorePart, ScorePartName
from matcher.matching.base.positions import AnyArray
from matcher.matching.base.prices import PRICE_STEPS
from matcher.matching.index.rows import Rows
from matcher.matching.scan.query import Query

F64 = npt.NDArray[np.float64]

#: Scores are rounded to this many decimals before they are compared, so that ties are ties on every machine.
SCORE_DECIMALS = 6
#: The larger of the prices of detour and walk; integers, so that equal costs are equal on every machine.
PRICE_UNIT = 1 << 16
#: A ceiling in seconds is a setting; that of a share is 1.
CEILING_SUFFIX = "_ceiling_s"

_ONES_IN_BYTE = np.array([byte.bit_count() for byte in range(256)], dtype=np.float64)


class Offered(NamedTuple):
    """What the parts of k offers are measured on. found: (k,) FOUND; overlap: (k,) shares of the rider's own route."""

    rows: Rows
    found: AnyArray
    query: Query
    overlap: F64


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the score.

    weight: its default; counts: what earns it, for the setting's description. amount: (k,) measured, in ms where the
    unit is s. ceiling: the amount, in the unit, at which the part is 0, or 1 for `more_is_better`; ceiling_means: the
    description of its setting, None for a ceiling that is fixed.
    """

    name: ScorePartName
    weight: float
    counts: str
    amount: Callable[[Offered], AnyArray]
    unit: str = "share"
    ceiling: float = 1.0
    ceiling_means: str | None = None
    more_is_better: bool = False

    @property
    def ceiling_name(self) -> str:
        """The name of the ceiling among weights and settings."""
        return f"{self.name.value}{CEILING_SUFFIX}"

    def measured(self, amount: float) -> float:
        """An amount in the unit."""
        return amount / 1000 if self.unit == "s" else amount

    def value(self, amount: AnyArray, ceiling: float) -> F64:
        """(k,) in [0, 1]; 1 is best."""
        share = amount / (ceiling * 1000 if self.unit == "s" else ceiling)
        if self.more_is_better:
            return np.asarray(np.clip(share, 0.0, 1.0), dtype=np.float64)
        return falling(share)


def falling(share: AnyArray) -> F64:
    """1 at a share of 0, falling evenly to 0 at a whole, to either side, and beyond."""
    return np.asarray(1.0 - np.clip(np.abs(share), 0.0, 1.0), dtype=np.float64)


def agreement(offered: Offered) -> F64:
    """The share of the rider's stated preferences that the driver does not contradict; 1 where none was stated."""
    query, row = offered.query, offered.found["row"]
    asked = query.stated.bit_count()
    if asked == 0:
        return np.ones(len(row))
    stated, welcome = offered.rows.stated[row], offered.rows.welcome[row]
    contradicted = (welcome ^ np.uint8(query.welcome)) & stated & np.uint8(query.stated)
    return np.asarray(1.0 - _ONES_IN_BYTE[contradicted] / asked, dtype=np.float64)


PARTS = (
    Part(
        ScorePartName.DETOUR, 0.40, "a small added drive", lambda offered: offered.found["detour_ms"],
        "s", 1800.0, "an added drive of this long scores 0",
    ),
    Part(
        ScorePartName.OVERLAP, 0.30, "road shared with the rider's own best route", lambda offered: offered.overlap,
        more_is_better=True,
    ),
    Part(
        ScorePartName.TIME, 0.10, "a departure as the driver planned it", lambda offered: offered.found["shift_ms"],
        "s", 3600.0, "a driver who must leave this much earlier or later scores 0",
    ),
    Part(
        ScorePartName.WALK, 0.10, "a short walk", lambda offered: offered.found["walk_ms"],
        "s", 1800.0, "a walk of this long scores 0",
    ),
    Part(ScorePartName.PREFERENCES, 0.05, "preferences that fit", agreement, more_is_better=True),
    Part(
        ScorePartName.PRICE, 0.05, "a price below the cost of driving",
        lambda offered: offered.rows.price[offered.found["row"]] / np.float64(PRICE_STEPS),
    ),
)  # fmt: skip
OVERLAP = [part.name for part in PARTS].index(ScorePartName.OVERLAP)


@dataclass(init=False, unsafe_hash=True)
class ScoreWeights:
    """What counts how much, and where each part reaches 0; by default as in `PARTS`.

    given: weights by the names of the parts, ceilings as `detour_ceiling_s`. Weights are relative: they are divided by
    their sum. Raises ValueError for a negative weight, weights that are all 0, or a ceiling that is not above 0.
    """

    weights: tuple[float, ...]
    ceilings: tuple[float, ...]
    shares: tuple[float, ...]

    def __init__(self, **given: float) -> None:
        self.weights = tuple(given.pop(part.name.value, part.weight) for part in PARTS)
        self.ceilings = tuple(
            given.pop(part.ceiling_name, part.ceiling) if part.ceiling_means else part.ceiling for part in PARTS
        )
        if given:
            raise TypeError(f"no part of the score has {', '.join(given)}")
        for part, weight, ceiling in zip(PARTS, self.weights, self.ceilings, strict=True):
            if not ceiling > 0:
                raise ValueError(f"{part.ceiling_name} must be above 0, not {ceiling}")
            if not weight >= 0:
                raise ValueError(f"the weight of {part.name} must not be negative, not {weight}")
        total = sum(self.weights)
        if total <= 0:
            raise ValueError("at least one weight must be above 0")
        self.shares = tuple(weight / total for weight in self.weights)

    @property
    def prices(self) -> tuple[int, int]:
        """What a millisecond of detour and one of walk cost, as integers of which the larger is PRICE_UNIT.

        Their weights over their ceilings.
        """
        slope = {part.name: w / c for part, w, c in zip(PARTS, self.weights, self.ceilings, strict=True)}
        detour, walk = slope[ScorePartName.DETOUR], slope[ScorePartName.WALK]
        larger = max(detour, walk)
        if larger == 0:
            return 0, 0
        return round(PRICE_UNIT * (detour / larger)), round(PRICE_UNIT * (walk / larger))

    def values(self, amounts: F64) -> F64:
        """(parts, k) values in [0, 1] of (parts, k) amounts."""
        parts = zip(PARTS, amounts, self.ceilings, strict=True)
        return np.array([part.value(amount, ceiling) for part, amount, ceiling in parts])

    def score(self, values: F64) -> F64:
        """(k,) scores in [0, 1] of (parts, k) values, rounded. Never falls when a part rises."""
        total = np.zeros(values.shape[1])
        for share, value in zip(self.shares, values, strict=True):
            total += share * value
        return np.round(total, SCORE_DECIMALS)

    def describe(self, amounts: tuple[float, ...]) -> dict[ScorePartName, ScorePart]:
        """The parts of one offer as people read them: value, weight, what was measured, and the ceiling."""
        parts = zip(PARTS, amounts, self.shares, self.ceilings, strict=True)
        return {
            part.name: ScorePart(
                round(float(part.value(np.array([amount]), ceiling)[0]), SCORE_DECIMALS),
                share,
                round(part.measured(amount), SCORE_DECIMALS),
                ceiling,
                part.unit,
            )
            for part, amount, share, ceiling in parts
        }


def amounts_of(offered: Offered) -> F64:
    """(parts, k) what is measured of k offers."""
    return np.array([part.amount(offered) for part in PARTS], dtype=np.float64)
