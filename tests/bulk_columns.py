"""Offers as columns, and an index as what it says of each offer: for tests of loading and of instances that must
agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np

from matcher.domain.itinerary import StopKind
from matcher.domain.offer import Offer
from matcher.matching.base.plan import to_ms
from matcher.matching.base.positions import fixed_position
from matcher.matching.index.index import OfferIndex
from matcher.matching.index.load_direct import DirectOffers
from matcher.matching.index.load_stops import NO_PROMISE, OffersWithStops


def columns_with_stops_of(offers: Sequence[Offer]) -> OffersWithStops:
    """What the database would hand over for these."""
    stops = [stop for offer in offers for stop in offer.stops[1:-1]]
    fixed = [fixed_position(stop.place.position) for stop in stops]
    boards = {StopKind.PICKUP: 1, StopKind.DROPOFF: -1}
    return OffersWithStops(
        offers=DirectOffers.of(offers),
        duration_ms=np.array([offer.duration_ms for offer in offers], np.int64),
        booked=np.array([bool(offer.booked_stops) for offer in offers], np.bool_),
        stop_count=np.array([len(offer.stops) - 2 for offer in offers], np.int64),
        edge=np.array([edge for edge, _ in fixed], np.int32),
        at=np.array([at for _, at in fixed], np.int32),
        boarding=np.array([boards.get(stop.kind, 0) * stop.seats for stop in stops], np.int32),
        earliest_ms=np.array([NO_PROMISE if s.earliest is None else to_ms(s.earliest) for s in stops], np.int64),
        latest_ms=np.array([NO_PROMISE if s.latest is None else to_ms(s.latest) for s in stops], np.int64),
    )


def contents(index: OfferIndex) -> dict[UUID, dict[str, object]]:
    """Everything that the index says of each offer, whatever the order in which it came by it."""
    snapshot = index.snapshot("nobody")
    said: dict[UUID, dict[str, object]] = {}
    for row in snapshot.alive().tolist():
        values = {name: column[row].item() for name, column in snapshot.rows._asdict().items() if name != "leg_begin"}
        paths, begin, count = snapshot.routes(np.array([row]))
        legs: list[object] = []
        for leg in range(int(begin[0]), int(begin[0]) + int(count[0])):
            codes = paths.codes[paths.begin[leg] : paths.begin[leg] + paths.size[leg]]
            legs.append((codes.tolist(), int(paths.origin_at[leg]), int(paths.destination_at[leg])))
        if count[0] > 1:
            first = int(snapshot.rows.leg_begin[row])
            for name, column in snapshot.legs._asdict().items():
                if name != "path_begin":
                    legs.append((name, column[first : first + int(count[0])].tolist()))
        said[snapshot.rows.offer_id(row)] = values | {"legs": legs}
    assert len(said) == len(index)
    return said
