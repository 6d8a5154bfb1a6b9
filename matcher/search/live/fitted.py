"""Fits offers to the roads this instance serves, whichever roads they were stored for."""

from __future__ import annotations

import logging
from dataclasses import replace
from uuid import UUID

from matcher.domain.errors.tree import InvalidField, InvalidInput
from matcher.domain.itinerary import StopKind
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.place import same_positions
from matcher.places.resolve import ResolvePlaces
from matcher.roads.asked import RoadsByTime
from matcher.trips.offer_rules import stops_of
from matcher.trips.writer import OpenOfferIndex

_log = logging.getLogger(__name__)


class FittedIndex:
    """An OpenOfferIndex in front of another. Road positions hold for one import of one region only, so before an offer
    goes in:

    one of another import is snapped and driven again, one under other speeds is driven again. One of another region is
    left out, and so is one that no road fits any more, which is logged by its id.
    """

    def __init__(self, index: OpenOfferIndex, roads: RoadsByTime, resolve_places: ResolvePlaces) -> None:
        self._index = index
        self._roads = roads
        self._resolve_places = resolve_places

    def __len__(self) -> int:
        return len(self._index)

    def put(self, offer: Offer) -> None:
        """As `OpenOfferIndex.put`; CPU work when the offer is of another import."""
        self.put_fitted(offer)

    def put_fitted(self, offer: Offer) -> Offer | None:
        """The offer as it was put in, None when it cannot be matched."""
        fitted = self.fit(offer)
        try:
            if fitted is not None:
                self._index.put(fitted)
                return fitted if fitted.status is OfferStatus.OPEN else None
        except (ValueError, InvalidField) as error:
            _log.warning("offer %s cannot be matched: %s", offer.id, error)
        self._index.put(replace(offer, status=OfferStatus.CANCELLED))
        return None

    def remove(self, offer_id: UUID) -> None:
        self._index.remove(offer_id)

    def fits(self, offer: Offer) -> bool:
        return offer.region == self._roads.name and offer.region_fingerprint == self._roads.fingerprint

    def fit(self, offer: Offer) -> Offer | None:
        """The offer on these roads, or None. Its version stays, as its driver has changed nothing."""
        if self.fits(offer) or offer.status is not OfferStatus.OPEN:
            return offer
        if offer.region != self._roads.name:
            return None
        try:
            return self._driven_again(offer)
        except InvalidInput as error:
            _log.warning("offer %s does not fit the roads any more and is not matched: %s", offer.id, error.detail)
            return None

    def _driven_again(self, offer: Offer) -> Offer:
        """The driver's own places are what is fitted: what others see of them follows from these roads."""
        stops = stops_of(offer.own.origin, offer.own.via, offer.own.destination)
        booked = offer.booked_stops
        if not same_positions(offer.region_fingerprint, self._roads.fingerprint):
            places = self._resolve_places
            stops = [(pointer, places.snap_again(pointer, place)) for pointer, place in stops]
            booked = tuple(map(places.stop_again, booked))
        way = self._resolve_places.way_now(stops, offer.departure, show_door=offer.show_door)
        via = iter(way.places[1:-1])
        return replace(
            offer,
            region_fingerprint=self._roads.fingerprint,
            origin=way.places[0],
            via=way.places[1:-1],
            destination=way.places[-1],
            doors=way.doors,
            booked_stops=tuple(
                replace(stop, place=next(via, stop.place)) if stop.kind is StopKind.VIA else stop for stop in booked
            ),
            duration_ms=way.duration_ms,
            length_cm=way.length_cm,
        )
