"""What every measurement of searches shares: one search, how long it takes, and what it is set against."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np

from bench.worlds import World
from matcher.domain.money import CostRate
from matcher.matching.index.index import OfferIndex
from matcher.matching.pipeline import Candidates, find_candidates
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from matcher.operation.stop_watch import StopWatch
from matcher.search.find import SPARE

SEED = 20261201
LIMIT = 10
WARM_UP = 10
#: Offers have no prices of their own: each counts with the suggestion for its seats.
RATE = CostRate(Decimal("0.30"), "EUR", "a benchmark")
Row = dict[str, Any]


def search(
    world: World,
    index: OfferIndex,
    query: Query,
    lap: Callable[[str], None] = lambda _: None,
    limit: int = LIMIT + SPARE,
) -> Candidates:
    """What the pipeline answers to a rider without an offer of their own."""
    return find_candidates(index.snapshot("rider"), world.engine, query, ScoreWeights(), limit, lap)


def beside_door(
    world: World, index: OfferIndex, walkers: list[Query], rounds: int
) -> tuple[list[tuple[float, float]], dict[str, float], list[int]]:
    """((ms door to door, ms on foot) of each rider, steps of the latter, offers that fit): minimum of the rounds."""
    for query in walkers[:WARM_UP]:
        search(world, index, query)
    least = [(np.inf, np.inf)] * len(walkers)
    found = [0] * len(walkers)
    stages: dict[str, list[float]] = {}
    for _ in range(rounds):
        for k, query in enumerate(walkers):
            door_ms = took_ms(search, world, index, query.meeting_at((), ()))
            watch = StopWatch()
            found[k] = search(world, index, query, watch.lap).feasible
            watch.lap("describe")
            least[k] = (min(least[k][0], door_ms), min(least[k][1], watch.total_ms))
            for step, spent in watch.laps_ms.items():
                steps = stages.setdefault(step, [np.inf] * len(walkers))
                steps[k] = min(steps[k], spent)
    return least, {step: percentile(spent, 50) for step, spent in stages.items()}, found


def index_bytes(index: OfferIndex) -> int:
    """Bytes of all columns, blocks and tables, without spare room."""
    return sum(index.memory())


def took_ms(run: Callable[..., object], *inputs: object) -> float:
    """Milliseconds that a call takes."""
    begin = time.perf_counter()
    run(*inputs)
    return (time.perf_counter() - begin) * 1000


def least_ms(rounds: int, run: Callable[..., object], *inputs: object) -> float:
    """The least of several rounds."""
    return min(took_ms(run, *inputs) for _ in range(rounds))


def percentile(values: list[float], percent: float) -> float:
    """A percentile, to the microsecond."""
    return round(float(np.percentile(values, percent)), 3)
