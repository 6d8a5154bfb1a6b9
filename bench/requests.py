"""How many new offers a second one process matches with searches that wait, durably: each offer published, matched, and
its riders told.

    bench/requests.py [--requests 10000] [--offers 400] [--window-min 30] [--json FILE]

An embedded PostgreSQL with fsync on, the bundled region, the service's own worker. Requests and offers are drawn as for
the matcher's benchmark. Then the reverse kernel alone, and an oracle that shares no code with the matcher: who should
have been told of which offer. See README.md.
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
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import numpy as np

from bench.load_world import StoredWorld, stored_world
from bench.oracle import Oracle
from bench.worlds import draw_offers, draw_queries
from matcher.domain.match import MatchRequest, TimeWindow, WindowKind
from matcher.domain.offer import Offer, OfferDraft
from matcher.domain.place import Coordinate, Place, PlaceInput
from matcher.domain.principal import Principal, Role
from matcher.matching.reverse.index import RequestIndex, WaitingRequest
from matcher.matching.scan.query import Query
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.migrations import migrate
from matcher.roads.region.store import SAMPLE_NAME
from matcher.search.requests.kept_request import KeptRequest
from matcher.search.requests.store import to_row
from matcher.settings.all import load_settings
from matcher.wiring.service import Carpool, running

SEED = 20261201
AT_ONCE = 16
NEAR_CM = 50_000
Row = dict[str, Any]


def main() -> int:
    """Print the figures; 1 when the oracle says otherwise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--offers", type=int, default=400)
    parser.add_argument("--window-min", type=int, default=30)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = report(lambda folder: measured(folder, options), options.json)
    return 1 if result["mismatches"] else 0


def report(measure: Callable[[Path], Coroutine[Any, Any, Row]], written: Path | None) -> Row:
    """Measure in a data folder that is there for this alone; print the figures, and write them where asked."""
    with tempfile.TemporaryDirectory(prefix="carpool-bench-") as folder:
        Path(folder).chmod(0o711)  # the embedded server's user may enter
        result = asyncio.run(measure(Path(folder)))
    print(json.dumps(result, indent=2))
    if written is not None:
        written.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return result


async def measured(data_dir: Path, options: argparse.Namespace) -> Row:
    """Everything, in the order of the text above."""
    stored = await asyncio.to_thread(stored_world, data_dir, SAMPLE_NAME)
    kept = requests(stored, options.requests, options.window_min)
    settings = load_settings()
    storage = settings.storage.model_copy(update={"data_dir": data_dir, "database_url": None})
    with EmbeddedPostgres(data_dir) as database:
        url = database.url
        await migrate(url)
        connection = await asyncpg.connect(url)
        try:
            await fill(connection, kept)
            async with running(replace(settings, storage=storage)) as carpool:
                service = await through_the_service(carpool, connection, stored, options.offers)
                offers = [await carpool.offers.read.get(offer_id, OPERATOR) for offer_id in service.pop("ids")]
            told = await connection.fetch("SELECT request_id, offer_id FROM request_matches")
            events = await connection.fetchval("SELECT count(*) FROM events WHERE kind = 'match_found'")
        finally:
            await connection.close()
    pairs = {(row["request_id"], row["offer_id"]) for row in told}
    return {
        "requests": len(kept),
        "window_min": options.window_min,
        **service,
        "told": len(pairs),
        "told_a_request": round(len(pairs) / len(kept), 2),
        "told_an_offer": round(len(pairs) / len(offers), 1),
        **kernel(stored, kept, offers),
        **checked(stored, kept, offers, pairs),
        "events_missing": len(pairs) - events,
    }


DRIVER = Principal(user="dora", role=Role.DRIVER, key_id="d")
OPERATOR = Principal(user="olga", role=Role.OPS, key_id="o")


def requests(stored: StoredWorld, count: int, window_min: int) -> list[KeptRequest]:
    """Riders who wait for tomorrow's rush, one request each."""
    created = datetime.now(UTC)
    rng = np.random.default_rng([SEED, 7])
    return [
        KeptRequest(
            UUID(int=(int(rng.integers(2**63)) << 64 | number)),
            SAMPLE_NAME,
            stored.fingerprint,
            MatchRequest(
                rider_id=f"rider-{number}",
                origin=place(stored, query.pickup),
                destination=place(stored, query.dropoff),
                window=TimeWindow(
                    *(
                        datetime.fromtimestamp(ms / 1000, UTC) + stored.shift
                        for ms in (query.earliest_ms, query.latest_ms)
                    )
                ),
                window_kind=WindowKind.DEPARTURE,
                seats=query.seats,
                max_walk_m=0,
                limit=10,
                preferences={},
            ),
            created,
        )
        for number, query in enumerate(draw_queries(stored.world, count, SEED, window_min=window_min))
    ]


def place(stored: StoredWorld, position: Any) -> Place:
    """A position as a resolved place."""
    at = stored.world.engine.locate(position)
    return Place(Coordinate(lat=at.lat, lon=at.lon), "", position, 0.0)


