"""A driver publishes a trip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from matcher.domain.idempotency import Keep, rendered
from matcher.domain.offer import Offer, OfferDraft
from matcher.domain.principal import Principal
from matcher.money.cost_sharing import CostSharing
from matcher.people.women_only import Sharing, with_driver
from matcher.places.resolve import ResolvePlaces
from matcher.roads.asked import RoadsByTime
from matcher.trips.offer_rules import (
    new_offer,
    pointed,
    require_departure,
    require_driver,
    require_sensible,
    stops_of,
)
from matcher.trips.writer import TripWriter


class PublishOffer:
    """An offer that is returned is on disk and can be found by the next search.

    `make_id` makes UUIDv7 (RFC 9562), so ids sort by the time they were made; `horizon` is how far ahead a trip may
    leave.
    """

    def __init__(
        self,
        trips: TripWriter,
        roads: RoadsByTime,
        resolve_places: ResolvePlaces,
        *,
        make_id: Callable[[], UUID],
        horizon: timedelta,
        cost_sharing: CostSharing,
        sharing: Sharing,
    ) -> None:
        self._trips = trips
        self._roads = roads
        self._resolve_places = resolve_places
        self._make_id = make_id
        self._horizon = horizon
        self._cost_sharing = cost_sharing
        self._sharing = sharing

    async def __call__(
        self, draft: OfferDraft, principal: Principal, now: datetime, keep: Keep[Offer] | None = None
    ) -> Offer:
        """The new offer.

        Raises RoleForbidden, AnsweredBefore, IdempotencyKeyReused, DepartureInPast, DepartureTooFar, InvalidField,
        PriceTooHigh, PriceNotSupported, SharingRequired, whatever ResolvePlaces raises, and DatabaseUnavailable, after
        which the same key may safely be sent again.
        """
        require_driver(principal)
        await self._trips.require_new(keep)
        offer = await self.plan(draft, principal, now)
        kept = await rendered(keep, offer)  # before the write, as it may need the roads
        await self._trips.publish([offer], self._trips.offers.insert(offer, kept))
        return offer

    async def plan(self, draft: OfferDraft, principal: Principal, now: datetime) -> Offer:
        """The offer as it would be published; nothing is written.

        Raises the same but for what idempotency keys raise.
        """
        require_driver(principal)
        require_sensible(draft)
        require_departure(draft.departure, now, self._horizon)
        draft = await with_driver(draft, self._sharing, principal.user)
        origin, *via, destination = await self._resolve_places(pointed(draft.origin, draft.via, draft.destination))
        stops = stops_of(origin, via, destination)
        way = await self._resolve_places.way(stops, draft.departure, show_door=draft.show_door)
        offer = new_offer(draft, self._roads, way, self._make_id(), principal.user, now)
        offer = replace(offer, driver_is_woman=draft.driver_is_woman)
        self._cost_sharing.require(offer)
        return offer
