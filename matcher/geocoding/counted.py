"""A geocoder whose look-ups are counted, by what came of them."""

from __future__ import annotations

from typing import Protocol

from matcher.domain.errors.tree import AddressAmbiguous, AddressNotFound, GeocoderUnavailable
from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.geocoding.geocoder import Geocoder
from matcher.operation.telemetry import GEOCODER_CALLS, Telemetry


class _Closable(Geocoder, Protocol):
    async def close(self) -> None:
        """Let go of what it holds."""


class CountedGeocoder:
    """Answers as the inner geocoder does."""

    def __init__(self, inner: _Closable, name: str, telemetry: Telemetry) -> None:
        self._inner = inner
        self.name = name
        self._telemetry = telemetry

    async def geocode(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        """As the inner geocoder."""
        try:
            places = await self._inner.geocode(text, limit=limit, near=near)
        except GeocoderUnavailable:
            self._count("unavailable")
            raise
        self._count("found" if places else "not_found")
        return places

    async def resolve(self, text: str, *, near: Coordinate | None = None) -> GeocodedPlace:
        """As the inner geocoder."""
        try:
            place = await self._inner.resolve(text, near=near)
        except AddressNotFound:
            self._count("not_found")
            raise
        except AddressAmbiguous:
            self._count("ambiguous")
            raise
        except GeocoderUnavailable:
            self._count("unavailable")
            raise
        self._count("found")
        return place

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        """As the inner geocoder."""
        try:
            place = await self._inner.reverse(coordinate)
        except GeocoderUnavailable:
            self._count("unavailable")
            raise
        self._count("not_found" if place is None else "found")
        return place

    async def close(self) -> None:
        """Close the inner geocoder."""
        await self._inner.close()

    def _count(self, outcome: str) -> None:
        self._telemetry.add(GEOCODER_CALLS, self.name, outcome)
