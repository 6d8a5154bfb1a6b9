"""A cache for network geocoders: people ask for the same addresses again and again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from matcher.domain.errors.tree import Unavailable
from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.geocoding.geocoder import Geocoder
from matcher.geocoding.network.geocoder import decide
from matcher.geocoding.words.abbreviations import expand
from matcher.geocoding.words.text import MAX_QUERY_CHARS, clean, fold, words
from matcher.operation.telemetry import GEOCODER_CACHE, QUIET, Telemetry

_log = logging.getLogger(__name__)

#: One question serves all limits: the provider is asked for this many candidates, and callers get the first of them.
_KEPT_CANDIDATES = 10
#: A "not found" is forgotten this much sooner: maps grow, and typing errors are not worth keeping.
_NEGATIVE_SHARE = 1 / 30


class GeocodeCache(Protocol):
    """Keeps answers of network geocoders for a while."""

    async def find(self, provider: str, query: str, now: datetime) -> list[GeocodedPlace] | None:
        """The kept answer (an empty list is a kept "not found"), or None when there is none or it has expired."""

    async def put(self, provider: str, query: str, places: Sequence[GeocodedPlace], expires_at: datetime) -> None:
        """Keep an answer, replacing an older one."""


class CachedGeocoder:
    """The geocoder of `provider` behind a cache; a cache that fails never fails a look-up.

    Candidates are kept for `ttl`, empty answers for a thirtieth of it. Answers biased to a coordinate are kept for each
    cell of about 10 km.
    """

    def __init__(
        self,
        inner: Geocoder,
        provider: str,
        cache: GeocodeCache,
        *,
        ttl: timedelta = timedelta(days=30),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        telemetry: Telemetry = QUIET,
    ) -> None:
        self._inner = inner
        self._provider = provider
        self._telemetry = telemetry
        self._cache = cache
        self._ttl = ttl
        self._clock = clock

    async def geocode(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        text = clean(text)
        if not text or len(text) > MAX_QUERY_CHARS:
            return []
        key = cache_key(text, near)
        places = await self._recall(key)
        if places is None:
            places = await self._inner.geocode(text, limit=max(limit, _KEPT_CANDIDATES), near=near)
            await self._keep(key, places)
        return places[:limit]

    async def resolve(self, text: str, *, near: Coordinate | None = None) -> GeocodedPlace:
        return decide(text, await self.geocode(text, limit=_KEPT_CANDIDATES, near=near))

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        """As the inner geocoder; one question for each cell of about 11 m."""
        key = f"@{coordinate.lat:.4f},{coordinate.lon:.4f}"
        places = await self._recall(key)
        if places is None:
            found = await self._inner.reverse(coordinate)
            places = [] if found is None else [found]
            await self._keep(key, places)
        return places[0] if places else None

    async def close(self) -> None:
        await self._inner.close()

    async def _recall(self, key: str) -> list[GeocodedPlace] | None:
        try:
            places = await self._cache.find(self._provider, key, self._clock())
        except (Unavailable, OSError, TimeoutError) as error:
            self._telemetry.add(GEOCODER_CACHE, self._provider, "error")
            _log.warning("the geocode cache cannot be read: %s", type(error).__name__)
            return None
        self._telemetry.add(GEOCODER_CACHE, self._provider, "miss" if places is None else "hit")
        return places

    async def _keep(self, key: str, places: list[GeocodedPlace]) -> None:
        kept_for = self._ttl if places else self._ttl * _NEGATIVE_SHARE
        try:
            await self._cache.put(self._provider, key, places, self._clock() + kept_for)
        except (Unavailable, OSError, TimeoutError) as error:
            _log.warning("the geocode cache cannot be written: %s", type(error).__name__)


def cache_key(text: str, near: Coordinate | None = None) -> str:
    """The same for spellings that any geocoder answers alike: case, accents, blanks and abbreviations do not matter.

    Commas stay, because they tell a street from its town.
    """
    parts = [" ".join(expand(words(part))) for part in fold(clean(text)).split(",")]
    key = ", ".join(part for part in parts if part) or fold(clean(text))
    return key if near is None else f"{key} @{near.lat:.1f},{near.lon:.1f}"
