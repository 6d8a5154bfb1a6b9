"""Rows, sums and demand on disk: each counted once, whoever is at it at the same moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, timedelta
from uuid import UUID, uuid4

from matcher.domain.cell import Cell
from matcher.domain.place import Coordinate
from matcher.postgres.pool import Database
from matcher.statistics.model import BucketSize, DemandSide
from matcher.statistics.read import ReadStatistics
from matcher.statistics.search_log import SearchLog
from matcher.statistics.search_store import PostgresSearchStore
from matcher.statistics.store import PostgresStatistics
from tests.integration.search_rows import BEGIN, REGION, a_row

HOUR = timedelta(hours=1)
THERE = Cell.of(Coordinate(lat=-29.96, lon=-71.3)).number


async def _counts(database: Database, table: str) -> int:
    async with database.connection() as connection:
        count: int = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 - a name of ours
        return count


async def test_demand_is_the_same_before_and_after_it_is_added_up(database: Database) -> None:
    store, statistics = PostgresSearchStore(database), PostgresStatistics(database)
    nothing = {"shown": 0, "feasible": 0, "detour_s": None, "walk_m": None}
    rows = [a_row(at=BEGIN + timedelta(minutes=7 * n), **(nothing if n % 3 else {})) for n in range(30)]
    rows += [a_row(at=BEGIN + timedelta(minutes=50), origin_cell=THERE, **nothing) for _ in range(2)]
    rows += [a_row(at=BEGIN, region="elsewhere", **nothing)]
    begin, end = BEGIN + HOUR, BEGIN + 3 * HOUR

    def expected(side: str) -> list[tuple[int, int, int]]:
        here = [row for row in rows if row.region == REGION and begin <= row.at < end]
        asked = Counter(getattr(row, side) for row in here)
        unmatched = Counter(getattr(row, side) for row in here if row.shown == 0)
        return sorted((cell, asked[cell], unmatched[cell]) for cell in asked)

    async def assert_same() -> None:
        for side in DemandSide:
            found = await statistics.demand(REGION, begin, end, side)
            assert list(found) == expected(f"{side.value}_cell")

    await store.write(rows, [])
    await assert_same()
    assert await store.roll_up(limit=10) >= 10
    await assert_same()
    late = [a_row(at=BEGIN + timedelta(minutes=90), origin_cell=THERE, **nothing) for _ in range(3)]
    await store.write(late, [])
    rows += late
    await assert_same()
    while await store.roll_up(limit=10):
        pass
    await assert_same()
    await store.forget_searches(BEGIN + timedelta(days=400), limit=1000)
    assert await _counts(database, "searches") == 0
    await assert_same()


async def test_wanted_hours_are_the_same_before_and_after_they_are_added_up(database: Database) -> None:
    store, statistics = PostgresSearchStore(database), PostgresStatistics(database)
    nothing = {"shown": 0, "feasible": 0, "detour_s": None, "walk_m": None}
    rows = [
        a_row(at=BEGIN + timedelta(minutes=7 * n), wanted_at=BEGIN + n % 5 * HOUR, **(nothing if n % 3 else {}))
        for n in range(30)
    ]
    rows += [a_row(at=BEGIN + HOUR, wanted_at=None), a_row(at=BEGIN + HOUR, wanted_at=BEGIN, region="elsewhere")]
    begin, end = BEGIN + HOUR, BEGIN + 3 * HOUR

    async def assert_same() -> None:
        here = [row for row in rows if row.region == REGION and begin <= row.at < end and row.wanted_at is not None]
        asked = Counter(round(row.wanted_at.timestamp()) for row in here if row.wanted_at)
        unmatched = Counter(round(row.wanted_at.timestamp()) for row in here if row.wanted_at and row.shown == 0)
        expected = sorted((hour, asked[hour], unmatched[hour]) for hour in asked)
        assert list(await statistics.wanted(REGION, begin, end)) == expected

    await store.write(rows, [])
    await assert_same()
    assert await store.roll_up(limit=10) >= 10
    await assert_same()
    late = [a_row(at=BEGIN + timedelta(minutes=90), wanted_at=BEGIN + 2 * HOUR, **nothing) for _ in range(3)]
    await store.write(late, [])
    rows += late
    while await store.roll_up(limit=10):
        pass
    await assert_same()
    await store.forget_searches(BEGIN + timedelta(days=400), limit=1000)
    assert await _counts(database, "searches") == 0
    await assert_same()


async def test_what_is_not_added_up_is_never_dropped(database: Database) -> None:
    store = PostgresSearchStore(database)
    await store.write([a_row(at=BEGIN + timedelta(minutes=n)) for n in range(10)], [])
    await store.roll_up(limit=4)
    assert await store.forget_searches(BEGIN + timedelta(days=1), limit=3) == 3
    assert await store.forget_searches(BEGIN + timedelta(days=1), limit=100) == 1
    assert await _counts(database, "searches") == 6


async def test_bookings_are_counted_once_while_rows_are_added_up(database: Database) -> None:
    store = PostgresSearchStore(database)
    read = ReadStatistics(PostgresStatistics(database), REGION, least_in_cell=5)
    rows = [a_row(at=BEGIN + timedelta(seconds=n)) for n in range(300)]
    await store.write(rows, [])

    async def roll_up() -> None:
        while await _counts(database, "searches WHERE NOT rolled_up"):
            await store.roll_up(limit=30)

    async def book(ids: list[UUID]) -> None:
        for search_id in ids:
            await store.mark_booked([search_id])
            await asyncio.sleep(0)

    ids: list[UUID] = [row.id for row in rows[::3]]
    await asyncio.gather(roll_up(), roll_up(), book(ids), book(ids[::-1]))
    found = await read.matches(BEGIN, BEGIN + HOUR, BucketSize.HOUR, UTC)
    assert (found.totals[0].searches, found.totals[0].booked) == (300, 100)


async def test_a_booking_counts_once_before_and_after_its_search_is_added_up(database: Database) -> None:
    store = PostgresSearchStore(database)
    read = ReadStatistics(PostgresStatistics(database), REGION, least_in_cell=5)
    early, late, never = rows = [a_row(at=BEGIN + timedelta(hours=n)) for n in (1, 2, 30)]
    await store.write(rows, [])
    await store.mark_booked([early.id])
    await store.roll_up(limit=100)
    for _ in range(2):
        assert await store.mark_booked([early.id, late.id]) == []
    for length, booked in ((timedelta(hours=2), 1), (timedelta(hours=2, minutes=15), 2), (timedelta(days=2), 2)):
        for size in BucketSize:
            found = await read.matches(BEGIN, BEGIN + length, size, UTC)
            assert found.totals[0].booked == sum(numbers.booked for numbers in found.series) == booked
    await store.forget_searches(BEGIN + timedelta(days=3), limit=100)
    assert await store.mark_booked([never.id]) == [never.id]


async def test_what_waits_is_written_by_the_process_that_ends(database: Database) -> None:
    log = SearchLog(PostgresSearchStore(database), REGION, make_id=uuid4)
    for _ in range(5):
        log.record(a_row())
    await log.drain(BEGIN)
    assert await _counts(database, "searches") == 5
