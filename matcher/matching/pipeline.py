"""A search, step by step.

    1. drive   the rider's own fastest drive, pickup to dropoff
    2. sweep   exact costs from every node to the pickup, and from the dropoff to every node (and the other two ways
    when some
               drivers go via other places); for a rider who walks, from and to all candidates at once (see `meeting`)
    3. gather  for every offer: exact detour, seats, budget, window -> feasible, or turned away with a reason
    4. hint    when little was found: what would have helped
    5. rank    exact overlap and score of all that could be among the best

Where speeds differ by the hour the offers of each slot go through these steps on the roads of that slot, those slots
apart in which no trip is under way in the window, and the lists are merged.

Pure and deterministic: the clock's only part is `lap`, which is told when a step has ended.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from matcher.domain.errors.tree import PlaceUnreachable
from matcher.domain.match import Hint, TurnedAway
from matcher.matching.base.roads import PackedDrive, SearchRoads
from matcher.matching.cancellation import Cancellation
from matcher.matching.index.by_time import SlotSnapshot
from matcher.matching.index.snapshot import Snapshot
from matcher.matching.rank.candidates import Candidate
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.feasible import Feasible
from matcher.matching.scan.hints import FEW, FartherWalk, find_hints
from matcher.matching.scan.query import Query
from matcher.matching.scan.reasons import REASONS
from matcher.matching.slot_search import SlotSearch

__all__ = ["Candidate", "Candidates", "find_candidates", "find_candidates_by_time"]


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best candidates in order, and an account of every offer considered. drives: the rider's own, in the metric
    of each slot."""

    best: tuple[Candidate, ...]
    feasible: int
    considered: int
    turned_away: dict[TurnedAway, int]
    hints: tuple[Hint, ...]
    drives: tuple[PackedDrive, ...]

    @property
    def drive(self) -> PackedDrive:
        """The rider's own drive, where there is one slot."""
        return self.drives[0]


def find_candidates(
    snapshot: Snapshot,
    roads: SearchRoads,
    query: Query,
    weights: ScoreWeights,
    limit: int,
    lap: Callable[[str], None] = lambda _: None,
    farther: Sequence[FartherWalk] = (),
    *,
    hinting: bool = True,
) -> Candidates:
    """`find_candidates_by_time` where every hour is alike."""
    slots = [SlotSnapshot(roads, snapshot)]
    return find_candidates_by_time(slots, query, weights, limit, lap, farther, hinting=hinting)


def find_candidates_by_time(
    slots: Sequence[SlotSnapshot],
    query: Query,
    weights: ScoreWeights,
    limit: int,
    lap: Callable[[str], None] = lambda _: None,
    farther: Sequence[FartherWalk] = (),
    cancellation: Cancellation | None = None,
    *,
    hinting: bool = True,
) -> Candidates:
    """The `limit` best offers for a query, of all offers in all slots, by score and then by offer id. farther: longer
    walks to hint at; hinting: False
    where nobody reads hints. With a limit of 0 they are counted only.

    Raises PlaceUnreachable when the rider's own trip has no way, SearchCancelled between two steps once `cancellation`
    says so.
    """
    go_on = (cancellation or Cancellation()).check
    drives = []
    for slot in slots:
        drive = slot.roads.pack_drive(query.pickup, query.dropoff)
        if drive is None:
            raise PlaceUnreachable("there is no route from the origin to the destination")
        drives.append(drive)
    lap("drive")
    with ExitStack() as sweeps:
        searches = [
            SlotSearch(number, slot, drive, query, weights, sweeps, one_of_many=len(slots) > 1)
            for number, (slot, drive) in enumerate(zip(slots, drives, strict=True))
        ]
        for search in searches:
            go_on()
            search.begin()
        lap("sweep")
        found = []
        for search in searches:
            go_on()
            found.append(search.scan(query))
        lap("gather")

        def scan(asked: Query, *, elsewhere: bool = False) -> Feasible:
            parts = []
            for search in searches:
                go_on()
                parts.append(search.scan_elsewhere(asked) if elsewhere else search.scan(asked))
            return _joined(parts)

        hints: tuple[Hint, ...] = ()
        if hinting and sum(map(len, found)) < FEW:
            hints = find_hints(scan, query, _joined(found), farther, lambda asked: scan(asked, elsewhere=True))
        lap("hint")
        ranked: list[tuple[Candidate, ...]] = []
        for search, feasible in zip(searches, found, strict=True) if limit > 0 else ():
            go_on()
            ranked.append(search.best(feasible, limit))
        lap("rank")
    counts: Counter[TurnedAway] = Counter()
    for feasible in found:
        counts.update(feasible.turned_away)
    return Candidates(
        best=_merged(ranked, limit),
        feasible=sum(map(len, found)),
        considered=sum(feasible.considered for feasible in found),
        turned_away={reason.name: counts[reason.name] for reason in REASONS if counts[reason.name]},
        hints=hints,
        drives=tuple(drives),
    )


def _joined(found: Sequence[Feasible]) -> Feasible:
    together, *others = found
    for other in others:
        together = together.joined(other)
    return together


def _merged(ranked: Iterable[Sequence[Candidate]], limit: int) -> tuple[Candidate, ...]:
    """The first `limit` of several lists, each in order."""
    lists = [candidates for candidates in ranked if candidates]
    if len(lists) == 1:
        return tuple(lists[0])
    together = sorted(itertools.chain(*lists), key=lambda candidate: (-candidate.score, candidate.offer_id.int))
    return tuple(together[:limit])
