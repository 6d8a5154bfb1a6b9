"""A geocoding service on the network behind the Geocoder port: bounded, patient, and silent about what people typed."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self

from geopy.exc import GeocoderParseError, GeocoderQueryError, GeocoderServiceError, GeocoderTimedOut
from geopy.exc import GeocoderUnavailable as ProviderUnreachable
from geopy.extra.rate_limiter import AsyncRateLimiter

from matcher.domain.errors.tree import GeocoderUnavailable, InvalidCoordinate
from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.geocoding.network.backoff import Backoff, retry_after_s
from matcher.geocoding.network.providers import NOMINATIM_DOMAIN, Box, Provider, Wish, make_provider
from matcher.geocoding.words.decision import not_found, the_one_meant
from matcher.geocoding.words.likeness import CERTAIN_LIKENESS, likeness
from matcher.geocoding.words.text import MAX_QUERY_CHARS, clean

#: Candidates asked for when one place is wanted: enough to see whether another one rivals it.
_CANDIDATES = 5
#: How much of a score is the provider's own opinion; the rest is how well the label answers the words.
_OPINION = 0.15


class NetworkGeocoder:
    """One provider. At most `max_concurrent` calls at once, `min_delay_s` apart; failures are tried again as `backoff` says.

    Everything that goes wrong is GeocoderUnavailable; a query the provider refuses as such has no candidates. While a provider
    has asked to be left alone (429 with Retry-After), and for `rest_s` after it could not be reached, calls fail at once without
    asking it: a request that waits for a dead provider would wait again and again.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        box: Box | None,
        countries: tuple[str, ...],
        min_delay_s: float,
        max_concurrent: int,
        backoff: Backoff,
        rest_s: float,
    ) -> None:
        self._provider = provider
        self._box = box
        self._countries = countries
        self._rest_s = rest_s
        self._backoff = backoff
        self._slots = asyncio.Semaphore(max_concurrent)
        self._paced = AsyncRateLimiter(
            _call,
            min_delay_seconds=min_delay_s,
            max_retries=0,
            error_wait_seconds=min_delay_s,
            swallow_exceptions=False,
        )
        self._closed_until_s = -math.inf
        # geopy writes the address that was asked for into its debug and info lines.
        logging.getLogger("geopy").setLevel(logging.WARNING)

    @property
    def name(self) -> str:
        """The provider's kind: the source of its answers, and its shelf in the cache."""
        return self._provider.kind

    async def geocode(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        """Candidates, best first; empty when there are none, or for text no address can be."""
        text = clean(text)
        if not text or len(text) > MAX_QUERY_CHARS:
            return []
        wish = Wish(limit, self._box, near, self._countries)
        found = await self._ask(lambda: self._provider.search(text, wish))
        places = [place for rank, one in enumerate(found or []) if (place := self._place(one, text, rank)) is not None]
        return sorted(places, key=lambda place: -place.score)[:limit]

    async def resolve(self, text: str, *, near: Coordinate | None = None) -> GeocodedPlace:
        """The one place meant. Raises AddressNotFound, AddressAmbiguous, GeocoderUnavailable."""
        places = await self.geocode(text, limit=_CANDIDATES, near=near)
        return decide(text, places)

    async def reverse(self, coordinate: Coordinate) -> GeocodedPlace | None:
        """What the provider says is at a coordinate, or None."""
        found = await self._ask(lambda: self._provider.reverse(coordinate))
        if isinstance(found, list):
            found = found[0] if found else None
        return None if found is None else self._place(found, None, 0)

    async def close(self) -> None:
        """Close the connections. The geocoder cannot be used afterwards."""
        await self._provider.geocoder.adapter.__aexit__(None, None, None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(self, question: Callable[[], Awaitable[Any]]) -> Any:
        self._refuse_while_closed()
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
                delay_s = self._backoff.delay_s(failed, error)
                if delay_s is None:
                    if isinstance(error, GeocoderTimedOut | ProviderUnreachable):
                        self._closed_until_s = max(self._closed_until_s, _now_s() + self._rest_s)
                    raise GeocoderUnavailable(
                        f"the {self.name} geocoder does not answer", retry_after_s=math.ceil(max(asked or 0.0, 2.0))
                    ) from error
            failed += 1
            await asyncio.sleep(delay_s)

    def _refuse_while_closed(self) -> None:
        left_s = self._closed_until_s - _now_s()
        if left_s > 0.0:
            raise GeocoderUnavailable(
                f"the {self.name} geocoder is left alone for a while", retry_after_s=max(1, math.ceil(left_s))
            )

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
    return the_one_meant(places, certain=[likeness(text, place.label) >= CERTAIN_LIKENESS for place in places]).take(
        text
    )


def make_network_geocoder(
    *,
    kind: str,
    user_agent: str,
    domain: str | None = None,
    scheme: str = "https",
    api_key: str | None = None,
    timeout_s: float = 5.0,
    min_delay_s: float = 0.0,
    max_concurrent: int = 4,
    backoff: Backoff | None = None,
    rest_s: float = 10.0,
    box: Box | None = None,
    countries: Sequence[str] = (),
) -> NetworkGeocoder:
    """A geocoder of kind nominatim, photon, pelias or banfrance. Raises ValueError when an argument is missing or wrong.

    `user_agent` names the operator, as the usage policies of the public services demand; for the public Nominatim, which
    allows one call a second, `min_delay_s` is raised to 1. `box` keeps answers within a region.
    """
    if not user_agent.strip():
        raise ValueError("network geocoders need a user agent that names who asks")
    provider = make_provider(
        kind, domain=domain, scheme=scheme, timeout_s=timeout_s, user_agent=user_agent, api_key=api_key
    )
    if kind == "nominatim" and domain in {None, NOMINATIM_DOMAIN}:
        min_delay_s, max_concurrent = max(1.0, min_delay_s), 1
    return NetworkGeocoder(
        provider,
        box=box,
        countries=tuple(countries),
        min_delay_s=min_delay_s,
        max_concurrent=max_concurrent,
        backoff=backoff or Backoff(),
        rest_s=rest_s,
    )


async def _call(question: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await question()
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, GeocoderServiceError):
            raise
        # geopy reads answers without looking: a member that is missing or of another type surfaces as one of these.
        raise GeocoderParseError("the answer has not the form of this provider") from error


def _now_s() -> float:
    return asyncio.get_running_loop().time()
