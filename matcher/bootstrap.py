"""The composition root: from settings to wired services, and back to nothing, in reverse."""

from __future__ import annotations

import asyncio
import functools
import importlib.metadata
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import uuid_utils.compat
from pydantic import SecretStr

from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.geocoding.gazetteer import Gazetteer
from matcher.matching.index import OfferIndex
from matcher.matching.scoring import ScoreWeights
from matcher.roads.engine import RoadEngine
from matcher.roads.regions import SAMPLE_NAME, Region, RegionStore, ensure_sample
from matcher.secret_file import read_or_make_secret
from matcher.services.api_keys import ApiKeys
from matcher.services.authenticate import Authenticate
from matcher.services.cancel_offer import CancelOffer
from matcher.services.change_offer import ChangeOffer
from matcher.services.check_health import CheckHealth
from matcher.services.describe_route import DescribeRoute
from matcher.services.expire_offers import ExpireOffers
from matcher.services.find_matches import CarbonFactor, FindMatches
from matcher.services.load_offers import LoadOffers
from matcher.services.look_up_places import LookUpPlaces
from matcher.services.manage_keys import ManageKeys
from matcher.services.match_tokens import MatchTokens
from matcher.services.offer_writer import OfferWriter
from matcher.services.ports import Geocoder, Progress, no_progress
from matcher.services.publish_offer import PublishOffer
from matcher.services.read_offers import ReadOffers
from matcher.services.resolve_places import ResolvePlaces
from matcher.settings import MatchingSettings, Settings
from matcher.storage.api_keys import PostgresApiKeys
from matcher.storage.embedded import EmbeddedPostgres
from matcher.storage.geocode_cache import PostgresGeocodeCache
from matcher.storage.migrations import check_schema, migrate
from matcher.storage.offers import PostgresOffers
from matcher.storage.pool import Database
from matcher.warm import exercise
from matcher.workers.database_watch import run_database_watch
from matcher.workers.expiry import run_expiry
from matcher.workers.housekeeping import run_housekeeping
from matcher.workers.settling import run_settling

T = TypeVar("T")

_DISTRIBUTION = "carpool-matcher"


@dataclass(frozen=True)
class Carpool:
    """The wired application: one callable for each thing that can be asked of it."""

    settings: Settings
    publish_offer: PublishOffer
    change_offer: ChangeOffer
    cancel_offer: CancelOffer
    read_offers: ReadOffers
    describe_route: DescribeRoute
    find_matches: FindMatches
    look_up_places: LookUpPlaces
    authenticate: Authenticate
    manage_keys: ManageKeys
    check_health: CheckHealth


