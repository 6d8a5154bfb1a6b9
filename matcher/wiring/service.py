"""From settings to a running service, and back to nothing, in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from matcher.money.carbon import CarbonFactor
from matcher.money.cost_sharing import CostSharing
from matcher.operation.health import CheckHealth
from matcher.operation.jobs.loop import WakeUp, in_background
from matcher.operation.telemetry import QUIET, Telemetry
from matcher.people.credentials.authenticate import Authenticate
from matcher.people.credentials.manage_keys import ManageKeys
from matcher.places.look_up import LookUpPlaces
from matcher.places.route import DescribeRoute
from matcher.progress import Progress, no_progress
from matcher.search.find import FindMatches
from matcher.search.live.follow import CheckLag, FollowChanges
from matcher.search.live.region import LiveOffers, ServedRegion
from matcher.search.live.renew import RenewRegion
from matcher.search.replay import ReplaySearch
from matcher.search.requests.store import NOTHING_SEEN
from matcher.search.would_match import FindWouldMatch
from matcher.settings.all import Settings
from matcher.statistics.read import ReadStatistics
from matcher.statistics.search_log import SearchLog
from matcher.version import version
from matcher.wiring.commands import make_read_statistics
from matcher.wiring.database import opened_database
from matcher.wiring.events import EventServices, make_events
from matcher.wiring.ground import Ground, compute_threads
from matcher.wiring.jobs import Following, background_jobs
from matcher.wiring.operation import Operation, make_operation
from matcher.wiring.people import People, make_credentials, make_people
from matcher.wiring.region import RegionOpener
from matcher.wiring.search import RequestServices, make_search
from matcher.wiring.secrets import read_secrets
from matcher.wiring.trips import BookingServices, OfferServices, SeriesServices, make_trips


@dataclass(frozen=True)
class Carpool:
    """The wired application: a use case for each thing that can be asked of it.

    `latest` returns this one, or once the region was replaced the one on its roads: ask it once for each call.
    """

    settings: Settings
    offers: OfferServices
    people: People
    describe_route: DescribeRoute
    find_matches: FindMatches
    look_up_places: LookUpPlaces
    authenticate: Authenticate
    manage_keys: ManageKeys
    check_health: CheckHealth
    cost_sharing: CostSharing
    carbon: CarbonFactor
    bookings: BookingServices
    series: SeriesServices
    requests: RequestServices
    would_match: FindWouldMatch
    replay_search: ReplaySearch
    search_log: SearchLog
    read_statistics: ReadStatistics
    operation: Operation
    notices: EventServices
    latest: Callable[[], Carpool]
    look_for_new_region: Callable[[], None]


@asynccontextmanager
async def running(
    settings: Settings, *, progress: Progress = no_progress, worker: int = 1, telemetry: Telemetry = QUIET
) -> AsyncIterator[Carpool]:
    """The service, loaded, with its background jobs, until the block ends. `worker` numbers the processes of a service.

    Raises what each part raises: DatabaseUnavailable, RegionNotFound, RegionFileInvalid, SecretUnusable,
    SettingsInvalid.
    """
    this_version = await asyncio.to_thread(version)
    async with AsyncExitStack() as stack:
        ground, following = await _open_ground(settings, stack, progress, telemetry)
        authenticate, manage_keys = await make_credentials(ground, stack)
        people = make_people(ground, authenticate)
        events = await make_events(ground, stack)
        operation = make_operation(ground, version=this_version, lag_s=lambda: following.follow.lag.seconds)
        read_statistics = make_read_statistics(settings, ground.database.pool)
        served: list[Carpool] = []

        def serve(region: ServedRegion) -> None:
            """From now on, on the roads of this version of the region; the rest stays as it is."""
            offers, bookings, series = make_trips(ground, region)

            def position() -> str:
                """What a region that has been replaced holds in memory follows no changes any more."""
                return following.follow.position.snapshot if ground.live.now is region else NOTHING_SEEN

            search = make_search(ground, region, position=position)
            probes: dict[str, Callable[[], Awaitable[str | None]]] = {
                "database": ground.database.pool.ping,
                "changes": CheckLag(following.follow, ground.settings.storage.lag_limit_s),
                "roads": following.renew.state,
            }
            served[:] = [
                Carpool(
                    settings=ground.settings,
                    offers=offers,
                    people=people,
                    describe_route=DescribeRoute(region.roads, ground.executor),
                    find_matches=search.find_matches,
                    look_up_places=LookUpPlaces(region.geocoder),
                    authenticate=authenticate,
                    manage_keys=manage_keys,
                    check_health=CheckHealth(
                        probes,
                        region=region.roads.name,
                        offers=lambda: len(region.index),
                        version=this_version,
                        worker=worker,
                    ),
                    cost_sharing=ground.cost_sharing,
                    carbon=ground.carbon,
                    bookings=bookings,
                    series=series,
                    requests=search.requests,
                    would_match=search.would_match,
                    replay_search=search.replay,
                    search_log=ground.search_log,
                    read_statistics=read_statistics,
                    operation=operation,
                    notices=events,
                    latest=lambda: served[-1],
                    look_for_new_region=following.look_now.wake,
                )
            ]

        serve(ground.live.now)
        ground.live.whenever_replaced(serve)
        jobs = background_jobs(
            ground,
            following,
            events,
            tend_series=lambda now: served[-1].series.tend.all_due(now),  # noqa: PLW0108  # the one served then
            match_requests=lambda now: served[-1].requests.match(now),  # noqa: PLW0108  # as above
        )
        await stack.enter_async_context(in_background(jobs, ground.clock, telemetry))
        yield served[0]


async def _open_ground(
    settings: Settings, stack: AsyncExitStack, progress: Progress, telemetry: Telemetry
) -> tuple[Ground, Following]:
    """The ground, with all offers loaded; it is closed with the stack. Raises what `running` raises."""
    database = await stack.enter_async_context(opened_database(settings, progress=progress))
    executor = compute_threads(stack, settings.matching.threads)
    opener = RegionOpener(settings, stack, database.pool, executor, telemetry)
    first, on_disk = await opener.first(progress)
    live, secrets = LiveOffers(first, executor), await read_secrets(settings)
    loaded = await live.replace(first, progress)
    ground = Ground(settings, telemetry, database, executor, secrets, live, opener.cost_sharing)
    stack.push_async_callback(ground.writer.drain)
    stack.push_async_callback(ground.drain_searches)
    follow = FollowChanges(ground.offers, live, executor, loaded=loaded)
    return ground, Following(follow, RenewRegion(opener.look, opener.again, live, in_use=on_disk), WakeUp())
