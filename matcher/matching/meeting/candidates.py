"""The meeting points of a search, and the drives around them, as kernels take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from matcher.matching.base.positions import I64, AnyArray, fixed_position
from matcher.matching.base.reach import FAR
from matcher.matching.scan.query import MeetingCandidate


class Side(NamedTuple):
    """The candidates of one side, (k,) each: positions in fixed point, and walks."""

    edge: I64
    at: I64
    walk_ms: I64

    @classmethod
    def of(cls, candidates: Sequence[MeetingCandidate]) -> Side:
        """The columns of some candidates."""
        fixed = [fixed_position(candidate.position) for candidate in candidates]
        return cls(
            np.array([edge for edge, _ in fixed], dtype=np.int64),
            np.array([at for _, at in fixed], dtype=np.int64),
            np.array([candidate.walk_ms for candidate in candidates], dtype=np.int64),
        )

    def first(self, count: int | None) -> Side:
        """The first candidates only; all for None."""
        return Side(self.edge[:count], self.at[:count], self.walk_ms[:count])


class Meeting(NamedTuple):
    """All candidates, or the first of either side.

    between: (s, t) packed, from each pickup to each dropoff, or more. pickup_part, dropoff_part: its `potentials`, as
    long or longer.
    """

    edges: AnyArray  # (e,) EDGE
    pickups: Side
    dropoffs: Side
    between: I64
    pickup_part: I64
    dropoff_part: I64

    def first(self, count: int | None) -> Meeting:
        """Of the first candidates of either side only; all for None."""
        return self._replace(pickups=self.pickups.first(count), dropoffs=self.dropoffs.first(count))


class Around(NamedTuple):
    """(n, ·) packed distances between nodes and the candidates, true where the legs at hand begin (to) and end
    (from)."""

    to_pickups: I64
    from_pickups: I64
    to_dropoffs: I64
    from_dropoffs: I64


class Walker(NamedTuple):
    """What the rider asks at the door, and what a millisecond of detour and of walk cost, see `ScoreWeights.prices`."""

    seats: int
    earliest_ms: int
    latest_ms: int
    window_is_arrival: bool
    now_ms: int
    detour_price: int
    walk_price: int


def potentials(between: I64) -> tuple[I64, I64]:
    """(a, b) in ms, each at least 0, with a[k] + b[c] <= the time of between[k, c], (s, t) packed; no way counts as
    FAR."""
    ms = np.minimum(between >> 32, FAR)
    a = ms.min(axis=1) - ms.min()
    return a, (ms - a[:, None]).min(axis=0)
