"""A search, step by step.

    1. drive   the rider's own fastest drive, pickup to dropoff
    2. sweep   exact costs from every node to the pickup, and from the dropoff to every node (and the other two ways when some
               drivers go via other places)
    3. gather  for every offer: exact detour, seats, budget, window -> feasible, or turned away with a reason
    4. hint    when little was found: what would have helped
    5. rank    exact overlap and score of all that could be among the best

Pure and deterministic: the clock's only part is `lap`, which is told when a step has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

from matcher.domain.errors import PlaceUnreachable
from matcher.domain.match import Hint, ScorePart, ScorePartName, TurnedAway
from matcher.domain.place import RoadPosition
from matcher.matching.feasible import Feasible
from matcher.matching.gather import gather
from matcher.matching.hints import find_hints
from matcher.matching.index import Snapshot
from matcher.matching.itineraries import gather_itineraries
from matcher.matching.query import Query
from matcher.matching.ranking import Ranked, rank
from matcher.matching.roads import PackedDrive, SearchRoads
from matcher.matching.scoring import ScoreWeights, describe_parts


@dataclass(frozen=True, slots=True)
class Candidate:
    """A feasible insertion, scored. Times in ms, lengths in cm; pickup_ms and dropoff_ms since the epoch."""

    offer_id: UUID
    version: int
    seats_left: int
    score: float
    parts: dict[ScorePartName, ScorePart]
    pickup_ms: int
    dropoff_ms: int
    ride_ms: int
    ride_cm: int
    ride_via: tuple[RoadPosition, ...]  # the driver's stops that the rider passes through
    detour_ms: int
    detour_cm: int
    shared_cm: int
    overlap: float


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best candidates in order, and an account of every offer considered."""

    best: tuple[Candidate, ...]
    feasible: int
    considered: int
    turned_away: dict[TurnedAway, int]
    hints: tuple[Hint, ...]
    drive: PackedDrive


def find_candidates(
    snapshot: Snapshot,
    roads: SearchRoads,
    query: Query,
    weights: ScoreWeights,
    limit: int,
    lap: Callable[[str], None] = lambda step: None,
) -> Candidates:
    """The `limit` best offers for a query, of all offers in the snapshot. Raises PlaceUnreachable when the rider's own
    trip has no way."""
    drive = roads.pack_drive(query.pickup, query.dropoff)
    if drive is None:
        raise PlaceUnreachable("there is no way by road from the origin to the destination")
    lap("drive")
    with ExitStack() as sweeps:
        at_pickup = sweeps.enter_context(roads.sweep(query.pickup, query.dropoff))
        some_via = len(snapshot.itineraries) > 0
        at_dropoff = sweeps.enter_context(roads.sweep(query.dropoff, query.pickup)) if some_via else None
        lap("sweep")

        def scan(asked: Query) -> Feasible:
            found = gather(snapshot, roads.edges, at_pickup, drive.cost, asked)
            if at_dropoff is None:
                return found
            return found.joined(
                gather_itineraries(snapshot, roads.edges, at_pickup, at_dropoff, drive.cost, asked)
            )

        feasible = scan(query)
        lap("gather")
        hints = find_hints(scan, query, feasible)
        lap("hint")
    ranked = rank(snapshot, feasible, roads, drive, query, weights, limit)
    lap("rank")
    return Candidates(
        best=tuple(_candidate(snapshot, feasible, ranked, weights, k) for k in range(len(ranked.chosen))),
        feasible=len(feasible),
        considered=feasible.considered,
        turned_away=feasible.turned_away,
        hints=hints,
        drive=drive,
    )


def _candidate(snapshot: Snapshot, feasible: Feasible, ranked: Ranked, weights: ScoreWeights, k: int) -> Candidate:
    i = int(ranked.chosen[k])
    row = int(feasible.rows[i])
    rows = snapshot.rows
    pickup_ms = int(rows.departure_ms[row] + feasible.to_pickup_ms[i] + feasible.shift_ms[i])
    detour_ms = int(feasible.detour_ms[i])
    overlap = float(ranked.values.overlap[k])
    return Candidate(
        offer_id=rows.offer_id(row),
        version=int(rows.version[row]),
        seats_left=int(rows.seats[row]),
        score=float(ranked.score[k]),
        parts=describe_parts(
            ranked.values,
            k,
            weights,
            detour_s=detour_ms / 1000,
            overlap=overlap,
            shift_s=int(feasible.shift_ms[i]) / 1000,
            walk_s=0.0,
        ),
        pickup_ms=pickup_ms,
        dropoff_ms=pickup_ms + int(feasible.ride_ms[i]),
        ride_ms=int(feasible.ride_ms[i]),
        ride_cm=int(feasible.ride_cm[i]),
        ride_via=snapshot.legs.stops(
            int(rows.leg_begin[row]), int(feasible.pickup_leg[i]), int(feasible.dropoff_leg[i])
        ),
        detour_ms=detour_ms,
        detour_cm=int(feasible.detour_cm[i]),
        shared_cm=int(ranked.shared_cm[k]),
        overlap=overlap,
    )
