"""The gazetteer for async callers: it works in threads, so that it never blocks the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.geocoding.gazetteer.gazetteer import Gazetteer

T = TypeVar("T")


class OfflineGeocoder:
    """A Geocoder over a region's gazetteer. `executor` None: the event loop's own threads."""

    def __init__(self, gazetteer: Gazetteer, *, executor: Executor | None = None) -> None:
        self._gazetteer = gazetteer
        self._executor = executor

    async def geocode(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        return await self._run(lambda: self._gazetteer.candidates(text, limit=limit, near=near))

    async def resolve(self, text: str, *, near: Coordinate | None = None) -> GeocodedPlace:
        return await self._run(lambda: self._gazetteer.resolve(text, near=near))

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        """The named thing nearest to a coordinate, or None when there is none within 2 km."""
        return await self._run(lambda: self._gazetteer.describe(coordinate))

    async def close(self) -> None:
        """Nothing to close."""

    async def _run(self, work: Callable[[], T]) -> T:
        # A look-up takes from half a millisecond in a town to some ten in a country.
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
