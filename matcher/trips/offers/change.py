"""A driver changes a trip that is still open."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from matcher.domain.booking import Booking
from matcher.domain.errors.tree import OfferNotOpen
from matcher.domain.idempotency import StoredAnswer
from matcher.domain.offer import Offer, OfferChange, OfferStatus
from matcher.domain.place import Place, PlaceInput, same_positions
from matcher.domain.principal import Principal
from matcher.money.cost_sharing import CostSharing
from matcher.people.women_only import require_shared
from matcher.places.resolve import ResolvePlaces
from matcher.roads.asked import RoadsByTime
from matcher.trips.alter import AlterTrip, Decision, QuotedVersionStale
from matcher.trips.keep_promises import is_news, keep_promises
from matcher.trips.offer_rules import (
    require_departure,
    require_driver,
    require_owner,
    require_sensible,
    stops_of,
)
from matcher.trips.offers.repository import OfferRepository
from matcher.trips.planner import TripPlanner
from matcher.trips.ports import TripChange, TripRepository
from matcher.trips.told import events_of_trip
from matcher.trips.waiting_riders import fits_of_waiting, may_decide_fits
from matcher.trips.writer import OfferWriter


class ChangeOffer:
    """Replaces what was named and keeps the rest: only new places are looked up, and the drive is computed again only when
    the places, the road network under them, or the speeds of the hour it departs in, have changed. A detour limit that was not named stays as it is, also when it
    came from a default."""

    def __init__(
        self,
        offers: OfferRepository,
        trips: TripRepository,
        writer: OfferWriter,
        planner: TripPlanner,
        executor: Executor,
        roads: RoadsByTime,
        resolve_places: ResolvePlaces,
        *,
        horizon: timedelta,
        cost_sharing: CostSharing,
    ) -> None:
        self._offers = offers
        self._trips = trips
        self._alter = AlterTrip(trips, writer)
        self._planner = planner
        self._executor = executor
        self._roads = roads
        self._resolve_places = resolve_places
        self._horizon = horizon
        self._cost_sharing = cost_sharing

    async def __call__(
        self,
        offer_id: UUID,
        change: OfferChange,
        expected_version: int,
        principal: Principal,
        now: datetime,
        *,
        series_version: int = 0,
    ) -> Offer:
        """The offer as changed, one version later; `series_version` when a series asks for it, else an occurrence goes its own way.

        Raises RoleForbidden, OfferNotFound, StaleVersion, OfferNotOpen, PromisedToRiders (who would not be carried as promised), SharingRequired, and what
        PublishOffer raises of departures and places.
        """
        require_driver(principal)
        require_sensible(change)

        async def decide() -> Decision[Offer]:
            offer = await self._offers.get(offer_id)
            require_owner(offer, principal)
            if offer.version != expected_version:
                raise QuotedVersionStale(
                    f"the offer is at version {offer.version} now: read it again before changing it"
                )
            if offer.status is not OfferStatus.OPEN:
                raise OfferNotOpen(f"the offer is {offer.status.value} and cannot be changed")
            require_shared(change.women_only, offer.driver_is_woman)
            if change.departure is not None:
                require_departure(change.departure, now, self._horizon)
            elif offer.latest_arrival < now:
                raise OfferNotOpen("the trip is over and cannot be changed")
            changed = await self._driven(_apply(offer, change, now), offer, change)
            self._cost_sharing.require(changed)
            return await self._with_riders(offer, changed, now, series_version)

        changed = await self._alter(offer_id, decide)
        assert not isinstance(changed, StoredAnswer)
        return changed

    async def _with_riders(self, before: Offer, changed: Offer, now: datetime, series_version: int) -> Decision[Offer]:
        """What is written: the offer, its riders' times, and what they are told. Raises PromisedToRiders."""
        bookings = await self._trips.list_open(before.id)

        def hold() -> tuple[Offer, list[Booking], Mapping[UUID, bool]]:
            held = keep_promises(self._planner, before, changed, now)
            fits = fits_of_waiting(self._planner, before, held, bookings, now)
            return held, self._planner.retimed(held, bookings, now), fits

        held, retimed, fits = await asyncio.get_running_loop().run_in_executor(self._executor, hold)
        news = is_news(before, held)
        latest = {booking.id: booking for booking in (*bookings, *retimed)}
        told = events_of_trip([booking for booking in latest.values() if news or booking.id in fits], held, fits)
        change = TripChange(
            held,
            before.version,
            now,
            moved=tuple(retimed),
            events=tuple(told),
            # Who asks for a seat at this moment is told as well, or asks for one on the trip as it will be.
            known=frozenset(latest) if may_decide_fits(before, held) else None,
            in_series=series_version,
        )
        return Decision(change, held)

    async def _driven(self, changed: Offer, before: Offer, change: OfferChange) -> Offer:
        """`changed` with its places on the present road network, and its drive along them."""
        same_roads = before.region_fingerprint == self._roads.fingerprint and before.region == self._roads.name
        same_hours = self._roads.at(before.departure) is self._roads.at(changed.departure)
        new = _new_places(change)
        if not new and same_roads and same_hours and change.via is None:
            return changed
        found = dict(zip((pointer for pointer, _ in new), await self._resolve_places(new), strict=True))
        via = before.via if change.via is None else tuple(found[f"/via/{i}"] for i in range(len(change.via)))
        origin, destination = found.get("/origin", before.origin), found.get("/destination", before.destination)
        stops = stops_of(origin, via, destination)
        booked_stops = before.booked_stops
        if before.region != self._roads.name or not same_positions(before.region_fingerprint, self._roads.fingerprint):
            stops = await self._on_these_roads(stops, found)
            booked = await self._resolve_places.resnap([("/booked_stops", stop.place) for stop in booked_stops])
            booked_stops = tuple(replace(stop, place=place) for stop, place in zip(booked_stops, booked, strict=True))
        drive = await self._resolve_places.drive(stops, changed.departure)
        places = [place for _, place in stops]
        return replace(
            changed,
            region=self._roads.name,
            region_fingerprint=self._roads.fingerprint,
            origin=places[0],
            via=tuple(places[1:-1]),
            destination=places[-1],
            booked_stops=booked_stops,
            duration_ms=drive.duration_ms,
            length_cm=drive.length_cm,
        )

    async def _on_these_roads(self, stops: list[tuple[str, Place]], found: dict[str, Place]) -> list[tuple[str, Place]]:
        old = [(pointer, place) for pointer, place in stops if pointer not in found]
        snapped = dict(zip((pointer for pointer, _ in old), await self._resolve_places.resnap(old), strict=True))
        return [(pointer, snapped.get(pointer, place)) for pointer, place in stops]


