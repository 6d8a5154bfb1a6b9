"""The best n of the feasible offers, by exact score, without computing the overlap of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.matching.base.positions import I64, LENGTH_MASK, fixed_position, split_cost
from matcher.matching.base.roads import PackedDrive, SearchRoads
from matcher.matching.index.snapshot import Snapshot
from matcher.matching.rank.scoring import F64, OVERLAP, Offered, ScoreWeights, amounts_of
from matcher.matching.scan.feasible import Feasible
from matcher.matching.scan.query import Query

#: How many offers have their overlap computed before the first answer is looked at.
FIRST_BATCH = 64


@dataclass(frozen=True, eq=False)
class Ranked:
    """The best offers in order: score falling, then offer id rising. (n,) each; `chosen` indexes what was feasible."""

    chosen: I64
    score: F64
    amounts: F64  # (parts, n), see `scoring.PARTS`
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
    """The `limit` best offers. rider: their own drive from door to door, wherever they are met: the overlap is a matter
    of where people come from and go to.

    Exact: the overlap of an offer is computed unless its score could not reach the answer even with the most overlap
    that it can have (all of the rider's road, or all of its own where that is shorter).
    """
    rows, found = snapshot.rows, feasible.found
    k = len(found)
    direct_cm = max(1, split_cost(rider.cost)[1])
    at_most = np.minimum(1.0, (rows.base_cost[found["row"]] & LENGTH_MASK) / direct_cm)
    amounts = amounts_of(Offered(rows, found, query, at_most))
    hoped = weights.score(amounts)
    ends = (fixed_position(query.pickup)[1], fixed_position(query.dropoff)[1])

    def shared(chosen: I64) -> I64:
        return roads.shared_lengths(rider, ends, *snapshot.routes(found["row"][chosen]))

    def scored(chosen: I64, shared_cm: I64) -> tuple[F64, F64]:
        exact = amounts[:, chosen]
        exact[OVERLAP] = np.minimum(1.0, shared_cm / direct_cm)
        return exact, weights.score(exact)

    def ranked(chosen: I64, shared_cm: I64) -> Ranked:
        exact, score = scored(chosen, shared_cm)
        row = found["row"][chosen]
        order = np.lexsort((rows.id_low[row], rows.id_high[row], -score))[:limit]
        return Ranked(chosen[order], score[order], exact[:, order], shared_cm[order])

    batch = max(FIRST_BATCH, 2 * limit)
    if k <= batch:
        every = np.arange(k, dtype=np.int64)
        return ranked(every, shared(every))
    hopeful = np.argpartition(-hoped, batch)
    first = hopeful[:batch]
    first_cm = shared(first)
    # What cannot reach the last place of the first batch's answer even with all the overlap in the world is out.
    last_place = np.partition(scored(first, first_cm)[1], batch - limit)[batch - limit]
    rest = hopeful[batch:][hoped[hopeful[batch:]] >= last_place]
    if len(rest) == 0:
        return ranked(first, first_cm)
    return ranked(np.concatenate([first, rest]), np.concatenate([first_cm, shared(rest)]))
