"""Wires the geocoders of the settings into one chain."""

from __future__ import annotations

from concurrent.futures import Executor
from datetime import timedelta

from matcher.domain.place import BoundingBox
from matcher.geocoding.chain import ChainGeocoder
from matcher.geocoding.counted import CountedGeocoder
from matcher.geocoding.gazetteer.gazetteer import Gazetteer
from matcher.geocoding.gazetteer.offline import OfflineGeocoder
from matcher.geocoding.geocoder import Geocoder
from matcher.geocoding.network.backoff import Backoff
from matcher.geocoding.network.cached import CachedGeocoder, GeocodeCache
from matcher.geocoding.network.geocoder import Access, NetworkGeocoder
from matcher.geocoding.network.providers import PROVIDERS
from matcher.operation.telemetry import QUIET, Telemetry
from matcher.settings.base import PREFIX, SettingsInvalid
from matcher.settings.roads import GeocodingSettings


def make_geocoder(
    geocoding: GeocodingSettings,
    gazetteer: Gazetteer,
    box: BoundingBox,
    executor: Executor,
    cache: GeocodeCache | None,
    telemetry: Telemetry = QUIET,
) -> ChainGeocoder:
    """The chain of the settings; network geocoders answer within the box only, and through the cache when there is one.

    Call it on the event loop that will use it. Raises SettingsInvalid when a geocoder lacks a setting it needs.
    """
    chain: list[Geocoder] = []
    for name in geocoding.geocoder_names:
        if name == "gazetteer":
            chain.append(CountedGeocoder(OfflineGeocoder(gazetteer, executor=executor), name, telemetry))
            continue
        network = CountedGeocoder(_network_geocoder(geocoding, name, box), name, telemetry)
        kept_for = timedelta(days=geocoding.geocoder_cache_days)
        if cache is not None:
            chain.append(CachedGeocoder(network, name, cache, ttl=kept_for, telemetry=telemetry))
        else:
            chain.append(network)
    return ChainGeocoder(chain)


def _network_geocoder(geocoding: GeocodingSettings, name: str, box: BoundingBox) -> NetworkGeocoder:
    key = getattr(geocoding, f"{name}_api_key") if PROVIDERS[name].takes_key else None
    try:
        access = Access(
            user_agent=geocoding.geocoder_user_agent,
            domain=getattr(geocoding, f"{name}_domain"),
            scheme=geocoding.geocoder_scheme,
            api_key=None if key is None else key.get_secret_value(),
            timeout_s=geocoding.geocoder_timeout_s,
            min_delay_s=geocoding.geocoder_interval_s,
            backoff=Backoff(attempts=geocoding.geocoder_attempts),
        )
        return NetworkGeocoder(PROVIDERS[name], access, box)
    except ValueError as error:
        raise SettingsInvalid(f"{PREFIX}GEOCODERS names {name}, which cannot be used: {error}") from error