def _new_places(change: OfferChange) -> list[tuple[str, PlaceInput]]:
    new: list[tuple[str, PlaceInput]] = []
    if change.origin is not None:
        new.append(("/origin", change.origin))
    new.extend((f"/via/{i}", place) for i, place in enumerate(change.via or ()))
    if change.destination is not None:
        new.append(("/destination", change.destination))
    return new


def _apply(offer: Offer, change: OfferChange, now: datetime) -> Offer:
    """The offer with the fields that need no roads. Its riders have not been thought of yet."""
    seats_offered = offer.seats_offered if change.seats is None else change.seats
    taken = offer.seats_offered - offer.seats_left
    max_detour_m = offer.max_detour_m if change.max_detour_m is None else change.max_detour_m
    return replace(
        offer,
        version=offer.version + 1,
        departure=offer.departure if change.departure is None else change.departure,
        flexibility_s=offer.flexibility_s if change.flexibility_s is None else change.flexibility_s,
        seats_offered=seats_offered,
        seats_left=seats_offered - taken,
        max_detour_s=offer.max_detour_s if change.max_detour_s is None else change.max_detour_s,
        max_detour_m=None if change.clear_max_detour_m else max_detour_m,
        preferences=offer.preferences if change.preferences is None else dict(change.preferences),
        comment=offer.comment if change.comment is None else change.comment,
        instant_booking=offer.instant_booking if change.instant_booking is None else change.instant_booking,
        price=None if change.clear_price else change.price or offer.price,
        women_only=offer.women_only if change.women_only is None else change.women_only,
        updated_at=now,
    )