async def fill(connection: asyncpg.Connection, kept: Sequence[KeptRequest]) -> None:
    """COPY requests as the service stores them; they count as matched with all offers so far (none)."""
    rows = [to_row(one) for one in kept]
    records = [tuple(json.dumps(v) if isinstance(v, dict) else v for v in row.values()) for row in rows]
    await connection.copy_records_to_table("requests", records=records, columns=list(rows[0]))
    await connection.execute(
        "INSERT INTO request_progress VALUES ($1, CAST(pg_current_snapshot() AS text))", SAMPLE_NAME
    )
    await connection.execute("VACUUM ANALYZE requests")


async def through_the_service(carpool: Carpool, connection: asyncpg.Connection, stored: StoredWorld, count: int) -> Row:
    """Publish offers, a few at a time, and wait until the last of them has been matched."""
    drawn = draw_offers(stored.world, count + count // 10 + 10, SEED)
    # The service refuses a drive around the corner.
    drafts = [draft_of(stored, offer) for offer in drawn if offer.length_cm > NEAR_CM][: count + 1]
    # The first turn takes all requests in.
    await publish(carpool, drafts.pop())
    await caught_up(connection)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(draft: OfferDraft) -> UUID:
        async with gate:
            return (await publish(carpool, draft)).id

    spent, began = time.process_time(), time.perf_counter()
    ids = await asyncio.gather(*(one(draft) for draft in drafts))
    published_s = time.perf_counter() - began
    await caught_up(connection)
    matched_s = time.perf_counter() - began
    return {
        "offers": count,
        "published_s": round(published_s, 2),
        "matched_s": round(matched_s, 2),
        "offers_per_s": round(count / matched_s, 1),
        "cpu_ms_per_offer": round(1000 * (time.process_time() - spent) / count, 1),
        "ids": ids,
    }


async def caught_up(connection: asyncpg.Connection) -> None:
    """Return when no change of an offer waits to be matched."""
    until = time.monotonic() + 1200
    while time.monotonic() < until:
        behind = await connection.fetchval(
            "SELECT count(*) FROM offer_changes AS c LEFT JOIN request_progress AS p ON p.region = c.region "
            "WHERE p.seen IS NULL OR NOT pg_visible_in_snapshot(c.xid, CAST(p.seen AS pg_snapshot))"
        )
        if not behind:
            return
        await asyncio.sleep(0.05)
    raise TimeoutError("offers are not matched")


async def publish(carpool: Carpool, draft: OfferDraft) -> Offer:
    """As a driver would."""
    return await carpool.offers.publish(draft, DRIVER, datetime.now(UTC))


def draft_of(stored: StoredWorld, offer: Offer) -> OfferDraft:
    """The call that publishes a drawn offer, on tomorrow's date."""
    engine = stored.world.engine
    return OfferDraft(
        origin=PlaceInput(coordinate=engine.locate(offer.origin.position)),
        destination=PlaceInput(coordinate=engine.locate(offer.destination.position)),
        departure=offer.departure + stored.shift,
        seats=offer.seats_left,
    )


def kernel(stored: StoredWorld, kept: Sequence[KeptRequest], offers: Sequence[Offer]) -> Row:
    """The sieve alone: which requests an offer could fit, all requests at once, on one thread."""
    index = RequestIndex(stored.world.engine)
    now = datetime.now(UTC)
    index.put(WaitingRequest(one.id, one.rider_id, Query.of(one.request, now)) for one in kept)
    least = [float("inf")] * len(offers)
    possible = 0
    for _ in range(3):
        possible = 0
        for number, offer in enumerate(offers):
            began = time.perf_counter()
            possible += len(index.candidates(offer))
            least[number] = min(least[number], 1000 * (time.perf_counter() - began))
    least.sort()
    return {
        "kernel_ms_p50": round(least[len(least) // 2], 3),
        "kernel_ms_p95": round(least[int(len(least) * 0.95)], 3),
        "kernel_left_mean": round(possible / len(offers), 1),
    }


def checked(
    stored: StoredWorld, kept: Sequence[KeptRequest], offers: Sequence[Offer], pairs: set[tuple[UUID, UUID]]
) -> Row:
    """The pairs of some requests with every offer, found again by the oracle."""
    oracle = Oracle(stored.world.engine.network, list(offers))
    now = datetime.now(UTC)
    some = kept[:: max(1, len(kept) // 500)]
    among = {offer.id for offer in offers}
    wrong = expected = 0
    for one in some:
        should = {offers[number].id for number in oracle.matches(Query.of(one.request, now))}
        was = {offer_id for request_id, offer_id in pairs if request_id == one.id and offer_id in among}
        expected += len(should)
        wrong += len(should ^ was)
    return {"mismatches": wrong, "checked_requests": len(some), "checked_told": expected}


if __name__ == "__main__":
    sys.exit(main())
