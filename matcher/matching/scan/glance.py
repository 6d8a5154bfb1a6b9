"""Could any offer of a slot carry the rider, by the clock alone? Asked before the roads of that slot are swept."""

from __future__ import annotations

import numpy as np

from matcher.matching.index.snapshot import Snapshot
from matcher.matching.scan.feasible import FOUND, NO_MISS, Feasible
from matcher.matching.scan.query import Query
from matcher.matching.scan.sieve import EITHER, Sieve, list_open


def glance(snapshot: Snapshot, query: Query) -> Feasible | None:
    """What a scan would find if the tests that need no roads leave no offer; else None.

    These tests come first in a scan, and are the same for trips with stops and without, so the counts are those of a
    scan. Slots outside the window are told from their blocks alone.
    """
    sieve = Sieve.of(snapshot, query, EITHER)
    _, left, considered = list_open(sieve, 0)
    return None if left > 0 else Feasible.of(np.empty(0, FOUND), considered, sieve.counts, NO_MISS)
