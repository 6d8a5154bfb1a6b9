"""Offers: publish, read, list, change, cancel."""

from __future__ import annotations

from contextlib import suppress

from aiohttp import web

from api.call.conditional import decode_cursor, encode_cursor, etag, expected_version, is_known
from api.call.endpoint import Call
from api.call.idempotency import answer_once, created, sent
from api.call.rendering import json_response
from api.schemas.offers import OfferIn, OfferListQuery, OfferOut, OfferPageOut, OfferPatch, OfferSummaryOut
from api.schemas.service import Nothing
from matcher.domain.errors.tree import StaleVersion
from matcher.domain.idempotency import Keep, StoredAnswer
from matcher.domain.offer import Offer
from matcher.domain.polyline import encode_polyline
from matcher.wiring.service import Carpool

#: How often a change of any version is tried again when others change the offer at the same time.
_RACES = 9


async def publish_offer(call: Call[Nothing, OfferIn]) -> web.Response:
    """Publish a trip.

    The answer is the offer with its route. Once it is given, the offer is on disk, and the next search can return it. With an
    Idempotency-Key the call may be repeated: the first answer comes back, byte for byte, with `Idempotency-Replayed: true`.
    """

    async def publish(keep: Keep[Offer] | None) -> Offer:
        return await call.carpool.publish_offer(call.body.to_domain(), call.principal, call.now, keep)

    async def render(offer: Offer) -> StoredAnswer:
        answer = await _with_route(call.carpool, offer, new=True)
        return created(f"/v1/offers/{offer.id}", answer, etag=etag(offer))

    return sent(await answer_once(call, publish, render))


async def read_offer(call: Call[Nothing, Nothing]) -> web.Response:
    """Read one of one's own offers, or any as an operator, with its route."""
    offer = await call.carpool.read_offers.get(call.offer_id, call.principal)
    if is_known(call.request, offer):
        return web.Response(status=304, headers={"ETag": etag(offer)})
    return json_response(await _with_route(call.carpool, offer), headers={"ETag": etag(offer)})


async def list_offers(call: Call[OfferListQuery, Nothing]) -> web.Response:
    """List one's own offers, or everybody's as an operator, in the order of their departure.

    Pages are read one after the other with `next_cursor`, which is also the target of the Link header with rel="next".
    """
    query = call.query
    page = await call.carpool.read_offers.list_page(
        call.principal, query.status_wanted, query.from_, query.to, query.limit, decode_cursor(query)
    )
    cursor = None if page.next_cursor is None else encode_cursor(page.next_cursor, query)
    parts = await call.carpool.series.read.parts([offer.id for offer in page.offers]) if page.offers else {}
    offers = [OfferSummaryOut.from_domain(offer, parts.get(offer.id)) for offer in page.offers]
    answer = OfferPageOut(offers=offers, next_cursor=cursor)
    next_url = call.request.rel_url.update_query(cursor=cursor) if cursor is not None else None
    return json_response(answer, headers={} if next_url is None else {"Link": f'<{next_url}>; rel="next"'})


async def change_offer(call: Call[Nothing, OfferPatch]) -> web.Response:
    """Change an offer that is still open, with a JSON merge patch (RFC 7396).

    If-Match quotes the ETag that was read; `*` changes whatever version is there.
    """
    any_version = call.request.headers.get("If-Match", "").strip() == "*"
    for _ in range(_RACES if any_version else 0):
        with suppress(
            StaleVersion
        ):  # somebody else changed it between our read and our write: theirs is the version now
            return await _change(call)
    return await _change(call)


async def _change(call: Call[Nothing, OfferPatch]) -> web.Response:
    version = await expected_version(call, required=True)
    assert version is not None, "required"
    present = None
    if call.body.needs_present:
        present = await call.carpool.read_offers.get(call.offer_id, call.principal)
        if present.version != version:
            raise StaleVersion(f"the offer is at version {present.version} now: read it again before changing it")
    change = call.body.to_domain(present)
    offer = await call.carpool.change_offer(call.offer_id, change, version, call.principal, call.now)
    return json_response(await _with_route(call.carpool, offer), headers={"ETag": etag(offer)})


async def cancel_offer(call: Call[Nothing, Nothing]) -> web.Response:
    """Withdraw an offer. It stays readable as CANCELLED; cancelling it again changes nothing and gives the same answer."""
    version = await expected_version(call, required=False)
    offer = await call.carpool.cancel_offer(call.offer_id, call.principal, call.now, version)
    return json_response(await _with_route(call.carpool, offer), headers={"ETag": etag(offer)})


async def _with_route(carpool: Carpool, offer: Offer, *, new: bool = False) -> OfferOut:
    route = await carpool.describe_route(offer)
    parts = {} if new else await carpool.series.read.parts([offer.id])
    return OfferOut.with_route(offer, encode_polyline(route.points), carpool.cost_sharing.rate, parts.get(offer.id))
