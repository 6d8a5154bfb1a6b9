"""A search, step by step.

    1. drive   the rider's own fastest drive, pickup to dropoff
    2. sweep   exact costs from every node to the pickup, and from the dropoff to every node
    3. gather  for every offer: exact detour, seats, budget, window -> feasible, or turned away with a reason
    4. rank    exact overlap and score of all that could be among the best
    5. hint    when little was found: what would have helped

Pure and deterministic: the clock's only part is `lap`, which is told when a step has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from matcher.domain.errors import PlaceUnreachable
from matcher.domain.match import Hint, ScorePart, ScorePartName, TurnedAway
from matcher.matching.gather import Feasible, gather
from matcher.matching.hints import find_hints
from matcher.matching.index import Snapshot
from matcher.matching.positions import split_cost
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
    with roads.sweep(query.pickup, query.dropoff) as distance:
        lap("sweep")
        feasible = gather(snapshot, roads.edges, distance, drive.cost, query)
        lap("gather")
        hints = find_hints(snapshot, roads.edges, distance, drive.cost, query, feasible)
        lap("hint")
    ranked = rank(snapshot, feasible, roads, drive, query, weights, limit)
    lap("rank")
    return Candidates(
        best=tuple(_candidate(snapshot, feasible, ranked, drive, weights, k) for k in range(len(ranked.chosen))),
        feasible=len(feasible),
        considered=feasible.considered,
        turned_away=feasible.turned_away,
        hints=hints,
        drive=drive,
    )


def _candidate(
    snapshot: Snapshot, feasible: Feasible, ranked: Ranked, drive: PackedDrive, weights: ScoreWeights, k: int
) -> Candidate:
    i = ranked.chosen[k]
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
        dropoff_ms=pickup_ms + split_cost(drive.cost)[0],
        detour_ms=detour_ms,
        detour_cm=int(feasible.detour_cm[i]),
        shared_cm=int(ranked.shared_cm[k]),
        overlap=overlap,
    )
