"""Which offers are left by the tests that need no roads, when they are few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.matching.base.columns import spans
from matcher.matching.base.positions import I32, I64, AnyArray
from matcher.matching.index.snapshot import Snapshot
from matcher.matching.scan.query import Query
from matcher.matching.scan.sieve import EITHER, Sieve, list_open


@dataclass(frozen=True, eq=False)
class OpenRows:
    """Offers of one leg or several that may carry a rider as far as seats, times and people tell.

    rows: (k,). edges: the edges that their drivers stop on. considered, counts: of all offers; counts is (1,) COUNTS.
    """

    rows: I64
    edges: I32
    considered: int
    counts: AnyArray

    def __len__(self) -> int:
        return len(self.rows)


def open_rows(snapshot: Snapshot, query: Query, most: int) -> OpenRows | None:
    """The open rows of a snapshot if there are `most` or fewer, for any walk; else None, without looking at them
    all."""
    rows, legs = snapshot.rows, snapshot.legs
    sieve = Sieve.of(snapshot, query, EITHER)
    found, size, considered = list_open(sieve, most)
    if size > most:
        return None
    several = rows.leg_count[found] > 1
    _, of = spans(rows.leg_begin[found[several]], rows.leg_count[found[several]])
    one = found[~several]
    edges = np.concatenate(
        [rows.origin_edge[one], rows.destination_edge[one], legs.origin_edge[of], legs.destination_edge[of]]
    )
    return OpenRows(found, edges, int(considered), sieve.counts)
