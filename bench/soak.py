"""Ask for more than there is, and break things meanwhile: what callers see of it, and whether anything is lost.

    bench/soak.py [--seconds 120] [--offers 100000] [--overload 300] [--steady 30] [--only NAME …] [--json FILE]

`carpool serve --workers 2` on an embedded PostgreSQL in a temporary folder; calls leave at fixed rates, from a process of its own, whether or not
earlier ones were answered. The table is printed as Markdown. The exit code is not 0 when something that was answered 201 is not stored, or when
`carpool check` finds anything afterwards. See README.md.
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
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import numpy as np
from rich.console import Console

from bench.load_calls import fill_offers, keys_and_calls
from bench.load_generator import Answer, Kind, Load, Plan, run_load
from bench.load_service import checked, data_folder, ended_by_signals, serving
from bench.load_usage import machine_busy_s, tree_usage
from bench.load_world import stored_world
from bench.soak_faults import FAULTS, Scene
from bench.worlds import draw_offers
from matcher.roads.regions import SAMPLE_NAME
from matcher.storage.embedded import EmbeddedPostgres

SEED = 20261203
PUBLISH_SHARE = 0.1
QUIET_RATE = 5.0
WARM_UP_S = 10.0
PATIENCE_S = 180.0
SAMPLES = 20
REFUSED = frozenset({429, 503})
Row = dict[str, Any]


def main() -> None:
    """Run what the command line asks for."""
    options = _options()
    console = Console(stderr=True)
    with ended_by_signals(), ExitStack() as stack:
        data_dir = stack.enter_context(data_folder())
        console.print(f"the region, {options.offers:,} offers …")
        stored = stored_world(data_dir, SAMPLE_NAME)
        database = stack.enter_context(EmbeddedPostgres(data_dir))
        drawn = draw_offers(stored.world, options.offers, SEED)
        asyncio.run(fill_offers(database.url, stored, drawn))
        del drawn
        calls = keys_and_calls(stored, data_dir, SAMPLE_NAME, SEED, keys=4)
        console.print("the service …")
        service = stack.enter_context(serving(data_dir, SAMPLE_NAME, options.workers))
        scene = Scene(service.pid, database, data_dir, pause_s=min(10.0, options.seconds / 3))
        generators = stack.enter_context(_one_process())

        def load(rate: float, seconds: float, seed: int, fault: Callable[[], None] | None) -> Row:
            plan = Plan(service.url, rate, round(rate * seconds), PUBLISH_SHARE, seed, calls)
            begin, busy = time.monotonic(), machine_busy_s()
            asked = generators.map_async(run_load, [plan])
            memory, fault_at = _watch(asked, service.pid, seconds, fault)
            (done,) = asked.get(timeout=PATIENCE_S)
            created.extend(done.created)
            others = (machine_busy_s() - busy) / (time.monotonic() - begin)
            return _row(rate, done, memory, fault_at) | {"machine_cores": round(others, 2)}

        created: list[str] = []
        load(2 * QUIET_RATE, WARM_UP_S, SEED, None)
        phases: list[tuple[str, float, Callable[[], None] | None]] = [
            ("little to do", QUIET_RATE, None),
            ("more than it can", options.overload, None),
            *((name, options.steady, lambda fault=fault: fault(scene)) for name, fault in FAULTS.items()),
        ]
        rows = []
        for number, (name, rate, fault) in enumerate(phases):
            if options.only and name not in options.only:
                continue
            console.print(f"{name}: {rate:g} calls a second for {options.seconds:g} s …")
            rows.append({"phase": name} | load(rate, options.seconds, SEED + 1 + number, fault))
            scene.wait_until_well(service.url, options.workers)
        lost = asyncio.run(_missing(database.url, created))
        console.print("carpool check …")
        sound, said = checked(data_dir, SAMPLE_NAME)
        result = {
            "offers": options.offers,
            "workers": options.workers,
            "seconds": options.seconds,
            "pause_s": scene.pause_s,
            "published": len(created),
            "lost": lost,
            "check": "sound" if sound else said,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "phases": rows,
        }
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(markdown(result))
    if lost or not sound:
        sys.exit(1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long each phase lasts (default 120)")
    parser.add_argument("--offers", type=int, default=100_000, help="active offers at the start (default 100000)")
    parser.add_argument("--workers", type=int, default=2, help="processes that serve (default 2)")
    parser.add_argument("--overload", type=float, default=300.0, help="calls a second, above what it can (default 300)")
    parser.add_argument("--steady", type=float, default=30.0, help="calls a second while things break (default 30)")
    parser.add_argument("--only", action="append", help="this phase only; may be repeated")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


def _one_process() -> Any:
    """A fresh interpreter for the generator, which is gone with the block."""
    return multiprocessing.get_context("spawn").Pool(1)


def _watch(asked: Any, pid: int, seconds: float, fault: Callable[[], None] | None) -> tuple[list[float], float | None]:
    """(memory of the service in MB at intervals, time.monotonic() of the fault). The fault comes after a fifth of the time."""
    memory: list[float] = []
    fault_at: float | None = None
    begin = time.monotonic()
    while not asked.ready() and time.monotonic() < begin + 2 * seconds + PATIENCE_S:
        if fault is not None and fault_at is None and time.monotonic() > begin + seconds / 5:
            fault_at = time.monotonic()
            fault()
        usage = tree_usage(pid)
        memory.append(usage.rss_mb if usage.pss_mb is None else usage.pss_mb)
        asked.wait(seconds / SAMPLES)
    return memory, fault_at


def _row(rate: float, load: Load, memory: list[float], fault_at: float | None) -> Row:
    fine = [answer for answer in load.answers if answer.status in (200, 201)]
    refused = [answer for answer in load.answers if answer.status in REFUSED]
    failed = len(load.answers) - len(fine) - len(refused)
    quarter = max(1, len(memory) // 4)
    return {
        "rate": rate,
        "sent": len(load.answers),
        "fine": len(fine),
        "fine_a_second": round(len(fine) / (load.end_s - load.begin_s), 1),
        "fine_ms": _percentiles(fine),
        "search_ms": {f"p{at}": _percentile([1000 * x for x in load.latency_s[Kind.SEARCH]], at) for at in (50, 99)},
        "refused": len(refused),
        "refused_ms": _percentiles(refused),
        "failed": failed,
        "errors": dict(load.errors),
        "trouble_s": None if fault_at is None else _trouble_s(load, fault_at),
        "memory_mb": [round(max(memory[:quarter]), 1), round(max(memory[-quarter:]), 1)] if memory else None,
        "late_ms_p99": _percentile([1000 * late for late in load.late_s], 99),
    }


def _trouble_s(load: Load, fault_at: float) -> float:
    """From the fault to when the last call that was not answered as it should be, or took over a second, was due; 0 when there was none."""
    after_s = fault_at - load.begin_s
    bad = [
        one.due_s
        for one in load.answers
        if one.due_s > after_s - 1 and (one.status not in (200, 201) or one.latency_s > 1)
    ]
    return round(max(0.0, max(bad) - after_s), 1) if bad else 0.0


def _percentiles(answers: list[Answer]) -> dict[str, float | None]:
    return {f"p{at}": _percentile([1000 * answer.latency_s for answer in answers], at) for at in (50, 99, 100)}


def _percentile(values: list[float], at: int) -> float | None:
    return round(float(np.percentile(values, at)), 1) if values else None


async def _missing(url: str, created: list[str]) -> int:
    """How many of the offers that were answered 201 are not there."""
    connection = await asyncpg.connect(url)
    try:
        there = await connection.fetchval(
            "SELECT count(*) FROM offers WHERE id = ANY ($1)", [UUID(one) for one in created]
        )
    finally:
        await connection.close()
    return len(set(created)) - int(there)


def markdown(result: Row) -> str:
    """The table of docs/operations.md."""
    lines = [
        "| what happened | calls a second | answered | p50 / p99, ms | refused (503, 429), p99 ms | failed | trouble, s | memory, MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in result["phases"]:
        fine, refused = row["fine_ms"], row["refused_ms"]
        lines.append(
            f"| {row['phase']} | {row['rate']:g} | {row['fine']:,} of {row['sent']:,} | {fine['p50']} / {fine['p99']} "
            f"| {row['refused'] or 'none'}{', ' + str(refused['p99']) if row['refused'] else ''} "
            f"| {row['failed'] or 'none'} | {'' if row['trouble_s'] is None else row['trouble_s']} "
            f"| {' → '.join(f'{one:g}' for one in row['memory_mb'] or ())} |"
        )
    lines.append("")
    lines.append(
        f"{result['published']:,} offers were answered 201, {result['lost'] or 'none'} lost; `carpool check`: {result['check']}. "
        f"{result['offers']:,} offers, {result['workers']} workers, {result['seconds']:g} s each, {result['machine']}."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
