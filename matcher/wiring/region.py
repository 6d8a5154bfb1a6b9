"""Opens the region that is served: at start, and again when a new version of it lies on disk."""

from __future__ import annotations

import asyncio
import importlib.resources
from collections.abc import Hashable
from concurrent.futures import Executor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

import tzfpy

from matcher.domain.money import CostRate
from matcher.domain.place import BoundingBox, Coordinate
from matcher.geocoding.chain import ChainGeocoder
from matcher.geocoding.counted import CountedGeocoder
from matcher.geocoding.gazetteer.gazetteer import Gazetteer
from matcher.geocoding.gazetteer.offline import OfflineGeocoder
from matcher.geocoding.geocoder import Geocoder
from matcher.geocoding.network.backoff import Backoff
from matcher.geocoding.network.cache_store import PostgresGeocodeCache
from matcher.geocoding.network.cached import CachedGeocoder, GeocodeCache
from matcher.geocoding.network.geocoder import Access, NetworkGeocoder
from matcher.geocoding.network.providers import PROVIDERS
from matcher.matching.index.by_time import OfferIndexByTime
from matcher.money.cost_rates import RATES
from matcher.money.cost_sharing import CostSharing
from matcher.operation.telemetry import QUIET, Telemetry
from matcher.places.public_places import PublicPlaces
from matcher.places.resolve import ResolvePlaces
from matcher.postgres.pool import Database
from matcher.progress import Progress, no_progress
from matcher.roads.by_time import RoadEngines, roads_by_time
from matcher.roads.foot.meeting_points import MeetingPoints
from matcher.roads.foot.walking import Walks
from matcher.roads.region.store import SAMPLE_NAME, Region, RegionStore, ensure_sample
from matcher.search.live.load import LoadOffers
from matcher.search.live.region import ServedRegion
from matcher.settings.all import Settings
from matcher.settings.base import PREFIX, SettingsInvalid
from matcher.settings.matching import CostSettings
from matcher.settings.roads import GeocodingSettings
from matcher.trips.offers.store import PostgresOffers
from matcher.wiring.warm import exercise


@dataclass(frozen=True, eq=False)
class LoadedRegion:
    """The roads that are served, warm, and the addresses along them."""

    roads: RoadEngines
    gazetteer: Gazetteer
    box: BoundingBox
    meeting_points: MeetingPoints


class RegionOpener:
    """Opens the region of the settings as often as asked; whatever it has opened is closed with the stack."""

    def __init__(
        self, settings: Settings, stack: AsyncExitStack, pool: Database, executor: Executor, telemetry: Telemetry
    ) -> None:
        self._settings = settings
        self._stack = stack
        self._offers = PostgresOffers(pool)
        self._cache = PostgresGeocodeCache(pool)
        self._executor = executor
        self._telemetry = telemetry
        self._store = RegionStore(settings.storage.data_dir)
        self._cost_sharing: CostSharing | None = None

    @property
    def cost_sharing(self) -> CostSharing:
        """Prices in the region that was opened first."""
        assert self._cost_sharing is not None, "nothing was opened yet"
        return self._cost_sharing

    def look(self) -> Hashable:
        """The state on disk: equal as long as nobody has added the region again or changed its places or speeds."""
        return self._store.stamp(self._settings.roads.region)

    async def first(self, progress: Progress) -> tuple[ServedRegion, Hashable]:
        """At start, with the state on disk then; the bundled region is imported when it is missing.

        Raises RegionNotFound, RegionFileInvalid.
        """
        await asyncio.to_thread(import_region, self._settings, progress)
        # Before the region is opened: a newer one that arrives meanwhile is noticed later.
        on_disk = await asyncio.to_thread(self.look)
        region = await asyncio.to_thread(load_region, self._settings, progress)
        self._cost_sharing = await asyncio.to_thread(cost_sharing, self._settings.cost, region.box)
        return self._served(region), on_disk

    async def again(self) -> ServedRegion:
        """The version on disk now. Raises RegionNotFound, RegionFileInvalid; what was opened before stays usable."""
        return self._served(await asyncio.to_thread(self._read))

    def _read(self) -> LoadedRegion:
        return read_region(self._store.get(self._settings.roads.region))

    def _served(self, region: LoadedRegion) -> ServedRegion:
        roads, rate = region.roads, self.cost_sharing.rate
        geocoder = make_geocoder(
            self._settings.geocoding, region.gazetteer, region.box, self._executor, self._cache, self._telemetry
        )
        self._stack.push_async_callback(geocoder.close)
        snap_limit_m = self._settings.roads.snap_limit_m
        public = PublicPlaces(roads) if roads.allowance_ms else None
        places = ResolvePlaces(roads, geocoder, self._executor, snap_limit_m=snap_limit_m, public=public)
        return ServedRegion(
            roads=roads,
            geocoder=geocoder,
            meeting_points=region.meeting_points,
            resolve_places=places,
            load=LoadOffers(self._offers, roads, places, self._executor),
            rate=rate,
            make_index=lambda: OfferIndexByTime(roads, rate),
            index=OfferIndexByTime(roads, rate),
        )


