"""Measure the matcher beside its baselines, and check it against an oracle in the same run.

    bench/match.py --offers N [--offers N2 …] --json FILE [--region NAME | --vectors FOLDER]

Every search is timed in turn: the bare pair of sweeps, then the whole pipeline, so that both meet the same machine; in
several rounds, of which the least counts, so that what is left are differences between searches. See README.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

# Not this folder, where a module is named like the standard library's http, but the one above it.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import argparse
import json
import os
import platform
import resource
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.baselines import Graphs, NetworkxPair, RoutingKitPair, scipy_pair
from bench.oracle import Oracle
from bench.stops_run import measure_stops
from bench.timing import RATE, SEED, WARM_UP, Row, beside_door, index_bytes, least_ms, percentile, search, took_ms
from bench.walkers import draw_walkers
from bench.worlds import World, draw_offers, draw_queries, region_world, sample_world, vectors_world
from matcher.domain.offer import Offer
from matcher.matching.index.index import OfferIndex
from matcher.matching.scan.query import Query
from matcher.operation.stop_watch import StopWatch
from matcher.roads.region.store import SAMPLE_NAME
from matcher.wiring.warm import compile_kernels


def main() -> None:
    """Run what the command line asks for."""
    options = _options()
    console = Console(stderr=True)
    console.print("compiling what is not compiled yet …")
    compile_kernels()
    world = world_of(options)
    network = world.engine.network
    console.print(f"{world.name}: {network.node_count:,} nodes, {network.arc_count:,} arcs")
    runs = []
    for count in sorted(set(options.offers)):
        console.print(f"{count:,} offers …")
        runs.append(_measure(world, count, options))
    console.print("baselines …")  # last, so that their memory is not counted as ours
    shared = _baselines(world, options.rounds)
    for run in runs:
        run["scipy_to_sweep"] = round(shared["scipy_pair_ms_p50"] / run["sweep_pair_ms_p50"], 1)
    result: Row = {
        "region": world.name,
        "nodes": network.node_count,
        "arcs": network.arc_count,
        "slots": world.engine.topology.slot_count,
        "tree_height": world.engine.topology.height(),
        "preparation_s": world.spent_s,
        "seed": SEED,
        "queries": options.queries,
        "rounds": options.rounds,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        **runs[-1],
        **shared,
        "runs": runs,
    }
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    Console().print(_table(result))
    if any(run["mismatches"] for run in runs):
        sys.exit("The matcher and the oracle do not agree.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offers", type=int, action="append", required=True, help="how many offers; may be repeated")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--queries", type=int, default=200, help="searches that are timed (default 200)")
    parser.add_argument("--rounds", type=int, default=6, help="times that each is timed; the least counts (default 6)")
    parser.add_argument("--checked", type=int, default=10, help="searches compared with the oracle (default 10)")
    parser.add_argument("--stops", type=int, default=0, metavar="K", help="also time offers with K stops on the way")
    parser.add_argument("--walk", type=int, default=0, metavar="M", help="also time riders who walk M metres a side")
    add_places(parser)
    return parser.parse_args()


def add_places(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    """Options for what to run on; see `world_of`."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--region", default=SAMPLE_NAME, help=f"an imported region (default {SAMPLE_NAME}, which ships)")
    place.add_argument("--vectors", type=Path, help="a folder of adjacency vectors")
    return place


def world_of(options: argparse.Namespace) -> World:
    """What the options of `add_places` say."""
    if options.vectors is not None:
        return vectors_world(options.vectors)
    if options.region == SAMPLE_NAME:
        return sample_world()
    return region_world(Path(os.environ.get("CARPOOL_DATA_DIR", ".carpool")), options.region)


def _baselines(world: World, rounds: int) -> Row:
    """Dijkstra does not care how many offers there are: once for all sizes."""
    network = world.engine.network
    queries = draw_queries(world, 40, SEED, window_min=None)
    graphs = Graphs.of(network, network.arc_time_ms.astype(np.int64))
    in_networkx = NetworkxPair(network)
    pairs = [_nodes(world, query) for query in queries]
    scipy_ms = [least_ms(rounds, scipy_pair, graphs, *pair) for pair in pairs]
    networkx_ms = [least_ms(rounds, in_networkx, *pair) for pair in pairs[:3]]
    return {"scipy_pair_ms_p50": percentile(scipy_ms, 50), "networkx_pair_ms_p50": percentile(networkx_ms, 50)}


def _nodes(world: World, query: Query) -> tuple[int, int]:
    """A node beside the pickup and one beside the dropoff."""
    edges, node_at_rank = world.engine.edges, world.engine.topology.node_at_rank
    return int(node_at_rank[edges.start[query.pickup.edge]]), int(node_at_rank[edges.end[query.dropoff.edge]])


