"""Statistics are what one counts by hand, whatever happens to rows on their way into sums."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.postgres.pool import Database
from matcher.statistics.buckets import bucket_edges
from matcher.statistics.model import BucketSize, LostSearches, SearchRow
from matcher.statistics.read import ReadStatistics
from matcher.statistics.search_store import PostgresSearchStore
from matcher.statistics.store import PostgresStatistics
from tests.examples import examples
from tests.integration.search_rows import BEGIN, REGION, any_row, assert_counts

SANTIAGO, KOLKATA, UTC_ZONE = ZoneInfo("America/Santiago"), ZoneInfo("Asia/Kolkata"), ZoneInfo("UTC")
WITHIN = timedelta(days=10)


def _reader(database: Database, least: int = 5) -> ReadStatistics:
    return ReadStatistics(PostgresStatistics(database), REGION, least_in_cell=least)


async def _assert_all(
    database: Database, rows: list[SearchRow], booked: set[UUID], lost: list[LostSearches], zone: ZoneInfo
) -> None:
    """Totals and every bucket, by day and by hour, equal the recount."""
    reader = _reader(database)
    here = [row for row in rows if row.region == REGION]
    for size, end in ((BucketSize.DAY, BEGIN + WITHIN), (BucketSize.HOUR, BEGIN + WITHIN - timedelta(minutes=15))):
        found = await reader.matches(BEGIN, end, size, zone)
        assert found.edges == bucket_edges(BEGIN, end, size, zone)
        for numbers, begin_s, end_s in (
            (found.totals[0], found.edges[0], found.edges[-1]),
            *zip(found.series, found.edges, found.edges[1:], strict=False),
        ):
            part = [row for row in here if begin_s <= row.at.timestamp() < end_s]
            assert_counts(
                numbers,
                part,
                booked=sum(row.id in booked for row in part),
                lost=sum(note.searches for note in lost if begin_s <= note.at.timestamp() < end_s),
            )


class _Story:
    """Searches that come in, are booked, are rolled up by two at once, are cut off half-way, and are dropped."""

    def __init__(self, database: Database, dice: random.Random) -> None:
        self.database = database
        self.dice = dice
        self.store = PostgresSearchStore(database)
        self.rows: list[SearchRow] = []
        self.booked: set[UUID] = set()
        self.lost: list[LostSearches] = []
        self.dropped = 0

    async def come_in(self) -> None:
        rows = [any_row(self.dice, WITHIN, self.dice.choice((REGION, REGION, "elsewhere"))) for _ in range(40)]
        lost = [LostSearches(uuid4(), REGION, BEGIN + timedelta(minutes=15 * self.dice.randrange(900)), 3)]
        await self.store.write(rows, lost)
        # Whoever does not know whether that was written writes it again.
        await self.store.write(rows[10:], lost)
        self.rows += rows
        self.lost += lost

    async def are_booked(self) -> None:
        chosen = self.dice.sample([row.id for row in self.rows], min(5, len(self.rows)))
        stranger = uuid4()
        missing = await self.store.mark_booked([*chosen, stranger])
        assert stranger in missing
        assert self.dropped or missing == [stranger]
        self.booked.update(set(chosen) - set(missing))

    async def are_rolled_up_by_two(self) -> None:
        limits = self.dice.choice(((25, 25), (1, 100), (1000, 1000)))
        latest = self.rows[-1].id
        rolling = asyncio.gather(*(self.store.roll_up(limit=limit) for limit in limits))
        if not await self.store.mark_booked([latest]):
            self.booked.add(latest)
        await rolling

    async def are_cut_off(self) -> None:
        """The server ends every other connection while the roll-up is being made."""
        work = asyncio.gather(self.store.roll_up(limit=1000), return_exceptions=True)
        await asyncio.sleep(self.dice.choice((0.0, 0.002, 0.005, 0.01)))
        async with self.database.connection() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        (outcome,) = await work
        assert isinstance(outcome, int | DatabaseUnavailable)

    async def are_dropped(self) -> None:
        self.dropped += await self.store.forget_searches(BEGIN + timedelta(days=self.dice.randrange(11)), limit=1000)


@given(seed=st.integers(0, 2**32), steps=st.lists(st.integers(0, 4), min_size=4, max_size=9))
@settings(max_examples=examples(2), suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_statistics_equal_a_recount_through_roll_up_crash_and_retention(
    database: Database, seed: int, steps: list[int]
) -> None:
    async with database.connection() as connection:
        await connection.execute("TRUNCATE searches, search_losses, search_rollups, demand_hours, wanted_hours")
    dice = random.Random(seed)
    story = _Story(database, dice)
    await story.come_in()
    acts = (
        story.come_in,
        story.are_booked,
        story.are_rolled_up_by_two,
        story.are_cut_off,
        story.are_dropped,
    )
    for step in steps:
        await acts[step]()
        zone = dice.choice((SANTIAGO, KOLKATA, UTC_ZONE))
        await _assert_all(database, story.rows, story.booked, story.lost, zone)
    while await story.store.roll_up(limit=100):
        pass
    await story.are_booked()
    await _assert_all(database, story.rows, story.booked, story.lost, SANTIAGO)
