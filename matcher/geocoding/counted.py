"""A geocoder that counts its look-ups by outcome."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from matcher.domain.errors.tree import AddressAmbiguous, AddressNotFound, GeocoderUnavailable
from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.geocoding.geocoder import Geocoder
from matcher.operation.telemetry import GEOCODER_CALLS, Telemetry

T = TypeVar("T")

_OUTCOMES = {AddressNotFound: "not_found", AddressAmbiguous: "ambiguous", GeocoderUnavailable: "unavailable"}


class CountedGeocoder:
    """Answers as the inner geocoder does."""

    def __init__(self, inner: Geocoder, name: str, telemetry: Telemetry) -> None:
        self._inner = inner
        self._name = name
        self._telemetry = telemetry

    async def geocode(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        return await self._counted(self._inner.geocode(text, limit=limit, near=near))

    async def resolve(self, text: str, *, near: Coordinate | None = None) -> GeocodedPlace:
        return await self._counted(self._inner.resolve(text, near=near))

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        return await self._counted(self._inner.reverse(coordinate))

    async def close(self) -> None:
        await self._inner.close()

    async def _counted(self, question: Awaitable[T]) -> T:
        try:
            answer = await question
        except (AddressNotFound, AddressAmbiguous, GeocoderUnavailable) as error:
            self._telemetry.add(GEOCODER_CALLS, self._name, _OUTCOMES[type(error)])
            raise
        self._telemetry.add(GEOCODER_CALLS, self._name, "found" if answer else "not_found")
        return answer
