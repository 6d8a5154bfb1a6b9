"""Offers: publish, read, list, change, cancel."""

from __future__ import annotations

from aiohttp import web

from api.call.conditional import change_matching, etag, not_modified, stale, tagged, version_wanted
from api.call.endpoint import B, Call, Q
from api.call.idempotency import answer_once, created, idempotency_of, sent
from api.call.paging import next_cursor, page_response, position_of
from api.call.rendering import json_response
from api.schemas.offers import OfferIn, OfferListQuery, OfferOut, OfferPageOut, OfferPatch, OfferSummaryOut
from api.schemas.plans.would_match import DryRunQuery, OfferPlanOut
from api.schemas.service import Nothing
from matcher.domain.idempotency import Keep, StoredAnswer
from matcher.domain.offer import Offer
from matcher.domain.polyline import encode_polyline


async def publish_offer(call: Call[DryRunQuery, OfferIn]) -> web.Response:
    """Publish a trip, or with `dry_run` plan it and see which riders it would fit: everything is checked, nothing is
    written.

    The answer is the offer with its route. Once answered, the offer is stored, and the next search can return it. With
    an Idempotency-Key a repeated call gets the first answer again, byte for byte, with `Idempotency-Replayed: true`.
    """
    if call.query.dry_run:
        idempotency_of(call)  # it has nothing to repeat, but a wrong key is refused all the same
        offer = await call.carpool.offers.publish.plan(call.body.to_domain(), call.principal, call.now)
        route = (await call.carpool.describe_route(offer)).points
        found = await call.carpool.would_match([offer], route, call.now)
        line, rate = encode_polyline(route), call.carpool.cost_sharing.rate
        planned = OfferOut.with_route(offer, call.principal.user, line, rate)
        return json_response(OfferPlanOut.planned(planned, found))

    async def publish(keep: Keep[Offer] | None) -> Offer:
        return await call.carpool.offers.publish(call.body.to_domain(), call.principal, call.now, keep)

    async def render(offer: Offer) -> StoredAnswer:
        answer = await _with_route(call, offer, new=True)
        return created(f"/v1/offers/{offer.id}", answer, etag=etag(offer))

    return sent(await answer_once(call, publish, render))


async def read_offer(call: Call[Nothing, Nothing]) -> web.Response:
    """Read one of your offers with its route; operators can read any."""
    offer = await _read(call)
    return not_modified(call.request, offer) or tagged(offer, await _with_route(call, offer))


async def list_offers(call: Call[OfferListQuery, Nothing]) -> web.Response:
    """List your offers by departure; operators see everybody's.

    Follow `next_cursor`, or the Link header with rel="next", to the next page.
    """
    query = call.query
    page = await call.carpool.offers.read.list_page(
        call.principal, query.status_wanted, query.from_, query.to, query.limit, position_of(query)
    )
    parts = await call.carpool.series.read.parts([offer.id for offer in page.items]) if page.items else {}
    cursor = next_cursor(page.next_cursor, query)
    offers = [OfferSummaryOut.from_domain(offer, call.principal.user, parts.get(offer.id)) for offer in page.items]
    return page_response(call.request, OfferPageOut(offers=offers, next_cursor=cursor), cursor)


async def change_offer(call: Call[Nothing, OfferPatch]) -> web.Response:
    """Change an open offer, with a JSON merge patch (RFC 7396).

    If-Match is the ETag that you read; `*` changes whatever version is current.
    """

    async def change(version: int) -> web.Response:
        current = None
        if call.body.needs_current:
            current = await _read(call)
            if current.version != version:
                raise stale("offer", current.version)
        changes = call.body.to_domain(current)
        offer = await call.carpool.offers.change(call.offer_id, changes, version, call.principal, call.now)
        return tagged(offer, await _with_route(call, offer))

    return await change_matching(call.request, "offer", lambda: _read(call), change)


async def cancel_offer(call: Call[Nothing, Nothing]) -> web.Response:
    """Cancel an offer. It stays readable as CANCELLED; cancelling it again gives the same answer."""
    version = await version_wanted(call.request, "offer", lambda: _read(call))
    offer = await call.carpool.offers.cancel(call.offer_id, call.principal, call.now, version)
    return tagged(offer, await _with_route(call, offer))


async def _read(call: Call[Q, B]) -> Offer:
    return await call.carpool.offers.read.get(call.offer_id, call.principal)


async def _with_route(call: Call[Q, B], offer: Offer, *, new: bool = False) -> OfferOut:
    carpool = call.carpool
    route = await carpool.describe_route(offer)
    parts = {} if new else await carpool.series.read.parts([offer.id])
    line, rate = encode_polyline(route.points), carpool.cost_sharing.rate
    return OfferOut.with_route(offer, call.principal.user, line, rate, parts.get(offer.id))
