"""What every call goes through before its handler: one row of the route table says it all.

In this order: readiness (503), authentication (401), authorisation (403), load (503), rate limits (429), the query
(422), the body (415, 413, 408, 400, 422), a place in flight (503). A handler gets a `Call` in which all of this has
been checked. Until it is known who calls, a call counts as its address's; while its body arrives it holds no place.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from api.app_keys import ADDRESS, CLOCK, LIFETIME, PROTECTION, TRAFFIC
from api.call.auth import bearer_token, principal_of_call, user_acted_for
from api.call.deadline import in_time, to_the_end
from api.call.rate_limits import LIMITS, Calls
from api.call.reading import JSON, read_body, read_query
from api.schemas.fields import WireIn
from api.schemas.service import Nothing
from matcher.domain.errors.bookings import BookingNotFound
from matcher.domain.errors.events import WebhookNotFound
from matcher.domain.errors.requests import RequestNotFound
from matcher.domain.errors.series import SeriesNotFound
from matcher.domain.errors.tree import CarpoolError, NotFound, OfferNotFound, ShareUsedUp
from matcher.domain.principal import Principal, Role
from matcher.operation.compute_threads import metered
from matcher.wiring.service import Carpool

Q = TypeVar("Q", bound=WireIn)
B = TypeVar("B", bound=WireIn)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


#: Answered whatever else there is to do, also on the connections that are kept free for it.
HEALTH = frozenset({"/healthz", "/readyz"})

#: Who has used up their share is told so after a pause: refusals take time of the event loop, too.
_PAUSE_S = 0.5


def stranger(request: web.Request) -> str:
    """Whom a call counts as that comes from nobody we know: no user has such a name."""
    return f"address {request.get(ADDRESS, '')}"


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, B]):
    """A checked call: who makes it, when, and what is requested."""

    request: web.Request
    carpool: Carpool
    principal: Principal
    now: datetime
    query: Q
    body: B

    @property
    def offer_id(self) -> UUID:
        """The id in the path. Raises OfferNotFound when it is not a UUID, as no offer has such an id."""
        return self._id("offer", OfferNotFound)

    @property
    def booking_id(self) -> UUID:
        return self._id("booking", BookingNotFound)

    @property
    def request_id(self) -> UUID:
        return self._id("request", RequestNotFound)

    @property
    def series_id(self) -> UUID:
        return self._id("series", SeriesNotFound)

    @property
    def webhook_id(self) -> UUID:
        return self._id("webhook", WebhookNotFound)

    def _id(self, what: str, missing: type[NotFound]) -> UUID:
        given = self.request.match_info[f"{what}_id"]
        if not _UUID.fullmatch(given):
            raise missing(f"you have no {what} with this id")
        return UUID(given)


@dataclass(frozen=True, slots=True)
class Header:
    """A request header that a call takes, for the OpenAPI document."""

    name: str
    description: str
    required: bool = False
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A public row of the route table. Without `answers` it is left out of the OpenAPI document."""

    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    answers: Mapping[int, type[BaseModel] | str]
    method: str = "GET"

    async def endpoint(self, request: web.Request) -> web.StreamResponse:
        if request.path in HEALTH:
            return await self.handler(request)
        async with request.app[TRAFFIC].place(stranger(request), in_turn=False):
            return await self.handler(request)


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[Q, B]):
    """A row of the route table: who may call, what it accepts, what it answers, and which errors it raises.

    `answers` gives the model (or, as text, the media type) of each success status. `raises` are errors of this call;
    those of every call are added in api/openapi.py. `media_types` are those of the body. The first of `answer_types` is
    that of the models; callers may ask for the others, which are text.
    """

    method: str
    path: str
    handler: Callable[[Call[Q, B]], Awaitable[web.StreamResponse]]
    roles: AbstractSet[Role]
    answers: Mapping[int, type[BaseModel] | str | None]
    query: type[Q] = Nothing  # type: ignore[assignment]  # a row without one takes Nothing
    body: type[B] = Nothing  # type: ignore[assignment]  # the same
    raises: tuple[type[CarpoolError], ...] = ()
    headers: tuple[Header, ...] = ()
    media_types: Sequence[str] = JSON
    answer_types: Sequence[str] = JSON
    #: Which rate limit counts it, and which calls are shed under load; by default it follows from the method.
    calls: Calls | None = None
    #: The answer lasts for as long as the caller listens, so it has no deadline.
    streams: bool = False

    async def endpoint(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except ShareUsedUp:
            await asyncio.sleep(_PAUSE_S)
            raise

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        carpool, now = request.app[LIFETIME].carpool, request.app[CLOCK]()
        calls, traffic, gate = self._calls, request.app[TRAFFIC], carpool.operation.search_gate
        async with traffic.place(stranger(request), in_turn=False):
            caller = await carpool.authenticate(bearer_token(request), now)
            principal = principal_of_call(caller, user_acted_for(request), self.roles)
            if calls is Calls.SEARCH:
                gate.check(caller.user)
            elif calls is Calls.WRITE:
                gate.check_change(caller.user)
            if principal.role is not Role.OPS:
                await request.app[LIMITS].charge_user(request, carpool.operation.rate_limits, principal.user, calls)
        query = read_query(request, self.query)
        body = self.body() if self.body is Nothing else await read_body(request, self.body, self.media_types)
        call = Call(request, carpool, principal, now, query, body)
        if self.streams:
            return await self.handler(call)
        work, patience_s = self._work(call, caller.user), request.app[PROTECTION].request_timeout_s
        if calls is Calls.WRITE:
            return await to_the_end(work, patience_s, traffic.finishing)
        return await in_time(work, patience_s)

    @property
    def _calls(self) -> Calls:
        if self.calls is not None:
            return self.calls
        return Calls.READ if self.method == "GET" else Calls.WRITE

    async def _work(self, call: Call[Q, B], who: str) -> web.StreamResponse:
        """The handler's answer, in a place of the caller's share: the share of a server is that of all whom it acts
        for, as it names them itself."""
        gate, calls = call.carpool.operation.search_gate, self._calls
        async with call.request.app[TRAFFIC].place(who):
            if calls is Calls.SEARCH:
                under_way: AbstractContextManager[object] = gate.one_more(who)
            elif calls is Calls.WRITE:
                under_way = gate.one_change(who)
            else:
                under_way = metered(who)
            with under_way:
                return await self.handler(call)
