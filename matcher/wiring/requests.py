"""Wires the use cases of kept requests, and the loop that matches offers with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.reverse.index import RequestIndex
from matcher.people.blocks import Blocks
from matcher.places.where_to_meet import WhereToMeet
from matcher.postgres.change_feed import PostgresChangeFeed
from matcher.postgres.pool import Database
from matcher.search.find import FindMatches
from matcher.search.live.region import ServedRegion
from matcher.search.requests.job import run_request_matching
from matcher.search.requests.keep import KeepRequests
from matcher.search.requests.match import FitRequests, MatchRequests
from matcher.search.requests.of_offer import RequestsOfOffer
from matcher.search.requests.store import PostgresRequests
from matcher.search.requests.waiting import WaitingRequests
from matcher.search.resolve import ResolveRequest
from matcher.settings.requests import RequestSettings
from matcher.trips.offers.repository import OfferRepository


@dataclass(frozen=True)
class Requests:
    """What can be asked about kept requests, on the roads of one version of the region; `match` is one turn of the loop."""

    keep: KeepRequests
    of_offer: RequestsOfOffer
    match: Callable[[datetime], Awaitable[bool]]


def make_requests(
    settings: RequestSettings,
    database: Database,
    offers: OfferRepository,
    region: ServedRegion,
    find_matches: FindMatches,
    resolve: ResolveRequest,
    executor: Executor,
    *,
    blocks: Blocks,
    weights: ScoreWeights,
    make_id: Callable[[], UUID],
    position: Callable[[], str],
    horizon: timedelta,
) -> Requests:
    """Everything about kept requests on these roads. `position`: the snapshot that the offers in memory have reached at least."""
    requests = PostgresRequests(database)
    roads = region.roads
    waiting = WaitingRequests(
        requests,
        RequestIndex(roads),
        resolve,
        WhereToMeet(roads, region.meeting_points),
        executor,
    )
    fit = FitRequests(waiting, roads, region.fitted, blocks, executor, weights=weights, rate=region.rate)
    return Requests(
        keep=KeepRequests(
            requests,
            find_matches,
            resolve,
            make_id=make_id,
            position=position,
            most=settings.requests_per_rider,
            horizon=horizon,
        ),
        of_offer=RequestsOfOffer(offers, fit, roads),
        match=MatchRequests(requests, offers, fit, region.index, executor, region=roads.name, position=position),
    )


def matching_requests(
    settings: RequestSettings,
    feed: PostgresChangeFeed,
    current: Callable[[], Requests],
    *,
    clock: Callable[[], datetime],
) -> Coroutine[Any, Any, None]:
    """The loop that matches what changes with what waits, on the roads that are served at the time."""
    return run_request_matching(
        feed, lambda now: current().match(now), every_s=settings.requests_interval_s, clock=clock
    )
