"""The pool while PostgreSQL comes and goes, is slow, or is full."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.domain.offer import Offer
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.migrations import migrate
from matcher.postgres.pool import Database
from matcher.trips.offers.store import PostgresOffers
from tests.contract.stored_offers import a_stored_offer
from tests.integration.postgres.servers import kill_at_once, running


@pytest.fixture(scope="module")
async def module_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    """A durable server to stop and kill. As root its user cannot enter pytest's folders, hence the fallback."""
    fallback = Path("/var/tmp") / f"carpool-test-pool-{os.getpid()}"  # noqa: S108
    server = EmbeddedPostgres(tmp_path_factory.mktemp("pool"), data_dir_is_default=True, fallback_root=fallback)
    await migrate(await asyncio.to_thread(server.start))
    yield server
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(shutil.rmtree, fallback, ignore_errors=True)


@pytest.fixture
async def own_server(module_server: EmbeddedPostgres) -> EmbeddedPostgres:
    """The same server, running again whatever the test before did to it."""
    await asyncio.to_thread(module_server.start)
    return module_server


@pytest.fixture
async def own_pool(own_server: EmbeddedPostgres) -> AsyncIterator[Database]:
    database = await Database.open(own_server.url, min_size=2, max_size=4, acquire_timeout_s=60)
    yield database
    await database.close()


async def test_a_stopped_server_is_unavailable_and_the_same_pool_works_when_it_is_back(
    own_server: EmbeddedPostgres, own_pool: Database
) -> None:
    offers, offer = PostgresOffers(own_pool), a_stored_offer()
    await offers.insert(offer)
    await asyncio.to_thread(own_server.stop)
    for _ in range(6):  # more often than the pool has connections
        with pytest.raises(DatabaseUnavailable) as refusal:
            await offers.get(offer.id)
        assert refusal.value.retry_after_s >= 1
    with pytest.raises(DatabaseUnavailable):
        await own_pool.ping()
    await asyncio.to_thread(own_server.start)
    await own_pool.ping()
    assert await offers.get(offer.id) == offer


async def test_a_server_killed_in_the_middle_of_a_statement(own_server: EmbeddedPostgres, own_pool: Database) -> None:
    begun = asyncio.Event()

    async def sleep() -> None:
        async with own_pool.transaction() as connection:
            begun.set()
            await connection.execute("SELECT pg_sleep(600)")

    sleeper = asyncio.create_task(sleep())
    await begun.wait()
    await asyncio.to_thread(kill_at_once, own_server)
    with pytest.raises(DatabaseUnavailable):
        await sleeper
    await asyncio.to_thread(own_server.start)
    await own_pool.ping()


async def test_every_acknowledged_offer_survives_a_kill_of_the_server(
    own_server: EmbeddedPostgres, own_pool: Database
) -> None:
    offers = PostgresOffers(own_pool)
    acknowledged: list[Offer] = []
    enough = asyncio.Event()

    async def publish_until_the_server_is_gone() -> None:
        while True:
            offer = a_stored_offer()
            await offers.insert(offer)
            acknowledged.append(offer)
            if len(acknowledged) >= 100:
                enough.set()

    publishers = [asyncio.create_task(publish_until_the_server_is_gone()) for _ in range(4)]
    await enough.wait()
    victim = await asyncio.to_thread(running, own_server)
    os.kill(victim.pid, signal.SIGKILL)
    ends = await asyncio.gather(*publishers, return_exceptions=True)
    assert all(isinstance(end, DatabaseUnavailable) for end in ends), ends
    await asyncio.to_thread(own_server.start)
    async with offers.open_offers("coquimbo", "") as kept:
        stored = {offer.id for chunk in [chunk async for chunk in kept.others()] for offer in chunk}
    assert len(acknowledged) >= 100
    assert {offer.id for offer in acknowledged} <= stored


async def test_no_server_at_all_is_unavailable(tmp_path: Path) -> None:
    for url in (f"postgresql://a:b@/c?host={tmp_path}", "postgresql://a:b@127.0.0.1:1/c"):
        with pytest.raises(DatabaseUnavailable):
            await Database.open(url)


async def test_refused_credentials_are_unavailable_and_the_password_is_not_repeated(fresh_database: str) -> None:
    secret = urlsplit(fresh_database).password
    assert secret is not None
    with pytest.raises(DatabaseUnavailable, match="credentials") as refusal:
        await Database.open(fresh_database.replace(secret, "wrong-" + secret))
    assert secret not in str(refusal.value)
    with pytest.raises(DatabaseUnavailable, match="does not exist"):
        await Database.open(urlsplit(fresh_database)._replace(path="/nowhere").geturl())


async def test_a_statement_that_takes_too_long_is_given_up_and_its_connection_is_good_again(
    fresh_database: str,
) -> None:
    database = await Database.open(fresh_database, min_size=1, max_size=1, command_timeout_s=2.0)
    with pytest.raises(DatabaseUnavailable, match="too long"):
        async with database.connection() as connection:
            await connection.execute("SELECT pg_sleep(600)")
    await database.ping()
    await database.close()


async def test_waiting_for_a_connection_has_an_end(fresh_database: str) -> None:
    database = await Database.open(fresh_database, min_size=1, max_size=1, acquire_timeout_s=1.0)
    async with database.connection():
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
    await database.ping()
    await database.close()


async def test_a_closed_pool_is_unavailable(fresh_database: str) -> None:
    database = await Database.open(fresh_database, min_size=1)
    await database.close()
    with pytest.raises(DatabaseUnavailable):
        await database.ping()


async def test_it_works_without_prepared_statements_as_behind_a_transaction_pooler(fresh_database: str) -> None:
    database = await Database.open(fresh_database, min_size=1, statement_cache_size=0)
    offers, offer = PostgresOffers(database), a_stored_offer()
    await offers.insert(offer)
    async with offers.open_offers("coquimbo", "") as stored:
        assert [chunk async for chunk in stored.others()] == [[offer]]
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM pg_prepared_statements") == 0
    await database.close()


async def test_connections_say_whose_they_are(fresh_database: str) -> None:
    database = await Database.open(fresh_database, min_size=1, application_name="carpool-test")
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT current_setting('application_name')") == "carpool-test"
    await database.close()


async def test_an_error_in_a_transaction_undoes_it_and_frees_the_connection(database: Database) -> None:
    async def delete_and_fail() -> None:
        async with database.transaction() as connection:
            await connection.execute("DELETE FROM schema_migrations")
            raise LookupError

    with pytest.raises(LookupError):
        await delete_and_fail()
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM schema_migrations") > 0
        assert not connection.is_in_transaction()
