"""One query against the offers of one slot, on the roads of that slot."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from matcher.matching.base.roads import PackedDrive
from matcher.matching.index.by_time import SlotSnapshot
from matcher.matching.meeting.scan import MeetingScan
from matcher.matching.rank.best import Ranked, rank
from matcher.matching.rank.candidates import Candidate, describe_candidates
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.door import DoorScan
from matcher.matching.scan.feasible import Feasible
from matcher.matching.scan.glance import glance
from matcher.matching.scan.query import Query


class SlotSearch:
    """A query against the offers of one slot.

    Its roads are swept when a scan needs them, once; the sweeps stay until the search ends.
    """

    def __init__(
        self,
        number: int,
        slot: SlotSnapshot,
        drive: PackedDrive,
        query: Query,
        weights: ScoreWeights,
        sweeps: ExitStack,
        *,
        one_of_many: bool,
    ) -> None:
        self._number = number
        self._offers, self._roads = slot.offers, slot.roads
        self._drive = drive
        self._query = query
        self._weights = weights
        self._sweeps = sweeps
        self._one_of_many = one_of_many
        self._walking: MeetingScan | None = None
        self._scan: Callable[[Query], Feasible] | None = None

    def begin(self) -> None:
        """Sweep the roads, unless no trip of this slot is under way in the window."""
        if self._glance(self._query) is None:
            self._sweep()

    def scan(self, asked: Query) -> Feasible:
        """Every offer against a query with the same places."""
        seen = self._glance(asked)
        return self._sweep()(asked) if seen is None else seen

    def scan_elsewhere(self, asked: Query) -> Feasible:
        """Every offer against a query with other meeting points."""
        seen = self._glance(asked)
        if seen is not None:
            return seen
        with ExitStack() as sweeps:
            return MeetingScan(sweeps, self._offers, self._roads, asked, self._weights)(asked)

    def best(self, feasible: Feasible, limit: int) -> tuple[Candidate, ...]:
        """The `limit` best of those that `scan` found, in order."""
        if self._scan is None:
            return ()
        ranked = rank(self._offers, feasible, self._roads, self._drive, self._query, self._weights, limit)
        doors = {} if self._walking is None else _doors(self._walking, self._query, feasible, ranked)
        return describe_candidates(self._offers, feasible, ranked, self._weights, doors, self._number)

    def _glance(self, asked: Query) -> Feasible | None:
        # A lone slot is swept at once: it is rare that nothing is under way at all, and then the sweep is all that a
        # search costs.
        return glance(self._offers, asked) if self._one_of_many else None

    def _sweep(self) -> Callable[[Query], Feasible]:
        if self._scan is None:
            if self._query.walks:
                self._walking = MeetingScan(self._sweeps, self._offers, self._roads, self._query, self._weights)
            self._scan = self._walking or DoorScan(self._sweeps, self._offers, self._roads, self._query, self._drive)
        return self._scan


def _doors(scan: MeetingScan, query: Query, feasible: Feasible, ranked: Ranked) -> dict[int, tuple[int, int]]:
    """{row: (detour_ms, detour_cm)} from door to door, of those of the ranked whose rider walks and need not."""
    chosen = feasible.found[ranked.chosen]
    walked = (chosen["pickup_choice"] != 0) | (chosen["dropoff_choice"] != 0)
    found = scan.at_doors(query, chosen["row"][walked]).found
    return {row: (detour_ms, detour_cm) for row, detour_ms, detour_cm, *_ in found.tolist()}
