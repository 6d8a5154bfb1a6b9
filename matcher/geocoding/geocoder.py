"""What a geocoder can be asked, and the cache of its answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from matcher.domain.place import Coordinate, GeocodedPlace


class GeocodeCache(Protocol):
    """Answers of network geocoders, kept for a while."""

    async def find(self, provider: str, query: str, now: datetime) -> list[GeocodedPlace] | None:
        """The kept answer (an empty list is a kept "not found"), or None when there is none or it has expired."""

    async def put(self, provider: str, query: str, places: Sequence[GeocodedPlace], expires_at: datetime) -> None:
        """Keep an answer, in the place of an older one."""


class Geocoder(Protocol):
    """Addresses to places and back."""

    async def geocode(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        """Candidates, best first; an empty list when nothing is like it. Fit for autocompletion."""

    async def resolve(self, text: str, *, near: Coordinate | None = None) -> GeocodedPlace:
        """The one place meant. Raises AddressNotFound, AddressAmbiguous (with candidates), GeocoderUnavailable."""

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        """What is at a coordinate, or None when nothing with a name is near."""
