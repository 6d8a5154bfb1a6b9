"""Could any offer of a slot carry the rider, by the clock alone? Asked before the roads of that slot are swept."""

from __future__ import annotations

import numpy as np

from matcher.matching.index.rows import Snapshot
from matcher.matching.scan.feasible import NO_MISS, OUTCOME, REASONS, Feasible
from matcher.matching.scan.query import Query
from matcher.matching.scan.sieve import EITHER, list_open, terms_of


def glance(snapshot: Snapshot, query: Query) -> Feasible | None:
    """What a scan would find if the tests that need no roads leave no offer; else None. These tests come first in a scan, and are the same for
    trips with stops and without, so the counts are those of a scan. Slots outside the window are told from their blocks alone."""
    counts = np.zeros(len(REASONS), dtype=np.int64)
    _, left, considered = list_open(EITHER, snapshot.rows.sieved, snapshot.blocks, terms_of(query), 0, counts)
    if left > 0:
        return None
    return Feasible.of(np.empty(0, np.int64), np.empty((0, OUTCOME), np.int64), int(considered), counts, NO_MISS)
