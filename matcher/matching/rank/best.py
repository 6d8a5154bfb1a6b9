"""The best n of the feasible offers, by exact score, without computing the overlap of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.matching.base.positions import I64, fixed_position, split_cost
from matcher.matching.base.roads import PackedDrive, SearchRoads
from matcher.matching.index.rows import Snapshot
from matcher.matching.rank.scoring import F64, PartValues, ScoreWeights, agreement, falling, price_values
from matcher.matching.scan.feasible import Feasible
from matcher.matching.scan.query import Query

#: How many offers have their overlap computed before the first answer is looked at.
FIRST_BATCH = 64


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
    """The `limit` best offers. `rider` is their own drive from door to door, wherever they are met: what lies on the way of both
    is a matter of where people come from and go to. Exact: the overlap of an offer is computed unless its score could not reach the answer even with
    the most overlap that it can have (all of the rider's road, or all of its own where that is shorter)."""
    rows = snapshot.rows
    k = len(feasible)
    direct_cm = max(1, split_cost(rider.cost)[1])
    at_most = np.minimum(1.0, (rows.base_cost[feasible.rows] & 0xFFFFFFFF) / direct_cm)
    detour = falling(feasible.detour_ms, weights.detour_ceiling_s * 1000.0)
    time = falling(feasible.shift_ms, weights.time_ceiling_s * 1000.0)
    walk = falling(feasible.walk_ms, weights.walk_ceiling_s * 1000.0) if query.walks else np.ones(k)
    preferences = agreement(query.stated, query.welcome, rows.stated[feasible.rows], rows.welcome[feasible.rows])
    price = price_values(rows.price[feasible.rows])
    hoped = PartValues(detour, at_most, time, walk, preferences, price).score(weights)
    ends = (fixed_position(query.pickup)[1], fixed_position(query.dropoff)[1])

    def shared(chosen: I64) -> I64:
        return roads.shared_lengths(rider, ends, *snapshot.routes(feasible.rows[chosen]))

    def valued(chosen: I64, shared_cm: I64) -> PartValues:
        overlap = np.minimum(1.0, shared_cm / direct_cm)
        return PartValues(detour[chosen], overlap, time[chosen], walk[chosen], preferences[chosen], price[chosen])

    def ranked(chosen: I64, shared_cm: I64) -> Ranked:
        values = valued(chosen, shared_cm)
        score = values.score(weights)
        row = feasible.rows[chosen]
        order = np.lexsort((rows.id_low[row], rows.id_high[row], -score))[:limit]
        return Ranked(chosen[order], score[order], values.taken(order), shared_cm[order])

    batch = max(FIRST_BATCH, 2 * limit)
    if k <= batch:
        every = np.arange(k, dtype=np.int64)
        return ranked(every, shared(every))
    hopeful = np.argpartition(-hoped, batch)
    first = hopeful[:batch]
    first_cm = shared(first)
    # Whoever cannot reach the last place of the first batch's answer even with all the overlap in the world is out.
    last_place = np.partition(valued(first, first_cm).score(weights), batch - limit)[batch - limit]
    rest = hopeful[batch:][hoped[hopeful[batch:]] >= last_place]
    return ranked(np.concatenate([first, rest]), np.concatenate([first_cm, shared(rest)]))
