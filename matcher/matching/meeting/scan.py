"""A search for a rider who walks: every offer against every pair of a pickup and a dropoff, exactly.

    1. climb   what it costs to climb from each candidate in the hierarchy; from it, the drive between every pickup and
    every dropoff
    2. bound   one sweep a side with all candidates as seeds: how long each offer's detour is at least, over all pairs
    3. settle  exact drives between the candidates and the offers that are left, and only those
    4. pair    for each of them the best feasible pair (see `meeting_pairs`)

What is promised: an offer is turned away only if no pair of candidates works, and then by the furthest that any pair
came. The window is about the rider's own door: when the rider leaves it (boarding less the walk there), or arrives at
it (alighting plus the walk from there).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np

from matcher.matching.base.columns import spans
from matcher.matching.base.positions import I64, U8, AnyArray
from matcher.matching.base.reach import Bounds, least_times
from matcher.matching.base.roads import SearchRoads, Settles
from matcher.matching.index.snapshot import Snapshot
from matcher.matching.index.zones import DIRECT, SEVERAL
from matcher.matching.meeting.bounds import (
    EVERY_DRIVE,
    FROM_PICKUP,
    ONWARD,
    TO_DROPOFF,
    TO_PICKUP,
    Wanted,
    bound_itineraries,
)
from matcher.matching.meeting.candidates import Around, Meeting, Side, Walker, potentials
from matcher.matching.meeting.legs import pairs_of_itineraries
from matcher.matching.meeting.pairs import pairs_of_direct
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.feasible import NO_MISS, Feasible
from matcher.matching.scan.hints import FEW
from matcher.matching.scan.itineraries import Trips
from matcher.matching.scan.open_rows import open_rows
from matcher.matching.scan.query import MeetingCandidate, Query
from matcher.matching.scan.reasons import no_counts
from matcher.matching.scan.sieve import Sieve, near_rows

#: Offers beyond their budget that are looked at together for the nearest miss, to begin with.
_FIRST_MISSES = 64
#: No pair of an offer that is so far beyond its budget, in ms, need be looked at for a match.
_IN_BUDGET = 1
#: More than any bound, in ms.
_ANY = 2**31 - 1

#: (k,) FOUND, and the nearest miss in ms.
Pairs = tuple[AnyArray, int]


class _Sweep:
    """Distances to and from the nearest candidates, for all nodes or, when offers are few, for those that these
    need."""

    def __init__(self, sweeps: ExitStack, snapshot: Snapshot, roads: SearchRoads, pairs: list[Any]) -> None:
        self._sweeps, self._snapshot, self._roads, self._pairs = sweeps, snapshot, roads, pairs
        self._some: Settles | None = None
        self._everywhere = False
        self._covered: Query | None = None
        self.distance: I64 = np.empty((0, 2 * len(pairs)), np.int64)
        self.bounds: Bounds

    def cover(self, asked: Query) -> None:
        """Make the distances, and the bounds that follow, true for every offer that is left by tests that need no
        roads."""
        if self._everywhere or asked is self._covered:
            return
        self._covered = asked
        rows = open_rows(self._snapshot, asked, self._roads.few_offers)
        if rows is None:
            self._everywhere = True
            self.distance = self._sweeps.enter_context(self._roads.sweep_least(self._pairs))
        else:
            if self._some is None:
                self._some = self._sweeps.enter_context(self._roads.some_least(self._pairs))
            self.distance = self._some.settled(rows.edges)
        # The potentials hold the ride between.
        self.bounds = least_times(self.distance, 0)


class MeetingScan:
    """Offers against one set of candidates; good for any window and any seats, while the `sweeps` it was given are
    open."""

    def __init__(
        self, sweeps: ExitStack, snapshot: Snapshot, roads: SearchRoads, query: Query, weights: ScoreWeights
    ) -> None:
        self._snapshot, self._trips = snapshot, Trips(snapshot.rows, snapshot.legs)
        self._prices = weights.prices
        p = Side.of(query.pickups or (MeetingCandidate(query.pickup, 0),))
        q = Side.of(query.dropoffs or (MeetingCandidate(query.dropoff, 0),))
        self._to_pickups = sweeps.enter_context(roads.columns(p.edge, p.at, to=True))
        self._from_pickups = sweeps.enter_context(roads.columns(p.edge, p.at, to=False))
        self._to_dropoffs = sweeps.enter_context(roads.columns(q.edge, q.at, to=True))
        self._from_dropoffs = sweeps.enter_context(roads.columns(q.edge, q.at, to=False))
        between = roads.costs_between(self._from_pickups, self._to_dropoffs)
        a, b = potentials(between)
        self._meeting = Meeting(roads.edges.together, p, q, between, a, b)
        pairs = [(self._to_pickups, a << 32, self._from_dropoffs, b << 32)]
        if snapshot.has_itineraries:
            none_p, none_q = np.zeros(len(p.edge), np.int64), np.zeros(len(q.edge), np.int64)
            pairs.append((self._to_pickups, none_p, self._from_pickups, none_p))
            pairs.append((self._to_dropoffs, none_q, self._from_dropoffs, none_q))
        self._sweep = _Sweep(sweeps, snapshot, roads, pairs)
        self._sweep.cover(query)

    def __call__(self, asked: Query) -> Feasible:
        """Test every offer. nearest_miss_ms is told when so few fit that it is of use, else it may be None."""
        self._sweep.cover(asked)
        direct = self._scan(asked, DIRECT, self._pair_direct)
        if not self._snapshot.has_itineraries:
            return self._with_nearest_miss(asked, direct)
        others = self._scan(asked, SEVERAL, self._pair_itineraries)
        return self._with_nearest_miss(asked, direct.joined(others))

    def at_doors(self, asked: Query, rows: I64) -> Feasible:
        """Those of some rows that could also carry the rider from door to door, and how."""
        one_leg = self._snapshot.rows.leg_count[rows] == 1
        counts = no_counts()
        direct, others = rows[one_leg], rows[~one_leg]
        found = Feasible.of(self._pair_direct(asked, direct, counts, 0, 1)[0], len(direct), counts, NO_MISS)
        if len(others) == 0:
            return found
        legs = int(self._snapshot.rows.leg_count[others].sum(dtype=np.int64))
        pairs = self._pair_legs(asked, others, np.full(legs, EVERY_DRIVE, np.uint8), counts, 1)
        return found.joined(Feasible.of(pairs[0], len(others), counts, NO_MISS))

    def _scan(self, asked: Query, kinds: int, pair: Callable[[Query, I64, AnyArray, int], Pairs]) -> Feasible:
        sieve = Sieve.of(self._snapshot, asked, kinds)
        rows, _, considered = near_rows(sieve, self._sweep.bounds, _IN_BUDGET)
        found, miss = pair(asked, rows, sieve.counts, _IN_BUDGET)
        return Feasible.of(found, considered, sieve.counts, miss)

    def _with_nearest_miss(self, asked: Query, feasible: Feasible) -> Feasible:
        """Look at offers, the nearest bound first, for as long as one can be a nearer miss than those in their
        bound."""
        if len(feasible) >= FEW:
            return feasible
        miss = NO_MISS if feasible.nearest_miss_ms is None else feasible.nearest_miss_ms
        unused = no_counts()
        direct, others = (DIRECT, self._pair_direct), (SEVERAL, self._pair_itineraries)
        for kinds, pair in (direct, others) if self._snapshot.has_itineraries else (direct,):
            sieve = Sieve.of(self._snapshot, asked, kinds)
            rows, beyond_ms, _ = near_rows(sieve, self._sweep.bounds, min(miss, _ANY))
            order = np.argsort(beyond_ms, kind="stable")
            rows, beyond_ms = rows[order], beyond_ms[order]
            begin, size = 0, _FIRST_MISSES
            while begin < len(rows) and beyond_ms[begin] < miss:
                end = min(begin + size, int(np.searchsorted(beyond_ms, miss)))
                miss = min(miss, int(pair(asked, rows[begin:end], unused, min(miss, _ANY))[1]))
                begin, size = end, 4 * size
        return feasible.missed_by(None if miss == NO_MISS else miss)

    def _pair_direct(self, asked: Query, which: I64, counts: AnyArray, _: int, most: int | None = None) -> Pairs:
        rows = self._snapshot.rows
        found: Pairs = pairs_of_direct(
            which,
            rows,
            self._meeting.first(most),
            self._to_pickups.settled(rows.origin_edge[which]),
            self._from_dropoffs.settled(rows.destination_edge[which]),
            self._walker(asked),
            counts,
        )
        return found

    def _pair_itineraries(self, asked: Query, near: I64, counts: AnyArray, threshold: int) -> Pairs:
        """The best pairs of legs and candidates that add less than `threshold` ms beyond the budget, and misses that
        are
        no farther beyond."""
        # The trip as a whole was near enough; now leg by leg.
        wanted = Wanted(asked.seats, threshold)
        which, uses = bound_itineraries(near, self._trips, self._meeting, self._sweep.distance, wanted, counts)
        return self._pair_legs(asked, which, uses, counts, None)

    def _pair_legs(self, asked: Query, which: I64, uses: U8, counts: AnyArray, most: int | None) -> Pairs:
        rows, legs = self._snapshot.rows, self._snapshot.legs
        _, of = spans(rows.leg_begin[which], rows.leg_count[which])
        begins, ends = legs.origin_edge[of], legs.destination_edge[of]
        around = Around(
            self._to_pickups.settled(begins[uses & TO_PICKUP != 0]),
            self._from_pickups.settled(ends[uses & FROM_PICKUP != 0]),
            self._to_dropoffs.settled(begins[uses & TO_DROPOFF != 0]),
            self._from_dropoffs.settled(ends[uses & ONWARD != 0]),
        )
        found: Pairs = pairs_of_itineraries(
            which, uses, self._trips, self._meeting.first(most), around, self._walker(asked), counts
        )
        return found

    def _walker(self, asked: Query) -> Walker:
        return Walker(
            asked.seats, asked.earliest_ms, asked.latest_ms, asked.window_is_arrival, asked.now_ms, *self._prices
        )
