"""How long a dry run takes to say what a trip would match, beside many offers and waiting requests.

    bench/dry_run.py [--offers 1000000] [--requests 10000] [--searches 20000] [--rounds 40] [--json FILE]

An embedded PostgreSQL and the bundled region, as for bench/requests.py. `would_match` alone, in this process: waiting
requests that fit, and past searches along the route; then each of its two parts. Planning the trip and drawing its
route are not in it. See README.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

# Not this folder, where a module is named like the standard library's http, but the one above it.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import numpy as np

from bench.load_world import StoredWorld, copy_offers, stored_world
from bench.requests import DRIVER, NEAR_CM, SEED, draft_of, fill, place, report, requests
from bench.worlds import draw_offers, draw_queries
from matcher.domain.cell import Cell
from matcher.domain.offer import Offer
from matcher.domain.place import Coordinate
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.migrations import migrate
from matcher.postgres.pool import Database
from matcher.roads.region.store import SAMPLE_NAME
from matcher.settings.all import load_settings
from matcher.statistics.model import SearchRow
from matcher.statistics.search_store import PostgresSearchStore
from matcher.trips.offers.rows import to_row
from matcher.wiring.service import Carpool, running

#: Different offers.
DRAWN = 10_000
Row = dict[str, Any]
Plan = tuple[Offer, Sequence[Coordinate]]


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offers", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--searches", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report(lambda folder: measured(folder, options), options.json)
    return 0


async def measured(data_dir: Path, options: argparse.Namespace) -> Row:
    """Everything, in the order of the text above."""
    stored = await asyncio.to_thread(stored_world, data_dir, SAMPLE_NAME)
    settings = load_settings()
    storage = settings.storage.model_copy(update={"data_dir": data_dir, "database_url": None})
    with EmbeddedPostgres(data_dir) as database:
        await migrate(database.url)
        connection = await asyncpg.connect(database.url)
        try:
            await store_offers(connection, stored, options.offers)
            await fill(connection, requests(stored, options.requests, 30))
            await store_searches(database.url, stored, options.searches)
            await connection.execute("VACUUM ANALYZE searches")
            async with running(replace(settings, storage=storage)) as carpool:
                plans = [await planned(carpool, stored, number) for number in range(options.rounds + 1)]
                return {
                    "offers": (await carpool.check_health()).offers,
                    "requests": options.requests,
                    "searches": options.searches,
                    **await timed(carpool, plans),
                }
        finally:
            await connection.close()


async def store_searches(url: str, stored: StoredWorld, count: int) -> None:
    """Searches of the last four weeks, from and to where people live."""
    now = datetime.now(UTC)
    rng = np.random.default_rng([SEED, 8])
    rows = []
    for query in draw_queries(stored.world, count, SEED + 1, window_min=30):
        origin, destination = (Cell.of(place(stored, at).coordinate).number for at in (query.pickup, query.dropoff))
        at = now - timedelta(seconds=int(rng.integers(27 * 86_400)))
        wanted = datetime.fromtimestamp(query.earliest_ms / 1000, UTC).replace(minute=0, second=0, microsecond=0)
        rows.append(
            SearchRow(uuid4(), at, SAMPLE_NAME, origin, destination, 0, 0, 0, {}, None, None, 1000, 1800, 1, wanted)
        )
    database = await Database.open(url, min_size=1, max_size=1)
    for begin in range(0, count, 1000):
        await PostgresSearchStore(database).write(rows[begin : begin + 1000], [])
    await database.close()


async def store_offers(connection: asyncpg.Connection, stored: StoredWorld, count: int) -> None:
    """Drawn offers, each as often as it takes."""
    drawn = [stored.published(offer) for offer in draw_offers(stored.world, min(count, DRAWN), SEED)]
    await copy_offers(connection, drawn)
    others = ", ".join(name for name in to_row(drawn[0]) if name != "id")
    await connection.execute(
        f"INSERT INTO offers (id, {others}) SELECT gen_random_uuid(), {others} "  # noqa: S608  # names of ours
        "FROM offers CROSS JOIN generate_series(2, $1)",
        count // len(drawn),
    )
    await connection.execute("ANALYZE offers")


async def planned(carpool: Carpool, stored: StoredWorld, number: int) -> Plan:
    """A trip as a dry run plans it, and its route."""
    drawn = next(offer for offer in draw_offers(stored.world, 20, SEED + 7 * number) if offer.length_cm > NEAR_CM)
    offer = await carpool.offers.publish.plan(draft_of(stored, drawn), DRIVER, datetime.now(UTC))
    return offer, (await carpool.describe_route(offer)).points


async def timed(carpool: Carpool, plans: Sequence[Plan]) -> Row:
    """The whole and its parts, each trip once after one that warms up."""
    would = carpool.would_match
    fitting: list[int] = []

    async def whole(offer: Offer, route: Sequence[Coordinate]) -> None:
        fitting.append((await would([offer], route, datetime.now(UTC))).fitting)

    async def waiting(offer: Offer, _route: Sequence[Coordinate]) -> None:
        await would._requests.fitting(offer, datetime.now(UTC))

    async def past(offer: Offer, route: Sequence[Coordinate]) -> None:
        await would._past(offer, route, datetime.now(UTC))

    result: Row = {}
    for name, part in (("would_match", whole), ("waiting", waiting), ("past", past)):
        result |= await quantiles(name, part, plans)
    return result | {"fitting_mean": round(sum(fitting) / len(fitting), 1)}


async def quantiles(name: str, part: Callable[..., Awaitable[None]], plans: Sequence[Plan]) -> Row:
    """Milliseconds of each trip, and what this process computes for one."""
    await part(*plans[0])
    took, spent = [], time.process_time()
    for plan in plans[1:]:
        began = time.perf_counter()
        await part(*plan)
        took.append(1000 * (time.perf_counter() - began))
    spent = 1000 * (time.process_time() - spent) / len(took)
    took.sort()
    return {
        f"{name}_ms_p50": round(took[len(took) // 2], 2),
        f"{name}_ms_p95": round(took[int(len(took) * 0.95)], 2),
        f"{name}_cpu_ms": round(spent, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
