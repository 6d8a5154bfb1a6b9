"""A feasible insertion with its score, as it leaves the matching core."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from matcher.domain.match import ScorePart, ScorePartName
from matcher.domain.place import RoadPosition
from matcher.matching.index.index import Snapshot
from matcher.matching.rank.best import Ranked
from matcher.matching.rank.scoring import ScoreWeights, describe_parts
from matcher.matching.scan.feasible import Feasible


@dataclass(frozen=True, slots=True)
class Candidate:
    """A feasible insertion, scored. Times in ms, lengths in cm; pickup_ms and dropoff_ms since the epoch."""

    offer_id: UUID
    version: int
    seats_left: int
    score: float
    values: tuple[float, ...]  # of the score's parts, in the order of `PartValues`
    weights: ScoreWeights
    shift_ms: int  # how much later than planned the driver leaves, negative for earlier
    pickup_ms: int
    dropoff_ms: int
    ride_ms: int
    ride_cm: int
    ride_via: tuple[RoadPosition, ...]  # the driver's stops that the rider passes through
    detour_ms: int
    detour_cm: int
    shared_cm: int
    overlap: float
    pickup_leg: int = 0  # which leg of the itinerary, from 0, the pickup is inserted in
    dropoff_leg: int = 0
    pickup_choice: int = 0  # which of the query's pickups; 0 is the door
    dropoff_choice: int = 0
    walk_ms: int = 0  # both walks together
    at_doors: tuple[int, int] | None = (
        None  # detour (ms, cm) from door to door, when the rider walks and it would fit, too
    )
    slot: int = 0  # in whose metric all of this is

    @property
    def parts(self) -> dict[ScorePartName, ScorePart]:
        """The parts of the score. Made when asked for, because most candidates are never shown."""
        return describe_parts(
            self.values,
            self.weights,
            detour_s=self.detour_ms / 1000,
            overlap=self.overlap,
            shift_s=self.shift_ms / 1000,
            walk_s=self.walk_ms / 1000,
        )


def describe_candidates(
    snapshot: Snapshot,
    feasible: Feasible,
    ranked: Ranked,
    weights: ScoreWeights,
    doors: dict[int, tuple[int, int]],
    slot: int,
) -> tuple[Candidate, ...]:
    """The ranked offers of a slot. doors: {row: detour from door to door} of those who walk and need not."""
    rows, chosen = snapshot.rows, ranked.chosen
    row = feasible.rows[chosen]
    shift_ms, ride_ms = feasible.shift_ms[chosen], feasible.ride_ms[chosen]
    pickup_ms = rows.departure_ms[row] + feasible.to_pickup_ms[chosen] + shift_ms
    # Column by column: numpy's scalars are slow one at a time, and are no Python numbers.
    columns = (
        row,
        rows.version[row],
        snapshot.seats_between(row, feasible.pickup_leg[chosen], feasible.dropoff_leg[chosen]),
        ranked.score,
        shift_ms,
        pickup_ms,
        pickup_ms + ride_ms,
        ride_ms,
        feasible.ride_cm[chosen],
        feasible.detour_ms[chosen],
        feasible.detour_cm[chosen],
        ranked.shared_cm,
        ranked.values.overlap,
        feasible.pickup_leg[chosen],
        feasible.dropoff_leg[chosen],
        feasible.pickup_choice[chosen],
        feasible.dropoff_choice[chosen],
        feasible.walk_ms[chosen],
    )
    return tuple(
        Candidate(
            offer_id=rows.offer_id(row),
            version=version,
            seats_left=seats,
            score=score,
            values=values,
            weights=weights,
            shift_ms=shift_ms,
            pickup_ms=pickup_ms,
            dropoff_ms=dropoff_ms,
            ride_ms=ride_ms,
            ride_cm=ride_cm,
            ride_via=snapshot.stops(row, board, alight) if board != alight else (),
            detour_ms=detour_ms,
            detour_cm=detour_cm,
            shared_cm=shared_cm,
            overlap=overlap,
            pickup_leg=board,
            dropoff_leg=alight,
            pickup_choice=pickup_choice,
            dropoff_choice=dropoff_choice,
            walk_ms=walk_ms,
            at_doors=doors.get(row),
            slot=slot,
        )
        for values, (
            row, version, seats, score, shift_ms, pickup_ms, dropoff_ms, ride_ms, ride_cm,
            detour_ms, detour_cm, shared_cm, overlap, board, alight, pickup_choice, dropoff_choice, walk_ms,
        ) in zip(ranked.values.by_offer(), zip(*(column.tolist() for column in columns), strict=True), strict=True)
    )  # fmt: skip
