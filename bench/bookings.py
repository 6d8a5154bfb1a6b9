"""How many bookings a second one process makes durable: asked, checked on the roads, written with their trip, events
and kept answer.

    python bench/bookings.py [--offers 200] [--bookings 1000] [--at-once 32]

An embedded PostgreSQL with fsync on, the sample region, offers that book at once. Three rows: bookings spread over all
offers; all of them racing for the seats of a few offers, most of which are refused; and a driver confirming what waits.
Processor time is that of this process (service and callers) and of PostgreSQL. The rows are followed by what the check
finds wrong, which must be nothing; the exit code is not 0 when it is something.
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
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.load_usage import tree_usage
from matcher.check.bookings import PostgresBookingLedger
from matcher.domain.booking import Booking, BookingStatus
from matcher.domain.errors.tree import Conflict
from matcher.domain.idempotency import IdempotencyRequest, Keep, StoredAnswer
from matcher.domain.match import Match, RequestDraft, TimeWindow, WindowKind
from matcher.domain.offer import Offer, OfferDraft
from matcher.domain.place import Coordinate, PlaceInput
from matcher.domain.principal import Principal, Role
from matcher.postgres.embedded.postmaster import Postmaster
from matcher.roads.region.store import RegionStore, ensure_sample
from matcher.settings.all import load_settings
from matcher.trips.bookings.store import PostgresTrips
from matcher.wiring.service import Carpool, running

SOUTH, NORTH = Coordinate(lat=-29.953, lon=-71.338), Coordinate(lat=-29.905, lon=-71.25)
DRIVER = Principal(user="dora", role=Role.DRIVER, key_id="d")


async def main(offers: int, bookings: int, at_once: int) -> bool:
    """Print the table and its figures as JSON; returns whether everything holds."""
    with tempfile.TemporaryDirectory(prefix="carpool-bench-") as folder:
        await asyncio.to_thread(Path(folder).chmod, 0o711)  # the embedded server's user may enter
        await asyncio.to_thread(ensure_sample, RegionStore(Path(folder)))
        settings = load_settings()
        storage = settings.storage.model_copy(update={"data_dir": Path(folder), "database_url": None})
        async with running(replace(settings, storage=storage)) as carpool:
            postmaster = Postmaster.find(Path(folder) / "postgres" / "data")
            assert postmaster is not None
            rows = await measured(carpool, offers, bookings, at_once, postmaster.pid)
            trips = carpool.bookings.trips
            assert isinstance(trips, PostgresTrips)
            ledger = PostgresBookingLedger(trips._connections)
            _, found = await ledger.check(settings.roads.region)
    print(
        f"{'':<34}{'calls':>8}{'made':>8}{'calls/s':>10}{'made/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms a call':>16}"
    )
    for row in rows:
        print(
            f"{row['what']:<34}{row['calls']:>8}{row['made']:>8}{row['calls_per_s']:>10.0f}{row['made_per_s']:>10.0f}"
            f"{row['p50_ms']:>9.1f}{row['p99_ms']:>9.1f}{row['cpu_ms']:>10.1f} + {row['postgres_cpu_ms']:.1f}"
        )
    print(f"violations: {len(found.violations)}")
    print(json.dumps({"rows": rows, "violations": len(found.violations)}))
    return not found.violations


async def measured(carpool: Carpool, offers: int, bookings: int, at_once: int, postmaster: int) -> list[dict[str, Any]]:
    """The three rows."""

    async def row(what: str, calls: Sequence[Awaitable[object]]) -> dict[str, Any]:
        return await timed(what, calls, at_once, postmaster)

    departure = datetime.now(UTC) + timedelta(days=1)
    spread = [await publish(carpool, departure + timedelta(hours=n), 8, instant=True) for n in range(offers)]
    shown = [await find(carpool, offer) for offer in spread]
    few = [await publish(carpool, departure + timedelta(hours=offers + n), 3, instant=True) for n in range(5)]
    raced = [await find(carpool, offer) for offer in few]
    patient = [
        await publish(carpool, departure + timedelta(hours=offers + 5 + n), 8, instant=False) for n in range(offers)
    ]
    waited = [await find(carpool, offer) for offer in patient]

    rows = [
        await row("spread over all offers", [book(carpool, shown[n % offers], n) for n in range(bookings)]),
        await row("racing for 15 seats", [book(carpool, raced[n % 5], 10**6 + n) for n in range(bookings)]),
    ]
    waiting = [await book(carpool, waited[n % offers], 2 * 10**6 + n) for n in range(min(bookings, 4 * offers))]
    confirm = [
        carpool.bookings.change_booking(b.id, BookingStatus.CONFIRMED, None, b.version, DRIVER, datetime.now(UTC))
        for b in waiting
        if isinstance(b, Booking)
    ]
    return [*rows, await row("confirmed by their drivers", confirm)]


async def timed(what: str, calls: Sequence[Awaitable[object]], at_once: int, postmaster: int) -> dict[str, Any]:
    """How fast calls were answered, `at_once` of them at a time, and what each has cost."""
    gate, took, ends = asyncio.Semaphore(at_once), [], Counter[str]()

    async def one(call: Awaitable[object]) -> None:
        async with gate:
            began = time.perf_counter()
            try:
                ends[type(await call).__name__] += 1
            except Conflict as error:
                ends[error.code] += 1
            took.append(1000 * (time.perf_counter() - began))

    cpu, postgres_cpu = time.process_time(), tree_usage(postmaster).cpu_s
    began = time.perf_counter()
    await asyncio.gather(*(one(call) for call in calls))
    spent = time.perf_counter() - began
    cpu, postgres_cpu = time.process_time() - cpu, tree_usage(postmaster).cpu_s - postgres_cpu
    took.sort()
    return {
        "what": what,
        "calls": len(calls),
        "made": ends["Booking"],
        "ends": dict(ends),
        "calls_per_s": len(calls) / spent,
        "made_per_s": ends["Booking"] / spent,
        "p50_ms": took[len(took) // 2],
        "p99_ms": took[int(len(took) * 0.99)],
        "cpu_ms": 1000 * cpu / len(calls),
        "postgres_cpu_ms": 1000 * postgres_cpu / len(calls),
    }


async def publish(carpool: Carpool, departure: datetime, seats: int, *, instant: bool) -> Offer:
    """A trip across the sample region."""
    draft = OfferDraft(
        origin=PlaceInput(coordinate=SOUTH),
        destination=PlaceInput(coordinate=NORTH),
        departure=departure,
        seats=seats,
        instant_booking=instant,
    )
    offer = await carpool.offers.publish(draft, DRIVER, datetime.now(UTC))
    assert isinstance(offer, Offer)
    return offer


async def find(carpool: Carpool, offer: Offer) -> Match:
    """What a rider is shown of an offer."""
    window = TimeWindow(offer.departure, offer.departure + timedelta(minutes=10))
    draft = RequestDraft(
        origin=PlaceInput(coordinate=SOUTH),
        destination=PlaceInput(coordinate=NORTH),
        window=window,
        window_kind=WindowKind.DEPARTURE,
        limit=50,
    )
    rider = Principal(user="rita", role=Role.RIDER, key_id="r")
    answer = await carpool.find_matches(draft, rider, datetime.now(UTC))
    assert answer.matches, answer.turned_away
    (match,) = [match for match in answer.matches if match.offer_id == offer.id]
    return match


async def book(carpool: Carpool, match: Match, number: int) -> object:
    """Somebody new books a match, under an idempotency key, as a client over HTTP would. Conflicts are an outcome."""
    rider = Principal(user=f"rider-{number}", role=Role.RIDER, key_id="r")
    now = datetime.now(UTC)
    tokens = carpool.bookings.book_seats._tokens
    ticket = replace(tokens.read(match.match_id, now), rider_id=rider.user)
    key = IdempotencyRequest(rider.user, "k", b"body")

    async def render(booking: Booking) -> StoredAnswer:
        return StoredAnswer(201, {}, booking.id.bytes)

    return await carpool.bookings.book_seats(tokens.sign(ticket, now), "", rider, now, Keep(key, render))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--offers", type=int, default=200)
    parser.add_argument("--bookings", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=32)
    given = parser.parse_args()
    sys.exit(0 if asyncio.run(main(given.offers, given.bookings, given.at_once)) else 1)