def import_region(settings: Settings, progress: Progress = no_progress) -> None:
    """Import the bundled region when it is the one of the settings and missing. Blocks for seconds."""
    if settings.roads.region == SAMPLE_NAME:
        ensure_sample(RegionStore(settings.storage.data_dir), progress, settings.roads.public_point_spacing_m)


def open_region(settings: Settings, progress: Progress = no_progress) -> Region:
    """The region of the settings; the bundled one is imported when it is missing. Blocks for seconds, or longer."""
    import_region(settings, progress)
    progress("opening the roads")
    return RegionStore(settings.storage.data_dir).get(settings.roads.region)


def load_region(settings: Settings, progress: Progress = no_progress) -> LoadedRegion:
    """The region of the settings, ready to be searched. Blocks."""
    return read_region(open_region(settings, progress), progress)


def read_region(region: Region, progress: Progress = no_progress) -> LoadedRegion:
    """An opened region, ready to be searched. Blocks. Raises RegionFileInvalid when what was added to it is damaged."""
    roads = roads_of(region)
    progress("loading the addresses")
    gazetteer = Gazetteer.open(region.places_path)
    progress("placing the meeting points")
    meeting_points = meeting_points_of(region)
    progress("warming up")
    exercise(roads.slots[0], meeting_points)
    return LoadedRegion(roads, gazetteer, region.manifest.bbox, meeting_points)


def roads_of(region: Region) -> RoadEngines:
    """The roads of a region at every hour, under its speed profile."""
    return roads_by_time(
        region.name, region.fingerprint, region.network, region.topology, region.speed_profile, centre_of(region)
    )


def meeting_points_of(region: Region) -> MeetingPoints:
    """Where riders who walk can be met."""
    return MeetingPoints(region.network, Walks(region.walk_network), region.meeting_places)


def centre_of(region: Region) -> Coordinate:
    """The centre of the region's box, which sets its time zone."""
    box = region.manifest.bbox
    return Coordinate(lat=(box.south + box.north) / 2, lon=(box.west + box.east) / 2)


def cost_sharing(settings: CostSettings, box: BoundingBox) -> CostSharing:
    """Prices under the rate of the settings, or that of the country at the region's centre. Reads a file."""
    if settings.cost_per_km is not None and settings.cost_currency is not None:
        return CostSharing(CostRate(settings.cost_per_km, settings.cost_currency, settings.cost_source))
    return CostSharing(RATES.get(country_at((box.south + box.north) / 2, (box.west + box.east) / 2) or ""))


def country_at(lat: float, lon: float) -> str | None:
    """The country (ISO 3166-1 alpha-2) by time zone; None at sea. Near a border it may be the neighbour."""
    zone = tzfpy.get_tz(lon, lat)
    table = importlib.resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        fields = line.split("\t")
        if len(fields) >= 3 and fields[2] == zone:
            return fields[0]
    return None


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
