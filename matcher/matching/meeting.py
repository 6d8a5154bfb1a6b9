"""A search for a rider who walks: every offer against every pair of a pickup and a dropoff, exactly.

    1. climb   what it costs to climb from each candidate in the hierarchy; from it, the drive between every pickup and every dropoff
    2. bound   one sweep a side with all candidates as seeds: how long each offer's detour is at least, over all pairs
    3. settle  exact drives between the candidates and the offers that are left, and only those
    4. pair    for each of them the best feasible pair (see `meeting_pairs`)

What is promised: an offer is turned away only if no pair of candidates works, and then by the furthest that any pair came. The window is
about the rider's own door: when the rider leaves it (boarding less the walk there), or arrives at it (alighting plus the walk from there).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from matcher.matching.blocks import DIRECT, SEVERAL
from matcher.matching.columns import spans
from matcher.matching.feasible import NO_MISS, REASONS, Feasible
from matcher.matching.hints import FEW
from matcher.matching.meeting_bounds import bound_itineraries, potentials
from matcher.matching.meeting_legs import pairs_of_itineraries
from matcher.matching.meeting_pairs import pairs_of_direct
from matcher.matching.positions import I64, fixed_position
from matcher.matching.query import MeetingCandidate, Query
from matcher.matching.reach import least_times
from matcher.matching.roads import SearchRoads
from matcher.matching.rows import Snapshot
from matcher.matching.scoring import ScoreWeights
from matcher.matching.sieve import near_rows

#: Offers beyond their budget that are looked at together for the nearest miss, to begin with.
_FIRST_MISSES = 64
#: No pair of an offer that is so far beyond its budget, in ms, need be looked at for a match.
_IN_BUDGET = 1
#: More than any bound, in ms.
_ANY = 2**31 - 1

Pairs = tuple[I64, I64, int]  # rows that fit, their outcomes, nearest miss in ms


@dataclass(frozen=True, eq=False)
class Side:
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

    def first(self, count: int) -> tuple[I64, I64, I64]:
        """The columns of the first candidates."""
        return self.edge[:count], self.at[:count], self.walk_ms[:count]


class MeetingScan:
    """Offers against one set of candidates; good for any window and any seats, while the `sweeps` it was given are open."""

    def __init__(
        self, sweeps: ExitStack, snapshot: Snapshot, roads: SearchRoads, query: Query, weights: ScoreWeights
    ) -> None:
        self._snapshot, self._edges = snapshot, roads.edges.together
        self._prices = weights.prices
        pickups = query.pickups or (MeetingCandidate(query.pickup, 0),)
        dropoffs = query.dropoffs or (MeetingCandidate(query.dropoff, 0),)
        p, q = self._pickups, self._dropoffs = Side.of(pickups), Side.of(dropoffs)
        self._to_pickups = sweeps.enter_context(roads.columns(p.edge, p.at, to=True))
        self._from_pickups = sweeps.enter_context(roads.columns(p.edge, p.at, to=False))
        self._to_dropoffs = sweeps.enter_context(roads.columns(q.edge, q.at, to=True))
        self._from_dropoffs = sweeps.enter_context(roads.columns(q.edge, q.at, to=False))
        self._between = roads.costs_between(self._from_pickups, self._to_dropoffs)
        self._parts = potentials(self._between)
        a, b = self._parts
        self._least = sweeps.enter_context(roads.sweep_least(self._to_pickups, a << 32, self._from_dropoffs, b << 32))
        # The potentials hold the ride between.
        self._reach = least_times(self._least, 0)
        self._at_pickups = self._at_dropoffs = self._least  # of no use without itineraries
        if snapshot.has_itineraries:
            none_p, none_q = np.zeros(len(p.edge), np.int64), np.zeros(len(q.edge), np.int64)
            self._at_pickups = sweeps.enter_context(
                roads.sweep_least(self._to_pickups, none_p, self._from_pickups, none_p)
            )
            self._at_dropoffs = sweeps.enter_context(
                roads.sweep_least(self._to_dropoffs, none_q, self._from_dropoffs, none_q)
            )

    def __call__(self, asked: Query) -> Feasible:
        """Test every offer. nearest_miss_ms is told when so few fit that it is of use, else it may be None."""
        direct = self._scan(asked, self._bound_direct, self._pair_direct)
        if not self._snapshot.has_itineraries:
            return self._with_nearest_miss(asked, direct)
        others = self._scan(asked, self._bound_itineraries, self._pair_itineraries)
        return self._with_nearest_miss(asked, direct.joined(others))

    def at_doors(self, asked: Query, rows: I64) -> Feasible:
        """Those of some rows that could also carry the rider from door to door, and how."""
        one_leg = self._snapshot.rows.leg_count[rows] == 1
        counts = np.zeros(len(REASONS), np.int64)
        found = [
            Feasible.of(*pair(asked, rows[which], counts, 1)[:2], int(which.sum()), counts, NO_MISS)
            for pair, which in ((self._pair_direct, one_leg), (self._pair_itineraries, ~one_leg))
        ]
        return found[0].joined(found[1])

    def _scan(
        self,
        asked: Query,
        bound: Callable[[Query, int, I64], tuple[I64, I64, int]],
        pair: Callable[[Query, I64, I64], Pairs],
    ) -> Feasible:
        counts = np.zeros(len(REASONS), dtype=np.int64)
        rows, _, considered = bound(asked, _IN_BUDGET, counts)
        found, outcomes, miss = pair(asked, rows, counts)
        return Feasible.of(found, outcomes, considered, counts, miss)

    def _with_nearest_miss(self, asked: Query, feasible: Feasible) -> Feasible:
        """Look at offers, the nearest bound first, for as long as one can be a nearer miss than those that were within their bound."""
        if len(feasible) >= FEW:
            return feasible
        miss = NO_MISS if feasible.nearest_miss_ms is None else feasible.nearest_miss_ms
        unused = np.zeros(len(REASONS), dtype=np.int64)
        direct, others = (self._bound_direct, self._pair_direct), (self._bound_itineraries, self._pair_itineraries)
        for bound, pair in (direct, others) if self._snapshot.has_itineraries else (direct,):
            rows, beyond_ms, _ = bound(asked, min(miss, _ANY), unused)
            order = np.argsort(beyond_ms, kind="stable")
            rows, beyond_ms = rows[order], beyond_ms[order]
            begin, size = 0, _FIRST_MISSES
            while begin < len(rows) and beyond_ms[begin] < miss:
                end = min(begin + size, int(np.searchsorted(beyond_ms, miss)))
                miss = min(miss, int(pair(asked, rows[begin:end], unused)[2]))
                begin, size = end, 4 * size
        return feasible.missed_by(None if miss == NO_MISS else miss)

    def _bound_direct(self, asked: Query, threshold: int, counts: I64) -> tuple[I64, I64, int]:
        return near_rows(self._snapshot, asked, DIRECT, self._reach, threshold, counts)

    def _pair_direct(self, asked: Query, which: I64, counts: I64, most: int | None = None) -> Pairs:
        rows = self._snapshot.rows
        found: Pairs = pairs_of_direct(
            which,
            (rows.origin_edge, rows.origin_at, rows.destination_edge, rows.destination_at),
            (
                rows.base_cost,
                rows.departure_ms,
                rows.shift_ms,
                rows.flexibility_s,
                rows.max_detour_ms,
                rows.max_detour_cm,
            ),
            self._edges,
            self._to_pickups.settled(rows.origin_edge[which]),
            self._from_dropoffs.settled(rows.destination_edge[which]),
            self._between,
            self._pickups.first(most or len(self._pickups.edge)),
            self._dropoffs.first(most or len(self._dropoffs.edge)),
            self._parts,
            (asked.earliest_ms, asked.latest_ms, asked.window_is_arrival, asked.now_ms),
            self._prices,
            counts,
        )
        return found

    def _bound_itineraries(self, asked: Query, threshold: int, counts: I64) -> tuple[I64, I64, int]:
        rows, legs = self._snapshot.rows, self._snapshot.legs
        # By the trip as a whole, for few have to be looked at leg by leg.
        near, _, considered = near_rows(self._snapshot, asked, SEVERAL, self._reach, threshold, counts)
        found, beyond_ms = bound_itineraries(
            near,
            (rows.leg_begin, rows.leg_count, rows.max_detour_ms),
            (legs.origin_edge, legs.origin_at, legs.destination_edge, legs.destination_at, legs.base_cost),
            legs.seats,
            self._edges,
            self._least,
            self._at_pickups,
            self._at_dropoffs,
            self._pickups.edge,
            self._dropoffs.edge,
            asked.seats,
            threshold,
            counts,
        )
        return found, beyond_ms, considered

    def _pair_itineraries(self, asked: Query, which: I64, counts: I64, most: int | None = None) -> Pairs:
        rows, legs = self._snapshot.rows, self._snapshot.legs
        _, of = spans(rows.leg_begin[which], rows.leg_count[which])
        begins, ends = legs.origin_edge[of], legs.destination_edge[of]
        found: Pairs = pairs_of_itineraries(
            which,
            (
                rows.leg_begin,
                rows.leg_count,
                rows.departure_ms,
                rows.shift_ms,
                rows.flexibility_s,
                rows.max_detour_ms,
                rows.max_detour_cm,
            ),
            (legs.origin_edge, legs.origin_at, legs.destination_edge, legs.destination_at, legs.base_cost),
            (legs.seats, legs.early_ms, legs.late_ms),
            self._edges,
            self._to_pickups.settled(begins),
            self._from_pickups.settled(ends),
            self._to_dropoffs.settled(begins),
            self._from_dropoffs.settled(ends),
            self._between,
            self._pickups.first(most or len(self._pickups.edge)),
            self._dropoffs.first(most or len(self._dropoffs.edge)),
            asked.seats,
            (asked.earliest_ms, asked.latest_ms, asked.window_is_arrival, asked.now_ms),
            self._prices,
            counts,
        )
        return found
