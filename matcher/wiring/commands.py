"""What single commands need of the service, wired: only that, and opened only as long as the command runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime

from matcher.check.bookings import PostgresBookingLedger
from matcher.check.plain_dijkstra import PlainDijkstraByTime
from matcher.check.promises import CheckPromises, WalkingSearches
from matcher.check.store import PostgresStoredOffers
from matcher.domain.match import MatchRequest
from matcher.geocoding.gazetteer.gazetteer import Gazetteer
from matcher.geocoding.geocoder import Geocoder
from matcher.matching.index.by_time import OfferIndexByTime
from matcher.matching.pipeline import Candidate, find_candidates_by_time
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from matcher.places.where_to_meet import MeetingPlaces, WhereToMeet
from matcher.progress import Progress, no_progress
from matcher.settings.all import MatchingSettings, Settings
from matcher.wiring.cost import cost_sharing
from matcher.wiring.parts import (
    centre_of,
    compute_threads,
    make_geocoder,
    meeting_points_of,
    open_region,
    opened_database,
    roads_of,
)


@asynccontextmanager
async def promise_checks(settings: Settings, *, progress: Progress = no_progress) -> AsyncIterator[CheckPromises]:
    """Only what recomputing promises needs: the database, which is read and not migrated, the roads, and an index of its own."""
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

        def search(request: MatchRequest, now: datetime, limit: int) -> Sequence[Candidate]:
            return search_at(request, MeetingPlaces(), now, limit)

        def search_at(request: MatchRequest, places: MeetingPlaces, now: datetime, limit: int) -> Sequence[Candidate]:
            query = Query.of(request, now, *places.in_core())
            return find_candidates_by_time(index.snapshot(request.rider_id), query, weights, limit).best

        yield CheckPromises(
            PostgresStoredOffers(database.pool),
            PlainDijkstraByTime.of(region.network, region.speed_profile, centre_of(region)),
            index,
            search,
            executor,
            region=region.name,
            fingerprint=roads.fingerprint,
            bookings=PostgresBookingLedger(database.pool),
            walking=WalkingSearches(WhereToMeet(roads, meeting_points), search_at, weights.prices),
        )


@asynccontextmanager
async def geocoding(settings: Settings, *, progress: Progress = no_progress) -> AsyncIterator[Geocoder]:
    """Only what looking up addresses needs; without the database nothing is cached."""
    async with AsyncExitStack() as stack:
        executor = compute_threads(stack, settings.matching.threads)
        region = await asyncio.to_thread(open_region, settings, progress)
        progress("loading the addresses")
        gazetteer = await asyncio.to_thread(Gazetteer.open, region.places_path)
        geocoder = make_geocoder(settings.geocoding, gazetteer, region.manifest.bbox, executor, None)
        stack.push_async_callback(geocoder.close)
        yield geocoder


def score_weights(matching: MatchingSettings) -> ScoreWeights:
    """The weights and ceilings of the settings."""
    return ScoreWeights(
        detour=matching.weight_detour,
        overlap=matching.weight_overlap,
        time=matching.weight_time,
        walk=matching.weight_walk,
        preferences=matching.weight_preferences,
        price=matching.weight_price,
        detour_ceiling_s=matching.detour_ceiling_s,
        time_ceiling_s=matching.time_ceiling_s,
        walk_ceiling_s=matching.walk_ceiling_s,
    )
