"""Makes the offers of a series' occurrences."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from matcher.domain.offer import Offer
from matcher.domain.place import same_positions
from matcher.domain.series import Direction, OccurrenceKey, Phase, Route, Series, SeriesDraft
from matcher.money.cost_sharing import CostSharing
from matcher.people.women_only import Sharing, require_shared
from matcher.places.resolve import ResolvePlaces, TripWay
from matcher.roads.asked import RoadsByTime
from matcher.trips.offer_rules import new_offer, pointed, stops_of

#: An offer that is to be stored, and which trip of its series it is.
Made = tuple[OccurrenceKey, Offer]


class MakeOccurrences:
    """Makes the offer of each occurrence as its driver would, on the present roads at the speeds of its hour."""

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
        """The offers, not stored yet.

        Raises PlaceTooFarFromRoad, PlaceUnreachable, PlacesTooClose, PriceTooHigh, PriceNotSupported, SharingRequired.
        """
        made: list[Made] = []
        ways: dict[tuple[int, Direction, int], TripWay] = {}
        is_woman = await self._sharing.is_woman(series.driver_id)
        for key, departure in wanted:
            phase = series.phase_on(key.day)
            assert phase is not None, "an occurrence lies in a phase"
            require_shared(phase.trip.women_only, is_woman)
            # Many dates and few kinds of hours: each is driven once.
            kind = (id(phase), key.direction, id(self._roads.at(departure)))
            if kind not in ways:
                ways[kind] = await self._way(phase, key.direction, departure)
            way = replace(ways[kind], departure=departure)
            offer = new_offer(phase.trip, self._roads, way, self._make_id(), series.driver_id, now)
            self._cost_sharing.require(offer)
            made.append((key, replace(offer, driver_is_woman=is_woman)))
        return made

    async def route(self, draft: SeriesDraft) -> Route:
        """The places of a draft on the present roads. Raises whatever ResolvePlaces raises."""
        origin, *via, destination = await self._resolve_places(pointed(draft.origin, draft.via, draft.destination))
        return Route(origin, tuple(via), destination, self._roads.fingerprint)

    @property
    def region(self) -> str:
        return self._roads.name

    async def _way(self, phase: Phase, direction: Direction, departure: datetime) -> TripWay:
        places = phase.route.places(direction)
        stops = stops_of(places[0], places[1:-1], places[-1])
        if not same_positions(phase.route.region_fingerprint, self._roads.fingerprint):
            snapped = await self._resolve_places.resnap(stops)
            stops = [(pointer, place) for (pointer, _), place in zip(stops, snapped, strict=True)]
        return await self._resolve_places.way(stops, departure, show_door=phase.trip.show_door)
