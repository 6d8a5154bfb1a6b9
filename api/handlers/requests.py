"""Kept requests: keep a search, look at it, search again, take it back; and which of them fit a trip."""

from __future__ import annotations

from aiohttp import web

from api.call.conditional import decode_cursor, encode_cursor
from api.call.endpoint import Call
from api.call.idempotency import answer_once, created, sent
from api.call.rendering import json_response
from api.schemas.matches import BasisOut, MatchesOut, MatchIn
from api.schemas.requests import (
    FittingQuery,
    FittingRequestsOut,
    KeptRequestOut,
    MatchesQuery,
    RequestDetailOut,
    RequestListQuery,
    RequestOut,
    RequestsOut,
)
from api.schemas.service import Nothing
from matcher.domain.idempotency import Keep, StoredAnswer
from matcher.search.requests.keep import Searched
from matcher.wiring.service import Carpool


async def keep_request(call: Call[Nothing, MatchIn]) -> web.Response:
    """Keep a search until its window ends.

    The answer has what fits now. Each offer that comes to fit later, because it is published or changed, is told once as an event `match_found`. With
    an Idempotency-Key the call may be repeated: the first answer comes back, byte for byte, with `Idempotency-Replayed: true`.
    """

    async def make(keep: Keep[Searched] | None) -> Searched:
        return await call.carpool.requests.keep.keep(call.body.to_domain(), call.principal, call.now, keep)

    async def render(searched: Searched) -> StoredAnswer:
        kept, answer = searched
        body = KeptRequestOut.with_matches(kept, answer, _basis(call.carpool), call.now)
        return created(f"/v1/requests/{kept.id}", body)

    return sent(await answer_once(call, make, render))


async def list_requests(call: Call[RequestListQuery, Nothing]) -> web.Response:
    """List one's own requests, oldest first, those that have ended for a while too.

    Pages are read one after the other with `next_cursor`, which is also the target of the Link header with rel="next".
    """
    query = call.query
    page = await call.carpool.requests.keep.list_own(call.principal, query.limit, decode_cursor(query))
    cursor = None if page.next_cursor is None else encode_cursor(page.next_cursor, query)
    next_url = call.request.rel_url.update_query(cursor=cursor) if cursor is not None else None
    answer = RequestsOut(
        requests=[RequestOut.from_domain(kept, call.now) for kept in page.requests], next_cursor=cursor
    )
    return json_response(answer, headers={} if next_url is None else {"Link": f'<{next_url}>; rel="next"'})


async def read_request(call: Call[Nothing, Nothing]) -> web.Response:
    """Read one of one's own requests, or any as an operator, with the offers that its rider was shown or told of."""
    kept, found = await call.carpool.requests.keep.get(call.request_id, call.principal)
    return json_response(RequestDetailOut.with_found(kept, found, call.now))


async def match_request(call: Call[MatchesQuery, Nothing]) -> web.Response:
    """Make the search of a request again: what fits now, with match ids to book with."""
    answer = await call.carpool.requests.keep.matches(call.request_id, call.principal, call.now, call.query.limit)
    return json_response(MatchesOut.from_domain(answer, _basis(call.carpool), explain=False))


async def take_request_back(call: Call[Nothing, Nothing]) -> web.Response:
    """Wait no more. Nothing of the request stays."""
    await call.carpool.requests.keep.take_back(call.request_id, call.principal)
    return web.Response(status=204)


async def requests_of_offer(call: Call[FittingQuery, Nothing]) -> web.Response:
    """Which waiting requests fit a trip of one's own, as it is now. The riders know of the trip: they are told of it, and may book it."""
    found = await call.carpool.requests.of_offer(call.offer_id, call.principal, call.now, call.query.limit)
    return json_response(FittingRequestsOut.from_domain(found))


def _basis(carpool: Carpool) -> BasisOut:
    return BasisOut.of(carpool.carbon, carpool.cost_sharing.rate)
