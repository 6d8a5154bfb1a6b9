"""One offer against requests: the pipeline that answers searches, run on an index of this one offer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress

from matcher.domain.errors.tree import PlaceUnreachable
from matcher.domain.match import TurnedAway
from matcher.domain.money import CostRate
from matcher.domain.offer import Offer
from matcher.matching.base.roads import PackedDrive, SearchRoadsByTime
from matcher.matching.index.index import OfferIndex
from matcher.matching.pipeline import Candidate, Candidates, find_candidates
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.reverse.index import WaitingRequest

#: Rows of a block of an index with one row.
_SMALL = 8


def fitting_requests(
    offer: Offer,
    requests: Sequence[WaitingRequest],
    hidden: Collection[str],
    roads: SearchRoadsByTime,
    weights: ScoreWeights,
    now_ms: int,
    rate: CostRate | None = None,
) -> Iterator[tuple[WaitingRequest, Candidate, PackedDrive]]:
    """Those of the requests to which a search would show this offer now, with what it would show and the rider's own
    drive.

    hidden: riders for whom the offers of this driver do not exist. rate: what prices are held against. Raises
    ValueError when the roads have no way along the offer.
    """
    for request, found in _searches(offer, requests, hidden, roads, weights, now_ms, rate, 1):
        for candidate in found.best:
            yield request, candidate, found.drive


def who_fits(
    offer: Offer,
    requests: Sequence[WaitingRequest],
    hidden: Collection[str],
    roads: SearchRoadsByTime,
    weights: ScoreWeights,
    now_ms: int,
    rate: CostRate | None = None,
) -> list[WaitingRequest]:
    """The same requests, without what a search would show: half of the work."""
    return [
        request
        for request, found in _searches(offer, requests, hidden, roads, weights, now_ms, rate, 0)
        if found.feasible
    ]


def why_not(
    offer: Offer,
    request: WaitingRequest,
    roads: SearchRoadsByTime,
    weights: ScoreWeights,
    now_ms: int,
    rate: CostRate | None = None,
) -> TurnedAway | None:
    """Why a search would turn this offer away, or None when it would show it.

    Raises ValueError as `fitting_requests`.
    """
    for _, found in _searches(offer, [request], (), roads, weights, now_ms, rate, 0):
        return next(iter(found.turned_away), None)
    return TurnedAway.DETOUR


def _searches(
    offer: Offer,
    requests: Sequence[WaitingRequest],
    hidden: Collection[str],
    roads: SearchRoadsByTime,
    weights: ScoreWeights,
    now_ms: int,
    rate: CostRate | None,
    limit: int,
) -> Iterator[tuple[WaitingRequest, Candidates]]:
    if not requests:
        return
    metric = roads.slots[roads.slot_of(offer.departure)]
    index = OfferIndex(metric, rate=rate, block=_SMALL)
    index.put(offer)
    for request in requests:
        if request.rider in hidden:
            continue
        snapshot = index.snapshot(request.rider)
        with suppress(PlaceUnreachable):
            yield request, find_candidates(snapshot, metric, request.at(now_ms), weights, limit, hinting=False)
