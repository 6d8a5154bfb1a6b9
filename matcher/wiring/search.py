"""Wires searching, and requests that are kept until an offer fits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from matcher.matching.rank.scoring import PARTS, ScoreWeights
from matcher.matching.reverse.index import RequestIndex
from matcher.people.store import PostgresPeople
from matcher.places.where_to_meet import WhereToMeet
from matcher.roads.region.slot_clock import zone_at
from matcher.search.describe import DescribeMatches
from matcher.search.find import FindMatches
from matcher.search.live.region import ServedRegion
from matcher.search.replay import ReplaySearch
from matcher.search.requests.keep import KeepRequests
from matcher.search.requests.match import FitRequests, MatchRequests
from matcher.search.requests.of_offer import RequestsOfOffer
from matcher.search.requests.store import PostgresRequests
from matcher.search.requests.waiting import WaitingRequests
from matcher.search.resolve import ResolveRequest
from matcher.search.would_match import FindWouldMatch
from matcher.settings.matching import MatchingSettings
from matcher.statistics.search_store import PostgresSearchStore
from matcher.trips.offers.read import ReadOffers
from matcher.wiring.ground import Ground


@dataclass(frozen=True)
class RequestServices:
    """The use cases of kept requests; `match` is one turn of the background job."""

    keep: KeepRequests
    of_offer: RequestsOfOffer
    match: Callable[[datetime], Awaitable[bool]]


@dataclass(frozen=True)
class SearchServices:
    """Searching, and requests that are kept."""

    find_matches: FindMatches
    requests: RequestServices
    would_match: FindWouldMatch
    replay: ReplaySearch


def make_search(ground: Ground, region: ServedRegion, *, position: Callable[[], str]) -> SearchServices:
    """On the roads of one version of the region. `position`: the snapshot that the offers in memory have reached."""
    roads, executor, offers = region.roads, ground.executor, ground.offers
    requests, weights = ground.get(PostgresRequests), score_weights(ground.settings.matching)
    resolve = ResolveRequest(roads, region.resolve_places, ground.get(PostgresPeople), executor)
    where_to_meet = WhereToMeet(roads, region.meeting_points)
    find_matches = FindMatches(
        offers,
        region.index,
        executor,
        resolve=resolve,
        where_to_meet=where_to_meet,
        describe=DescribeMatches(
            roads,
            tokens=ground.tokens,
            carbon=ground.carbon,
            cost_sharing=ground.cost_sharing,
            walk=None if region.meeting_points is None else region.meeting_points.walk,
        ),
        weights=weights,
        hidden_from=ground.blocks.hidden_from,
        searches=ground.search_log,
    )
    waiting = WaitingRequests(requests, RequestIndex(roads), resolve, where_to_meet, executor)
    fit = FitRequests(waiting, roads, region.fitted, ground.blocks, executor, weights=weights, rate=region.rate)
    keep = KeepRequests(
        requests,
        find_matches,
        resolve,
        make_id=ground.make_id,
        position=position,
        most=ground.settings.requests.requests_per_rider,
        horizon=ground.horizon,
    )
    match = MatchRequests(requests, offers, fit, region.index, executor, region=ground.region, position=position)
    of_offer, searches = RequestsOfOffer(offers, fit, roads), ground.get(PostgresSearchStore)
    would_match = FindWouldMatch(
        of_offer,
        searches,
        ground.region,
        zone_of=zone_at,
        least=ground.settings.statistics.stats_least_in_cell,
    )
    replay = ReplaySearch(region, searches, ReadOffers(offers), executor, where_to_meet=where_to_meet, weights=weights)
    return SearchServices(find_matches, RequestServices(keep, of_offer, match), would_match, replay)


def score_weights(matching: MatchingSettings) -> ScoreWeights:
    """The weights and ceilings of the settings."""
    weights = {part.name.value: getattr(matching, f"weight_{part.name}") for part in PARTS}
    return ScoreWeights(
        **weights, **{part.ceiling_name: getattr(matching, part.ceiling_name) for part in PARTS if part.ceiling_means}
    )
