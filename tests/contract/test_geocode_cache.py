"""What `GeocodeCache` promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.geocoding.network.cache_store import PostgresGeocodeCache
from matcher.geocoding.network.cached import GeocodeCache
from matcher.postgres.pool import Connections

NOW = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
PLACES = [
    GeocodedPlace(Coordinate(lat=-29.95, lon=-71.34), "Peñuelas 1", "house", 0.9, "nominatim"),
    GeocodedPlace(Coordinate(lat=0.0, lon=0.0), "Null Island", "place", 0.0, "nominatim"),
]


@pytest.fixture
def cache(db: Connections) -> GeocodeCache:
    return PostgresGeocodeCache(db)


async def test_an_answer_is_kept_in_order_until_its_time_is_over(cache: GeocodeCache) -> None:
    assert await cache.find("nominatim", "peñuelas", NOW) is None
    await cache.put("nominatim", "peñuelas", PLACES, LATER)
    assert await cache.find("nominatim", "peñuelas", NOW) == PLACES
    assert await cache.find("photon", "peñuelas", NOW) is None
    assert await cache.find("nominatim", "peñuelas", LATER) is None


async def test_nothing_found_is_an_answer_too(cache: GeocodeCache) -> None:
    await cache.put("nominatim", "atlantis", [], LATER)
    assert await cache.find("nominatim", "atlantis", NOW) == []


async def test_a_newer_answer_takes_the_place_of_an_older_one(cache: GeocodeCache) -> None:
    await cache.put("nominatim", "q", PLACES, NOW)
    await cache.put("nominatim", "q", PLACES[:1], LATER)
    assert await cache.find("nominatim", "q", NOW) == PLACES[:1]


@pytest.mark.parametrize("alphabet", ["a", "ñ", "🏝"])
async def test_very_long_questions_are_kept_apart(cache: GeocodeCache, alphabet: str) -> None:
    long, longer = alphabet * 5_000, alphabet * 5_001
    await cache.put("nominatim", long, PLACES, LATER)
    assert await cache.find("nominatim", long, NOW) == PLACES
    assert await cache.find("nominatim", longer, NOW) is None


async def test_expired_answers_are_dropped(db: Connections) -> None:
    cache = PostgresGeocodeCache(db)
    await cache.put("nominatim", "old", PLACES, NOW)
    await cache.put("nominatim", "new", PLACES, LATER)
    assert await cache.forget_expired(NOW) == 1
    assert await cache.find("nominatim", "new", NOW) == PLACES
