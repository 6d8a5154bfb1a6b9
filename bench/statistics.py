"""Measure how long statistics take to read when a hundred million searches have been added up.

    bench/statistics.py [--searches 100000000] [--years 1] [--reads 30] [--json FILE]

Starts a PostgreSQL of its own, fills it with made-up roll-ups of every span (the histograms as wide as those of a real
service: searches of 1 to 300 ms, detours of up to half an hour), and reads them as the calls do, to the last byte of
the answer. See README.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

# Not this folder, where modules are named like the standard library's, but the one above it.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import argparse
import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg
import numpy as np
from pydantic_core import to_json
from rich.console import Console
from rich.table import Table

from api.handlers.stats_tables import demand_members, match_json, series_csv
from matcher.domain.cell import Cell
from matcher.domain.place import Coordinate
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.migrations import migrate
from matcher.postgres.pool import Database
from matcher.statistics.histograms import BOUNDS, quantile_buckets
from matcher.statistics.model import BucketSize, DemandSide
from matcher.statistics.read import ReadStatistics
from matcher.statistics.search_log import SearchLog
from matcher.statistics.search_store import SPANS, PostgresSearchStore
from matcher.statistics.store import PostgresStatistics
from tests.integration.search_rows import a_row

REGION = "bench"
END = datetime(2026, 1, 1, tzinfo=UTC)
DAY_S = 86_400
_ENTRY = np.dtype([("bucket", "<u2"), ("count", "<u4")])
_REASONS = {
    "outside_window": 800,
    "no_seats": 12,
    "detour": 170,
    "detour_length": 9,
    "own_offer": 0.05,
    "changed": 0.002,
}


def main() -> None:
    """Fill, read, print."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="carpool-bench-"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder, durable=False) as server:
            found = asyncio.run(_measure(server.url, options))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _print(found)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=100_000_000, help="how many have been added up")
    parser.add_argument("--years", type=int, default=1, help="over how long")
    parser.add_argument("--reads", type=int, default=30, help="times that each question is asked")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


async def _measure(url: str, options: argparse.Namespace) -> dict[str, Any]:
    await migrate(url)
    began = time.perf_counter()
    rows = await _fill(url, options.searches, options.years)
    filled_s = time.perf_counter() - began
    # One connection, so that its process is the one whose time counts.
    database = await Database.open(url, min_size=1, max_size=1, command_timeout_s=120)
    try:
        read = ReadStatistics(PostgresStatistics(database), REGION, least_in_cell=5)
        santiago, kolkata, utc = ZoneInfo("America/Santiago"), ZoneInfo("Asia/Kolkata"), ZoneInfo("UTC")
        year = END - timedelta(days=365)

        def matches(
            begin: datetime, size: BucketSize, zone: ZoneInfo, *, as_csv: bool = False
        ) -> Callable[[], Awaitable[bytes]]:
            async def ask() -> bytes:
                found = await read.matches(begin, END, size, zone)
                document = match_json(found, size.value, str(zone), zone)
                return (series_csv(json.loads(document)) if as_csv else document).encode()

            return ask

        async def demand() -> bytes:
            return to_json(demand_members(await read.demand(END - timedelta(days=92), END, DemandSide.ORIGIN)))

        questions = {
            "a year by hour, America/Santiago": matches(year, BucketSize.HOUR, santiago),
            "a year by hour, as CSV": matches(year, BucketSize.HOUR, santiago, as_csv=True),
            "a year by hour, Asia/Kolkata (quarters of an hour)": matches(year, BucketSize.HOUR, kolkata),
            "a year by day, UTC": matches(year, BucketSize.DAY, utc),
            "a year by day, America/Santiago": matches(year, BucketSize.DAY, santiago),
            "a week by hour, America/Santiago": matches(END - timedelta(days=7), BucketSize.HOUR, santiago),
            "demand of a season": demand,
        }
        asked = {name: await _time(ask, options.reads, database) for name, ask in questions.items()}
        written = await _write(database)
    finally:
        await database.close()
    return {"searches": options.searches, **rows, "filled_s": round(filled_s, 1), "asked": asked, "written": written}


async def _time(ask: Callable[[], Awaitable[bytes]], reads: int, database: Database) -> dict[str, float]:
    length = len(await ask())
    server_s = await _server_s(database)
    spent, worked = [], time.process_time()
    for _ in range(reads):
        began = time.perf_counter()
        await ask()
        spent.append((time.perf_counter() - began) * 1000)
    cpu_ms = (time.process_time() - worked) * 1000 / reads
    server_ms = (await _server_s(database) - server_s) * 1000 / reads
    p50, p95 = np.percentile(spent, [50, 95]).tolist()
    return {
        "least_ms": round(min(spent), 1),
        "p50_ms": round(p50, 1),
        "p95_ms": round(p95, 1),
        "cpu_ms": round(cpu_ms, 1),
        "postgresql_cpu_ms": round(server_ms, 1),
        "answer_kb": round(length / 1000),
    }