def _measure(world: World, count: int, options: argparse.Namespace) -> Row:
    offers = draw_offers(world, count, SEED)
    index = OfferIndex(world.engine, rate=RATE)
    begin = time.perf_counter()
    for offer in offers:
        index.put(offer)
    put_us = (time.perf_counter() - begin) / count * 1e6
    index.compact()  # waits for the sorting that writes have set going
    rss_mb = _rss_mb()
    queries = draw_queries(world, options.queries, SEED, window_min=None)
    sweep_ms, pipeline_ms, found, stages = _timed(world, index, queries, options.rounds)
    rush = draw_queries(world, options.queries, SEED, window_min=30)
    _, rush_ms, rush_found, _ = _timed(world, index, rush, options.rounds)
    checked, wrong = _checked(world, index, offers, queries, rush, options.checked)
    kit = RoutingKitPair(world.engine, offers)
    kit_ms = [least_ms(options.rounds, kit, query.pickup, query.dropoff) for query in queries[:20]]
    row: Row = {
        "offers": count,
        "sweep_pair_ms_p50": percentile(sweep_ms, 50),
        "pipeline_ms_p50": percentile(pipeline_ms, 50),
        "pipeline_ms_p95": percentile(pipeline_ms, 95),
        "pipeline_ms_p99": percentile(pipeline_ms, 99),
        "pipeline_stages_ms_p50": {step: percentile(spent, 50) for step, spent in stages.items()},
        "pipeline_to_sweep": round(float(np.median(pipeline_ms) / np.median(sweep_ms)), 2),
        "window_30_min_ms_p50": percentile(rush_ms, 50),
        "window_30_min_matches_mean": round(float(np.mean(rush_found)), 2),
        "routingkit_pair_ms_p50": percentile(kit_ms, 50),
        "routingkit_to_pipeline": round(float(np.median(kit_ms) / np.median(pipeline_ms)), 2),
        "routingkit_disagreements": _disagreements(world, kit, queries[0]),
        "mismatches": wrong,
        **checked,
        "matches_mean": round(float(np.mean(found)), 2),
        "put_us": round(put_us, 1),
        "index_bytes_per_offer": index_bytes(index) // count,
        "index_bytes_beside_route": round(index.memory()[1] / count, 1),
        "rss_mb": rss_mb,
    }
    if options.stops > 0:
        row |= measure_stops(world, index, offers, queries, rush, options)
        row["mismatches"] += row["stops_mismatches"]
    if options.walk > 0:
        row |= _walking(world, index, offers, queries, rush, options)
        row["mismatches"] += row["walk_mismatches"]
    return row


