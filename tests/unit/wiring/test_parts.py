"""From settings to parts: which geocoders are asked, in which order, and what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from matcher.domain.place import BoundingBox, Coordinate, GeocodedPlace
from matcher.geocoding.gazetteer.gazetteer import Gazetteer
from matcher.geocoding.network.providers import PROVIDERS
from matcher.settings.all import GeocodingSettings, SettingsInvalid, StorageSettings
from matcher.wiring.parts import make_geocoder, secret

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


async def test_a_given_secret_is_used_and_a_missing_one_is_made_and_kept(tmp_path: Path) -> None:
    made = await secret(None, tmp_path, "match_secret")
    assert made == await secret(None, tmp_path, "match_secret")
    assert (tmp_path / "secrets" / "match_secret").exists()


def test_a_subfolder_nobody_chose_still_counts_as_not_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CARPOOL_DATA_DIR", raising=False)
    monkeypatch.setenv("CARPOOL_DATABASE_URL", "postgresql://u:p@db/x")
    default = StorageSettings().embedded_below("demo")
    assert (default.data_dir, default.database_url) == (Path(".carpool/demo"), None)
    assert default.data_dir_is_default
    assert not StorageSettings(data_dir=tmp_path).embedded_below("demo").data_dir_is_default
