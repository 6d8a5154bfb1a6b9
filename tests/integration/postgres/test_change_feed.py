"""The feed of changes on real connections: nothing is skipped, nothing comes twice, and a loss is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.domain.offer import FeedPosition, Offer, OfferStatus
from matcher.matching.index.load_direct import DirectOffers
from matcher.postgres.change_feed import _CHANGES, CHANNEL, OfferChangeListener, PostgresChangeFeed, position_of
from matcher.postgres.pool import Database, prepare_connection
from matcher.postgres.statements import Statements
from matcher.trips.offers.rows import to_row
from matcher.trips.offers.store import PostgresOffers
from tests.contract.stored_offers import a_stored_offer
from tests.integration.postgres.servers import until

REGION = "coquimbo"
OFFERS = Statements("offers")


class Reader:
    """An instance that follows: a listener, and how far it has read."""

    def __init__(self, listener: OfferChangeListener, position: FeedPosition) -> None:
        self.listener = listener
        self.position = position

    async def news(self) -> set[UUID]:
        """What has come since the last call."""
        changes = await self.listener.read(self.position)
        assert not changes.missed
        assert len(set(changes.offer_ids)) == len(changes.offer_ids)
        self.position = changes.position
        return set(changes.offer_ids)

    async def missed(self) -> bool:
        """Whether changes were forgotten before they were read; goes on from here in any case."""
        changes = await self.listener.read(self.position)
        self.position = changes.position
        return changes.missed


@asynccontextmanager
async def following(url: str, database: Database) -> AsyncIterator[Reader]:
    async with database.snapshot() as connection:
        position = await position_of(connection)
    async with PostgresChangeFeed(url, REGION).listening() as listener:
        yield Reader(listener, position)


@pytest.fixture
async def reader(fresh_database: str, database: Database) -> AsyncIterator[Reader]:
    async with following(fresh_database, database) as reader:
        yield reader


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(url)
    await prepare_connection(connection)
    try:
        yield connection
    finally:
        await connection.close()


async def write(connection: asyncpg.Connection[asyncpg.Record], offer: Offer) -> int:
    """Insert without a commit of one's own; returns the change's number."""
    await OFFERS.run(connection, "insert_offer", **to_row(offer))
    seq: int = await connection.fetchval("SELECT seq FROM offer_changes WHERE offer_id = $1", offer.id)
    return seq


async def test_a_lower_number_that_is_committed_later_is_not_skipped(fresh_database: str, reader: Reader) -> None:
    first, second, third = (a_stored_offer() for _ in range(3))
    async with connected(fresh_database) as slow, connected(fresh_database) as quick:
        late = slow.transaction()
        await late.start()
        low = await write(slow, first)
        high = await write(quick, second)
        assert low < high
        assert await reader.news() == {second.id}, "a transaction that is still open delays nobody else's changes"
        await write(quick, third)
        assert await reader.news() == {third.id}, "what was read does not come again"
        await late.commit()
        assert await reader.news() == {first.id}
        assert await reader.news() == set()


async def test_what_is_rolled_back_is_never_told(fresh_database: str, reader: Reader) -> None:
    kept = a_stored_offer()
    async with connected(fresh_database) as connection:
        undone = connection.transaction()
        await undone.start()
        await write(connection, a_stored_offer())
        assert await reader.news() == set()
        await undone.rollback()
        async with connection.transaction():
            await write(connection, kept)
            with pytest.raises(asyncpg.UniqueViolationError):
                async with connection.transaction():
                    await write(connection, kept)
    assert await reader.news() == {kept.id}


async def test_many_writers_at_once_are_told_each_once(database: Database, reader: Reader) -> None:
    offers, expected = PostgresOffers(database), [a_stored_offer() for _ in range(120)]
    told: list[UUID] = []

    async def writer(mine: list[Offer]) -> None:
        for offer in mine:
            await offers.insert(offer)

    writers = asyncio.gather(*(writer(expected[n::6]) for n in range(6)))
    while not writers.done():
        told += await reader.news()
        await asyncio.sleep(0)
    await writers
    told += await reader.news()
    assert sorted(told) == sorted(offer.id for offer in expected)


async def test_every_way_to_write_an_offer_is_told_and_new_positions_are_not(
    database: Database, reader: Reader, fresh_database: str
) -> None:
    offers = PostgresOffers(database)
    one, two = a_stored_offer(), a_stored_offer(departure=a_stored_offer().departure - timedelta(days=1))
    await offers.insert(one)
    await offers.insert(two)
    assert await reader.news() == {one.id, two.id}
    await offers.update(replace(one, version=2, seats_left=1), expected_version=1)
    assert await reader.news() == {one.id}
    assert await offers.mark_past(two.latest_arrival + timedelta(seconds=1)) == [two.id]
    assert await reader.news() == {two.id}
    assert await offers.refit([replace(one, version=2, region_fingerprint="f2")]) == 1
    assert await reader.news() == set()
    async with connected(fresh_database) as connection:
        await connection.execute("UPDATE offers SET version = version + 1, comment = 'by hand' WHERE id = $1", one.id)
        assert await reader.news() == {one.id}
        await connection.execute("DELETE FROM offers")
        assert await reader.news() == {one.id, two.id}


async def test_a_region_is_told_of_its_own_offers_and_of_those_that_leave_it(
    database: Database, reader: Reader
) -> None:
    offers = PostgresOffers(database)
    mine, other = a_stored_offer(), a_stored_offer(region="luxembourg")
    await offers.insert(mine)
    await offers.insert(other)
    assert await reader.news() == {mine.id}
    await offers.update(replace(mine, version=2, region="luxembourg"), expected_version=1)
    await offers.update(replace(other, version=2, region=REGION), expected_version=1)
    assert await reader.news() == {mine.id, other.id}
    await offers.update(replace(mine, version=3, region="luxembourg"), expected_version=2)
    assert await reader.news() == set()


async def test_what_was_loaded_and_what_came_after_meet_without_a_gap_or_an_overlap(
    fresh_database: str, database: Database
) -> None:
    offers = PostgresOffers(database)
    before, during, after, open_before = (a_stored_offer() for _ in range(4))
    await offers.insert(before)
    loaded: list[int] = []

    async def take(columns: DirectOffers) -> None:
        loaded.extend(offer_id.int for offer_id in columns.ids())

    async with connected(fresh_database) as slow, PostgresChangeFeed(fresh_database, REGION).listening() as listener:
        late = slow.transaction()
        await late.start()
        await write(slow, open_before)
        async with offers.open_offers(REGION, before.region_fingerprint) as stored:
            await offers.insert(during)
            await late.commit()
            await stored.direct(take)
            await offers.insert(after)
            rest = [offer async for chunk in stored.others() for offer in chunk]
        assert (loaded, rest, stored.count) == ([before.id.int], [], 1)
        assert await Reader(listener, stored.position).news() == {during.id, after.id, open_before.id}


async def test_news_wakes_whoever_waits_and_silence_does_not(database: Database, reader: Reader) -> None:
    await reader.news()
    waiting = asyncio.create_task(reader.listener.wait(3600))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    offer = a_stored_offer()
    await PostgresOffers(database).insert(offer)
    await waiting
    assert await reader.news() == {offer.id}
    await reader.listener.wait(0.01)


async def test_a_listener_that_was_cut_off_says_so_at_once(fresh_database: str, reader: Reader) -> None:
    waiting = asyncio.create_task(reader.listener.wait(3600))
    async with connected(fresh_database) as connection:
        cut = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = $1 AND datname = current_database()"
        )
        assert await connection.fetchval(cut, "carpool-matcher changes") == 1
    with pytest.raises(DatabaseUnavailable):
        await waiting
    with pytest.raises(DatabaseUnavailable):
        await reader.listener.read(reader.position)


async def test_a_server_that_does_not_answer_is_given_up(fresh_database: str, database: Database) -> None:
    """A broken network: the connection stands, and nothing comes. Locking the table has the same effect."""
    async with connected(fresh_database) as connection:
        feed = PostgresChangeFeed(fresh_database, REGION, timeout_s=2.0)
        async with feed.listening() as listener, database.snapshot() as snapshot:
            position = await position_of(snapshot)
            async with connection.transaction():
                await connection.execute("LOCK TABLE offer_changes")
                with pytest.raises(DatabaseUnavailable):
                    await listener.read(position)


async def test_changes_forgotten_after_they_were_read_are_not_missed(
    database: Database, fresh_database: str, reader: Reader
) -> None:
    offers, soon = PostgresOffers(database), datetime.now(UTC) + timedelta(minutes=1)
    await offers.insert(a_stored_offer())
    async with following(fresh_database, database) as away:
        await offers.insert(a_stored_offer())
        await reader.news()
        assert await offers.forget_changes(soon - timedelta(hours=1)) == 0
        assert await offers.forget_changes(soon) == 2
        assert await reader.news() == set()
        assert await away.missed()
        assert not await away.missed()
        late = a_stored_offer()
        await offers.insert(late)
        assert await reader.news() == await away.news() == {late.id}


async def test_an_open_transaction_costs_a_reader_one_reload_at_most(
    database: Database, fresh_database: str, reader: Reader
) -> None:
    """While it is open nobody can tell by transaction numbers alone that a later one's changes have been read."""
    offers = PostgresOffers(database)
    async with connected(fresh_database) as connection:
        late, unseen = connection.transaction(), a_stored_offer()
        await late.start()
        await write(connection, unseen)
        await offers.insert(a_stored_offer())
        await reader.news()
        await offers.forget_changes(datetime.now(UTC) + timedelta(minutes=1))
        await reader.missed()
        assert await reader.news() == set()
        await late.commit()
        assert await reader.news() == {unseen.id}


