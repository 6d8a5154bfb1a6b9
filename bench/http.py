"""Load the whole service over HTTP at fixed arrival rates, and say what each rate costs.

bench/http.py [--offers 100000] [--rate 50 --rate 100 …] [--seconds 20] [--workers 2] [--corridor 100] [--json FILE]
[--region NAME]

The service is a child on an embedded PostgreSQL in a temporary folder; the generator runs in processes of its own. At
last the same offers are searched in plain SQL, on the same PostgreSQL. See README.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

# Not this folder, where a module is named like the standard library's http, but the one above it.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from multiprocessing.pool import Pool
from typing import Any

import asyncpg
import numpy as np
from rich.console import Console
from rich.table import Table

from bench.corridor import SEED, compare, comparison
from bench.load_calls import fill_offers, keys_and_calls
from bench.load_generator import Calls, Kind, Load, Plan, run_load
from bench.load_service import Service, data_folder, ended_by_signals, serving
from bench.load_usage import Usage, machine_busy_s, tree_usage
from bench.load_world import stored_world
from bench.worlds import draw_offers
from matcher.postgres.embedded.postmaster import Postmaster
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.roads.region.store import SAMPLE_NAME
from matcher.wiring.warm import compile_kernels

PATIENCE_S = 120.0
WARM_UP_RATE, WARM_UP_S = 20.0, 10.0
Row = dict[str, Any]


def main() -> None:
    """Run what the command line asks for."""
    options = _options()
    console = Console(stderr=True)
    with ended_by_signals(), ExitStack() as stack:
        data_dir = stack.enter_context(data_folder())
        console.print("the region …")
        stored = stored_world(data_dir, options.region)
        console.print(f"{options.offers:,} offers …")
        drawn = draw_offers(stored.world, options.offers, SEED)
        database = stack.enter_context(EmbeddedPostgres(data_dir))
        copy_s = asyncio.run(fill_offers(database.url, stored, drawn))
        del drawn
        calls = keys_and_calls(stored, data_dir, options.region, SEED, keys=options.keys)
        console.print("the service …")
        served = stack.enter_context(ExitStack())
        service = served.enter_context(serving(data_dir, options.region, options.workers))
        postgres = Postmaster.find(database.home.data)
        assert postgres is not None, "it has just been written to"
        generators = served.enter_context(_generators(options.generators))
        bench = Bench(service, postgres.pid, generators, options, calls)
        bench.run(WARM_UP_RATE, WARM_UP_S, SEED + 1)
        runs = []
        for number, rate in enumerate(options.rate or [50.0, 100.0, 200.0]):
            console.print(f"{rate:g} calls a second for {options.seconds:g} s …")
            runs.append(bench.run(rate, options.seconds, SEED + 2 + number))
        lost = bench.published - (asyncio.run(_count(database.url)) - options.offers)
        corridor: Row | None = None
        if options.corridor:
            console.print(f"{options.corridor} searches in plain SQL …")
            served.close()
            compile_kernels()
            corridor = asyncio.run(compare(database.url, stored.world, options.offers, searches=options.corridor))
        result: Row = {
            "region": options.region,
            "nodes": stored.world.engine.network.node_count,
            "offers": options.offers,
            "workers": options.workers,
            "generators": options.generators,
            "publish_share": options.publish,
            "seconds": options.seconds,
            "seed": SEED,
            "copy_s": copy_s,
            "ready_s": service.ready_s,
            "published": bench.published,
            "published_but_not_stored": lost,
            "python": platform.python_version(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "runs": runs,
            "corridor": corridor,
        }
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    Console().print(_table(result))
    if corridor is not None:
        Console().print(comparison(options.region, corridor))
    if lost > 0:
        sys.exit(f"{lost} offers were answered 201 and are not in the database.")
    if corridor is not None and corridor["mismatches"]:
        sys.exit("The matcher and the oracle do not agree: nothing here counts.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offers", type=int, default=100_000, help="active offers at the start (default 100000)")
    parser.add_argument(
        "--rate", type=float, action="append", help="calls a second; may be repeated (default 50, 100, 200)"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each rate lasts (default 20)")
    parser.add_argument("--most", type=int, default=20_000, help="most calls of one rate (default 20000)")
    parser.add_argument("--publish", type=float, default=0.1, help="share of calls that publish (default 0.1)")
    parser.add_argument("--workers", type=int, default=2, help="processes that serve (default 2)")
    parser.add_argument("--generators", type=int, default=1, help="processes that ask (default 1)")
    parser.add_argument("--keys", type=int, default=4, help="API keys of riders, and of drivers (default 4)")
    parser.add_argument(
        "--region", default=SAMPLE_NAME, help=f"an imported region (default {SAMPLE_NAME}, which ships)"
    )
    parser.add_argument(
        "--corridor", type=int, default=100, help="searches in plain SQL afterwards; 0 for none (default 100)"
    )
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


async def _count(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM offers"))
    finally:
        await connection.close()


def _generators(count: int) -> Pool:
    """Load generators in fresh interpreters, without this process's memory. They end with the block."""
    return multiprocessing.get_context("spawn").Pool(count)


