"""Drivers with stops on the way beside the same drivers without, each search in turn, checked by the oracle."""

from __future__ import annotations

import argparse

import numpy as np

from bench.stops import leg_costs, with_stops
from bench.stops_oracle import StopsOracle
from bench.timing import SEED, WARM_UP, Row, beside_door, index_bytes, percentile, search, took_ms
from bench.walkers import draw_walkers
from bench.worlds import World
from matcher.domain.offer import Offer
from matcher.matching.index.index import OfferIndex
from matcher.matching.scan.query import Query
from matcher.operation.stop_watch import StopWatch


def measure_stops(
    world: World,
    index: OfferIndex,
    offers: list[Offer],
    wide: list[Query],
    rush: list[Query],
    options: argparse.Namespace,
) -> Row:
    """The same drivers with stops on the way, each search beside the same one among drivers without."""
    stopping = with_stops(world, offers, options.stops, SEED)
    other = OfferIndex(world.engine)
    for offer in stopping:
        other.put(offer)
    for query in wide[:WARM_UP]:
        search(world, other, query)
    direct_ms, stops_ms = [np.inf] * len(wide), [np.inf] * len(wide)
    stages: dict[str, list[float]] = {}
    found = [0] * len(wide)
    for _ in range(options.rounds):
        for k, query in enumerate(wide):
            direct_ms[k] = min(direct_ms[k], took_ms(search, world, index, query))
            watch = StopWatch()
            found[k] = search(world, other, query, watch.lap).feasible
            watch.lap("describe")
            stops_ms[k] = min(stops_ms[k], watch.total_ms)
            for step, spent in watch.laps_ms.items():
                steps = stages.setdefault(step, [np.inf] * len(wide))
                steps[k] = min(steps[k], spent)
    wrong, account = _checked(world, other, stopping, wide, rush, options.checked)
    row: Row = {
        "stops": options.stops,
        "stops_ms_p50": percentile(stops_ms, 50),
        "stops_ms_p95": percentile(stops_ms, 95),
        "stops_to_direct": round(float(np.median(stops_ms) / np.median(direct_ms)), 2),
        "stops_stages_ms_p50": {step: percentile(spent, 50) for step, spent in stages.items()},
        "stops_matches_mean": round(float(np.mean(found)), 2),
        "stops_index_bytes_per_offer": index_bytes(other) // len(offers),
        "stops_mismatches": wrong,
        **account,
    }
    if options.walk > 0:
        walkers = draw_walkers(world, wide, options.walk, SEED)
        pair_ms, _, _ = beside_door(world, other, walkers, max(1, options.rounds // 2))
        row["walk_stops_ms_p50"] = percentile([walking for _, walking in pair_ms], 50)
        ratio = np.median([walking for _, walking in pair_ms]) / np.median([door for door, _ in pair_ms])
        row["walk_stops_to_door"] = round(float(ratio), 2)
    return row


def _checked(
    world: World, index: OfferIndex, offers: list[Offer], wide: list[Query], rush: list[Query], count: int
) -> tuple[int, Row]:
    """How many offers with stops came out differently from the oracle, and what was compared."""
    oracle = StopsOracle(world.engine.network, offers, [leg_costs(world, offer) for offer in offers])
    number = {offer.id: k for k, offer in enumerate(offers)}
    wrong = matches = 0
    queries = (wide[: count - count // 2] + rush[: count // 2])[:count]
    for query in queries:
        expected = oracle.matches(query)
        answer = search(world, index, query, limit=len(offers))
        mine = {number[c.offer_id]: (c.detour_ms, c.detour_cm) for c in answer.best}
        wrong += sum(mine.get(k) != expected.get(k) for k in mine.keys() | expected.keys())
        wrong += int(answer.feasible != len(expected))
        matches += len(expected)
    legs = np.random.default_rng(SEED).choice(len(offers), min(10, len(offers)), replace=False).tolist()
    wrong += oracle.wrong_legs(legs)
    return wrong, {"stops_checked_offers": len(queries) * len(offers), "stops_checked_matches": matches}
