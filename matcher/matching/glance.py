"""Could any offer of a slot carry the rider, by the clock alone? Asked before the roads of that slot are swept."""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.feasible import NO_MISS, OUTCOME, OWN, REASONS, WINDOW, Feasible
from matcher.matching.index import Snapshot
from matcher.matching.query import Query


def glance(snapshot: Snapshot, query: Query) -> Feasible | None:
    """What a scan would find if every offer is the searcher's own or lies outside the window with all its flexibility and detour; else
    None. These two tests come first in a scan, and are the same for trips with stops and without, so the counts are those of a scan.
    """
    rows = snapshot.rows
    considered, own, outside = _glance(
        (rows.retired_at, rows.driver, rows.leaves_from_ms, rows.leaves_by_ms, rows.longest_ms),
        snapshot.sequence,
        snapshot.own,
        *query.boarding_ms,
        query.now_ms,
    )
    if own + outside < considered:
        return None
    counts = np.zeros(len(REASONS), dtype=np.int64)
    counts[OWN], counts[WINDOW] = own, outside
    return Feasible.of(np.empty(0, np.int64), np.empty((0, OUTCOME), np.int64), considered, counts, NO_MISS)


@numba.njit(cache=True, nogil=True)
def _glance(columns, sequence, own, earliest_ms, latest_ms, now_ms):
    """(considered, the searcher's own, outside the window); ends early, with less than all told apart, when a row is neither."""
    retired_at, driver, leaves_from_ms, leaves_by_ms, longest_ms = columns
    own_driver = np.int32(own)
    considered = mine = outside = 0
    for k in range(len(driver)):
        if retired_at[k] <= sequence or leaves_by_ms[k] < now_ms:
            continue
        considered += 1
        if driver[k] == own_driver:
            mine += 1
        elif leaves_from_ms[k] > latest_ms or leaves_by_ms[k] + longest_ms[k] < earliest_ms:
            outside += 1
        else:
            break
    return considered, mine, outside
