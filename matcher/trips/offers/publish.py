"""A driver publishes a trip."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

from matcher.domain.idempotency import IdempotencyRequest, StoredAnswer
from matcher.domain.offer import DEFAULT_FLEXIBILITY_S, Offer, OfferDraft, OfferStatus, default_max_detour_s
from matcher.domain.principal import Principal
from matcher.money.cost_sharing import CostSharing
from matcher.people.women_only import Sharing, with_driver
from matcher.places.resolve import ResolvePlaces
from matcher.roads.asked import RoadsByTime
from matcher.trips.offer_rules import pointed, require_departure, require_driver, require_sensible, stops_of
from matcher.trips.offers.repository import OfferRepository
from matcher.trips.writer import OfferWriter


class PublishOffer:
    """An offer that is returned is on disk and can be found by the next search.

    `make_id` makes UUIDv7 (RFC 9562), so ids sort by the time they were made; `horizon` is how far ahead a trip may leave.
    """

    def __init__(
        self,
        offers: OfferRepository,
        writer: OfferWriter,
        roads: RoadsByTime,
        resolve_places: ResolvePlaces,
        *,
        make_id: Callable[[], UUID],
        horizon: timedelta,
        cost_sharing: CostSharing,
        sharing: Sharing,
    ) -> None:
        self._offers = offers
        self._writer = writer
        self._roads = roads
        self._resolve_places = resolve_places
        self._make_id = make_id
        self._horizon = horizon
        self._cost_sharing = cost_sharing
        self._sharing = sharing

    async def __call__(
        self,
        draft: OfferDraft,
        principal: Principal,
        now: datetime,
        idempotency: IdempotencyRequest | None = None,
        render: Callable[[Offer], Awaitable[StoredAnswer]] | None = None,
    ) -> Offer | StoredAnswer:
        """The new offer; or, when `idempotency` was answered before, that answer, and nothing new is made.

        `render` makes the answer that is kept under the key; it is asked before the write, as it may need the roads.

        Raises RoleForbidden, IdempotencyKeyReused, DepartureInPast, DepartureTooFar, InvalidField, PriceTooHigh, PriceNotSupported,
        SharingRequired, whatever ResolvePlaces raises, and DatabaseUnavailable, after which the same key may safely be sent again.
        """
        require_driver(principal)
        if idempotency is not None:
            earlier = await self._offers.find_answer(idempotency)
            if earlier is not None:
                # The database may have lost its voice just after it wrote the offer: then it is not in the index yet.
                await self._writer.settle()
                return earlier
        require_sensible(draft)
        require_departure(draft.departure, now, self._horizon)
        offer = await self._make(await with_driver(draft, self._sharing, principal.user), principal, now)
        if idempotency is None or render is None:
            earlier = await self._writer.insert(offer)
        else:
            answer = await render(offer)
            earlier = await self._writer.insert(offer, idempotency=idempotency, render=lambda _: answer)
        return offer if earlier is None else earlier

    async def _make(self, draft: OfferDraft, principal: Principal, now: datetime) -> Offer:
        origin, *via, destination = await self._resolve_places(pointed(draft.origin, draft.via, draft.destination))
        drive = await self._resolve_places.drive(stops_of(origin, via, destination), draft.departure)
        offer = Offer(
            id=self._make_id(),
            driver_id=principal.user,
            region=self._roads.name,
            region_fingerprint=self._roads.fingerprint,
            status=OfferStatus.OPEN,
            version=1,
            origin=origin,
            destination=destination,
            via=tuple(via),
            departure=draft.departure,
            flexibility_s=DEFAULT_FLEXIBILITY_S if draft.flexibility_s is None else draft.flexibility_s,
            seats_offered=draft.seats,
            seats_left=draft.seats,
            max_detour_s=default_max_detour_s(drive.duration_ms) if draft.max_detour_s is None else draft.max_detour_s,
            max_detour_m=draft.max_detour_m,
            preferences=dict(draft.preferences),
            comment=draft.comment,
            duration_ms=drive.duration_ms,
            length_cm=drive.length_cm,
            created_at=now,
            updated_at=now,
            instant_booking=draft.instant_booking,
            price=draft.price,
            women_only=draft.women_only,
            driver_is_woman=draft.driver_is_woman,
        )
        self._cost_sharing.require(offer)
        return offer
