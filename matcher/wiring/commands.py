"""Wires single commands: only what each needs, open only as long as the command runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime

from matcher.check.bookings import PostgresBookingLedger
from matcher.check.plain_dijkstra import PlainDijkstraByTime
from matcher.check.promises import CheckPromises, Searches
from matcher.check.store import PostgresStoredOffers
from matcher.domain.match import MatchRequest
from matcher.events.webhooks.deliveries import PostgresDeliveries
from matcher.geocoding.gazetteer.gazetteer import Gazetteer
from matcher.geocoding.geocoder import Geocoder
from matcher.matching.index.by_time import OfferIndexByTime
from matcher.matching.pipeline import Candidate, find_candidates_by_time
from matcher.matching.scan.query import Query
from matcher.people.credentials.api_keys import ApiKeys
from matcher.people.credentials.manage_keys import ManageKeys
from matcher.people.credentials.store import PostgresApiKeys
from matcher.places.where_to_meet import MeetingPlaces, WhereToMeet
from matcher.postgres.pool import Database
from matcher.progress import Progress, no_progress
from matcher.settings.all import Settings
from matcher.statistics.read import ReadStatistics
from matcher.statistics.store import PostgresStatistics
from matcher.wiring.database import opened_database
from matcher.wiring.ground import compute_threads
from matcher.wiring.region import (
    centre_of,
    cost_sharing,
    load_region,
    make_geocoder,
    meeting_points_of,
    open_region,
    roads_of,
)
from matcher.wiring.search import score_weights
from matcher.wiring.secrets import read_key_pepper, read_secrets


@asynccontextmanager
async def promise_checks(settings: Settings, *, progress: Progress = no_progress) -> AsyncIterator[CheckPromises]:
    """Recomputes promises from the database, which is read and not migrated, the roads, and an index of its own."""
    reading = replace(settings, storage=settings.storage.model_copy(update={"migrate_on_start": False}))
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened_database(reading, progress=progress))
        executor = compute_threads(stack, settings.matching.threads)
        region = await asyncio.to_thread(open_region, settings, progress)
        progress("preparing the roads")
        roads = await asyncio.to_thread(roads_of, region)
        meeting_points = await asyncio.to_thread(meeting_points_of, region)
        sharing = await asyncio.to_thread(cost_sharing, settings.cost, region.manifest.bbox)
        index = OfferIndexByTime(roads, sharing.rate)
        weights = score_weights(settings.matching)

        def find(request: MatchRequest, places: MeetingPlaces, now: datetime, limit: int) -> Sequence[Candidate]:
            query = Query.of(request, now, *places.in_core())
            return find_candidates_by_time(index.snapshot(request.rider_id), query, weights, limit).best

        yield CheckPromises(
            PostgresStoredOffers(database.pool),
            PlainDijkstraByTime.of(region.network, region.speed_profile, centre_of(region)),
            Searches(index, find, WhereToMeet(roads, meeting_points), weights.prices),
            executor,
            region=region.name,
            fingerprint=roads.fingerprint,
            bookings=PostgresBookingLedger(database.pool),
        )


@asynccontextmanager
async def geocoding(settings: Settings, *, progress: Progress = no_progress) -> AsyncIterator[Geocoder]:
    """Looks up addresses; without the database nothing is cached."""
    async with AsyncExitStack() as stack:
        executor = compute_threads(stack, settings.matching.threads)
        region = await asyncio.to_thread(open_region, settings, progress)
        progress("loading the addresses")
        gazetteer = await asyncio.to_thread(Gazetteer.open, region.places_path)
        geocoder = make_geocoder(settings.geocoding, gazetteer, region.manifest.bbox, executor, None)
        stack.push_async_callback(geocoder.close)
        yield geocoder


@asynccontextmanager
async def prepared(settings: Settings, *, progress: Progress = no_progress) -> AsyncIterator[None]:
    """Makes once what all processes of a service need: the migrated database, which stays up until the block ends, the
    region, the compiled kernels, the secrets. Raises what `running` raises."""
    async with opened_database(settings, progress=progress) as database:
        await asyncio.to_thread(load_region, settings, progress)
        await read_secrets(settings)
        await database.pool.close()
        yield


@asynccontextmanager
async def key_management(settings: Settings, *, progress: Progress = no_progress) -> AsyncIterator[ManageKeys]:
    """Manages API keys in the database, which a running service may share."""
    async with opened_database(settings, progress=progress) as database:
        pepper = await read_key_pepper(settings)
        prefix = settings.tokens.jwt_user_prefix
        yield ManageKeys(PostgresApiKeys(database.pool), ApiKeys(pepper.own), token_prefix=prefix)


@asynccontextmanager
async def delivery_management(
    settings: Settings, *, progress: Progress = no_progress
) -> AsyncIterator[PostgresDeliveries]:
    """Deliveries in the database, which a running service may share."""
    async with opened_database(settings, progress=progress) as database:
        yield PostgresDeliveries(database.pool)


@asynccontextmanager
async def statistics_reading(settings: Settings, *, progress: Progress = no_progress) -> AsyncIterator[ReadStatistics]:
    """Reads statistics from the database, which a running service may share."""
    async with opened_database(settings, progress=progress) as database:
        yield make_read_statistics(settings, database.pool)


def make_read_statistics(settings: Settings, pool: Database) -> ReadStatistics:
    """Answers questions about the past of the region of the settings."""
    least = settings.statistics.stats_least_in_cell
    return ReadStatistics(PostgresStatistics(pool), settings.roads.region, least_in_cell=least)
