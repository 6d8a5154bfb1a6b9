"""A feasible insertion with its score, as it leaves the matching core."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from matcher.domain.match import ScorePart, ScorePartName
from matcher.domain.place import RoadPosition
from matcher.matching.index.snapshot import Snapshot
from matcher.matching.rank.best import Ranked
from matcher.matching.rank.scoring import OVERLAP, ScoreWeights
from matcher.matching.scan.feasible import FOUND, Feasible


class Candidate(NamedTuple):
    """A feasible insertion, scored. Times in ms, lengths in cm; pickup_ms and dropoff_ms since the epoch.

    The fields of `feasible.FOUND` are as described there. A tuple, because many are made and few are shown.
    """

    offer_id: UUID
    version: int
    seats_left: int
    score: float
    amounts: tuple[float, ...]  # measured for each part of the score, see `scoring.PARTS`
    weights: ScoreWeights
    pickup_ms: int
    dropoff_ms: int
    ride_via: tuple[RoadPosition, ...]  # the driver's stops that the rider passes through
    shared_cm: int
    detour_ms: int
    detour_cm: int
    shift_ms: int
    ride_ms: int
    ride_cm: int
    pickup_leg: int
    dropoff_leg: int
    pickup_choice: int
    dropoff_choice: int
    walk_ms: int
    at_doors: tuple[int, int] | None  # detour (ms, cm) from door to door, when the rider walks and it would fit, too
    slot: int  # in whose metric all of this is

    @property
    def overlap(self) -> float:
        """The share of the rider's own best route that the driver's planned route runs along."""
        return self.amounts[OVERLAP]

    @property
    def parts(self) -> dict[ScorePartName, ScorePart]:
        """The parts of the score. Made when asked for, because most candidates are never shown."""
        return self.weights.describe(self.amounts)


_NAMES = FOUND.names or ()


def describe_candidates(
    snapshot: Snapshot,
    feasible: Feasible,
    ranked: Ranked,
    weights: ScoreWeights,
    doors: dict[int, tuple[int, int]],
    slot: int,
) -> tuple[Candidate, ...]:
    """The ranked offers of a slot. doors: {row: detour from door to door} of those who walk and need not."""
    rows, found = snapshot.rows, feasible.found[ranked.chosen]
    row = found["row"]
    pickup_ms = rows.departure_ms[row] + found["to_pickup_ms"] + found["shift_ms"]
    # Column by column: numpy's scalars are slow one at a time, and are no Python numbers.
    columns = (
        rows.id_high[row],
        rows.id_low[row],
        rows.version[row],
        snapshot.seats_between(row, found["pickup_leg"], found["dropoff_leg"]),
        ranked.score,
        pickup_ms,
        pickup_ms + found["ride_ms"],
        ranked.shared_cm,
    )
    best = []
    for values, amounts, (id_high, id_low, version, seats_left, score, boards_ms, alights_ms, shared_cm) in zip(
        found.tolist(),
        ranked.amounts.T.tolist(),
        zip(*(column.tolist() for column in columns), strict=True),
        strict=True,
    ):
        own = dict(zip(_NAMES, values, strict=True))
        number, _ = own.pop("row"), own.pop("to_pickup_ms")
        board, alight = own["pickup_leg"], own["dropoff_leg"]
        best.append(
            Candidate(
                offer_id=UUID(int=id_high << 64 | id_low),
                version=version,
                seats_left=seats_left,
                score=score,
                amounts=tuple(amounts),
                weights=weights,
                pickup_ms=boards_ms,
                dropoff_ms=alights_ms,
                ride_via=snapshot.stops(number, board, alight) if board != alight else (),
                shared_cm=shared_cm,
                at_doors=doors.get(number),
                slot=slot,
                **own,
            )
        )
    return tuple(best)
