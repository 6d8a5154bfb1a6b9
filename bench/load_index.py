"""How long a service takes to have its offers in memory: from PostgreSQL to a searchable index, and what each part of
it costs.

bench/load_index.py --offers N [--offers N2 …] --json FILE [--threads 2] [--stops 2] [--region NAME | --vectors FOLDER]

The database is an embedded one in a temporary folder, durable as the service's own. Each size is loaded several times;
the least counts, and of memory the first time: later ones use again what the first has taken from the system. The exit
code is not 0 when a loaded drive is not the one that was stored.
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
import os
import platform
import resource
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import asyncpg
import numpy as np
from rich.console import Console
from rich.table import Table

from bench.worlds import MORNING, RUSH_MIN, World, draw_offers, region_world, sample_world, vectors_world
from matcher.geocoding.geocoder import Geocoder
from matcher.matching.base.positions import I64, INFINITE, fixed_position, split_cost
from matcher.matching.index.by_time import OfferIndexByTime
from matcher.matching.index.index import OfferIndex
from matcher.matching.index.load_direct import DirectOffers, pack_offers
from matcher.matching.index.load_stops import OffersWithStops
from matcher.places.resolve import ResolvePlaces
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.migrations import migrate
from matcher.postgres.pool import Database
from matcher.roads.region.store import SAMPLE_NAME
from matcher.search.live.load import LoadOffers
from matcher.trips.offers.rows import to_row
from matcher.trips.offers.store import PostgresOffers
from matcher.wiring.warm import compile_kernels

SEED = 20261201
#: Places that people start from and go to; offers are pairs of them.
PLACES = 20_000
#: What the process held before loading, at the most meanwhile, and afterwards.
_MEMORY = ("memory_before_mb", "memory_peak_mb", "memory_after_mb")
Row = dict[str, Any]


def main() -> None:
    """Run what the command line asks for."""
    options = _options()
    console = Console(stderr=True)
    console.print("compiling what is not compiled yet …")
    compile_kernels()
    world = _world(options)
    console.print(f"{world.name}: {world.engine.network.node_count:,} nodes")
    with _server() as url:
        runs = [asyncio.run(_measure(world, url, count, options, console)) for count in sorted(set(options.offers))]
    result: Row = {
        "region": world.name,
        "nodes": world.engine.network.node_count,
        "arcs": world.engine.network.arc_count,
        "seed": SEED,
        "rounds": options.rounds,
        "threads": options.threads,
        "stops": options.stops,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        **runs[-1],
        "runs": runs,
    }
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    Console().print(_table(result))
    if any(run["mismatches"] for run in runs):
        sys.exit("What was loaded is not what was stored.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offers", type=int, action="append", required=True, help="how many offers; may be repeated")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is loaded; the least counts (default 3)")
    parser.add_argument("--stops", type=int, default=0, help="places on the way of each trip (default 0)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="that pack drives (default: one a core)")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--region", default=SAMPLE_NAME, help=f"an imported region (default {SAMPLE_NAME}, which ships)")
    place.add_argument("--vectors", type=Path, help="a folder of adjacency vectors")
    return parser.parse_args()


def _world(options: argparse.Namespace) -> World:
    if options.vectors is not None:
        return vectors_world(options.vectors)
    if options.region == SAMPLE_NAME:
        return sample_world()
    return region_world(Path(os.environ.get("CARPOOL_DATA_DIR", ".carpool")), options.region)


@contextmanager
def _server() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="carpool-bench-"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder) as server:
            asyncio.run(migrate(server.url))
            yield server.url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(world: World, url: str, count: int, options: argparse.Namespace, console: Console) -> Row:
    console.print(f"{count:,} offers: writing them …")
    costs = await _write(world, url, count, options.stops)
    database = await Database.open(url, min_size=1, max_size=2)
    best: Row = {}
    with ThreadPoolExecutor(options.threads) as executor:
        offers = PostgresOffers(database)
        places = ResolvePlaces(world.engine, cast("Geocoder", None), executor, snap_limit_m=1000.0)
        load = LoadOffers(offers, world.engine, places, executor)
        memory: Row = {}
        for _ in range(options.rounds):
            console.print(f"{count:,} offers: loading them …")
            run = await _load(world, offers, load)
            index = run.pop("index")
            memory = memory or {name: run[name] for name in _MEMORY}
            run["mismatches"] = count - _alike(index, costs)
            route, beside = index.memory()
            run |= {
                "index_bytes_per_offer": (route + beside) // count,
                "index_bytes_beside_route": round(beside / count, 1),
                **memory,
            }
            del index
            if not best or run["load_s"] < best["load_s"]:
                best = run
    await database.close()
    return {"offers": count, "offers_per_s": round(count / best["load_s"]), **best}


async def _load(world: World, offers: PostgresOffers, load: LoadOffers) -> Row:
    by_time = OfferIndexByTime(world.engine)
    (index,) = by_time._slots
    before_mb = _memory_mb("VmRSS")
    _forget_peak()
    cpu = time.process_time()
    load_s, loaded = await _seconds(lambda: load(by_time))
    spent_s = time.process_time() - cpu
    memory = dict(zip(_MEMORY, (before_mb, _memory_mb("VmHWM"), _memory_mb("VmRSS")), strict=True))
    assert (loaded.moved, loaded.lost) == (0, 0)
    cpu = time.process_time()
    read_s, chunks = await _seconds(lambda: _read(world, offers))
    read_cpu_s = time.process_time() - cpu
    cpu = time.process_time()
    for chunk in chunks:
        pack_offers(chunk, world.engine)
    figures = {
        "load_s": load_s,
        "load_cpu_s": spent_s,
        "read_alone_s": read_s,
        "read_alone_cpu_s": read_cpu_s,
        "pack_alone_cpu_s": time.process_time() - cpu,
    }
    return {name: round(value, 3) for name, value in figures.items()} | memory | {"index": index}


async def _read(world: World, offers: PostgresOffers) -> list[DirectOffers]:
    """Those without stops; the others are read as well, and forgotten."""
    chunks: list[DirectOffers] = []

    async def take(columns: DirectOffers) -> None:
        chunks.append(columns)

    async def forget(_: OffersWithStops) -> None:
        return

    async with offers.open_offers(world.name, "benchmark") as stored:
        await stored.direct(take)
        await stored.with_stops(forget)
    return chunks


async def _seconds(work: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    begin = time.perf_counter()
    result = await work()
    return time.perf_counter() - begin, result


async def _write(world: World, url: str, count: int, stops: int) -> I64:
    """COPY offers with so many stops each into an empty table; returns packed cost by the low half of the id."""
    rng = np.random.default_rng([SEED, 3])
    drawn = [world.draw(rng) for _ in range(PLACES)]
    edge, at = np.array([fixed_position(position) for position in drawn], dtype=np.int32).T.copy()
    costs = np.empty(count, dtype=np.int64)

    def records() -> Iterator[tuple[object, ...]]:
        template = draw_offers(world, 1, SEED)[0]
        number = 0
        while number < count:
            trips = rng.integers(PLACES, size=(20_000, stops + 2))
            legs = [
                world.engine.pack_drives(
                    edge[trips[:, k]], at[trips[:, k]], edge[trips[:, k + 1]], at[trips[:, k + 1]]
                )[0]
                for k in range(stops + 1)
            ]
            good = (np.max(legs, axis=0) < INFINITE) & (np.min(legs, axis=0) > 0)
            for (origin, *via, destination), packed in zip(
                trips[good].tolist(), np.sum(legs, axis=0)[good].tolist(), strict=True
            ):
                if number == count:
                    break
                costs[number] = packed
                duration_ms, length_cm = split_cost(packed)
                offer = replace(
                    template,
                    id=UUID(int=int(rng.integers(2**63)) << 64 | number),
                    driver_id=f"driver-{number}",
                    origin=replace(template.origin, position=drawn[origin]),
                    destination=replace(template.destination, position=drawn[destination]),
                    via=tuple(replace(template.origin, position=drawn[place]) for place in via),
                    departure=MORNING + timedelta(seconds=int(rng.integers(60 * RUSH_MIN))),
                    duration_ms=duration_ms,
                    length_cm=length_cm,
                )
                number += 1
                yield tuple(
                    json.dumps(value) if isinstance(value, list | dict) else value for value in to_row(offer).values()
                )

    connection = await asyncpg.connect(url)
    await connection.execute("TRUNCATE offers, offer_stops, offer_changes CASCADE")
    # As when a backup is restored: these are nobody's news.
    await connection.execute("ALTER TABLE offers DISABLE TRIGGER USER")
    columns = list(to_row(draw_offers(world, 1, SEED)[0]))
    await connection.copy_records_to_table("offers", columns=columns, records=records())
    await connection.execute("ALTER TABLE offers ENABLE TRIGGER USER")
    await connection.execute("VACUUM ANALYZE offers")
    await connection.close()
    return costs


def _alike(index: OfferIndex, costs: I64) -> int:
    """How many offers of the index have the drive that was stored."""
    rows = index.snapshot("nobody").rows
    known = rows.id_low < len(costs)
    return int((costs[rows.id_low[known].astype(np.int64)] == rows.base_cost[known]).sum())


def _memory_mb(name: str) -> float:
    """VmRSS, what this process holds now, or VmHWM, the most that it has held since `_forget_peak`."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return round(next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1e3, 1)
    except OSError:
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, 1)


def _forget_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _table(result: Row) -> Table:
    runs = result["runs"]
    table = Table(title=f"{result['region']}: {result['nodes']:,} nodes, {result['threads']} threads")
    table.add_column("")
    for run in runs:
        table.add_column(f"{run['offers']:,} offers", justify="right")
    lines = [
        ("loaded, s", "load_s"),
        ("offers a second", "offers_per_s"),
        ("time on a core, this process, s", "load_cpu_s"),
        ("reading alone, s", "read_alone_s"),
        ("of which on a core, this process", "read_alone_cpu_s"),
        ("packing alone, time on a core, s", "pack_alone_cpu_s"),
        ("drives that are not those stored", "mismatches"),
        ("index, bytes an offer", "index_bytes_per_offer"),
        ("of which beside its route", "index_bytes_beside_route"),
        ("memory before loading, MB", "memory_before_mb"),
        ("at the most while loading, MB", "memory_peak_mb"),
        ("after it, MB", "memory_after_mb"),
    ]
    for label, key in lines:
        table.add_row(label, *(f"{run[key]:,}" for run in runs))
    return table


if __name__ == "__main__":
    main()
