"""How good a feasible offer is for a rider: a weighted sum of parts, each in [0, 1] with its own ceiling.

`PARTS` is the only list of the parts. The weights, their settings, the answer's parts and what `explain` tells of each
derive from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from matcher.domain.match import ScorePart, ScorePartName
from matcher.matching.base.positions import AnyArray
from matcher.matching.base.prices import PRICE_STEPS
from matcher.matching.index.rows import Rows
from matcher.matching.scan.query import Query

F64 = npt.NDArray[np.float64]
BOOL = npt.NDArray[np.bool_]

#: Scores are rounded to this many decimals before they are compared, so that ties are ties on every machine.
SCORE_DECIMALS = 6
_DECIMALS = 10.0**SCORE_DECIMALS
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

    def scaled(self, ceiling: float) -> float:
        """A ceiling in what the amounts are measured in."""
        return ceiling * 1000 if self.unit == "s" else ceiling


class Scale(NamedTuple):
    """How amounts become a score: (parts,) each; `ceilings` in what the amounts are measured in."""

    ceilings: F64
    rises: BOOL  # whether more is better
    shares: F64


@numba.njit(cache=True, nogil=True)
def part_value(amount, ceiling, rises):
    """What an amount is worth, from 0 to 1.

    Rising: 0 at 0, 1 at the ceiling and beyond. Otherwise 1 at 0, falling evenly to 0 at the ceiling and beyond, to
    either side.
    """
    share = amount / ceiling
    return min(max(share, 0.0), 1.0) if rises else 1.0 - min(abs(share), 1.0)


@numba.njit(cache=True, nogil=True)
def total_score(amounts, scale):
    """(k,) scores in [0, 1] of (parts, k) amounts, rounded."""
    scores = np.zeros(amounts.shape[1])
    for part in range(len(amounts)):
        ceiling, rises, share = scale.ceilings[part], scale.rises[part], scale.shares[part]
        for i in range(len(scores)):
            scores[i] += share * part_value(amounts[part, i], ceiling, rises)
    return np.rint(scores * _DECIMALS) / _DECIMALS


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
        "s", 1800.0, "added drive that scores 0",
    ),
    Part(
        ScorePartName.OVERLAP, 0.30, "road shared with the rider's own best route", lambda offered: offered.overlap,
        more_is_better=True,
    ),
    Part(
        ScorePartName.TIME, 0.10, "a departure as the driver planned it", lambda offered: offered.found["shift_ms"],
        "s", 3600.0, "change of the departure that scores 0",
    ),
    Part(
        ScorePartName.WALK, 0.10, "a short walk", lambda offered: offered.found["walk_ms"],
        "s", 1800.0, "walk that scores 0",
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

    @cached_property
    def scale(self) -> Scale:
        """For kernels."""
        ceilings = [part.scaled(ceiling) for part, ceiling in zip(PARTS, self.ceilings, strict=True)]
        return Scale(np.array(ceilings), np.array([part.more_is_better for part in PARTS]), np.array(self.shares))

    def score(self, amounts: F64) -> F64:
        """(k,) scores in [0, 1] of (parts, k) amounts, rounded. Never falls when the value of a part rises."""
        scores: F64 = total_score(amounts, self.scale)
        return scores

    def describe(self, amounts: tuple[float, ...]) -> dict[ScorePartName, ScorePart]:
        """The parts of one offer as people read them: value, weight, what was measured, and the ceiling."""
        parts = zip(PARTS, amounts, self.shares, self.ceilings, strict=True)
        return {
            part.name: ScorePart(
                round(part_value(amount, part.scaled(ceiling), part.more_is_better), SCORE_DECIMALS),
                share,
                round(part.measured(amount), SCORE_DECIMALS),
                ceiling,
                part.unit,
            )
            for part, amount, share, ceiling in parts
        }


def amounts_of(offered: Offered) -> F64:
    """(parts, k) what is measured of k offers."""
    amounts = np.empty((len(PARTS), len(offered.found)))
    for row, part in zip(amounts, PARTS, strict=True):
        row[:] = part.amount(offered)
    return amounts