def _walking(
    world: World,
    index: OfferIndex,
    offers: list[Offer],
    wide: list[Query],
    rush: list[Query],
    options: argparse.Namespace,
) -> Row:
    """The same riders on foot, each timed beside the same search from door to door."""
    walkers = draw_walkers(world, wide, options.walk, SEED)
    pair_ms, pair_stages, found = beside_door(world, index, walkers, options.rounds)
    rush_ms, _, _ = beside_door(world, index, draw_walkers(world, rush, options.walk, SEED), options.rounds)
    checked = walkers[: max(1, options.checked // 3)] if options.checked else []
    oracle = Oracle(world.engine.network, offers)
    number = {offer.id: k for k, offer in enumerate(offers)}
    wrong = matches = 0
    for query in checked:
        expected = oracle.walking_matches(query)
        answer = search(world, index, query, limit=len(offers))
        mine = {
            number[c.offer_id]: (c.detour_ms, c.detour_cm, c.walk_ms, c.pickup_choice, c.dropoff_choice)
            for c in answer.best
        }
        wrong += sum(mine.get(k) != expected.get(k) for k in mine.keys() | expected.keys())
        wrong += int(answer.feasible != len(expected))
        matches += len(expected)
    ratio = float(np.median([walking for _, walking in pair_ms]) / np.median([door for door, _ in pair_ms]))
    return {
        "walk_m": options.walk,
        "walk_candidates_mean": round(float(np.mean([len(q.pickups) + len(q.dropoffs) for q in walkers]) / 2), 2),
        "walk_ms_p50": percentile([walking for _, walking in pair_ms], 50),
        "walk_ms_p95": percentile([walking for _, walking in pair_ms], 95),
        "walk_to_door": round(ratio, 2),
        "walk_stages_ms_p50": pair_stages,
        "walk_matches_mean": round(float(np.mean(found)), 2),
        "walk_window_30_min_ms_p50": percentile([walking for _, walking in rush_ms], 50),
        "walk_mismatches": wrong,
        "walk_checked_offers": len(checked) * len(offers),
        "walk_checked_matches": matches,
    }


def _timed(
    world: World, index: OfferIndex, queries: list[Query], rounds: int
) -> tuple[list[float], list[float], list[int], dict[str, list[float]]]:
    """(sweeps, pipeline, offers that fit, pipeline steps) of each query: the minimum of several rounds."""
    for query in queries[:WARM_UP]:
        search(world, index, query)
    sweep_ms, pipeline_ms = [np.inf] * len(queries), [np.inf] * len(queries)
    found = [0] * len(queries)
    stages: dict[str, list[float]] = {}
    for _ in range(rounds):
        for k, query in enumerate(queries):
            sweep_ms[k] = min(sweep_ms[k], took_ms(_sweep, world, query))
            watch = StopWatch()
            answer = search(world, index, query, watch.lap)
            watch.lap("describe")
            pipeline_ms[k] = min(pipeline_ms[k], watch.total_ms)
            found[k] = answer.feasible
            for step, spent in watch.laps_ms.items():
                least = stages.setdefault(step, [np.inf] * len(queries))
                least[k] = min(least[k], spent)
    return sweep_ms, pipeline_ms, found, stages


def _sweep(world: World, query: Query) -> None:
    with world.engine.sweep(query.pickup, query.dropoff):
        pass


def _checked(
    world: World, index: OfferIndex, offers: list[Offer], wide: list[Query], rush: list[Query], count: int
) -> tuple[Row, int]:
    """What was compared with the oracle, and how many offers differ in feasibility, detour or base drive."""
    oracle = Oracle(world.engine.network, offers)
    number = {offer.id: k for k, offer in enumerate(offers)}
    queries = (wide[: count - count // 2] + rush[: count // 2])[:count]
    wrong = matches = 0
    for query in queries:
        expected = oracle.matches(query)
        answer = search(world, index, query, limit=len(offers))
        mine = {number[c.offer_id]: (c.detour_ms, c.detour_cm) for c in answer.best}
        wrong += sum(mine.get(k) != expected.get(k) for k in mine.keys() | expected.keys())
        wrong += int(answer.feasible != len(expected))
        matches += len(expected)
    bases = np.random.default_rng(SEED).choice(len(offers), min(20, len(offers)), replace=False).tolist()
    wrong += oracle.wrong_bases(bases)
    checked = {
        "checked_queries": len(queries),
        "checked_offers": len(queries) * len(offers),
        "checked_matches": matches,
        "checked_base_drives": len(bases),
    }
    return checked, wrong


def _disagreements(world: World, kit: RoutingKitPair, query: Query) -> int:
    """Nodes from which RoutingKit finds another time to the pickup than the sweep."""
    theirs = kit(query.pickup, query.dropoff)
    with world.engine.sweep(query.pickup, query.dropoff) as distance:
        ours = (distance[world.engine.topology.rank_of_node[kit.origins], 0] >> 32).tolist()
    return sum(their != our for their, our in zip(theirs, ours, strict=True) if their is not None)


def _rss_mb() -> float:
    """Memory of this process now; where the system does not say, the most it ever had."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return round(pages * resource.getpagesize() / 1e6, 1)
    except OSError:
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, 1)


def _table(result: Row) -> Table:
    runs = result["runs"]
    title = f"{result['region']}: {result['nodes']:,} nodes, {result['arcs']:,} arcs"
    table = Table(title=title, caption="times in ms a request; every offer considered, exactly")
    table.add_column("")
    for run in runs:
        table.add_column(f"{run['offers']:,} offers", justify="right")
    lines = [
        ("sweep pair p50", "sweep_pair_ms_p50"),
        ("pipeline p50", "pipeline_ms_p50"),
        ("pipeline p95", "pipeline_ms_p95"),
        ("pipeline p99", "pipeline_ms_p99"),
        ("pipeline / sweep pair", "pipeline_to_sweep"),
        ("pipeline p50, window of 30 min", "window_30_min_ms_p50"),
        ("routingkit pair p50", "routingkit_pair_ms_p50"),
        ("routingkit pair / pipeline", "routingkit_to_pipeline"),
        ("scipy pair / sweep pair", "scipy_to_sweep"),
        ("matches, mean", "matches_mean"),
        ("with stops p50", "stops_ms_p50"),
        ("with stops p95", "stops_ms_p95"),
        ("with stops / without", "stops_to_direct"),
        ("matches with stops, mean", "stops_matches_mean"),
        ("on foot, with stops / to the doors", "walk_stops_to_door"),
        ("on foot p50", "walk_ms_p50"),
        ("on foot / door to door", "walk_to_door"),
        ("matches on foot, mean", "walk_matches_mean"),
        ("mismatches with the oracle", "mismatches"),
        ("of offers checked", "checked_offers"),
        ("index, bytes an offer", "index_bytes_per_offer"),
        ("of which beside its route", "index_bytes_beside_route"),
        ("µs to add an offer", "put_us"),
        ("memory, MB", "rss_mb"),
    ]
    for label, key in lines:
        if key not in runs[-1]:
            continue
        table.add_row(label, *(f"{run[key]:,}" for run in runs))
    table.add_section()
    for label, key in (("scipy pair p50", "scipy_pair_ms_p50"), ("networkx pair p50", "networkx_pair_ms_p50")):
        table.add_row(label, f"{result[key]:,}")
    for step, spent in result["preparation_s"].items():
        table.add_row(f"{step.removesuffix('_s')}, s", f"{spent:,}")
    return table


if __name__ == "__main__":
    main()
