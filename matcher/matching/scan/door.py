"""A search for a rider who is met at the doors: one sweep for all offers, or drives for those few that can be in
time.
"""

from __future__ import annotations

from contextlib import ExitStack

from matcher.matching.base.positions import I64
from matcher.matching.base.reach import least_times
from matcher.matching.base.roads import PackedDrive, SearchRoads, Settles
from matcher.matching.index.snapshot import Snapshot
from matcher.matching.scan.feasible import Feasible
from matcher.matching.scan.gather import gather
from matcher.matching.scan.itineraries import gather_itineraries, gather_some
from matcher.matching.scan.open_rows import OpenRows, open_rows
from matcher.matching.scan.query import Query

#: From so many offers on the sieves save more than they cost: one column of times for the whole network.
WORTH_SIEVES = 1000


class DoorScan:
    """Offers against one pair of doors; good for any window and any seats, while the `sweeps` it was given are open.

    The answer does not depend on where the distances come from.
    """

    def __init__(
        self, sweeps: ExitStack, snapshot: Snapshot, roads: SearchRoads, query: Query, drive: PackedDrive
    ) -> None:
        self._sweeps, self._snapshot, self._roads, self._query = sweeps, snapshot, roads, query
        self._direct = drive.cost
        self._several = snapshot.has_itineraries
        self._some: Settles | None = None
        self._everywhere: I64 | None = None
        self._first = self._prepare(query)

    def __call__(self, asked: Query) -> Feasible:
        """Test every offer; the doors are those of the query that the scan was made for."""
        # What was prepared is what most searches ask for, once and never again.
        distance, rows = self._first if asked is self._query else self._prepare(asked)
        edges = self._roads.edges
        if rows is not None and len(rows) < WORTH_SIEVES:
            return gather_some(self._snapshot, edges, distance, self._direct, asked, rows)
        bounds = least_times(distance, self._direct >> 32)
        found = gather(self._snapshot, edges, distance, self._direct, asked, bounds)
        if not self._several:
            return found
        return found.joined(gather_itineraries(self._snapshot, edges, distance, self._direct, asked, bounds))

    def _prepare(self, asked: Query) -> tuple[I64, OpenRows | None]:
        """(distances, true for every offer that is left by tests that need no roads; those offers when they are
        few)."""
        if self._everywhere is not None:
            return self._everywhere, None
        rows = open_rows(self._snapshot, asked, self._roads.few_offers)
        if rows is None:
            sweep = self._roads.sweep_both if self._several else self._roads.sweep
            self._everywhere = self._sweeps.enter_context(sweep(self._query.pickup, self._query.dropoff))
            return self._everywhere, None
        if self._some is None:
            self._some = self._sweeps.enter_context(
                self._roads.some_drives(self._query.pickup, self._query.dropoff, both=self._several)
            )
        return self._some.settled(rows.edges), rows