async def test_another_run_of_the_server_is_not_trusted(reader: Reader) -> None:
    """It may be a standby that lacks the last commits, or a backup."""
    reader.position = replace(reader.position, server="1999-12-31 23:59:59+00")
    assert await reader.missed()
    assert not await reader.missed()


async def test_instances_that_forget_at_once_forget_each_change_once(database: Database) -> None:
    offers = PostgresOffers(database)
    for _ in range(50):
        await offers.insert(a_stored_offer())
    soon = datetime.now(UTC) + timedelta(minutes=1)
    assert sum(await asyncio.gather(*(offers.forget_changes(soon) for _ in range(4)))) == 50


async def test_changes_that_piled_up_are_forgotten_a_few_in_a_statement(
    database: Database, fresh_database: str, reader: Reader
) -> None:
    offers, soon = PostgresOffers(database), datetime.now(UTC) + timedelta(minutes=1)
    async with following(fresh_database, database) as away:
        for _ in range(5):
            await offers.insert(a_stored_offer())
        await reader.news()
        assert await offers.forget_changes(soon, at_once=2) == 5
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT times FROM forgotten_changes") == 3
        assert await away.missed()
        assert await reader.news() == set()


async def test_a_write_is_answered_when_nobody_can_be_woken(
    database: Database, monkeypatch: pytest.MonkeyPatch, reader: Reader
) -> None:
    offers, offer = PostgresOffers(database), a_stored_offer()
    monkeypatch.setitem(_CHANGES._sql, "announce", "DO $$ BEGIN RAISE SQLSTATE '53100'; END $$")
    await offers.insert(offer)
    ended = replace(offer, version=2, status=OfferStatus.CANCELLED)
    await offers.update(ended, expected_version=1)
    assert await offers.get(offer.id) == ended
    assert await reader.news() == {offer.id}


async def test_a_notice_carries_nothing(database: Database, fresh_database: str) -> None:
    heard: list[object] = []
    async with connected(fresh_database) as connection:
        await connection.add_listener(CHANNEL, lambda *notice: heard.append(notice[3]))
        await PostgresOffers(database).insert(a_stored_offer())

        async def arrived() -> bool:
            await connection.execute("SELECT 1")
            return bool(heard)

        await until(arrived)
    assert heard == [""]
