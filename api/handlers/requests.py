"""Kept requests: keep a search, read it, search again, delete it; and list those that fit a trip."""

from __future__ import annotations

from aiohttp import web

from api.call.endpoint import Call
from api.call.idempotency import answer_once, created, sent
from api.call.paging import next_cursor, page_response, position_of
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

    The answer has the current matches. Each offer that fits later, because it was published or changed, is reported
    once as an event `match_found`. With an Idempotency-Key a repeated call gets the first answer again, byte for byte,
    with `Idempotency-Replayed: true`.
    """

    async def make(keep: Keep[Searched] | None) -> Searched:
        return await call.carpool.requests.keep.keep(call.body.to_domain(), call.principal, call.now, keep)

    async def render(searched: Searched) -> StoredAnswer:
        kept, answer = searched
        body = KeptRequestOut.with_matches(kept, answer, _basis(call.carpool), call.now)
        return created(f"/v1/requests/{kept.id}", body)

    return sent(await answer_once(call, make, render))


async def list_requests(call: Call[RequestListQuery, Nothing]) -> web.Response:
    """List your requests, oldest first, including those that expired recently.

    Follow `next_cursor`, or the Link header with rel="next", to the next page.
    """
    query = call.query
    page = await call.carpool.requests.keep.list_own(call.principal, query.limit, position_of(query))
    cursor = next_cursor(page.next_cursor, query)
    requests = [RequestOut.from_domain(kept, call.now) for kept in page.items]
    return page_response(call.request, RequestsOut(requests=requests, next_cursor=cursor), cursor)


async def read_request(call: Call[Nothing, Nothing]) -> web.Response:
    """Read one of your requests with the offers found for it; operators can read any."""
    kept, found = await call.carpool.requests.keep.get(call.request_id, call.principal)
    return json_response(RequestDetailOut.with_found(kept, found, call.now))


async def match_request(call: Call[MatchesQuery, Nothing]) -> web.Response:
    """Search again for a request: the current matches, with match ids to book."""
    answer = await call.carpool.requests.keep.matches(call.request_id, call.principal, call.now, call.query.limit)
    return json_response(MatchesOut.from_domain(answer, _basis(call.carpool), explain=False))


async def take_request_back(call: Call[Nothing, Nothing]) -> web.Response:
    """Delete a request. No data of it is kept."""
    await call.carpool.requests.keep.take_back(call.request_id, call.principal)
    return web.Response(status=204)


async def requests_of_offer(call: Call[FittingQuery, Nothing]) -> web.Response:
    """List the waiting requests that fit one of your trips now. Their riders were notified and may book it."""
    found = await call.carpool.requests.of_offer(call.offer_id, call.principal, call.now, call.query.limit)
    return json_response(FittingRequestsOut.from_domain(found))


def _basis(carpool: Carpool) -> BasisOut:
    return BasisOut.from_domain(carpool.carbon, carpool.cost_sharing.rate)
