"""From what people say to where it meets the road: addresses are looked up, coordinates are snapped, faults carry
pointers.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime

from matcher.domain.errors.tree import (
    CarpoolError,
    Fault,
    InvalidField,
    InvalidInput,
    PlacesTooClose,
    PlaceTooFarFromRoad,
    PlaceUnreachable,
)
from matcher.domain.itinerary import Stop
from matcher.domain.offer import Doors
from matcher.domain.place import Coordinate, Place, PlaceInput
from matcher.geocoding.geocoder import Geocoder
from matcher.places.public_places import DOOR, PublicPlaces
from matcher.roads.asked import RoadsByTime


@dataclass(frozen=True, slots=True)
class TripWay:
    """Where and when a trip goes: its public places in driving order, and the drive along them without riders.

    doors: the driver's own places, None where these are public. allowance_s: what a rider's doors add to each detour.
    """

    places: tuple[Place, ...]
    doors: Doors | None
    departure: datetime
    duration_ms: int
    length_cm: int
    allowance_s: int = 0


#: Two stops in a row nearer than this (in a straight line, on the road) are one place for a car.
MIN_LEG_M = 50.0


class ResolvePlaces:
    """Turns places as given into places on the road, several at once, and drives through them.

    `snap_limit_m` is the straight distance, inclusive, within which a road must lie. `public`: what others may know of
    places; without it every place is public as it is.
    """

    def __init__(
        self,
        roads: RoadsByTime,
        geocoder: Geocoder,
        executor: Executor,
        *,
        snap_limit_m: float,
        public: PublicPlaces | None = None,
    ) -> None:
        self._roads = roads
        self._geocoder = geocoder
        self._executor = executor
        self._snap_limit_m = snap_limit_m
        self.public = public

    async def __call__(self, inputs: Sequence[tuple[str, PlaceInput]]) -> list[Place]:
        """The places of (JSON pointer, input) pairs, in order.

        Raises AddressNotFound, AddressAmbiguous, PlaceTooFarFromRoad with a fault for every place that is wrong, or
        GeocoderUnavailable. When places are wrong in different ways, the error is that of the first.
        """
        outcomes = await asyncio.gather(
            *(self._resolve(pointer, given) for pointer, given in inputs), return_exceptions=True
        )
        places = [outcome for outcome in outcomes if isinstance(outcome, Place)]
        if len(places) == len(outcomes):
            return places
        raise _one_error(outcome for outcome in outcomes if isinstance(outcome, BaseException))

    async def resnap(self, places: Sequence[tuple[str, Place]]) -> list[Place]:
        """The same places on the present road network: nothing is looked up again. Raises PlaceTooFarFromRoad."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: [self.snap_again(at, place) for at, place in places])

    async def resnap_stops(self, stops: Sequence[Stop]) -> tuple[Stop, ...]:
        """The same for stops of a trip. Raises PlaceTooFarFromRoad."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: tuple(map(self.stop_again, stops)))

    def stop_again(self, stop: Stop) -> Stop:
        """A stop on the present road network, synchronously. Raises PlaceTooFarFromRoad."""
        place = self.snap_again("/booked_stops", stop.place)
        if stop.at_door and self.public is not None:
            met = self.public.met_at(place)
            if met.position.fraction == DOOR:
                return replace(stop, place=met)
        # Where people have agreed to meet they meet, also where no public point allows for it any more.
        return replace(stop, place=place, at_door=False)

    def snap_again(self, pointer: str, place: Place) -> Place:
        """`resnap` for one place, synchronously. Raises PlaceTooFarFromRoad."""
        return self._snap(pointer, PlaceInput(coordinate=place.coordinate, address=place.address), place.label)

    async def way(self, stops: Sequence[tuple[str, Place]], departure: datetime, *, show_door: bool = False) -> TripWay:
        """The way of a driver who leaves at a moment, through their own places. show_door: these are public as well.

        Raises PlacesTooClose, PlaceUnreachable (pointing at the last stop).
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: self.way_now(stops, departure, show_door=show_door)
        )

    def way_now(self, stops: Sequence[tuple[str, Place]], departure: datetime, *, show_door: bool) -> TripWay:
        """`way`, synchronously."""
        self.refuse_same_places(stops)
        own = tuple(place for _, place in stops)
        places = own if self.public is None or show_door else tuple(map(self.public.point, own))
        if places != own and len({place.position for place in places}) == 1:
            _refuse_one_point(stops[-1][0], places[0], "others see public points instead of doors, and no trip here")
        roads = self._roads.at(departure)
        drive = roads.drive([place.position for place in places], with_points=False)
        if drive is None:
            raise PlaceUnreachable.at(stops[-1][0], "there is no route from the origin to the destination")
        doors = None
        if places != own:
            lead = roads.drive([own[0].position, places[0].position], with_points=False)
            doors = Doors(own[0], own[1:-1], own[-1], 0 if lead is None else lead.duration_ms)
        return TripWay(
            places=places,
            doors=doors,
            departure=departure,
            duration_ms=drive.duration_ms,
            length_cm=drive.length_cm,
            allowance_s=0 if self.public is None else self.public.allowance_s,
        )

    async def met_at(self, stops: Sequence[tuple[str, Place]]) -> list[Place]:
        """A rider's origin and destination, positioned where a car meets the rider.

        Raises PlacesTooClose, pointing at the second of two that are one place for a car.
        """
        return await asyncio.get_running_loop().run_in_executor(self._executor, self.met_now, stops)

    def met_now(self, stops: Sequence[tuple[str, Place]]) -> list[Place]:
        """`met_at`, synchronously."""
        self.refuse_same_places(stops)
        if self.public is None:
            return [place for _, place in stops]
        met = [self.public.met_at(place) for _, place in stops]
        point = self.public.behind(met[0].position)
        if point is not None and point == self.public.behind(met[-1].position):
            _refuse_one_point(stops[-1][0], point, "the trip is too short to be shared")
        return met

    def refuse_same_places(self, stops: Sequence[tuple[str, Place]]) -> None:
        """Raises PlacesTooClose, pointing at the second of two stops in a row that are one place for a car."""
        for (_, here), (pointer, there) in itertools.pairwise(stops):
            self._refuse_same_place(here, pointer, there)

    def _refuse_same_place(self, here: Place, pointer: str, there: Place) -> None:
        apart_m = self._roads.locate(here.position).distance_m(self._roads.locate(there.position))
        if apart_m < MIN_LEG_M:
            detail = f"is {apart_m:.0f} m from the previous stop: stops must be at least {MIN_LEG_M:.0f} m apart"
            raise PlacesTooClose.at(pointer, detail, "the place")

    async def _resolve(self, pointer: str, given: PlaceInput) -> Place:
        if given.coordinate is not None:
            return self._snap(pointer, given, given.label)
        if given.address is None:
            raise InvalidField.at(pointer, "a place requires coordinates or an address")
        try:
            found = await self._geocoder.resolve(given.address)
        except InvalidInput as error:
            error.faults = (Fault(f"{pointer}/address", error.detail, error.code),)
            raise
        return self._snap(pointer, PlaceInput(coordinate=found.coordinate, address=given.address), found.label)

    def _snap(self, pointer: str, given: PlaceInput, label: str | None) -> Place:
        coordinate = given.coordinate
        assert coordinate is not None
        snapped = self._roads.snap(coordinate, limit_m=self._snap_limit_m)
        if snapped is None:
            limit = f"{self._snap_limit_m:.0f} m"
            detail = f"there is no drivable road of the region {self._roads.name!r} within {limit} of this place"
            if given.address is None and self._is_exchanged(coordinate):
                detail += ": lat and lon seem to be swapped"
            raise PlaceTooFarFromRoad.at(pointer, detail)
        if label is None:
            label = snapped.street if snapped.street is not None else f"{coordinate.lat:.5f}, {coordinate.lon:.5f}"
        return Place(
            coordinate=coordinate,
            label=label,
            position=snapped.position,
            road_distance_m=snapped.distance_m,
            address=given.address,
        )

    def _is_exchanged(self, coordinate: Coordinate) -> bool:
        """Whether there is a road where lat and lon change places: the commonest slip with coordinates."""
        if abs(coordinate.lon) > 90.0:
            return False
        other_way = Coordinate(lat=coordinate.lon, lon=coordinate.lat)
        return self._roads.snap(other_way, limit_m=self._snap_limit_m) is not None


def _refuse_one_point(pointer: str, point: Place, why: str) -> None:
    detail = f"is in the same neighbourhood as where the trip begins, around {point.label}: {why}"
    raise PlacesTooClose.at(pointer, detail, "the place")


def _one_error(errors: Iterable[BaseException]) -> BaseException:
    """What to raise for several: something that is nobody's input first; else the first, with the faults of all."""
    invalid: list[InvalidInput] = []
    for error in errors:
        if not isinstance(error, InvalidInput):
            return error
        invalid.append(error)
    first: CarpoolError = invalid[0]
    first.faults = tuple(fault for error in invalid for fault in error.faults)
    return first
