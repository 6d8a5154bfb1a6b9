"""Which offers are left by the tests that need no roads, when they are few."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from matcher.matching.columns import spans
from matcher.matching.feasible import REASONS
from matcher.matching.gather import ANY_LEGS, BLOCK, pass_without_roads
from matcher.matching.index import Snapshot
from matcher.matching.positions import I32, I64
from matcher.matching.query import Query


@dataclass(frozen=True, eq=False)
class OpenRows:
    """Offers of one leg or several that may carry a rider as far as seats, times and drivers tell, and what became of the others.

    rows: (k,). edges: the edges that their drivers stop on. considered, counts: of all offers; counts is (reasons,) as in `feasible`.
    """

    rows: I64
    edges: I32
    considered: int
    counts: I64

    def __len__(self) -> int:
        return len(self.rows)


def open_rows(snapshot: Snapshot, query: Query, most: int) -> OpenRows | None:
    """The open rows of a snapshot if there are `most` or fewer, for whatever walk; else None, found out without looking at them all."""
    rows, legs = snapshot.rows, snapshot.legs
    counts = np.zeros(len(REASONS), dtype=np.int64)
    found, size, considered = _list(
        (
            rows.retired_at,
            rows.leg_count,
            rows.driver,
            rows.seats,
            rows.leaves_from_ms,
            rows.leaves_by_ms,
            rows.longest_ms,
        ),
        snapshot.sequence,
        snapshot.own,
        query.seats,
        *query.boarding_ms,
        query.now_ms,
        most,
        counts,
    )
    if size > most:
        return None
    _, of = spans(rows.leg_begin[found], rows.leg_count[found])
    edges = np.concatenate([legs.origin_edge[of], legs.destination_edge[of]])
    return OpenRows(found, edges, considered, counts)


@numba.njit(cache=True, nogil=True)
def _list(columns, sequence, own, seats_requested, earliest_ms, latest_ms, now_ms, most, counts):
    """(rows that are left, how many, rows considered); ends with more than `most`, which are not listed."""
    open_rows = np.empty(BLOCK, np.uint8)
    found = np.empty(min(most, len(columns[0])) + 1, np.int64)
    size = considered = 0
    for begin in range(0, len(columns[0]), BLOCK):
        end = min(len(columns[0]), begin + BLOCK)
        active, left = pass_without_roads(
            begin, end, columns, ANY_LEGS,
            sequence, own, seats_requested, earliest_ms, latest_ms, now_ms, open_rows, counts,
        )  # fmt: skip
        considered += active
        if size + left > most:
            return found[:0].copy(), size + left, considered
        # Written where the next is open or not, and kept when it is: no branch to guess.
        for k in range(end - begin):
            found[size] = begin + k
            size += open_rows[k]
    return found[:size].copy(), size, considered