@dataclass(frozen=True)
class OpenDatabase:
    """A pool on a migrated database; `start_again` when the server is ours and may have died."""

    pool: Database
    start_again: Callable[[], Coroutine[Any, Any, object]] | None


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@asynccontextmanager
async def running(settings: Settings, *, progress: Progress | None = None) -> AsyncIterator[Carpool]:
    """The service, loaded and with its workers beside it, until the block ends.

    Raises what each part raises when it cannot be had: DatabaseUnavailable, RegionNotFound, RegionFileInvalid, SecretUnusable.
    """
    report = no_progress if progress is None else progress
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened_database(settings, progress=report))
        executor = _compute_threads(stack, settings.matching.threads)
        engine, geocoder = await _open_region(settings, executor, report)
        offers = PostgresOffers(database.pool)
        index = OfferIndex(engine)
        resolve_places = ResolvePlaces(engine, geocoder, executor, snap_limit_m=settings.roads.snap_limit_m)
        await LoadOffers(offers, index, engine, resolve_places, executor)(utc_now(), report)

        writer = OfferWriter(offers, index)
        stack.push_async_callback(writer.drain)
        key_store = PostgresApiKeys(database.pool)
        api_keys = ApiKeys(await _secret(settings.keys.key_pepper, settings.storage.data_dir, "key_pepper"))
        authenticate = Authenticate(key_store, api_keys, remember_for=timedelta(seconds=settings.keys.key_cache_s))
        stack.push_async_callback(authenticate.drain)
        horizon = timedelta(days=settings.offers.offer_horizon_days)
        tokens = MatchTokens(
            await _secret(settings.matching.match_secret, settings.storage.data_dir, "match_secret"),
            timedelta(seconds=settings.matching.match_lifetime_s),
        )
        workers = [
            run_expiry(ExpireOffers(offers, index), every_s=settings.offers.expiry_interval_s, clock=utc_now),
            run_settling(writer, clock=utc_now),
            run_housekeeping(offers, PostgresGeocodeCache(database.pool), clock=utc_now),
        ]
        if database.start_again is not None:
            workers.append(run_database_watch(database.pool.ping, database.start_again, clock=utc_now))
        await stack.enter_async_context(_in_background(workers))
        yield Carpool(
            settings=settings,
            publish_offer=PublishOffer(offers, writer, engine, resolve_places, make_id=_uuid7, horizon=horizon),
            change_offer=ChangeOffer(offers, writer, engine, resolve_places, horizon=horizon),
            cancel_offer=CancelOffer(offers, writer),
            read_offers=ReadOffers(offers),
            describe_route=DescribeRoute(engine, executor),
            find_matches=FindMatches(
                offers,
                index,
                engine,
                resolve_places,
                executor,
                tokens=tokens,
                weights=score_weights(settings.matching),
                carbon=CarbonFactor(settings.matching.carbon_g_per_km, settings.matching.carbon_source),
            ),
            look_up_places=LookUpPlaces(geocoder),
            authenticate=authenticate,
            manage_keys=ManageKeys(key_store, api_keys),
            check_health=CheckHealth({"database": database.pool.ping}, engine, index, version=version()),
        )


@asynccontextmanager
async def key_management(settings: Settings, *, progress: Progress | None = None) -> AsyncIterator[ManageKeys]:
    """Only what API keys need: the database, shared with a service that runs on it, and the pepper."""
    async with opened_database(settings, progress=progress) as database:
        pepper = await _secret(settings.keys.key_pepper, settings.storage.data_dir, "key_pepper")
        yield ManageKeys(PostgresApiKeys(database.pool), ApiKeys(pepper))


@asynccontextmanager
async def opened_database(settings: Settings, *, progress: Progress | None = None) -> AsyncIterator[OpenDatabase]:
    """The database of the settings: started when it is the embedded one, migrated unless that is turned off, connected.

    Raises DatabaseUnavailable, and InvalidField when the embedded server cannot live in the data folder.
    """
    report = no_progress if progress is None else progress
    async with AsyncExitStack() as stack:
        url, start_again = await _database_url(stack, settings, report)
        if settings.storage.migrate_on_start:
            await migrate(url, progress=report)
        else:
            await check_schema(url)
        pool = await Database.open(
            url,
            min_size=min(settings.storage.database_pool_min, settings.storage.database_pool_max),
            max_size=settings.storage.database_pool_max,
            command_timeout_s=settings.storage.database_timeout_s,
            statement_cache_size=0 if settings.storage.database_transaction_pooler else 100,
        )
        stack.push_async_callback(pool.close)
        yield OpenDatabase(pool, start_again)


@asynccontextmanager
async def database_url(settings: Settings, *, progress: Progress | None = None) -> AsyncIterator[str]:
    """The URL of the settings' database, whose server runs while the block does; nothing is migrated."""
    async with AsyncExitStack() as stack:
        url, _ = await _database_url(stack, settings, no_progress if progress is None else progress)
        yield url


