"""The interface of every geocoder."""

from __future__ import annotations

from typing import Protocol

from matcher.domain.place import Coordinate, GeocodedPlace


class Geocoder(Protocol):
    """Addresses to places and back."""

    async def geocode(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        """Candidates, best first; empty when none matches. Also serves autocompletion."""

    async def resolve(self, text: str, *, near: Coordinate | None = None) -> GeocodedPlace:
        """The one place meant. Raises AddressNotFound, AddressAmbiguous (with candidates), GeocoderUnavailable."""

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        """The place at a coordinate, or None when nothing with a name is near."""

    async def close(self) -> None:
        """Release connections. The geocoder cannot be used afterwards."""
