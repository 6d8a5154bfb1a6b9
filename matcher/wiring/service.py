"""The composition root: from settings to wired services, and back to nothing, in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import uuid_utils.compat

from matcher.geocoding.network.cache_store import PostgresGeocodeCache
from matcher.money.carbon import CarbonFactor
from matcher.money.cost_sharing import CostSharing
from matcher.operation.health import CheckHealth
from matcher.operation.jobs.database_watch import run_database_watch
from matcher.operation.jobs.housekeeping import run_housekeeping
from matcher.operation.jobs.loop import in_background
from matcher.operation.telemetry import QUIET, Telemetry
from matcher.people.credentials.api_keys import ApiKeys
from matcher.people.credentials.authenticate import Authenticate
from matcher.people.credentials.manage_keys import ManageKeys
from matcher.people.credentials.store import PostgresApiKeys
from matcher.places.look_up import LookUpPlaces
from matcher.places.route import DescribeRoute
from matcher.places.where_to_meet import WhereToMeet
from matcher.postgres.change_feed import PostgresChangeFeed
from matcher.progress import Progress, no_progress
from matcher.search.describe import DescribeMatches
from matcher.search.find import FindMatches
from matcher.search.live.follow import CheckLag, FollowChanges
from matcher.search.live.job import run_change_feed
from matcher.search.live.region import LiveOffers, ServedRegion
from matcher.search.live.renew import RenewRegion
from matcher.search.live.watch import RegionWatch
from matcher.search.requests.store import NOTHING_SEEN
from matcher.search.resolve import ResolveRequest
from matcher.settings.all import Settings
from matcher.statistics.read import ReadStatistics
from matcher.statistics.search_log import SearchLog
from matcher.trips.bookings.store import PostgresTrips
from matcher.trips.offers.cancel import CancelOffer
from matcher.trips.offers.change import ChangeOffer
from matcher.trips.offers.expire import ExpireOffers
from matcher.trips.offers.job import run_expiry
from matcher.trips.offers.publish import PublishOffer
from matcher.trips.offers.read import ReadOffers
from matcher.trips.offers.store import PostgresOffers
from matcher.trips.planner import TripPlanner
from matcher.trips.planning import Planning
from matcher.trips.settling import run_settling
from matcher.trips.tickets import MatchTokens
from matcher.trips.writer import TripWriter
from matcher.version import version
from matcher.wiring.bookings import Bookings, make_bookings, terms_of
from matcher.wiring.commands import score_weights
from matcher.wiring.events import Notices, running_notices, webhook_secrets
from matcher.wiring.operation import Operation, make_operation
from matcher.wiring.parts import (
    compute_threads,
    load_region,
    opened_database,
    other_secret,
    secret,
)
from matcher.wiring.people import People, make_key_set, make_people, make_tokens, retention
from matcher.wiring.region import RegionOpener
from matcher.wiring.requests import Requests, make_requests, matching_requests
from matcher.wiring.series import SeriesOfTrips, make_series, series_loop, series_terms
from matcher.wiring.statistics import make_counting, make_read_statistics


@dataclass(frozen=True)
class Carpool:
    """The wired application: one callable for each thing that can be asked of it."""

    settings: Settings
    publish_offer: PublishOffer
    change_offer: ChangeOffer
    cancel_offer: CancelOffer
    read_offers: ReadOffers
    people: People
    describe_route: DescribeRoute
    find_matches: FindMatches
    look_up_places: LookUpPlaces
    authenticate: Authenticate
    manage_keys: ManageKeys
    check_health: CheckHealth
    cost_sharing: CostSharing
    carbon: CarbonFactor
    bookings: Bookings
    series: SeriesOfTrips
    requests: Requests
    search_log: SearchLog
    read_statistics: ReadStatistics
    operation: Operation
    notices: Notices
    latest: Callable[
        [], Carpool
    ]  # this one, or after a new version of the region the one on its roads; for a call from begin to end
    look_for_new_region: Callable[[], None]


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@asynccontextmanager
async def running(
    settings: Settings, *, progress: Progress = no_progress, worker: int = 1, telemetry: Telemetry = QUIET
) -> AsyncIterator[Carpool]:
    """The service, loaded and with its loops beside it, until the block ends. `worker` numbers the processes of one service.

    Raises what each part raises when it cannot be had: DatabaseUnavailable, RegionNotFound, RegionFileInvalid, SecretUnusable.
    """
    this_version = await asyncio.to_thread(version)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened_database(settings, progress=progress))
        executor = compute_threads(stack, settings.matching.threads)
        cache = PostgresGeocodeCache(database.pool)
        offers = PostgresOffers(database.pool)
        opener = RegionOpener(settings, stack, offers, cache, executor, telemetry)
        first, on_disk = await opener.first(progress)
        live = LiveOffers(first, executor)
        follow = FollowChanges(offers, live, executor, loaded=await live.replace(first, progress))
        renew = RenewRegion(opener.look, opener.again, live, in_use=on_disk)
        watch = RegionWatch(renew, every_s=settings.roads.region_watch_s, clock=utc_now)
        region_name = first.roads.name
        feed = PostgresChangeFeed(database.direct_url, region_name)

        writer = TripWriter(offers, PostgresTrips(database.pool), live)
        stack.push_async_callback(writer.drain)
        key_store = PostgresApiKeys(database.pool)
        pepper = await secret(settings.keys.key_pepper, settings.storage.data_dir, "key_pepper")
        api_keys = ApiKeys(pepper, other_secret(settings.keys.key_pepper_other))
        issuer_keys = make_key_set(settings.tokens)
        if issuer_keys is not None:
            stack.push_async_callback(issuer_keys.close)
        authenticate = Authenticate(
            key_store,
            api_keys,
            remember_for=timedelta(seconds=settings.keys.key_cache_s),
            tokens=make_tokens(settings.tokens, issuer_keys),
        )
        stack.push_async_callback(authenticate.drain)
        people = make_people(database.pool, offers, live, make_id=_uuid7, forget=authenticate.forget)
        horizon = timedelta(days=settings.offers.offer_horizon_days)
        sharing = opener.cost_sharing
        tokens = MatchTokens(
            await secret(settings.matching.match_secret, settings.storage.data_dir, "match_secret"),
            timedelta(seconds=settings.matching.match_lifetime_s),
            other_secret(settings.matching.match_secret_other),
        )
        counting = make_counting(settings.statistics, database.pool, region_name, make_id=_uuid7, clock=utc_now)
        stack.push_async_callback(counting.drain)
        operation = make_operation(
            settings,
            telemetry,
            database=database.pool,
            secret=pepper,
            processors=executor,
            index=live,
            lag_s=lambda: follow.lag.seconds,
            region=region_name,
            version=this_version,
            readings=counting.readings,
        )
        notices = await stack.enter_async_context(
            running_notices(settings, database, clock=utc_now, make_id=_uuid7, telemetry=telemetry)
        )

        carbon = CarbonFactor(settings.matching.carbon_g_per_km, settings.matching.carbon_source)

        def wired(region: ServedRegion) -> Carpool:
            """The service on the roads of one version of the region. Made anew for the next: what remembers or must be closed is made outside."""
            roads, resolve_places = region.roads, region.resolve_places
            planning = Planning(TripPlanner(roads, region.fitted, snap_limit_m=settings.roads.snap_limit_m), executor)
            bookings = make_bookings(
                settings.bookings,
                writer,
                planning,
                tokens=tokens,
                make_id=_uuid7,
                clock=utc_now,
                cost_sharing=sharing,
                carbon=carbon,
                blocks=people.blocks,
                note_booked=counting.search_log.booked,
            )
            change_offer = ChangeOffer(writer, planning, roads, resolve_places, horizon=horizon, cost_sharing=sharing)
            cancel_offer = CancelOffer(writer, terms_of(settings.bookings))
            series = make_series(
                series_terms(settings.series, horizon), database.pool, writer, roads, resolve_places, change_offer,
                cancel_offer, make_id=_uuid7, cost_sharing=sharing, sharing=people.sharing,
            )  # fmt: skip
            weights = score_weights(settings.matching)
            resolve = ResolveRequest(roads, resolve_places, people.sharing, executor)
            find_matches = FindMatches(
                offers, region.index, executor, resolve=resolve, where_to_meet=WhereToMeet(roads, region.meeting_points),
                describe=DescribeMatches(roads, tokens=tokens, carbon=carbon, cost_sharing=sharing), weights=weights,
                hidden_from=people.blocks.hidden_from, searches=counting.search_log,
            )  # fmt: skip
            requests = make_requests(
                settings.requests, database.pool, offers, region, find_matches, resolve, executor,
                blocks=people.blocks, weights=weights, make_id=_uuid7, horizon=horizon,
                # What a region that has been replaced holds in memory follows no changes any more.
                position=lambda: follow.position.snapshot if live.now is region else NOTHING_SEEN,
            )  # fmt: skip
            return Carpool(
                settings=settings,
                publish_offer=PublishOffer(
                    writer,
                    roads,
                    resolve_places,
                    make_id=_uuid7,
                    horizon=horizon,
                    cost_sharing=sharing,
                    sharing=people.sharing,
                ),
                change_offer=change_offer,
                cancel_offer=cancel_offer,
                series=series,
                read_offers=ReadOffers(offers),
                people=people,
                cost_sharing=sharing,
                carbon=carbon,
                bookings=bookings,
                search_log=counting.search_log,
                read_statistics=counting.read_statistics,
                describe_route=DescribeRoute(roads, executor),
                find_matches=find_matches,
                requests=requests,
                look_up_places=LookUpPlaces(region.geocoder),
                authenticate=authenticate,
                manage_keys=ManageKeys(key_store, api_keys),
                check_health=CheckHealth(
                    {
                        "database": database.pool.ping,
                        "changes": CheckLag(follow, settings.storage.lag_limit_s),
                        "roads": renew.state,
                    },
                    roads,
                    region.index,
                    version=this_version,
                    worker=worker,
                ),
                operation=operation,
                notices=notices,
                latest=lambda: served[-1],
                look_for_new_region=watch.look_now,
            )  # fmt: skip

        served = [wired(live.now)]

        def serve(region: ServedRegion) -> None:
            served[:] = [wired(region)]

        live.whenever_replaced(serve)
        workers = [
            watch.run(),
            served[0].bookings.tending(),
            series_loop(settings.series, lambda: served[-1].series, clock=utc_now),
            *counting.loops,
            run_expiry(ExpireOffers(offers, live), every_s=settings.offers.expiry_interval_s, clock=utc_now),
            run_settling(writer, clock=utc_now),
            retention(settings.retention, database.pool, clock=utc_now),
            run_change_feed(feed, follow),
            matching_requests(settings.requests, feed, lambda: served[-1].requests, clock=utc_now),
            run_housekeeping(
                offers,
                cache,
                clock=utc_now,
                changes_kept=timedelta(seconds=settings.storage.changes_kept_s),
                rate_limits=operation.kept_rate_limits,
            ),
        ]
        if database.start_again is not None:
            workers.append(run_database_watch(database.pool.ping, database.start_again, clock=utc_now))
        await stack.enter_async_context(in_background(workers, telemetry))
        yield served[0]


@asynccontextmanager
async def prepared(settings: Settings, *, progress: Progress = no_progress) -> AsyncIterator[None]:
    """What all processes of one service need, made once, before they need it: the database, which stays up until the block ends, its
    schema, the region, the compiled kernels, the secrets.

    Raises what `running` raises when it cannot be had.
    """
    async with opened_database(settings, progress=progress) as database:
        await asyncio.to_thread(load_region, settings, progress)
        await secret(settings.keys.key_pepper, settings.storage.data_dir, "key_pepper")
        await secret(settings.matching.match_secret, settings.storage.data_dir, "match_secret")
        await webhook_secrets(settings)
        await database.pool.close()
        yield


@asynccontextmanager
async def key_management(settings: Settings, *, progress: Progress = no_progress) -> AsyncIterator[ManageKeys]:
    """Only what API keys need: the database, shared with a service that runs on it, and the pepper."""
    async with opened_database(settings, progress=progress) as database:
        pepper = await secret(settings.keys.key_pepper, settings.storage.data_dir, "key_pepper")
        yield ManageKeys(PostgresApiKeys(database.pool), ApiKeys(pepper))


@asynccontextmanager
async def statistics_reading(settings: Settings, *, progress: Progress = no_progress) -> AsyncIterator[ReadStatistics]:
    """Only what reading statistics needs: the database, shared with a service that runs on it."""
    async with opened_database(settings, progress=progress) as database:
        yield make_read_statistics(settings.statistics, database.pool, settings.roads.region)


def _uuid7() -> UUID:
    return uuid_utils.compat.uuid7()
