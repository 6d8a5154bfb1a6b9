"""Answers of network geocoders kept in PostgreSQL, and what happens when it is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from matcher.domain.errors.tree import AddressNotFound, GeocoderUnavailable
from matcher.domain.place import Coordinate
from matcher.geocoding.network.cache_store import PostgresGeocodeCache
from matcher.geocoding.network.cached import CachedGeocoder
from matcher.geocoding.network.geocoder import NetworkGeocoder
from matcher.postgres.pool import Connections, Database
from tests.contract import provider_server as server
from tests.contract.provider_server import Provider, a_geocoder_of, a_provider

NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
QUESTION = "Avenida Balmaceda, La Serena"
DOOR = Coordinate(lat=-29.90401, lon=-71.25099)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with a_provider("photon") as running:
        yield running


@pytest.fixture
async def network(provider: Provider) -> AsyncIterator[NetworkGeocoder]:
    async with a_geocoder_of(provider) as geocoder:
        yield geocoder


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cached(network: NetworkGeocoder, db: Connections, clock: Clock) -> CachedGeocoder:
    return CachedGeocoder(network, "photon", PostgresGeocodeCache(db), ttl=timedelta(days=30), clock=clock)


async def test_a_question_is_asked_once(cached: CachedGeocoder, provider: Provider) -> None:
    first = await cached.geocode(QUESTION, limit=3)
    assert first
    assert await cached.geocode(QUESTION, limit=3) == first
    assert await cached.geocode("av. balmaceda,   LA SERENA", limit=3) == first
    assert (await cached.resolve(QUESTION)) == first[0]
    assert len(provider.asked) == 1


async def test_one_answer_serves_every_limit(cached: CachedGeocoder, provider: Provider) -> None:
    assert len(await cached.geocode("balmaceda", limit=1)) == 1
    assert len(await cached.geocode("balmaceda", limit=2)) == 2
    assert len(provider.asked) == 1


async def test_answers_expire(cached: CachedGeocoder, provider: Provider, clock: Clock) -> None:
    await cached.geocode(QUESTION, limit=3)
    clock.now += timedelta(days=29)
    await cached.geocode(QUESTION, limit=3)
    assert len(provider.asked) == 1
    clock.now += timedelta(days=2)
    await cached.geocode(QUESTION, limit=3)
    assert len(provider.asked) == 2


async def test_not_found_is_kept_too_but_not_as_long(cached: CachedGeocoder, provider: Provider, clock: Clock) -> None:
    for _ in range(2):
        with pytest.raises(AddressNotFound):
            await cached.resolve("Calle Inexistente")
    assert len(provider.asked) == 1
    clock.now += timedelta(days=2)
    assert await cached.geocode("Calle Inexistente", limit=3) == []
    assert len(provider.asked) == 2


async def test_an_outage_is_not_kept(cached: CachedGeocoder, provider: Provider) -> None:
    provider.scripts += [server.status(500)] * 3
    with pytest.raises(GeocoderUnavailable):
        await cached.geocode(QUESTION, limit=3)
    assert await cached.geocode(QUESTION, limit=3)


async def test_reverse_is_kept_for_the_spot(cached: CachedGeocoder, provider: Provider) -> None:
    first = await cached.reverse(DOOR)
    assert first is not None
    assert await cached.reverse(Coordinate(lat=DOOR.lat + 1e-6, lon=DOOR.lon)) == first
    assert len(provider.asked) == 1
    assert await cached.reverse(Coordinate(lat=0.0, lon=0.0)) is None
    assert await cached.reverse(Coordinate(lat=0.0, lon=0.0)) is None
    assert len(provider.asked) == 2


async def test_providers_do_not_share_answers(db: Connections, clock: Clock) -> None:
    cache = PostgresGeocodeCache(db)
    for kind in ("photon", "pelias"):
        async with a_provider(kind) as provider, a_geocoder_of(provider) as network:
            cached = CachedGeocoder(network, kind, cache, clock=clock)
            assert (await cached.resolve(QUESTION)).source == kind
            assert (await cached.resolve(QUESTION)).source == kind
            assert len(provider.asked) == 1


async def test_a_cache_that_is_away_fails_nothing(
    network: NetworkGeocoder, fresh_database: str, provider: Provider
) -> None:
    database = await Database.open(fresh_database, min_size=1, max_size=1)
    cached = CachedGeocoder(network, "photon", PostgresGeocodeCache(database))
    assert (await cached.resolve(QUESTION)).label
    await database.close()
    assert (await cached.resolve(QUESTION)).label
    assert await cached.reverse(DOOR) is not None
    assert len(provider.asked) == 3
