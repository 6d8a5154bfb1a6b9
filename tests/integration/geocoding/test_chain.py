"""Several geocoders as one: who is asked, and whose answer counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from matcher.domain.errors.tree import AddressAmbiguous, AddressNotFound, GeocoderUnavailable
from matcher.domain.place import Coordinate
from matcher.geocoding.chain import ChainGeocoder
from matcher.geocoding.gazetteer.offline import OfflineGeocoder
from matcher.geocoding.network.geocoder import NetworkGeocoder
from tests.contract import provider_server as server
from tests.contract.provider_server import Provider, a_geocoder_of, a_provider
from tests.unit.geocoding.town import a_gazetteer, a_row

QUESTION = "Avenida Balmaceda, La Serena"


@pytest.fixture
async def pair() -> AsyncIterator[tuple[list[Provider], list[NetworkGeocoder]]]:
    """Photon, then Pelias."""
    async with AsyncExitStack() as stack:
        providers = [await stack.enter_async_context(a_provider(kind)) for kind in ("photon", "pelias")]
        yield providers, [await stack.enter_async_context(a_geocoder_of(provider)) for provider in providers]


async def test_the_first_that_knows_answers(pair: tuple[list[Provider], list[NetworkGeocoder]]) -> None:
    (first, second), geocoders = pair
    chain = ChainGeocoder(geocoders)
    assert (await chain.resolve(QUESTION)).source == "photon"
    assert (await chain.geocode(QUESTION, limit=1))[0].source == "photon"
    place = await chain.reverse(Coordinate(lat=-29.9040, lon=-71.2510))
    assert place is not None
    assert place.source == "photon"
    assert (len(first.asked), len(second.asked)) == (3, 0)


async def test_unavailable_falls_through(pair: tuple[list[Provider], list[NetworkGeocoder]]) -> None:
    (first, second), geocoders = pair
    chain = ChainGeocoder(geocoders)
    first.scripts += [server.status(401)] * 3
    assert (await chain.resolve(QUESTION)).source == "pelias"
    assert (await chain.geocode(QUESTION, limit=1))[0].source == "pelias"
    place = await chain.reverse(Coordinate(lat=-29.9040, lon=-71.2510))
    assert place is not None
    assert place.source == "pelias"
    assert (len(first.asked), len(second.asked)) == (3, 3)


async def test_not_found_falls_through(pair: tuple[list[Provider], list[NetworkGeocoder]]) -> None:
    (first, _), geocoders = pair
    first.scripts += [server.body('{"features": []}')] * 2
    chain = ChainGeocoder(geocoders)
    assert (await chain.resolve(QUESTION)).source == "pelias"
    assert (await chain.geocode(QUESTION, limit=1))[0].source == "pelias"


async def test_when_all_are_away_it_is_an_outage(pair: tuple[list[Provider], list[NetworkGeocoder]]) -> None:
    providers, geocoders = pair
    chain = ChainGeocoder(geocoders)
    for provider in providers:
        provider.scripts += [server.status(401)] * 3
    with pytest.raises(GeocoderUnavailable):
        await chain.resolve(QUESTION)
    with pytest.raises(GeocoderUnavailable):
        await chain.geocode(QUESTION, limit=1)
    with pytest.raises(GeocoderUnavailable):
        await chain.reverse(Coordinate(lat=-29.9, lon=-71.25))


async def test_one_that_answered_no_outweighs_one_that_is_away(
    pair: tuple[list[Provider], list[NetworkGeocoder]],
) -> None:
    (first, _), geocoders = pair
    first.scripts += [server.status(401)] * 3
    chain = ChainGeocoder(geocoders)
    with pytest.raises(AddressNotFound):
        await chain.resolve("Calle Inexistente")
    assert await chain.geocode("Calle Inexistente", limit=1) == []
    assert await chain.reverse(Coordinate(lat=0.0, lon=0.0)) is None


async def test_what_the_gazetteer_suggests_survives_the_others_silence(
    pair: tuple[list[Provider], list[NetworkGeocoder]],
) -> None:
    _, geocoders = pair
    for chain in (
        ChainGeocoder([OfflineGeocoder(a_gazetteer()), *geocoders]),
        ChainGeocoder([*geocoders, OfflineGeocoder(a_gazetteer())]),
    ):
        with pytest.raises(AddressNotFound) as caught:
            await chain.resolve("Balmaceda, Santiago")
        assert caught.value.extra["suggestions"]


async def test_a_later_certainty_settles_an_ambiguity(pair: tuple[list[Provider], list[NetworkGeocoder]]) -> None:
    (first, _), geocoders = pair
    first.scripts.append(
        server.body(
            '{"features": [{"geometry": {"coordinates": [-71.3402, -29.9502]}, "properties": {"name": "Balmaceda"}}]}'
        )
    )
    chain = ChainGeocoder([OfflineGeocoder(a_gazetteer()), geocoders[0]])
    place = await chain.resolve("balmaceda")
    assert (place.source, place.coordinate.lat) == ("photon", -29.9502)


async def test_a_certainty_about_some_other_place_settles_nothing(
    pair: tuple[list[Provider], list[NetworkGeocoder]],
) -> None:
    (first, _), geocoders = pair
    first.scripts.append(
        server.body(
            '{"features": [{"geometry": {"coordinates": [-70.65, -33.45]}, "properties": {"name": "Balmaceda"}}]}'
        )
    )
    chain = ChainGeocoder([OfflineGeocoder(a_gazetteer()), geocoders[0]])
    with pytest.raises(AddressAmbiguous):
        await chain.resolve("balmaceda")


async def test_an_ambiguity_outlasts_the_others_failures(pair: tuple[list[Provider], list[NetworkGeocoder]]) -> None:
    (first, second), geocoders = pair
    first.scripts.append(server.status(401))
    second.scripts.append(server.body('{"features": []}'))
    chain = ChainGeocoder([OfflineGeocoder(a_gazetteer()), *geocoders])
    with pytest.raises(AddressAmbiguous) as caught:
        await chain.resolve("balmaceda")
    assert len(caught.value.extra["candidates"]) == 2


async def test_a_chain_closes_what_it_asked(pair: tuple[list[Provider], list[NetworkGeocoder]]) -> None:
    _, geocoders = pair
    chain = ChainGeocoder([*geocoders, OfflineGeocoder(a_gazetteer(a_row("street", "Prat", 0.0, 0.0)))])
    assert (await chain.resolve(QUESTION)).label
    await chain.close()
    assert all(geocoder._service.adapter.session.closed for geocoder in geocoders)


def test_a_chain_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ChainGeocoder([])
