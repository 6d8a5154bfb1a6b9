"""Several instances on one database end with the same offers in memory, whatever befalls their connections."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from matcher.domain.errors.tree import DatabaseUnavailable, OfferNotOpen, StaleVersion
from matcher.domain.offer import Offer, OfferChange, OfferDraft
from matcher.domain.place import Coordinate, PlaceInput
from matcher.domain.principal import Principal, Role
from matcher.matching.index.by_time import OfferIndexByTime
from matcher.matching.index.index import OfferIndex
from matcher.postgres import change_feed
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.pool import Database
from matcher.settings.all import Settings
from matcher.settings.storage import StorageSettings
from matcher.trips.offers.store import PostgresOffers
from matcher.wiring.service import Carpool, running
from tests.api.live import settings_for
from tests.bulk_columns import contents
from tests.integration.postgres.servers import kill_at_once, until

DRIVER = Principal(user="dora", role=Role.DRIVER, key_id="d")
SOUTH, NORTH = Coordinate(lat=-29.953, lon=-71.338), Coordinate(lat=-29.905, lon=-71.25)
HALF_WAY = PlaceInput(coordinate=Coordinate(lat=-29.93, lon=-71.27))


#: Of two instances: each hears of changes for its index, and for the searches that wait for them.
LISTENERS = 4


@pytest.fixture(scope="module")
def region_folder(tmp_path_factory: pytest.TempPathFactory, with_sample: Callable[[Path], Path]) -> Path:
    """A data folder with the bundled region, for these tests."""
    return with_sample(tmp_path_factory.mktemp("instances"))


@pytest.fixture
def settings(region_folder: Path, fresh_database: str) -> Settings:
    return settings_for(region_folder, fresh_database)


@asynccontextmanager
async def instances(settings: Settings, count: int) -> AsyncIterator[list[Carpool]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running(settings)) for _ in range(count)]


def index_of(carpool: Carpool) -> OfferIndex:
    index = carpool.latest().find_matches._index  # reading all offers again makes a new one
    assert isinstance(index, OfferIndexByTime)
    (only,) = index._slots  # the bundled region has one speed all day
    return only


def held(carpool: Carpool) -> set[UUID]:
    return set(contents(index_of(carpool)))


async def published(carpool: Carpool, **changes: Any) -> Offer:
    now = datetime.now(UTC)
    draft = OfferDraft(
        origin=PlaceInput(coordinate=SOUTH), destination=PlaceInput(coordinate=NORTH),
        departure=now + timedelta(days=1), seats=3,
    )  # fmt: skip
    offer = await carpool.offers.publish(replace(draft, **changes), DRIVER, now)
    assert isinstance(offer, Offer)
    return offer


async def cut_off(database_url: str) -> int:
    """End every connection that listens for changes; returns how many there were."""
    connection = await asyncpg.connect(database_url)
    try:
        return int(
            await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE application_name = 'carpool-matcher changes' AND datname = current_database()"
            )
        )
    finally:
        await connection.close()


async def test_what_one_writes_the_other_has_at_once_and_after_its_wire_was_cut(
    settings: Settings, fresh_database: str
) -> None:
    async with instances(settings, 2) as (one, other):
        first, second = await published(one), await published(other)
        both = {first.id, second.id}
        assert first.id in held(one)
        await until_true(lambda: held(one) == held(other) == both)
        assert await cut_off(fresh_database) == LISTENERS
        changed = await one.offers.change(first.id, OfferChange(seats=1), 1, DRIVER, datetime.now(UTC))
        await one.offers.cancel(second.id, DRIVER, datetime.now(UTC))
        third = await published(one)
        await until_true(lambda: contents(index_of(one)) == contents(index_of(other)))
        assert held(other) == {changed.id, third.id}
        health = await other.check_health()
        assert health.ready
        assert health.checks["changes"].startswith("ok, ")


async def test_an_instance_that_was_away_for_too_long_reads_everything_again(
    settings: Settings, fresh_database: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers = PostgresOffers(database)
    async with instances(settings, 2) as (one, other):
        gone, kept = await published(one), await published(one)
        await until_true(lambda: held(other) == {gone.id, kept.id})
        # No new connection for changes can be made for a while.
        monkeypatch.setattr(change_feed, "listening_on", _nobody_answers)
        assert await cut_off(fresh_database) == LISTENERS
        await one.offers.cancel(gone.id, DRIVER, datetime.now(UTC))
        new = [await published(one, via=(HALF_WAY,) * (n == 0)) for n in range(3)]
        assert await offers.forget_changes(datetime.now(UTC) + timedelta(minutes=1)) > 0
        assert held(other) == {gone.id, kept.id}
        own = await published(other)
        monkeypatch.undo()
        await until_true(lambda: contents(index_of(one)) == contents(index_of(other)))
        assert held(other) == {kept.id, own.id, *(offer.id for offer in new)}


def _nobody_answers(*_where: object, **_how: object) -> None:
    raise DatabaseUnavailable("away for a while")


async def test_two_hundred_changes_on_three_instances_in_any_order_end_the_same(settings: Settings) -> None:
    drawn = random.Random(5)
    async with instances(settings, 3) as carpools:
        offers = [await published(drawn.choice(carpools)) for _ in range(20)]
        few_at_once = asyncio.Semaphore(8)

        async def change(offer_id: UUID) -> None:
            carpool, kind = drawn.choice(carpools), drawn.random()
            later = datetime.now(UTC) + timedelta(days=1, minutes=drawn.randrange(500))
            wish = OfferChange(departure=later, seats=drawn.randint(1, 8))
            if kind < 0.2:
                wish = OfferChange(via=(HALF_WAY,) if kind < 0.1 else ())
            async with few_at_once:
                while True:
                    offer = await carpool.offers.read.get(offer_id, DRIVER)
                    try:
                        if kind > 0.97:
                            await carpool.offers.cancel(offer_id, DRIVER, datetime.now(UTC))
                        else:
                            await carpool.offers.change(offer_id, wish, offer.version, DRIVER, datetime.now(UTC))
                    except StaleVersion:  # another instance was faster
                        continue
                    except OfferNotOpen:
                        pass
                    return

        await asyncio.gather(*(change(drawn.choice(offers).id) for _ in range(200)))
        first, *others = (index_of(carpool) for carpool in carpools)
        await until_true(lambda: all(contents(first) == contents(other) for other in others))
        for offer_id, said in contents(first).items():
            assert said["version"] == (await carpools[0].offers.read.get(offer_id, DRIVER)).version


async def test_a_database_that_was_started_again_is_followed_again(
    region_folder: Path, enterable_folder: Path, settings: Settings
) -> None:
    (enterable_folder / "regions").symlink_to(region_folder / "regions")
    storage = StorageSettings(data_dir=enterable_folder, database_url=None, database_timeout_s=20.0)
    with_own_server = replace(settings, storage=storage)
    async with instances(with_own_server, 2) as (one, other):
        first = await published(one)
        await until_true(lambda: held(other) == {first.id})
        server = EmbeddedPostgres(enterable_folder)
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(kill_at_once, server)
        second = await published_when_back(one)
        await until_true(lambda: contents(index_of(one)) == contents(index_of(other)))
        assert held(other) == {first.id, second.id}
        await asyncio.to_thread(server.stop)


async def published_when_back(carpool: Carpool) -> Offer:
    while True:
        try:
            return await published(carpool)
        except DatabaseUnavailable:
            await asyncio.sleep(0.05)


async def until_true(condition: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return condition()

    await until(holds)
