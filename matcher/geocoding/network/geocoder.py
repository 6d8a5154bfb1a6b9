"""A geocoding service on the network, with bounded calls and retries; what people typed is never logged."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from geopy.exc import GeocoderParseError, GeocoderQueryError, GeocoderServiceError, GeocoderTimedOut
from geopy.exc import GeocoderUnavailable as ProviderUnreachable
from geopy.extra.rate_limiter import AsyncRateLimiter
from geopy.geocoders import get_geocoder_for_service

from matcher.domain.errors.tree import GeocoderUnavailable, InvalidCoordinate
from matcher.domain.place import BoundingBox, Coordinate, GeocodedPlace
from matcher.geocoding.network.backoff import Backoff, retry_after_s
from matcher.geocoding.network.http_client import BoundedAdapter
from matcher.geocoding.network.providers import Provider, Wish
from matcher.geocoding.words.decision import not_found, the_one_meant
from matcher.geocoding.words.likeness import CERTAIN_LIKENESS, likeness
from matcher.geocoding.words.text import MAX_QUERY_CHARS, clean

#: Candidates asked for when one place is wanted: enough to see whether another one rivals it.
_CANDIDATES = 5
#: How much of a score is the provider's own opinion; the rest is how well the label answers the words.
_OPINION = 0.15


@dataclass(frozen=True, slots=True)
class Access:
    """How a service is reached, and how hard it is tried.

    `user_agent` names the operator, as the usage policies of public services demand. After a service could not be
    reached, it is left alone for `rest_s`.
    """

    user_agent: str
    domain: str | None = None  # None: the public server
    scheme: str = "https"
    api_key: str | None = None
    timeout_s: float = 5.0
    min_delay_s: float = 0.0  # between two calls
    max_concurrent: int = 4
    backoff: Backoff = field(default_factory=Backoff)
    rest_s: float = 10.0


class NetworkGeocoder:
    """One provider; `box` keeps its answers within a region.

    Every failure is GeocoderUnavailable; a query the provider rejects as such has no candidates. While a provider has
    asked to be left alone (429 with Retry-After) or rests, calls fail at once without asking it, so that callers do not
    queue up behind a dead service.
    """

    def __init__(self, provider: Provider, access: Access, box: BoundingBox | None = None) -> None:
        """Raises ValueError when a setting the provider needs is missing."""
        if not access.user_agent.strip():
            raise ValueError("network geocoders need a user agent that names who asks")
        domain = access.domain or provider.public_domain
        if domain is None:
            raise ValueError(f"a {provider.name} geocoder needs the domain of its server")
        delay_s, concurrent = access.min_delay_s, access.max_concurrent
        if domain == provider.public_domain and provider.public_interval_s > 0.0:
            delay_s, concurrent = max(delay_s, provider.public_interval_s), 1
        self._provider = provider
        self._access = access
        self._box = box
        key = {"api_key": access.api_key} if provider.takes_key else {}
        self._service: Any = get_geocoder_for_service(provider.name)(  # geopy ships no types
            domain=domain,
            scheme=access.scheme,
            timeout=access.timeout_s,
            user_agent=access.user_agent,
            adapter_factory=partial(BoundedAdapter, shapes=provider.shapes),
            **key,
        )
        self._slots = asyncio.Semaphore(concurrent)
        self._paced = AsyncRateLimiter(
            _call, min_delay_seconds=delay_s, max_retries=0, error_wait_seconds=delay_s, swallow_exceptions=False
        )
        self._closed_until_s = -math.inf
        # geopy logs the addresses that it is asked for, at levels below this.
        logging.getLogger("geopy").setLevel(logging.WARNING)

    @property
    def name(self) -> str:
        """The provider's name: the source of its answers, and part of their key in the cache."""
        return self._provider.name

    async def geocode(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        """Candidates, best first; empty when there are none, or for text no address can be."""
        text = clean(text)
        if not text or len(text) > MAX_QUERY_CHARS:
            return []
        options = self._provider.options(Wish(limit, self._box, near))
        found = await self._ask(lambda: self._service.geocode(text, exactly_one=False, **options))
        places = [place for rank, one in enumerate(found or []) if (place := self._place(one, text, rank)) is not None]
        return sorted(places, key=lambda place: -place.score)[:limit]

    async def resolve(self, text: str, *, near: Coordinate | None = None) -> GeocodedPlace:
        """The one place meant. Raises AddressNotFound, AddressAmbiguous, GeocoderUnavailable."""
        return decide(text, await self.geocode(text, limit=_CANDIDATES, near=near))

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        """What the provider says is at a coordinate, or None."""
        found = await self._ask(lambda: self._service.reverse((coordinate.lat, coordinate.lon), exactly_one=True))
        if isinstance(found, list):
            found = found[0] if found else None
        return None if found is None else self._place(found, None, 0)

    async def close(self) -> None:
        """Close the connections. The geocoder cannot be used afterwards."""
        await self._service.adapter.__aexit__(None, None, None)

    async def _ask(self, question: Callable[[], Awaitable[Any]]) -> Any:
        left_s = self._closed_until_s - _now_s()
        if left_s > 0.0:
            raise GeocoderUnavailable(
                f"the {self.name} geocoder is paused after repeated failures", retry_after_s=max(1, math.ceil(left_s))
            )
        failed = 0
        while True:
            try:
                async with self._slots:
                    return await self._paced(question)
            except GeocoderQueryError:
                return None
            except GeocoderServiceError as error:
                asked = retry_after_s(error)
                if asked is not None:
                    self._closed_until_s = max(self._closed_until_s, _now_s() + asked)
                delay_s = self._access.backoff.delay_s(failed, error)
                if delay_s is None:
                    if isinstance(error, GeocoderTimedOut | ProviderUnreachable):
                        self._closed_until_s = max(self._closed_until_s, _now_s() + self._access.rest_s)
                    raise GeocoderUnavailable(
                        f"the {self.name} geocoder does not answer", retry_after_s=math.ceil(max(asked or 0.0, 2.0))
                    ) from error
            failed += 1
            await asyncio.sleep(delay_s)

    def _place(self, location: Any, text: str | None, rank: int) -> GeocodedPlace | None:
        """A geopy Location as a place; None when it lies outside the box or is not on Earth."""
        try:
            where = Coordinate(lat=float(location.latitude), lon=float(location.longitude))
            answer = self._provider.read(location.raw)
        except (InvalidCoordinate, TypeError, ValueError, KeyError, AttributeError):
            return None
        if self._box is not None and not self._box.contains(where):
            return None
        label = clean(str(answer.label or location.address or "")) or f"{where.lat:.5f}, {where.lon:.5f}"
        opinion = answer.relevance if answer.relevance is not None else max(0.0, 1.0 - rank / 20.0)
        score = opinion if text is None else (1.0 - _OPINION) * likeness(text, label) + _OPINION * opinion
        return GeocodedPlace(coordinate=where, label=label, precision=answer.precision, score=score, source=self.name)


def decide(text: str, places: list[GeocodedPlace]) -> GeocodedPlace:
    """The one place meant among a provider's candidates. Raises AddressNotFound, AddressAmbiguous."""
    if len(text) > MAX_QUERY_CHARS:
        raise not_found(text)
    certain = [likeness(text, place.label) >= CERTAIN_LIKENESS for place in places]
    return the_one_meant(places, certain=certain).take(text)


async def _call(question: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await question()
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, GeocoderServiceError):
            raise
        # geopy does not validate answers: a member that is missing or of another type surfaces as one of these.
        raise GeocoderParseError("the answer does not have the form of this provider") from error


def _now_s() -> float:
    return asyncio.get_running_loop().time()