async def _database_url(
    stack: AsyncExitStack, settings: Settings, report: Progress
) -> tuple[str, Callable[[], Coroutine[Any, Any, object]] | None]:
    storage = settings.storage
    if storage.database_url is not None:
        return storage.database_url.get_secret_value(), None
    report("starting the embedded database")
    server = EmbeddedPostgres(
        storage.data_dir,
        data_dir_is_default="data_dir" not in storage.model_fields_set,
        progress=report,
    )
    stack.push_async_callback(_to_the_end, server.stop)
    return await _to_the_end(server.start), functools.partial(_to_the_end, server.start)


@asynccontextmanager
async def geocoding(settings: Settings, *, progress: Progress | None = None) -> AsyncIterator[Geocoder]:
    """Only what looking up addresses needs."""
    async with AsyncExitStack() as stack:
        executor = _compute_threads(stack, settings.matching.threads)
        region = await asyncio.to_thread(open_region, settings, no_progress if progress is None else progress)
        yield await asyncio.to_thread(_geocoder, region, executor)


def open_region(settings: Settings, progress: Progress = no_progress) -> Region:
    """The region of the settings; the bundled one is imported when it is missing. Blocks for seconds, or longer."""
    name = settings.roads.region
    store = RegionStore(settings.storage.data_dir)
    if name == SAMPLE_NAME:
        ensure_sample(store, lambda phase, done, total: progress(phase, done / total if total else None))
    progress("opening the roads")
    return store.get(name)


def score_weights(matching: MatchingSettings) -> ScoreWeights:
    """The weights and ceilings of the settings."""
    return ScoreWeights(
        detour=matching.weight_detour,
        overlap=matching.weight_overlap,
        time=matching.weight_time,
        walk=matching.weight_walk,
        preferences=matching.weight_preferences,
        detour_ceiling_s=matching.detour_ceiling_s,
        time_ceiling_s=matching.time_ceiling_s,
        walk_ceiling_s=matching.walk_ceiling_s,
    )


@functools.cache
def version() -> str:
    """The version of this software; "0" when it runs without being installed."""
    try:
        return importlib.metadata.version(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "0"


async def _open_region(settings: Settings, executor: Executor, report: Progress) -> tuple[RoadEngine, Geocoder]:
    loop = asyncio.get_running_loop()

    def load() -> tuple[RoadEngine, Geocoder]:
        version()  # reads files, which the event loop must not
        region = open_region(settings, report)
        engine = RoadEngine(region.name, region.fingerprint, region.network, region.topology)
        report("loading the addresses")
        geocoder = _geocoder(region, executor)
        report("warming up")
        exercise(engine)
        return engine, geocoder

    return await loop.run_in_executor(executor, load)


def _compute_threads(stack: AsyncExitStack, threads: int) -> ThreadPoolExecutor:
    executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="compute")
    stack.push_async_callback(asyncio.to_thread, executor.shutdown)
    return executor


async def _secret(given: SecretStr | None, data_dir: Path, name: str) -> bytes:
    if given is not None:
        return given.get_secret_value().encode("utf-8")
    return await asyncio.to_thread(read_or_make_secret, data_dir / "secrets" / name)


@asynccontextmanager
async def _in_background(loops: Sequence[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Loops that run while the block does."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _to_the_end(work: Callable[[], T]) -> T:
    """Run something that blocks in a thread; when cancelled, wait for it all the same, so that nothing is left half started."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _uuid7() -> UUID:
    return uuid_utils.compat.uuid7()


class _Offline:
    """The gazetteer behind the geocoder's port: its few milliseconds of work are done in the executor."""

    def __init__(self, gazetteer: Gazetteer, executor: Executor) -> None:
        self._gazetteer = gazetteer
        self._executor = executor

    async def geocode(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        return await self._run(lambda: self._gazetteer.candidates(text, limit=limit, near=near))

    async def resolve(self, text: str, *, near: Coordinate | None = None) -> GeocodedPlace:
        return await self._run(lambda: self._gazetteer.resolve(text, near=near))

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        return await self._run(lambda: self._gazetteer.describe(coordinate))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def _geocoder(region: Region, executor: Executor) -> Geocoder:
    return _Offline(Gazetteer.open(region.places_path), executor)
