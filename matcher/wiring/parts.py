"""How each part is had from the settings: database, roads, addresses, threads, secrets."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Executor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from matcher.domain.place import BoundingBox, Coordinate
from matcher.geocoding.chain import ChainGeocoder
from matcher.geocoding.counted import CountedGeocoder
from matcher.geocoding.gazetteer.gazetteer import Gazetteer
from matcher.geocoding.gazetteer.offline import OfflineGeocoder
from matcher.geocoding.geocoder import Geocoder
from matcher.geocoding.network.backoff import Backoff
from matcher.geocoding.network.cached import CachedGeocoder, GeocodeCache
from matcher.geocoding.network.geocoder import Access, NetworkGeocoder
from matcher.geocoding.network.providers import PROVIDERS
from matcher.operation.compute_threads import ComputeThreads
from matcher.operation.telemetry import QUIET, Telemetry
from matcher.people.credentials.secret_file import find_secret, read_or_make_secret
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.migrations import check_schema, migrate
from matcher.postgres.pool import Database
from matcher.progress import Progress, no_progress
from matcher.roads.by_time import RoadsByTime, roads_by_time
from matcher.roads.foot.meeting_points import MeetingPoints
from matcher.roads.foot.walking import Walks
from matcher.roads.region.store import SAMPLE_NAME, Region, RegionStore, ensure_sample
from matcher.settings.all import GeocodingSettings, Settings, SettingsInvalid
from matcher.settings.base import PREFIX
from matcher.wiring.warm import exercise

T = TypeVar("T")


@dataclass(frozen=True)
class OpenDatabase:
    """A pool on a migrated database, the URL to hear of changes by, and `start_again` when the server is ours and may have died."""

    pool: Database
    direct_url: str
    start_again: Callable[[], Coroutine[Any, Any, object]] | None


@asynccontextmanager
async def opened_database(settings: Settings, *, progress: Progress = no_progress) -> AsyncIterator[OpenDatabase]:
    """The database of the settings: started when it is the embedded one, migrated unless that is turned off, connected.

    Raises DatabaseUnavailable, and InvalidField when the embedded server cannot live in the data folder.
    """
    async with AsyncExitStack() as stack:
        url, start_again = await _database_url(stack, settings, progress)
        if settings.storage.migrate_on_start:
            await migrate(url, newer_allowed=settings.storage.newer_schema_allowed, progress=progress)
        else:
            await check_schema(url, newer_allowed=settings.storage.newer_schema_allowed)
        pool = await Database.open(
            url,
            min_size=min(settings.storage.database_pool_min, settings.storage.database_pool_max),
            max_size=settings.storage.database_pool_max,
            command_timeout_s=settings.storage.database_timeout_s,
            statement_cache_size=0 if settings.storage.database_transaction_pooler else 100,
        )
        stack.push_async_callback(pool.close)
        direct = settings.storage.database_direct_url
        yield OpenDatabase(pool, url if direct is None else direct.get_secret_value(), start_again)


@asynccontextmanager
async def database_url(settings: Settings, *, progress: Progress = no_progress) -> AsyncIterator[str]:
    """The URL of the settings' database, whose server runs while the block does; nothing is migrated."""
    async with AsyncExitStack() as stack:
        url, _ = await _database_url(stack, settings, progress)
        yield url


async def _database_url(
    stack: AsyncExitStack, settings: Settings, progress: Progress
) -> tuple[str, Callable[[], Coroutine[Any, Any, object]] | None]:
    storage = settings.storage
    if storage.database_url is not None:
        return storage.database_url.get_secret_value(), None
    progress("starting the embedded database")
    server = EmbeddedPostgres(
        storage.data_dir,
        data_dir_is_default=storage.data_dir_is_default,
        progress=progress,
    )
    stack.push_async_callback(_to_the_end, server.stop)
    return await _to_the_end(server.start), functools.partial(_to_the_end, server.start)


def open_region(settings: Settings, progress: Progress = no_progress) -> Region:
    """The region of the settings; the bundled one is imported when it is missing. Blocks for seconds, or longer."""
    import_region(settings, progress)
    progress("opening the roads")
    return RegionStore(settings.storage.data_dir).get(settings.roads.region)


def import_region(settings: Settings, progress: Progress = no_progress) -> None:
    """The bundled region, when it is the one of the settings and missing; any other is for people to add. Blocks for seconds."""
    if settings.roads.region == SAMPLE_NAME:
        ensure_sample(RegionStore(settings.storage.data_dir), progress)


@dataclass(frozen=True, eq=False)
class LoadedRegion:
    """The roads that are served, warm, and the addresses along them."""

    roads: RoadsByTime
    gazetteer: Gazetteer
    box: BoundingBox
    meeting_points: MeetingPoints


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


def roads_of(region: Region) -> RoadsByTime:
    """The roads of a region at every hour, under the speed profile that it was given."""
    return roads_by_time(
        region.name, region.fingerprint, region.network, region.topology, region.speed_profile, centre_of(region)
    )


def meeting_points_of(region: Region) -> MeetingPoints:
    """Where riders who walk can be met."""
    return MeetingPoints(region.network, Walks(region.walk_network), region.meeting_places)


def centre_of(region: Region) -> Coordinate:
    """The middle of the region's box, by whose clocks it lives."""
    box = region.manifest.bbox
    return Coordinate(lat=(box.south + box.north) / 2, lon=(box.west + box.east) / 2)


def make_geocoder(
    geocoding: GeocodingSettings,
    gazetteer: Gazetteer,
    box: BoundingBox,
    executor: Executor,
    cache: GeocodeCache | None,
    telemetry: Telemetry = QUIET,
) -> ChainGeocoder:
    """The chain of the settings; answers of network geocoders stay within the box, and are kept in the cache when there is one.

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


def compute_threads(stack: AsyncExitStack, threads: int) -> ComputeThreads:
    """Threads for what computes; they end with the stack, after the work that they were given."""
    executor = ComputeThreads(threads)
    stack.push_async_callback(asyncio.to_thread, executor.shutdown)
    return executor


async def secret(given: SecretStr | None, data_dir: Path, name: str) -> bytes:
    """The secret that was given, or the one kept in the data folder, made when there is none. Raises SecretUnusable."""
    if given is not None:
        return given.get_secret_value().encode("utf-8")
    return await asyncio.to_thread(read_or_make_secret, data_dir / "secrets" / name)


def other_secret(given: SecretStr | None) -> tuple[bytes, ...]:
    """What is believed beside the secret in use: the setting as its text, and as the bytes that its digits stand for.

    So a secret that was a file until now can be named by what the file holds.
    """
    if given is None:
        return ()
    text = given.get_secret_value()
    from_file = find_secret(text)
    return (text.encode("utf-8"), *(() if from_file is None else (from_file,)))


async def _to_the_end(work: Callable[[], T]) -> T:
    """Run something that blocks in a thread; when cancelled, wait for it all the same, so that nothing is left half started."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # looked at: whoever cancelled does not want to know
        raise