async def _server_s(database: Database) -> float:
    """Processor time of PostgreSQL's process for our connection so far; it is on this machine, which is Linux."""
    async with database.connection() as connection:
        pid = await connection.fetchval("SELECT pg_backend_pid()")
    told = await asyncio.to_thread(Path(f"/proc/{pid}/schedstat").read_text, encoding="ascii")
    return int(told.split()[0]) / 1e9


async def _write(database: Database) -> dict[str, float]:
    """What a search pays for its row, and what the row costs beside it."""
    store = PostgresSearchStore(database)
    log = SearchLog(store, REGION, make_id=uuid4, capacity=100_000)
    rows = [a_row(region=REGION, at=END + timedelta(seconds=n)) for n in range(20_000)]
    began = time.perf_counter()
    for row in rows:
        log.record(row)
    recorded = time.perf_counter()
    await log.flush(END)
    flushed = time.perf_counter()
    while await store.roll_up(limit=20_000):
        pass
    rolled_up = time.perf_counter()
    return {
        "record_us": round((recorded - began) / len(rows) * 1e6, 2),
        "write_us_a_row": round((flushed - recorded) / len(rows) * 1e6, 1),
        "roll_up_us_a_row": round((rolled_up - flushed) / len(rows) * 1e6, 1),
    }


async def _fill(url: str, searches: int, years: int) -> dict[str, int]:
    dice = np.random.default_rng(1)
    days = 365 * years
    connection = await asyncpg.connect(url)
    rows = 0
    try:
        for span_s in SPANS:
            spans = days * DAY_S // span_s
            mean = searches / spans
            records = []
            for n in range(spans):
                begin = END - timedelta(seconds=(spans - n) * span_s)
                records.append(_rollup(dice, span_s, begin, max(1, int(mean * dice.uniform(0.5, 1.5)))))
            await connection.copy_records_to_table("search_rollups", records=records)
            rows += spans
        cells = [
            Cell.of(Coordinate(lat=-29.9 + i / 100, lon=-71.2 + j / 100)).number for i in range(20) for j in range(15)
        ]
        hours = min(days, 92) * 24
        demand = [
            (REGION, END - timedelta(hours=hour + 1), "origin", cell, int(asked), int(asked) // 3)
            for hour in range(hours)
            for cell, asked in zip(dict.fromkeys(cells), dice.integers(1, 60, size=len(cells)), strict=False)
        ]
        await connection.copy_records_to_table("demand_hours", records=demand)
        await connection.execute("VACUUM ANALYZE search_rollups, demand_hours")
        size = await connection.fetchval("SELECT pg_total_relation_size('search_rollups')")
    finally:
        await connection.close()
    return {"rollups": rows, "rollups_mb": size // 1_000_000, "demand_rows": len(demand)}


def _rollup(dice: np.random.Generator, span_s: int, begin: datetime, searches: int) -> tuple[object, ...]:
    matched = int(searches * 0.62)
    reasons = json.dumps({reason: int(offers * searches) for reason, offers in _REASONS.items()})
    histograms = [
        _histogram(dice, np.log(240), 1.0, matched),
        _histogram(dice, np.log(300), 0.7, matched),
        _histogram(dice, np.log(9000), 0.8, searches),
    ]
    return (
        REGION, span_s, begin, searches, matched, matched // 4, searches * 1000, searches * 9, searches * 5, searches,
        searches * 2700, reasons, *histograms, quantile_buckets(histograms),
    )  # fmt: skip


def _histogram(dice: np.random.Generator, middle: float, spread: float, count: int) -> bytes:
    """Log-normal amounts; a sample of at most 3,000 is scaled up, with tails as wide as for that many."""
    sample = min(count, 3000)
    amounts = np.exp(dice.normal(middle, spread, size=sample)).astype(np.int64)
    buckets, counts = np.unique(np.searchsorted(BOUNDS, amounts, side="right") - 1, return_counts=True)
    entries = np.empty(len(buckets), dtype=_ENTRY)
    entries["bucket"], entries["count"] = buckets, np.maximum(1, counts * count // max(1, sample))
    return entries.tobytes()


def _print(found: dict[str, Any]) -> None:
    console = Console()
    console.print(
        f"{found['searches']:,} searches in {found['rollups']:,} roll-ups ({found['rollups_mb']} MB), "
        f"{found['demand_rows']:,} rows of demand, made up in {found['filled_s']} s"
    )
    table = Table("question", "least, ms", "p50, ms", "p95, ms", "CPU, ms", "CPU of PostgreSQL, ms", "answer, kB")
    keys = ("least_ms", "p50_ms", "p95_ms", "cpu_ms", "postgresql_cpu_ms", "answer_kb")
    for name, figures in found["asked"].items():
        table.add_row(name, *(f"{figures[key]:,}" for key in keys))
    console.print(table)
    written = found["written"]
    console.print(
        f"recording a search takes {written['record_us']} µs of it; later, a row takes {written['write_us_a_row']} µs "
        f"to write and {written['roll_up_us_a_row']} µs to add up"
    )


if __name__ == "__main__":
    main()
