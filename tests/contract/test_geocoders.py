"""What every `Geocoder` promises: the gazetteer, the services on the network, cached or chained, alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import datetime

import pytest

from matcher.domain.errors.tree import AddressAmbiguous, AddressNotFound
from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.geocoding.chain import ChainGeocoder
from matcher.geocoding.gazetteer.offline import OfflineGeocoder
from matcher.geocoding.geocoder import Geocoder
from matcher.geocoding.network.cached import CachedGeocoder
from tests.contract.provider_server import KINDS, a_geocoder_of, a_provider
from tests.unit.geocoding.town import a_gazetteer

PRECISIONS = {"house", "interpolated", "street", "crossing", "place"}


class MemoryCache:
    """A GeocodeCache that forgets with the process; the one in PostgreSQL has a contract suite of its own."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], tuple[list[GeocodedPlace], datetime]] = {}

    async def find(self, provider: str, query: str, now: datetime) -> list[GeocodedPlace] | None:
        places, expires_at = self.kept.get((provider, query), ([], now))
        return list(places) if now < expires_at else None

    async def put(self, provider: str, query: str, places: Sequence[GeocodedPlace], expires_at: datetime) -> None:
        self.kept[provider, query] = (list(places), expires_at)


@pytest.fixture(params=["gazetteer", *KINDS, "cached", "chain"])
async def geocoder(request: pytest.FixtureRequest) -> AsyncIterator[Geocoder]:
    kind = str(request.param)
    async with AsyncExitStack() as stack:
        if kind == "gazetteer":
            yield OfflineGeocoder(a_gazetteer())
        elif kind in KINDS:
            provider = await stack.enter_async_context(a_provider(kind))
            yield await stack.enter_async_context(a_geocoder_of(provider))
        else:
            provider = await stack.enter_async_context(a_provider("photon"))
            network = await stack.enter_async_context(a_geocoder_of(provider))
            cached = CachedGeocoder(network, "photon", MemoryCache())
            yield cached if kind == "cached" else ChainGeocoder([cached, OfflineGeocoder(a_gazetteer())])


async def test_candidates_are_places_best_first(geocoder: Geocoder) -> None:
    places = await geocoder.geocode("balmaceda", limit=5)
    assert {place.coordinate for place in places} >= {
        Coordinate(lat=-29.9100, lon=-71.2500),
        Coordinate(lat=-29.9500, lon=-71.3400),
    }
    assert [place.score for place in places] == sorted((place.score for place in places), reverse=True)
    for place in places:
        assert place.precision in PRECISIONS
        assert 0.0 <= place.score <= 1.0
        assert "Balmaceda" in place.label
        assert place.source


async def test_no_more_candidates_than_asked(geocoder: Geocoder) -> None:
    assert len(await geocoder.geocode("balmaceda", limit=1)) == 1


async def test_the_same_question_has_the_same_answer(geocoder: Geocoder) -> None:
    assert await geocoder.geocode("balmaceda", limit=5) == await geocoder.geocode("balmaceda", limit=5)


async def test_one_place_is_resolved(geocoder: Geocoder) -> None:
    place = await geocoder.resolve("Avenida Balmaceda, La Serena")
    assert place.coordinate == Coordinate(lat=-29.9100, lon=-71.2500)
    assert place.precision == "street"
    assert "La Serena" in place.label


async def test_a_house_is_resolved(geocoder: Geocoder) -> None:
    place = await geocoder.resolve("Los Carrera 400, La Serena")
    assert (place.coordinate, place.precision) == (Coordinate(lat=-29.9040, lon=-71.2510), "house")
    assert "Los Carrera 400" in place.label


async def test_two_places_far_apart_are_never_guessed_between(geocoder: Geocoder) -> None:
    with pytest.raises(AddressAmbiguous) as caught:
        await geocoder.resolve("balmaceda")
    labels = [candidate["label"] for candidate in caught.value.extra["candidates"]]
    assert any("La Serena" in label for label in labels)
    assert any("Coquimbo" in label for label in labels)


@pytest.mark.parametrize("text", ["xyzzyplugh", "", "   ", "\x00", "🚗", "a" * 201, "\ud800", "%00&q=%s?#"])
async def test_the_unknown_is_not_found(geocoder: Geocoder, text: str) -> None:
    assert await geocoder.geocode(text, limit=5) == []
    with pytest.raises(AddressNotFound):
        await geocoder.resolve(text)


async def test_a_door_is_named(geocoder: Geocoder) -> None:
    place = await geocoder.reverse(Coordinate(lat=-29.90401, lon=-71.25099))
    assert place is not None
    assert place.precision == "house"
    assert "Los Carrera 400" in place.label


async def test_nowhere_has_no_name(geocoder: Geocoder) -> None:
    assert await geocoder.reverse(Coordinate(lat=0.0, lon=0.0)) is None
    assert await geocoder.reverse(Coordinate(lat=90.0, lon=180.0)) is None
