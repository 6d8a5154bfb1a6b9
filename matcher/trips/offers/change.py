"""A driver changes a trip that is still open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from matcher.domain.booking import Booking
from matcher.domain.errors.tree import OfferNotOpen, StaleVersion
from matcher.domain.offer import Offer, OfferChange, OfferStatus
from matcher.domain.place import Place, PlaceInput, same_positions
from matcher.domain.principal import Principal
from matcher.money.cost_sharing import CostSharing
from matcher.people.women_only import require_shared
from matcher.places.resolve import ResolvePlaces
from matcher.roads.asked import RoadsByTime
from matcher.trips.bookings.repository import TripChange
from matcher.trips.keep_promises import is_news, keep_promises
from matcher.trips.offer_rules import require_departure, require_driver, require_owner, require_sensible, stops_of
from matcher.trips.planner import TripPlanner
from matcher.trips.planning import Planning
from matcher.trips.told import events_of_trip
from matcher.trips.waiting_riders import fits_of_waiting, may_decide_fits
from matcher.trips.writer import TripWriter, until_written


class ChangeOffer:
    """Replaces what was named and keeps the rest, a detour limit that came from a default too.

    Only new places are looked up, and the drive is computed again only when the places, the road network under them, or
    the speeds of the hour it departs in, have changed.
    """

    def __init__(
        self,
        trips: TripWriter,
        planning: Planning,
        roads: RoadsByTime,
        resolve_places: ResolvePlaces,
        *,
        horizon: timedelta,
        cost_sharing: CostSharing,
    ) -> None:
        self._trips = trips
        self._planning = planning
        self._roads = roads
        self._resolve_places = resolve_places
        self._horizon = horizon
        self._cost_sharing = cost_sharing

    @until_written
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
        """The offer as changed, one version later; `series_version`: see TripChange.

        Raises RoleForbidden, OfferNotFound, StaleVersion, OfferNotOpen, PromisedToRiders (naming who would not be
        carried as promised), SharingRequired, and what PublishOffer raises of departures and places.
        """
        require_driver(principal)
        require_sensible(change)
        async with self._trips.changing(offer_id) as trip:
            offer = await self._trips.offers.get(offer_id)
            require_owner(offer, principal)
            if offer.version != expected_version:
                raise StaleVersion(f"the offer is at version {offer.version} now: read it again before changing it")
            if offer.status is not OfferStatus.OPEN:
                raise OfferNotOpen(f"the offer is {offer.status.value} and cannot be changed")
            require_shared(change.women_only, offer.driver_is_woman)
            if change.departure is not None:
                require_departure(change.departure, now, self._horizon)
            elif offer.latest_arrival < now:
                raise OfferNotOpen("the trip is over and cannot be changed")
            changed = await self._driven(change.laid_over(offer, now), offer, change)
            self._cost_sharing.require(changed)
            written = await self._with_riders(offer, changed, now, series_version)
            return trip.write(written, written.offer or changed)

    async def _with_riders(self, before: Offer, changed: Offer, now: datetime, series_version: int) -> TripChange:
        """What is written: the offer, its riders' times, and what they are told. Raises PromisedToRiders."""
        bookings = await self._trips.bookings.list_open(before.id)

        def hold(planner: TripPlanner) -> tuple[Offer, list[Booking], Mapping[UUID, bool]]:
            held = keep_promises(planner, before, changed, now)
            fits = fits_of_waiting(planner, before, held, bookings, now)
            return held, planner.retimed(held, bookings, now), fits

        held, retimed, fits = await self._planning(hold)
        news = is_news(before, held)
        latest = {booking.id: booking for booking in (*bookings, *retimed)}
        told = events_of_trip([booking for booking in latest.values() if news or booking.id in fits], held, fits)
        return TripChange(
            held,
            before.version,
            now,
            moved=tuple(retimed),
            events=tuple(told),
            # Who asks for a seat at this moment is told as well, or asks for one on the trip as it will be.
            known=frozenset(latest) if may_decide_fits(before, held) else None,
            in_series=series_version,
        )

    async def _driven(self, changed: Offer, before: Offer, change: OfferChange) -> Offer:
        """`changed` with its places on the present road network, and its drive along them."""
        same_roads = before.region_fingerprint == self._roads.fingerprint and before.region == self._roads.name
        same_hours = self._roads.at(before.departure) is self._roads.at(changed.departure)
        new = _new_places(change)
        same_doors = changed.show_door == before.show_door
        if not new and same_roads and same_hours and change.via is None and same_doors:
            return changed
        found = dict(zip((pointer for pointer, _ in new), await self._resolve_places(new), strict=True))
        own = before.own
        via = own.via if change.via is None else tuple(found[f"/via/{i}"] for i in range(len(change.via)))
        origin, destination = found.get("/origin", own.origin), found.get("/destination", own.destination)
        stops = stops_of(origin, via, destination)
        booked_stops = before.booked_stops
        if before.region != self._roads.name or not same_positions(before.region_fingerprint, self._roads.fingerprint):
            stops = await self._on_these_roads(stops, found)
            booked_stops = await self._resolve_places.resnap_stops(booked_stops)
        way = await self._resolve_places.way(stops, changed.departure, show_door=changed.show_door)
        return replace(
            changed,
            region=self._roads.name,
            region_fingerprint=self._roads.fingerprint,
            origin=way.places[0],
            via=way.places[1:-1],
            destination=way.places[-1],
            doors=way.doors,
            booked_stops=booked_stops,
            duration_ms=way.duration_ms,
            length_cm=way.length_cm,
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
