"""Addresses to places and back, for people who type and maps that are clicked."""

from __future__ import annotations

from matcher.domain.errors.tree import InvalidField
from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.geocoding.geocoder import Geocoder

MAX_TEXT = 300
MAX_PLACES = 20


class LookUpPlaces:
    """Asks the geocoders, in the order they are configured."""

    def __init__(self, geocoder: Geocoder) -> None:
        self._geocoder = geocoder

    async def search(self, text: str, limit: int, near: Coordinate | None) -> list[GeocodedPlace]:
        """Up to `limit` (1 to 20) candidates, best first; `near` prefers what is close.

        Raises InvalidField, GeocoderUnavailable.
        """
        words = text.strip()
        if not 1 <= len(words) <= MAX_TEXT:
            raise InvalidField.at("/q", f"must have from 1 to {MAX_TEXT} characters", "the text")
        if not 1 <= limit <= MAX_PLACES:
            raise InvalidField.at("/limit", f"must be from 1 to {MAX_PLACES}", "limit")
        return await self._geocoder.geocode(words, limit=limit, near=near)

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        """What is at a coordinate, or None when nothing with a name is near. Raises GeocoderUnavailable."""
        return await self._geocoder.reverse(coordinate)
