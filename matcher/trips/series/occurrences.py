"""From what a series is like to the offers of its occurrences."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from matcher.domain.offer import Offer, OfferStatus, default_max_detour_s
from matcher.domain.place import Place, same_positions
from matcher.domain.series import Direction, OccurrenceKey, Phase, Route, Series
from matcher.money.cost_sharing import CostSharing
from matcher.people.women_only import Sharing, require_shared
from matcher.places.resolve import ResolvePlaces
from matcher.roads.asked import DrivenRoute, RoadsByTime
from matcher.trips.offer_rules import stops_of
from matcher.trips.series.ports import Made


class MakeOccurrences:
    """Offers as a driver would publish them by hand, one for each occurrence, on the present roads and at the speeds of its hour."""

    def __init__(
        self,
        roads: RoadsByTime,
        resolve_places: ResolvePlaces,
        *,
        make_id: Callable[[], UUID],
        cost_sharing: CostSharing,
        sharing: Sharing,
    ) -> None:
        self._roads = roads
        self._resolve_places = resolve_places
        self._make_id = make_id
        self._cost_sharing = cost_sharing
        self._sharing = sharing

    async def __call__(
        self, series: Series, wanted: Iterable[tuple[OccurrenceKey, datetime]], now: datetime
    ) -> list[Made]:
        """The offers, not stored yet. Raises PlaceTooFarFromRoad, PlaceUnreachable, PlacesTooClose, PriceTooHigh, PriceNotSupported, SharingRequired."""
        made: list[Made] = []
        drives: dict[tuple[int, Direction, int], tuple[tuple[Place, ...], DrivenRoute]] = {}
        is_woman = await self._sharing.is_woman(series.driver_id)
        for key, departure in wanted:
            phase = series.phase_on(key.day)
            assert phase is not None, "an occurrence lies in a phase"
            require_shared(phase.trip.women_only, is_woman)
            # Many dates and few kinds of hours: each is driven once.
            kind = (id(phase), key.direction, id(self._roads.at(departure)))
            if kind not in drives:
                drives[kind] = await self._driven(phase.route, key.direction, departure)
            places, drive = drives[kind]
            offer = self._offer(series, phase, places, drive, departure, now)
            self._cost_sharing.require(offer)
            made.append((key, replace(offer, driver_is_woman=is_woman)))
        return made

    async def _driven(
        self, route: Route, direction: Direction, departure: datetime
    ) -> tuple[tuple[Place, ...], DrivenRoute]:
        places = route.places(direction)
        stops = stops_of(places[0], places[1:-1], places[-1])
        if not same_positions(route.region_fingerprint, self._roads.fingerprint):
            snapped = await self._resolve_places.resnap(stops)
            stops = [(pointer, place) for (pointer, _), place in zip(stops, snapped, strict=True)]
        return tuple(place for _, place in stops), await self._resolve_places.drive(stops, departure)

    def _offer(
        self,
        series: Series,
        phase: Phase,
        places: tuple[Place, ...],
        drive: DrivenRoute,
        departure: datetime,
        now: datetime,
    ) -> Offer:
        trip = phase.trip
        return Offer(
            id=self._make_id(),
            driver_id=series.driver_id,
            region=self._roads.name,
            region_fingerprint=self._roads.fingerprint,
            status=OfferStatus.OPEN,
            version=1,
            origin=places[0],
            destination=places[-1],
            via=places[1:-1],
            departure=departure,
            flexibility_s=trip.flexibility_s,
            seats_offered=trip.seats,
            seats_left=trip.seats,
            max_detour_s=default_max_detour_s(drive.duration_ms) if trip.max_detour_s is None else trip.max_detour_s,
            max_detour_m=trip.max_detour_m,
            preferences=dict(trip.preferences),
            comment=trip.comment,
            duration_ms=drive.duration_ms,
            length_cm=drive.length_cm,
            created_at=now,
            updated_at=now,
            instant_booking=trip.instant_booking,
            price=trip.price,
            women_only=trip.women_only,
        )