class Bench:
    """A service that is loaded at one rate after another."""

    def __init__(
        self,
        service: Service,
        postgres_pid: int,
        generators: Pool,
        options: argparse.Namespace,
        calls: dict[Kind, Calls],
    ) -> None:
        self._service = service
        self._postgres_pid = postgres_pid
        self._generators = generators
        self._options = options
        self._calls = calls
        self.published = 0

    def run(self, rate: float, seconds: float, seed: int) -> Row:
        """One rate for a while: latencies, errors, and what the processes spent meanwhile."""
        options, parts = self._options, self._options.generators
        count = min(options.most, round(rate * seconds)) // parts
        plans = [
            Plan(self._service.url, rate / parts, count, options.publish, 1000 * seed + part, self._calls)
            for part in range(parts)
        ]
        before, busy = self._usages(), machine_busy_s()
        # A generator that dies is not noticed by its pool.
        loads = self._generators.map_async(run_load, plans, chunksize=1).get(timeout=2 * seconds + PATIENCE_S)
        after, busy = self._usages(), machine_busy_s() - busy
        self.published += sum(len(load.latency_s[Kind.PUBLISH]) for load in loads)
        return _row(rate, count * parts, loads, before, after, busy)

    def _usages(self) -> tuple[Usage, Usage]:
        return tree_usage(self._service.pid), tree_usage(self._postgres_pid)


def _row(
    rate: float, sent: int, loads: list[Load], before: tuple[Usage, Usage], after: tuple[Usage, Usage], busy_s: float
) -> Row:
    done = sum(len(latencies) for load in loads for latencies in load.latency_s.values())
    span_s = max(load.end_s for load in loads) - min(load.begin_s for load in loads)
    server_s, postgres_s = (late.cpu_s - early.cpu_s for early, late in zip(before, after, strict=True))
    generator_s = sum(load.cpu_s for load in loads)
    return {
        "rate": rate,
        "sent": sent,
        "done": done,
        "throughput": round(done / span_s, 1),
        **{kind.value: _latencies([x for load in loads for x in load.latency_s[kind]]) for kind in Kind},
        "errors": dict(sum((load.errors for load in loads), Counter())),
        "searches_without_a_match": sum(load.empty for load in loads),
        "server_cpu_ms_per_call": round(1000 * server_s / max(done, 1), 3),
        "postgres_cpu_ms_per_call": round(1000 * postgres_s / max(done, 1), 3),
        "generator_cpu_ms_per_call": round(1000 * generator_s / sent, 3),
        "server_cores": round(server_s / span_s, 2),
        "postgres_cores": round(postgres_s / span_s, 2),
        "others_cores": round(max(0.0, busy_s - server_s - postgres_s - generator_s) / span_s, 2),
        "late_ms_p99": _p([1000 * late for load in loads for late in load.late_s], 99),
        "server_rss_mb": after[0].rss_mb,
        "server_pss_mb": after[0].pss_mb,
        "server_processes": after[0].processes,
        "postgres_pss_mb": after[1].pss_mb,
    }


def _latencies(seconds: list[float]) -> Row:
    milliseconds = [1000 * latency for latency in seconds]
    return {"done": len(seconds), **{f"p{at}_ms": _p(milliseconds, at) for at in (50, 95, 99)}}


def _p(values: list[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 2) if values else None


def _table(result: Row) -> Table:
    runs: list[Row] = result["runs"]
    table = Table(
        title=f"{result['region']}: {result['offers']:,} offers, {result['workers']} worker(s)",
        caption="latencies in ms from the moment a call was due",
    )
    table.add_column("calls a second", no_wrap=True)
    for run in runs:
        table.add_column(f"{run['rate']:g}", justify="right")
    table.add_row("answered a second", *(str(run["throughput"]) for run in runs))
    for kind in Kind:
        for at in (50, 95, 99):
            table.add_row(f"{kind.value} p{at}", *(str(run[kind.value][f"p{at}_ms"]) for run in runs))
    table.add_row("errors", *(_errors(run["errors"]) for run in runs))
    table.add_section()
    for label, key in (
        ("server, CPU ms a call", "server_cpu_ms_per_call"),
        ("PostgreSQL, CPU ms a call", "postgres_cpu_ms_per_call"),
        ("generator, CPU ms a call", "generator_cpu_ms_per_call"),
        ("server, cores in use", "server_cores"),
        ("PostgreSQL, cores in use", "postgres_cores"),
        ("others on the machine, cores", "others_cores"),
        ("calls left late, ms p99", "late_ms_p99"),
        ("server, MB (shared pages once)", "server_pss_mb"),
        ("PostgreSQL, MB", "postgres_pss_mb"),
    ):
        table.add_row(label, *(str(run[key]) for run in runs))
    return table


def _errors(by_kind: dict[str, int]) -> str:
    """Of both kinds together, by what they were."""
    total: Counter[str] = Counter()
    for name, count in by_kind.items():
        total[name.split()[1]] += count
    return "\n".join(f"{count}x {name}" for name, count in total.most_common()) or "none"


if __name__ == "__main__":
    main()
