"""Several geocoders as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from matcher.domain.errors.tree import AddressAmbiguous, AddressNotFound, GeocoderUnavailable
from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.geocoding.geocoder import Geocoder


class ClosableGeocoder(Geocoder, Protocol):
    """A geocoder that may hold connections."""

    async def close(self) -> None:
        """Let go of them. The geocoder cannot be used afterwards."""


class ChainGeocoder:
    """Asks its geocoders in order; the first that knows answers.

    - Not found, or unavailable: the next one is asked.
    - Ambiguous: the next ones are asked too, and one that is certain settles it if its place is among, or near, the candidates;
      otherwise the first ambiguity is the answer. A later geocoder may know better which is meant, never that none is.
    - At the end: AddressNotFound (with the first suggestions there were) if any geocoder answered at all, else
      GeocoderUnavailable.
    """

    def __init__(self, geocoders: Sequence[ClosableGeocoder]) -> None:
        if not geocoders:
            raise ValueError("a chain needs at least one geocoder")
        self._geocoders = tuple(geocoders)

    async def geocode(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        """The candidates of the first geocoder that has any. Raises GeocoderUnavailable when none could answer."""
        outage: GeocoderUnavailable | None = None
        answered = False
        for geocoder in self._geocoders:
            try:
                places = await geocoder.geocode(text, limit=limit, near=near)
            except GeocoderUnavailable as error:
                outage = error
                continue
            if places:
                return places
            answered = True
        if outage is not None and not answered:
            raise outage
        return []

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
                unknown = _better_excuse(unknown, error)
            except GeocoderUnavailable as error:
                outage = error
            else:
                if ambiguous is None or _settles(place, ambiguous):
                    return place
        for failure in (ambiguous, unknown, outage):
            if failure is not None:
                raise failure
        raise AssertionError("every geocoder returns or raises")

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        """What the first geocoder that knows says is there. Raises GeocoderUnavailable when none could answer."""
        outage: GeocoderUnavailable | None = None
        answered = False
        for geocoder in self._geocoders:
            try:
                place = await geocoder.reverse(coordinate)
            except GeocoderUnavailable as error:
                outage = error
                continue
            if place is not None:
                return place
            answered = True
        if outage is not None and not answered:
            raise outage
        return None

    async def close(self) -> None:
        """Close all of them."""
        for geocoder in self._geocoders:
            await geocoder.close()


#: A place this near to a candidate is that candidate: two maps put the middle of a street differently.
_SAME_CANDIDATE_M = 1_000.0


def _settles(place: GeocodedPlace, ambiguous: AddressAmbiguous) -> bool:
    candidates = ambiguous.extra.get("candidates", [])
    return any(
        place.coordinate.distance_m(Coordinate(lat=one["lat"], lon=one["lon"])) <= _SAME_CANDIDATE_M
        for one in candidates
    )


def _better_excuse(first: AddressNotFound | None, later: AddressNotFound) -> AddressNotFound:
    if first is None or (later.extra.get("suggestions") and not first.extra.get("suggestions")):
        return later
    return first
