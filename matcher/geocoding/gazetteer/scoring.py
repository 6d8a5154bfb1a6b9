"""The score of an entry for a query: parts in [0, 1] with weights, so that a result can be explained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from matcher.domain.place import Coordinate

#: Weight of each part. A part that does not apply (no number was asked) is absent, and the others share the whole.
WEIGHTS = {
    "words": 0.50,  # how much of what was typed the name answers
    "fullness": 0.20,  # how much of the name was typed
    "spelling": 0.15,  # letters and order, over the whole name
    "city": 0.15,  # whether it lies where the query says
    "number": 0.10,  # how exactly the house number is known
    "crossing": 0.10,  # whether the two streets really share a junction
    "importance": 0.12,  # a town before a long street before a lane or a shop of the same name
    "near": 0.10,  # closeness to where the person looks from
}

#: At this distance closeness is worth a third of what it is worth on the spot.
NEAR_M = 5_000.0

#: Below these an answer is a suggestion, never the place meant.
CERTAIN_WORDS = 0.75
CERTAIN_FULLNESS = 0.25
#: Below this share of the typed words an entry is not worth suggesting.
LEAST_WORDS = 0.35


class Hit(NamedTuple):
    """One answer of the gazetteer. `certain` says that it is good enough to be taken, if nothing rivals it."""

    entry: int
    other: int
    coordinate: Coordinate
    label: str
    precision: str
    score: float
    parts: Mapping[str, float]
    certain: bool

    def explain(self) -> dict[str, dict[str, float]]:
        """Each part with its value in [0, 1] and its weight; the weights sum to 1 and the products to the score."""
        whole = sum(WEIGHTS[name] for name in self.parts)
        return {
            name: {"value": round(value, 4), "weight": round(WEIGHTS[name] / whole, 4)}
            for name, value in self.parts.items()
        }


def total(parts: Mapping[str, float]) -> float:
    """The weighted mean of the parts, in [0, 1]."""
    return sum(WEIGHTS[name] * value for name, value in parts.items()) / sum(WEIGHTS[name] for name in parts)
