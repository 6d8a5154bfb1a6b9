"""A search, step by step.

    1. drive   the rider's own fastest drive, pickup to dropoff
    2. sweep   exact costs from every node to the pickup, and from the dropoff to every node (and the other two ways when some
               drivers go via other places); for a rider who walks, from and to all candidates at once (see `meeting`)
    3. gather  for every offer: exact detour, seats, budget, window -> feasible, or turned away with a reason
    4. hint    when little was found: what would have helped
    5. rank    exact overlap and score of all that could be among the best

Pure and deterministic: the clock's only part is `lap`, which is told when a step has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

from matcher.domain.errors import PlaceUnreachable
from matcher.domain.match import Hint, ScorePart, ScorePartName, TurnedAway
from matcher.domain.place import RoadPosition
from matcher.matching.feasible import Feasible
from matcher.matching.gather import gather
from matcher.matching.hints import FartherWalk, find_hints
from matcher.matching.index import Snapshot
from matcher.matching.itineraries import gather_itineraries
from matcher.matching.meeting import MeetingScan
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
    lap: Callable[[str], None] = lambda _: None,
    farther: Sequence[FartherWalk] = (),
) -> Candidates:
    """The `limit` best offers for a query, of all offers in the snapshot. farther: longer walks to hint at. Raises
    PlaceUnreachable when the rider's own trip has no way."""
    drive = roads.pack_drive(query.pickup, query.dropoff)
    if drive is None:
        raise PlaceUnreachable("there is no way by road from the origin to the destination")
    lap("drive")

    def scan_walking(asked: Query) -> Feasible:
        with ExitStack() as sweeps:
            return MeetingScan(sweeps, snapshot, roads, asked, weights)(asked)

    with ExitStack() as sweeps:
        walking = MeetingScan(sweeps, snapshot, roads, query, weights) if query.walks else None
        scan = walking or _door_scan(sweeps, snapshot, roads, query, drive)
        lap("sweep")
        feasible = scan(query)
        lap("gather")
        hints = find_hints(scan, query, feasible, farther, scan_walking)
        lap("hint")
        ranked = rank(snapshot, feasible, roads, drive, query, weights, limit)
        doors = {} if walking is None else _doors(walking, query, feasible, ranked)
        lap("rank")
    return Candidates(
        best=_candidates(snapshot, feasible, ranked, weights, doors),
        feasible=len(feasible),
        considered=feasible.considered,
        turned_away=feasible.turned_away,
        hints=hints,
        drive=drive,
    )


def _door_scan(
    sweeps: ExitStack, snapshot: Snapshot, roads: SearchRoads, query: Query, drive: PackedDrive
) -> Callable[[Query], Feasible]:
    """A scan for riders who are met at their doors."""
    at_pickup = sweeps.enter_context(roads.sweep(query.pickup, query.dropoff))
    some_via = len(snapshot.itineraries) > 0
    at_dropoff = sweeps.enter_context(roads.sweep(query.dropoff, query.pickup)) if some_via else None

    def scan(asked: Query) -> Feasible:
        found = gather(snapshot, roads.edges, at_pickup, drive.cost, asked)
        if at_dropoff is None:
            return found
        return found.joined(gather_itineraries(snapshot, roads.edges, at_pickup, at_dropoff, drive.cost, asked))

    return scan


def _doors(scan: MeetingScan, query: Query, feasible: Feasible, ranked: Ranked) -> dict[int, tuple[int, int]]:
    """{row: (detour_ms, detour_cm)} from door to door, of those of the ranked whose rider walks and need not."""
    chosen = ranked.chosen
    walked = (feasible.pickup_choice[chosen] != 0) | (feasible.dropoff_choice[chosen] != 0)
    found = scan.at_doors(query, feasible.rows[chosen[walked]])
    detours = zip(found.detour_ms.tolist(), found.detour_cm.tolist(), strict=True)
    return dict(zip(found.rows.tolist(), detours, strict=True))


def _candidates(
    snapshot: Snapshot,
    feasible: Feasible,
    ranked: Ranked,
    weights: ScoreWeights,
    doors: dict[int, tuple[int, int]],
) -> tuple[Candidate, ...]:
    rows, chosen = snapshot.rows, ranked.chosen
    row = feasible.rows[chosen]
    shift_ms, ride_ms = feasible.shift_ms[chosen], feasible.ride_ms[chosen]
    pickup_ms = rows.departure_ms[row] + feasible.to_pickup_ms[chosen] + shift_ms
    # Column by column: numpy's scalars are slow one at a time, and are no Python numbers.
    columns = (
        row,
        rows.version[row],
        snapshot.legs.seats_between(rows.leg_begin[row], feasible.pickup_leg[chosen], feasible.dropoff_leg[chosen]),
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
            ride_via=snapshot.legs.stops(int(rows.leg_begin[row]), board, alight) if board != alight else (),
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
        )
        for values, (
            row, version, seats, score, shift_ms, pickup_ms, dropoff_ms, ride_ms, ride_cm,
            detour_ms, detour_cm, shared_cm, overlap, board, alight, pickup_choice, dropoff_choice, walk_ms,
        ) in zip(ranked.values.by_offer(), zip(*(column.tolist() for column in columns), strict=True), strict=True)
    )  # fmt: skip
