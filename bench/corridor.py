"""Compare the exact search with the one in plain SQL that a team without it would write, on the same offers and
searches, in one run.

bench/corridor.py [--offers 10000 --offers 100000] [--searches 200] [--reach 1 --reach 2 …] [--json FILE] [--region
NAME]

Every offer's route is stored as grid cells under a GIN index; `corridor.sql` finds those that pass near both ends. See
README.md.
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
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiosql
import asyncpg
import numpy as np
from rich.console import Console
from rich.table import Table

from bench.corridor_grid import Grid
from bench.load_service import data_folder, ended_by_signals
from bench.oracle import Oracle
from bench.worlds import World, draw_offers, draw_queries, region_world, sample_world
from matcher.domain.offer import Offer
from matcher.matching.index.index import OfferIndex
from matcher.matching.pipeline import Candidates, find_candidates
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.roads.region.store import SAMPLE_NAME
from matcher.wiring.warm import compile_kernels

SEED = 20261201
WINDOW_MIN = 30
SHOWN = 20  # of an answer, in timed searches of both kinds
BEST = 10  # of the exact answer, that nobody would want to miss
CELL_M = 250.0
REACHES = (1, 2, 4)
_ALL_DAY_MS = 24 * 3_600_000
Row = dict[str, Any]


@dataclass
class Tally:
    """What came of all searches with one way of answering them."""

    ms: list[float] = field(default_factory=list)
    given: int = 0
    right: int = 0
    over_budget: int = 0
    out_of_window: int = 0
    best: int = 0
    best_found: int = 0
    shown: int = 0
    shown_right: int = 0
    nothing_found: int = 0


def main() -> None:
    """Run what the command line asks for."""
    options = _options()
    console = Console(stderr=True)
    compile_kernels()
    console.print("the region …")
    world = _world(options.region)
    runs = []
    with ended_by_signals(), data_folder() as folder, EmbeddedPostgres(folder) as database:
        for count in sorted(set(options.offers or [10_000, 100_000])):
            console.print(f"{count:,} offers …")
            runs.append(
                asyncio.run(
                    compare(
                        database.url, world, count, searches=options.searches, reaches=options.reach or REACHES,
                        rounds=options.rounds, cell_m=options.cell, checked=options.checked,
                    )
                )
            )  # fmt: skip
    result: Row = {
        "region": options.region,
        "nodes": world.engine.network.node_count,
        "window_min": WINDOW_MIN,
        "seed": SEED,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "runs": runs,
    }
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for run in runs:
        Console().print(comparison(options.region, run))
    if any(run["mismatches"] for run in runs):
        sys.exit("The matcher and the oracle do not agree: nothing here counts.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offers", type=int, action="append", help="may be repeated (default 10000 and 100000)")
    parser.add_argument("--searches", type=int, default=200, help="searches compared (default 200)")
    parser.add_argument("--rounds", type=int, default=2, help="times that each is timed; the least counts (default 2)")
    parser.add_argument("--cell", type=float, default=CELL_M, help="width of a cell in metres (default 250)")
    parser.add_argument(
        "--reach", type=int, action="append", help="cells around each end; may be repeated (default 1, 2, 4)"
    )
    parser.add_argument("--checked", type=int, default=10, help="searches compared with the oracle (default 10)")
    parser.add_argument("--region", default=SAMPLE_NAME, help=f"an imported region (default {SAMPLE_NAME})")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


def _world(name: str) -> World:
    if name == SAMPLE_NAME:
        return sample_world()
    return region_world(Path(os.environ.get("CARPOOL_DATA_DIR", ".carpool")), name)


async def compare(
    url: str,
    world: World,
    count: int,
    *,
    searches: int,
    reaches: Sequence[int] = REACHES,
    rounds: int = 2,
    cell_m: float = CELL_M,
    checked: int = 10,
) -> Row:
    """Both searches among `draw_offers(world, count, SEED)`; the routes go into a table of their own."""
    offers = draw_offers(world, count, SEED)
    index = OfferIndex(world.engine)
    begin = time.perf_counter()
    for offer in offers:
        index.put(offer)
    put_s = round(time.perf_counter() - begin, 2)
    queries = draw_queries(world, searches, SEED, window_min=WINDOW_MIN)
    # In favour of the corridor: a plan made for no search in particular takes up to four times as long.
    connection = await asyncpg.connect(url, server_settings={"plan_cache_mode": "force_custom_plan"})
    try:
        corridor = Corridor(world, Grid(world.engine, cell_m), connection)
        built = await corridor.build(offers)
        both = Searches(world, index, corridor, count)
        exact, by_reach = await both.run(queries, sorted(set(reaches)), rounds)
    finally:
        await connection.close()
    return {
        "offers": count,
        "searches": searches,
        "cell_m": cell_m,
        "put_s": put_s,
        **built,
        "mismatches": _mismatches(world, offers, queries[:checked], both),
        "checked_searches": min(checked, len(queries)),
        "exact": _summary(exact, exact),
        "corridor": {str(reach): _summary(tally, exact) for reach, tally in by_reach.items()},
    }


class Corridor:
    """The SQL search over the cells of routes."""

    def __init__(self, world: World, grid: Grid, connection: asyncpg.Connection) -> None:
        self._world = world
        self._grid = grid
        self._connection = connection
        self._sql: Any = aiosql.from_path(
            Path(__file__).with_name("corridor.sql"), "asyncpg", mandatory_parameters=False
        )

    async def build(self, offers: list[Offer]) -> Row:
        """Make the table anew; returns what that took."""
        begin = time.perf_counter()
        rows = [self._row(offer) for offer in offers]
        routed = time.perf_counter()
        await self._connection.execute("DROP TABLE IF EXISTS corridor")
        await self._sql.make_table(self._connection)
        await self._connection.copy_records_to_table("corridor", records=rows)
        await self._sql.make_indexes(self._connection)
        await self._connection.execute("VACUUM ANALYZE corridor")
        sizes = await self._sql.sizes(self._connection)
        return {
            "routes_s": round(routed - begin, 2),
            "table_s": round(time.perf_counter() - routed, 2),
            "table_bytes_per_offer": sizes["bytes"] // len(offers),
            "cells_per_offer": round(float(sizes["cells"]), 1),
        }

    async def search(self, query: Query, reach: int, most: int) -> list[UUID]:
        """Offers in its order."""
        locate = self._world.engine.locate
        rows = self._sql.near_both_ends(
            self._connection,
            pickup=self._grid.around(locate(query.pickup), reach),
            dropoff=self._grid.around(locate(query.dropoff), reach),
            earliest=_moment(query.earliest_ms),
            latest=_moment(query.latest_ms),
            wished=_moment((query.earliest_ms + query.latest_ms) // 2),
            seats=query.seats,
            most=most,
        )
        return [UUID(int=row["offer_id"].int) async for row in rows]  # asyncpg's own class is not equal to every UUID

    def _row(self, offer: Offer) -> tuple[object, ...]:
        flexibility = timedelta(seconds=offer.flexibility_s)
        cells = self._grid.route(offer.origin.position, offer.destination.position)
        return (
            offer.id,
            offer.departure,
            offer.departure - flexibility,
            offer.departure + flexibility,
            offer.seats_left,
            cells,
        )


class Searches:
    """Both ways of searching, one after the other for each rider, so that both meet the same machine."""

    def __init__(self, world: World, index: OfferIndex, corridor: Corridor, count: int) -> None:
        self._engine = world.engine
        self._index = index
        self._corridor = corridor
        self._count = count

    async def run(self, queries: list[Query], reaches: list[int], rounds: int) -> tuple[Tally, dict[int, Tally]]:
        """The tallies of the exact search, and of the corridor search by its reach."""
        exact, by_reach = Tally(), {reach: Tally() for reach in reaches}
        for query in queries[:5]:
            self.exactly(query, SHOWN)
            for reach in reaches:
                await self._corridor.search(query, reach, SHOWN)
        for query in queries:
            valid = [candidate.offer_id for candidate in self.exactly(query, self._count).best]
            at_any_time = self.exactly(query.widened(_ALL_DAY_MS), self._count).best
            within_budget = {candidate.offer_id for candidate in at_any_time}
            least = [np.inf] * (1 + len(reaches))
            for _ in range(rounds):
                begin = time.perf_counter()
                self.exactly(query, SHOWN)
                least[0] = min(least[0], time.perf_counter() - begin)
                for number, reach in enumerate(reaches, 1):
                    begin = time.perf_counter()
                    await self._corridor.search(query, reach, SHOWN)
                    least[number] = min(least[number], time.perf_counter() - begin)
            _note(exact, least[0], valid, valid, within_budget)
            for number, reach in enumerate(reaches, 1):
                given = await self._corridor.search(query, reach, self._count)
                _note(by_reach[reach], least[number], given, valid, within_budget)
        return exact, by_reach

    def exactly(self, query: Query, limit: int) -> Candidates:
        """The pipeline's answer."""
        return find_candidates(self._index.snapshot("rider"), self._engine, query, ScoreWeights(), limit)


