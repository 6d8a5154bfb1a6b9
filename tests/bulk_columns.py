"""Offers as columns, and an index as what it says of each offer: for tests of loading and of instances that must agree."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np

from matcher.domain.itinerary import StopKind
from matcher.domain.offer import Offer
from matcher.matching.base.plan import NO_LIMIT, to_ms
from matcher.matching.base.positions import fixed_position
from matcher.matching.index.encoding import driver_digest, preference_masks
from matcher.matching.index.index import OfferIndex
from matcher.matching.index.load_direct import DirectOffers
from matcher.matching.index.load_stops import NO_PROMISE, OffersWithStops


def columns_of(offers: Sequence[Offer]) -> DirectOffers:
    """What the database would hand over for these."""
    low = 2**64 - 1
    ends = [(fixed_position(offer.origin.position), fixed_position(offer.destination.position)) for offer in offers]
    masks = [preference_masks(offer.preferences) for offer in offers]
    digests = [driver_digest(offer.driver_id) for offer in offers]
    limits = [NO_LIMIT if offer.max_detour_m is None else offer.max_detour_m * 100 for offer in offers]
    published = [to_ms(offer.departure) for offer in offers]
    return DirectOffers(
        id_high=np.array([offer.id.int >> 64 for offer in offers], np.uint64),
        id_low=np.array([offer.id.int & low for offer in offers], np.uint64),
        version=np.array([offer.version for offer in offers], np.int32),
        driver=np.array(digests, np.uint64),
        origin_edge=np.array([end[0][0] for end in ends], np.int32),
        origin_at=np.array([end[0][1] for end in ends], np.int32),
        destination_edge=np.array([end[1][0] for end in ends], np.int32),
        destination_at=np.array([end[1][1] for end in ends], np.int32),
        published_ms=np.array(published, np.int64),
        departure_ms=np.array(published, np.int64) + np.array([offer.departure_shift_ms for offer in offers], np.int64),
        flexibility_s=np.array([offer.flexibility_s for offer in offers], np.int32),
        seats=np.array([offer.seats_left for offer in offers], np.uint8),
        seats_offered=np.array([offer.seats_offered for offer in offers], np.int32),
        max_detour_ms=np.array([offer.max_detour_s * 1000 for offer in offers], np.int32),
        max_detour_cm=np.array(limits, np.int32),
        stated=np.array(
            [s | 32 * o.women_only | 64 * o.driver_is_woman for (s, _), o in zip(masks, offers, strict=True)], np.uint8
        ),
        welcome=np.array([welcome for _, welcome in masks], np.uint8),
        length_cm=np.array([offer.length_cm for offer in offers], np.int64),
        price_minor=np.array([-1 if offer.price is None else offer.price.minor for offer in offers], np.int32),
        price_currency=np.array(["---" if o.price is None else o.price.currency for o in offers], "S3"),
    )


def columns_with_stops_of(offers: Sequence[Offer]) -> OffersWithStops:
    """The same for offers with stops."""
    stops = [stop for offer in offers for stop in offer.stops[1:-1]]
    fixed = [fixed_position(stop.place.position) for stop in stops]
    boards = {StopKind.PICKUP: 1, StopKind.DROPOFF: -1}
    return OffersWithStops(
        offers=columns_of(offers),
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
        values = {name: column[row].item() for name, column in vars(snapshot.rows).items() if name != "leg_begin"}
        paths, begin, count = snapshot.routes(np.array([row]))
        legs: list[object] = []
        for leg in range(int(begin[0]), int(begin[0]) + int(count[0])):
            codes = paths.codes[paths.begin[leg] : paths.begin[leg] + paths.size[leg]]
            legs.append((codes.tolist(), int(paths.origin_at[leg]), int(paths.destination_at[leg])))
        if count[0] > 1:
            first = int(snapshot.rows.leg_begin[row])
            for name, column in vars(snapshot.legs).items():
                if name != "path_begin":
                    legs.append((name, column[first : first + int(count[0])].tolist()))
        said[snapshot.rows.offer_id(row)] = values | {"legs": legs}
    assert len(said) == len(index)
    return said
