"""Measure from how many offers on one sweep for all nodes is cheaper than drives for those offers alone.

    bench/labels.py [--region NAME | --vectors FOLDER | --grid NODES] --json FILE

Times are of the processor. Each search is made both ways in turn, from the list of offers to the distances at all their
stops; every distance is compared. See README.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

# Not this folder, where a module is named like the standard library's http, but the one above it.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import argparse
import json
import time
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from bench.grid import grid_world
from bench.match import add_places, world_of
from bench.worlds import World
from matcher.domain.place import RoadPosition
from matcher.matching.base.positions import INFINITE
from matcher.roads.engine import RoadEngine
from matcher.roads.warm import warm_kernels

SEED = 20261201
#: How many offers, each with two ends.
COUNTS = (10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)
I32 = npt.NDArray[np.int32]


def main() -> None:
    """Run what the command line asks for."""
    options = _options()
    console = Console(stderr=True)
    console.print("compiling what is not compiled yet …")
    warm_kernels()
    world = grid_world(options.grid) if options.grid else world_of(options)
    engine = world.engine
    console.print(f"{world.name}: {engine.network.node_count:,} nodes")
    rng = np.random.default_rng([SEED, 5])
    riders = [(world.draw(rng), world.draw(rng)) for _ in range(options.queries)]
    runs = [_measure(engine, count, _ends(world, count, rng), riders, options.rounds) for count in COUNTS]
    result: dict[str, Any] = {
        "region": world.name,
        "nodes": engine.network.node_count,
        "tree_height": engine.topology.height(),
        "few_offers": engine.few_offers,
        "preparation_s": world.spent_s,
        "runs": runs,
    }
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    Console().print(_table(result))
    if any(run["mismatches"] for run in runs):
        sys.exit("Drives for some do not agree with the sweep.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--queries", type=int, default=20, help="riders (default 20)")
    parser.add_argument("--rounds", type=int, default=4, help="times that each is timed; the least counts (default 4)")
    add_places(parser).add_argument("--grid", type=int, metavar="NODES", help="streets at right angles, made up")
    return parser.parse_args()


def _ends(world: World, count: int, rng: np.random.Generator) -> I32:
    """The edges that so many offers begin and end on."""
    return np.array([world.draw(rng).edge for _ in range(2 * count)], dtype=np.int32)


def _measure(
    engine: RoadEngine, count: int, ends: I32, riders: list[tuple[RoadPosition, RoadPosition]], rounds: int
) -> dict[str, Any]:
    nodes = np.unique(np.concatenate([engine.edges.start[ends], engine.edges.end[ends]]))
    sweep_ms, both_ms = [np.inf] * len(riders), [np.inf] * len(riders)
    some_ms, some_both_ms = [np.inf] * len(riders), [np.inf] * len(riders)
    settled = wrong = 0
    for turn in range(rounds):
        for k, (pickup, dropoff) in enumerate(riders):
            begin = time.thread_time()
            with engine.sweep(pickup, dropoff):
                sweep_ms[k] = min(sweep_ms[k], 1000 * (time.thread_time() - begin))
            begin = time.thread_time()
            with engine.some_drives(pickup, dropoff, both=False) as some:
                some.settled(ends)
                some_ms[k] = min(some_ms[k], 1000 * (time.thread_time() - begin))
            begin = time.thread_time()
            with engine.sweep_both(pickup, dropoff) as everywhere:
                both_ms[k] = min(both_ms[k], 1000 * (time.thread_time() - begin))
                begin = time.thread_time()
                with engine.some_drives(pickup, dropoff, both=True) as some:
                    distance = some.settled(ends)
                    some_both_ms[k] = min(some_both_ms[k], 1000 * (time.thread_time() - begin))
                    if turn == 0:
                        settled = max(settled, some.count)
                        here, there = (np.minimum(array[nodes], INFINITE) for array in (distance, everywhere))
                        wrong += int((here != there).any(axis=1).sum())
    return {
        "offers": count,
        "settled_nodes": settled,
        "sweep_ms": round(float(np.median(sweep_ms)), 3),
        "some_ms": round(float(np.median(some_ms)), 3),
        "sweep_both_ms": round(float(np.median(both_ms)), 3),
        "some_both_ms": round(float(np.median(some_both_ms)), 3),
        "mismatches": wrong,
    }


def _table(result: dict[str, Any]) -> Table:
    title = f"{result['region']}: {result['nodes']:,} nodes; few offers are {result['few_offers']:,} or less"
    table = Table(title=title, caption="ms a search: all nodes, and those that the offers need; two columns, and four")
    heads = ("offers", "settled_nodes", "sweep_ms", "some_ms", "sweep_both_ms", "some_both_ms", "mismatches")
    for head in heads:
        table.add_column(head.replace("_", " "), justify="right")
    for run in result["runs"]:
        table.add_row(*(f"{run[head]:,}" for head in heads))
    return table


if __name__ == "__main__":
    main()
