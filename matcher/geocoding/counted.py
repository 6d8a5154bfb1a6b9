"""A geocoder that counts its look-ups by outcome."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from matcher.domain.errors.tree import AddressAmbiguous, AddressNotFound, GeocoderUnavailable
from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.geocoding.geocoder import Geocoder
from matcher.operation.telemetry import GEOCODER_CALLS, Telemetry

_OUTCOMES = {AddressNotFound: "not_found", AddressAmbiguous: "ambiguous", GeocoderUnavailable: "unavailable"}


class CountedGeocoder:
    """Answers as the inner geocoder does."""

    def __init__(self, inner: Geocoder, name: str, telemetry: Telemetry) -> None:
        self._inner = inner
        self._name = name
        self._telemetry = telemetry

    async def geocode(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        """As the inner geocoder."""
        with self._failures_counted():
            places = await self._inner.geocode(text, limit=limit, near=near)
        self._count("found" if places else "not_found")
        return places

    async def resolve(self, text: str, *, near: Coordinate | None = None) -> GeocodedPlace:
        """As the inner geocoder."""
        with self._failures_counted():
            place = await self._inner.resolve(text, near=near)
        self._count("found")
        return place

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        """As the inner geocoder."""
        with self._failures_counted():
            place = await self._inner.reverse(coordinate)
        self._count("not_found" if place is None else "found")
        return place

    async def close(self) -> None:
        """Close the inner geocoder."""
        await self._inner.close()

    @contextmanager
    def _failures_counted(self) -> Iterator[None]:
        try:
            yield
        except (AddressNotFound, AddressAmbiguous, GeocoderUnavailable) as error:
            self._count(_OUTCOMES[type(error)])
            raise

    def _count(self, outcome: str) -> None:
        self._telemetry.add(GEOCODER_CALLS, self._name, outcome)
