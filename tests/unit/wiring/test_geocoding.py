"""Which geocoders are asked, in which order, and what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from matcher.domain.place import BoundingBox, Coordinate, GeocodedPlace
from matcher.geocoding.gazetteer.gazetteer import Gazetteer
from matcher.geocoding.network.providers import PROVIDERS
from matcher.settings.base import SettingsInvalid
from matcher.settings.roads import GeocodingSettings
from matcher.wiring.region import make_geocoder

BOX = BoundingBox(south=-30.1, west=-71.4, north=-29.8, east=-71.1)


class _Remembering:
    """A cache that knows one address."""

    async def find(self, provider: str, query: str, now: datetime) -> list[GeocodedPlace] | None:
        assert now.tzinfo is UTC
        return [GeocodedPlace(Coordinate(lat=-29.9, lon=-71.2), "Somewhere", "street", 1.0, provider)]

    async def put(self, provider: str, query: str, places: object, expires_at: datetime) -> None:
        raise AssertionError("nothing new was learnt")


async def test_the_chain_is_asked_in_the_order_of_the_setting() -> None:
    geocoding = GeocodingSettings(geocoders="photon,gazetteer", geocoder_scheme="http", photon_domain="127.0.0.1:1")
    with ThreadPoolExecutor(1) as executor:
        chain = make_geocoder(geocoding, Gazetteer([]), BOX, executor, _Remembering())
        try:
            [place] = await chain.geocode("Somewhere", limit=1)
            assert place.source == "photon"
        finally:
            await chain.close()


@pytest.mark.parametrize("name", PROVIDERS)
async def test_every_geocoder_can_be_had(name: str) -> None:
    geocoding = GeocodingSettings(geocoders=name, pelias_domain="pelias.example")
    with ThreadPoolExecutor(1) as executor:
        await make_geocoder(geocoding, Gazetteer([]), BOX, executor, None).close()


async def test_a_geocoder_that_lacks_a_setting_is_named() -> None:
    with ThreadPoolExecutor(1) as executor, pytest.raises(SettingsInvalid, match=r"^CARPOOL_GEOCODERS names pelias"):
        make_geocoder(GeocodingSettings(geocoders="pelias"), Gazetteer([]), BOX, executor, None)
