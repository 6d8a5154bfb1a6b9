"""From what people say to where it meets the road: addresses are looked up, coordinates are snapped, faults carry
pointers.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
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
from matcher.domain.place import Coordinate, Place, PlaceInput
from matcher.geocoding.geocoder import Geocoder
from matcher.roads.asked import RoadsByTime
from matcher.roads.engine import DrivenRoute

#: Two stops in a row nearer than this (in a straight line, on the road) are one place for a car.
MIN_LEG_M = 50.0


class ResolvePlaces:
    """Turns places as given into places on the road, several at once, and drives through them.

    `snap_limit_m` is the straight distance, inclusive, within which a road must lie.
    """

    def __init__(self, roads: RoadsByTime, geocoder: Geocoder, executor: Executor, *, snap_limit_m: float) -> None:
        self._roads = roads
        self._geocoder = geocoder
        self._executor = executor
        self._snap_limit_m = snap_limit_m

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

    def snap_again(self, pointer: str, place: Place) -> Place:
        """`resnap` for one place, synchronously. Raises PlaceTooFarFromRoad."""
        return self._snap(pointer, PlaceInput(coordinate=place.coordinate, address=place.address), place.label)

    async def drive(self, stops: Sequence[tuple[str, Place]], departure: datetime) -> DrivenRoute:
        """The base drive through the stops of who leaves at a moment, without points.

        Raises PlacesTooClose, PlaceUnreachable (pointing at the last stop).
        """
        self.refuse_same_places(stops)
        positions = [place.position for _, place in stops]
        roads = self._roads.at(departure)
        route = await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: roads.drive(positions, with_points=False)
        )
        if route is None:
            detail = "there is no route from the origin to the destination"
            raise PlaceUnreachable(detail, faults=[Fault(stops[-1][0], detail, PlaceUnreachable.code)])
        return route

    def refuse_same_places(self, stops: Sequence[tuple[str, Place]]) -> None:
        """Raises PlacesTooClose, pointing at the second of two stops in a row that are one place for a car."""
        for (_, here), (pointer, there) in itertools.pairwise(stops):
            self._refuse_same_place(here, pointer, there)

    def _refuse_same_place(self, here: Place, pointer: str, there: Place) -> None:
        apart_m = self._roads.locate(here.position).distance_m(self._roads.locate(there.position))
        if apart_m < MIN_LEG_M:
            detail = f"is {apart_m:.0f} m from the previous stop: stops must be at least {MIN_LEG_M:.0f} m apart"
            raise PlacesTooClose(f"the place {detail}", faults=[Fault(pointer, detail, PlacesTooClose.code)])

    async def _resolve(self, pointer: str, given: PlaceInput) -> Place:
        if given.coordinate is not None:
            return self._snap(pointer, given, given.label)
        if given.address is None:
            detail = "a place requires coordinates or an address"
            raise InvalidField(detail, faults=[Fault(pointer, detail, InvalidField.code)])
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
            raise PlaceTooFarFromRoad(detail, faults=[Fault(pointer, detail, PlaceTooFarFromRoad.code)])
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
