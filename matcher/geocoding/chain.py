"""Several geocoders as one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from matcher.domain.errors.tree import AddressAmbiguous, AddressNotFound, GeocoderUnavailable
from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.geocoding.geocoder import Geocoder

T = TypeVar("T")


class ChainGeocoder:
    """Asks its geocoders in order; the first that knows answers.

    - Not found, or unavailable: the next one is asked.
    - Ambiguous: the next ones are asked too. One that is certain settles it if its place is one of the candidates or
      near one; otherwise the first ambiguity is the answer. A later geocoder may know which is meant, never that none
      is.
    - At the end: AddressNotFound (with the first suggestions) if any geocoder answered at all, else
      GeocoderUnavailable.
    """

    def __init__(self, geocoders: Sequence[Geocoder]) -> None:
        if not geocoders:
            raise ValueError("a chain needs at least one geocoder")
        self._geocoders = tuple(geocoders)

    async def geocode(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        """The candidates of the first geocoder that has any. Raises GeocoderUnavailable when none could answer."""
        return await self._first(lambda geocoder: geocoder.geocode(text, limit=limit, near=near)) or []

    async def resolve(self, text: str, *, near: Coordinate | None = None) -> GeocodedPlace:
        """The one place meant, as the class says. Raises AddressNotFound, AddressAmbiguous, GeocoderUnavailable."""
        ambiguous: AddressAmbiguous | None = None
        unknown: AddressNotFound | None = None
        outage: GeocoderUnavailable | None = None
        for geocoder in self._geocoders:
            try:
                place = await geocoder.resolve(text, near=near)
            except AddressAmbiguous as error:
                ambiguous = ambiguous or error
            except AddressNotFound as error:
                if unknown is None or (error.extra.get("suggestions") and not unknown.extra.get("suggestions")):
                    unknown = error
            except GeocoderUnavailable as error:
                outage = error
            else:
                if ambiguous is None or _settles(place, ambiguous):
                    return place
        raise ambiguous or unknown or outage or AssertionError("every geocoder returns or raises")

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        """The place that the first geocoder to know names. Raises GeocoderUnavailable when none could answer."""
        return await self._first(lambda geocoder: geocoder.reverse(coordinate))

    async def _first(self, ask: Callable[[Geocoder], Awaitable[T | None]]) -> T | None:
        """The first answer that is not empty, else None."""
        outages: list[GeocoderUnavailable] = []
        for geocoder in self._geocoders:
            try:
                if answer := await ask(geocoder):
                    return answer
            except GeocoderUnavailable as error:
                outages.append(error)
        if len(outages) == len(self._geocoders):
            raise outages[-1]
        return None

    async def close(self) -> None:
        for geocoder in self._geocoders:
            await geocoder.close()


#: A place this near to a candidate is that candidate: two maps put the middle of a street differently.
_SAME_CANDIDATE_M = 1_000.0


def _settles(place: GeocodedPlace, ambiguous: AddressAmbiguous) -> bool:
    candidates = [Coordinate(lat=one["lat"], lon=one["lon"]) for one in ambiguous.extra.get("candidates", [])]
    return any(place.coordinate.distance_m(candidate) <= _SAME_CANDIDATE_M for candidate in candidates)
