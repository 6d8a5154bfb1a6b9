"""The best n of the feasible offers, by exact score, without computing the overlap of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.matching.feasible import Feasible
from matcher.matching.index import Snapshot
from matcher.matching.positions import I64, fixed_position, split_cost
from matcher.matching.query import Query
from matcher.matching.roads import PackedDrive, SearchRoads
from matcher.matching.scoring import F64, PartValues, ScoreWeights, agreement, falling

#: How many offers have their overlap computed before the first answer is looked at.
FIRST_BATCH = 200


@dataclass(frozen=True, eq=False)
class Ranked:
    """The best offers in order: score falling, then offer id rising. (n,) each; `chosen` indexes the arrays of Feasible."""

    chosen: I64
    score: F64
    values: PartValues
    shared_cm: I64


def rank(
    snapshot: Snapshot,
    feasible: Feasible,
    roads: SearchRoads,
    rider: PackedDrive,
    query: Query,
    weights: ScoreWeights,
    limit: int,
) -> Ranked:
    """The `limit` best offers. Exact: the overlap of an offer is computed unless its score could not reach the answer even with
    the most overlap that it can have (all of the rider's road, or all of its own where that is shorter)."""
    rows = snapshot.rows
    k = len(feasible)
    direct_cm = max(1, split_cost(rider.cost)[1])
    at_most = np.minimum(1.0, (rows.base_cost[feasible.rows] & 0xFFFFFFFF) / direct_cm)
    detour = falling(feasible.detour_ms, weights.detour_ceiling_s * 1000.0)
    time = falling(feasible.shift_ms, weights.time_ceiling_s * 1000.0)
    walk = np.ones(k)
    preferences = agreement(query.stated, query.welcome, rows.stated[feasible.rows], rows.welcome[feasible.rows])
    hoped = PartValues(detour, at_most, time, walk, preferences).score(weights)
    ends = (fixed_position(query.pickup)[1], fixed_position(query.dropoff)[1])

    def exact(chosen: I64) -> Ranked:
        shared_cm = roads.shared_lengths(
            rider, ends, snapshot.legs.paths, rows.leg_begin[feasible.rows[chosen]], rows.leg_count[feasible.rows[chosen]]
        )
        overlap = np.minimum(1.0, shared_cm / direct_cm)
        values = PartValues(detour[chosen], overlap, time[chosen], walk[chosen], preferences[chosen])
        score = values.score(weights)
        order = np.lexsort(
            (rows.id_low[feasible.rows[chosen]], rows.id_high[feasible.rows[chosen]], -score)
        )[:limit]
        return Ranked(chosen[order], score[order], _take(values, order), shared_cm[order])

    batch = max(FIRST_BATCH, 2 * limit)
    if k <= batch:
        return exact(np.arange(k, dtype=np.int64))
    first = exact(np.argpartition(-hoped, batch)[:batch].astype(np.int64))
    threshold = first.score[-1]
    return exact(np.flatnonzero(hoped >= threshold).astype(np.int64))


def _take(values: PartValues, order: I64) -> PartValues:
    return PartValues(
        values.detour[order],
        values.overlap[order],
        values.time[order],
        values.walk[order],
        values.preferences[order],
    )
