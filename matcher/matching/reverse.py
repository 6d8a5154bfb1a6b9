"""One offer against requests: the pipeline that answers searches, run on an index of this one offer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from matcher.domain.errors import PlaceUnreachable
from matcher.domain.money import CostRate
from matcher.domain.offer import Offer
from matcher.matching.index import OfferIndex
from matcher.matching.pipeline import Candidate, find_candidates
from matcher.matching.request_index import WaitingRequest
from matcher.matching.roads import PackedDrive, SearchRoadsByTime
from matcher.matching.scoring import ScoreWeights

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
    """Those of the requests to which a search would show this offer now, with what it would show and the rider's own drive.

    hidden: riders for whom the offers of this driver do not exist. rate: what prices are held against. Raises ValueError when the roads have
    no way along the offer.
    """
    if not requests:
        return
    metric = roads.slots[roads.slot_of(offer.departure)]
    index = OfferIndex(metric, rate=rate, block=_SMALL)
    index.put(offer)
    for request in requests:
        if request.rider in hidden:
            continue
        snapshot = index.snapshot(request.rider)
        try:
            found = find_candidates(snapshot, metric, request.at(now_ms), weights, 1, hinting=False)
        except PlaceUnreachable:
            continue
        for candidate in found.best:
            yield request, candidate, found.drive