def _note(tally: Tally, spent_s: float, given: list[UUID], valid: list[UUID], within_budget: set[UUID]) -> None:
    fits = set(valid)
    wrong = [offer for offer in given if offer not in fits]
    tally.ms.append(1000 * spent_s)
    tally.given += len(given)
    tally.right += len(given) - len(wrong)
    tally.out_of_window += sum(offer in within_budget for offer in wrong)
    tally.over_budget += sum(offer not in within_budget for offer in wrong)
    tally.best += len(valid[:BEST])
    tally.best_found += len(set(valid[:BEST]) & set(given))
    tally.shown += len(given[:SHOWN])
    tally.shown_right += len(fits & set(given[:SHOWN]))
    tally.nothing_found += bool(valid) and not fits & set(given)


def _mismatches(world: World, offers: list[Offer], queries: list[Query], searches: Searches) -> int:
    """Offers that are valid for our search and not for the oracle, or the other way round, in some searches."""
    oracle = Oracle(world.engine.network, offers)
    wrong = 0
    for query in queries:
        ours = {candidate.offer_id for candidate in searches.exactly(query, len(offers)).best}
        wrong += len(ours ^ {offers[number].id for number in oracle.matches(query)})
    return wrong


def _summary(tally: Tally, exact: Tally) -> Row:
    return {
        **{f"ms_p{at}": round(float(np.percentile(tally.ms, at)), 3) for at in (50, 95)},
        "given": tally.given,
        "right": tally.right,
        "missed": exact.given - tally.right,
        "wrong_over_budget": tally.over_budget,
        "wrong_out_of_window": tally.out_of_window,
        "recall": _share(tally.right, exact.given),
        "precision": _share(tally.right, tally.given),
        "recall_of_best": _share(tally.best_found, tally.best),
        "precision_of_shown": _share(tally.shown_right, tally.shown),
        "searches_left_empty": tally.nothing_found,
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def comparison(region: str, run: Row) -> Table:
    """What `compare` found, for people."""
    table = Table(
        title=f"{region}: {run['offers']:,} offers, {run['searches']} searches",
        caption=f"exact search: {run['mismatches']} mismatches with the oracle in {run['checked_searches']} searches",
    )
    table.add_column("", no_wrap=True)
    table.add_column("exact", justify="right")
    for reach in run["corridor"]:
        table.add_column(f"corridor\n{float(reach) * run['cell_m']:g} m", justify="right")
    columns = [run["exact"], *run["corridor"].values()]
    for label, key in (
        ("ms p50", "ms_p50"),
        ("ms p95", "ms_p95"),
        ("offers given", "given"),
        ("valid matches missed", "missed"),
        ("wrong: detour over budget", "wrong_over_budget"),
        ("wrong: out of the window", "wrong_out_of_window"),
        ("recall", "recall"),
        ("precision", "precision"),
        (f"recall of the best {BEST}", "recall_of_best"),
        (f"precision of the first {SHOWN}", "precision_of_shown"),
        ("searches left without an answer", "searches_left_empty"),
    ):
        table.add_row(label, *(f"{column[key]:,}" for column in columns))
    return table


if __name__ == "__main__":
    main()
