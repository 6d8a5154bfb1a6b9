"""Webhooks and what was sent to them."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import UUID

from aiohttp import web

from api.call.conditional import etag, expected_version
from api.call.endpoint import B, Call, Q
from api.call.idempotency import answer_once, created, sent
from api.call.rendering import json_response
from api.schemas.events import (
    DeliveriesOut,
    DeliveryListQuery,
    DeliveryOut,
    WebhookIn,
    WebhookOut,
    WebhookPatch,
    WebhookSecretOut,
    WebhooksOut,
)
from api.schemas.service import Nothing
from matcher.domain.errors.events import DeliveryNotFound, WebhookNotFound
from matcher.domain.errors.tree import Fault, InvalidCursor
from matcher.domain.idempotency import Keep, StoredAnswer
from matcher.events.webhooks.webhook import Webhook

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_CURSOR = re.compile(r"d([1-9]\d{0,17})", re.ASCII)
_NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)


async def create_webhook(call: Call[Nothing, WebhookIn]) -> web.Response:
    """Have events posted to an address, signed to Standard Webhooks. The secret is in this answer and in no other."""
    manage = call.carpool.notices.manage_webhooks

    async def make(keep: Keep[Webhook] | None) -> Webhook:
        return await manage.create(call.body.to_domain(), call.principal, call.now, keep)

    async def render(webhook: Webhook) -> StoredAnswer:
        # The kept answer is without the secret, which is derived anew.
        return created(f"/v1/webhooks/{webhook.id}", WebhookOut.from_domain(webhook), etag=etag(webhook))

    answer = await answer_once(call, make, render)
    webhook_id = UUID(answer.headers["Location"].rpartition("/")[2])
    return sent(replace(answer, body=answer.body[:-1] + b',"secret":"%b"}' % manage.secret(webhook_id).encode()))


async def list_webhooks(call: Call[Nothing, Nothing]) -> web.Response:
    """List one's own webhooks, oldest first, without their secrets."""
    found = await call.carpool.notices.manage_webhooks.list_own(call.principal)
    return json_response(WebhooksOut(webhooks=[WebhookOut.from_domain(webhook) for webhook in found]))


async def read_webhook(call: Call[Nothing, Nothing]) -> web.Response:
    """Read one of one's own webhooks, or any as an operator."""
    return _answer(await call.carpool.notices.manage_webhooks.get(_webhook_id(call), call.principal))


async def change_webhook(call: Call[Nothing, WebhookPatch]) -> web.Response:
    """Change, disable or enable a webhook, with a JSON merge patch (RFC 7396) and If-Match."""
    manage, webhook_id = call.carpool.notices.manage_webhooks, _webhook_id(call)
    version = await expected_version(
        call, required=True, read=lambda: manage.get(webhook_id, call.principal), what="webhook"
    )
    assert version is not None, "required"
    return _answer(await manage.change(webhook_id, call.body.to_domain(), version, call.principal, call.now))


async def delete_webhook(call: Call[Nothing, Nothing]) -> web.Response:
    """Send nothing more to an address, and drop what is queued for it."""
    await call.carpool.notices.manage_webhooks.delete(_webhook_id(call), call.principal)
    return web.Response(status=204)


async def rotate_webhook_secret(call: Call[Nothing, Nothing]) -> web.Response:
    """Give a webhook another secret, shown only in this answer. For 24 hours the one before signs as well."""
    manage = call.carpool.notices.manage_webhooks
    webhook = await manage.rotate(_webhook_id(call), call.principal, call.now)
    secret = manage.secret(webhook.id, webhook.secret_version)
    return json_response(WebhookSecretOut.with_secret(webhook, secret), headers={"ETag": etag(webhook)})


async def list_deliveries(call: Call[DeliveryListQuery, Nothing]) -> web.Response:
    """List what was sent to one's own webhooks, or to anybody's as an operator, newest first: `status=DEAD` is what was given up."""
    query = call.query
    found = await call.carpool.notices.manage_webhooks.list_deliveries(
        call.principal,
        webhook_id=query.webhook,
        status=query.status_wanted,
        before=_before(query),
        limit=query.limit + 1,
    )
    page = found[: query.limit]
    cursor = f"d{page[-1].id}" if len(found) > query.limit else None
    next_url = None if cursor is None else call.request.rel_url.update_query(cursor=cursor)
    return json_response(
        DeliveriesOut(deliveries=[DeliveryOut.from_domain(delivery) for delivery in page], next_cursor=cursor),
        headers={} if next_url is None else {"Link": f'<{next_url}>; rel="next"'},
    )


async def replay_delivery(call: Call[Nothing, Nothing]) -> web.Response:
    """Send an event to a webhook again, from the first attempt. One that is being sent stays as it is."""
    given = call.request.match_info["delivery_number"]
    if not _NUMBER.fullmatch(given):
        raise DeliveryNotFound("you have no delivery with this id")
    delivery = await call.carpool.notices.manage_webhooks.replay(int(given), call.principal, call.now)
    return json_response(DeliveryOut.from_domain(delivery), status=202)


def _answer(webhook: Webhook) -> web.Response:
    return json_response(WebhookOut.from_domain(webhook), headers={"ETag": etag(webhook)})


def _before(query: DeliveryListQuery) -> int | None:
    """Below which id the page begins. Raises InvalidCursor for a cursor that we did not make."""
    if query.cursor is None:
        return None
    match = _CURSOR.fullmatch(query.cursor)
    if match is None:
        why = "was not issued by this service"
        raise InvalidCursor(f"the cursor {why}", faults=[Fault("/cursor", why, InvalidCursor.code)])
    return int(match[1])


def _webhook_id(call: Call[Q, B]) -> UUID:
    """Raises WebhookNotFound for anything that is no UUID: no webhook has such an id."""
    given = call.request.match_info["webhook_id"]
    if not _UUID.fullmatch(given):
        raise WebhookNotFound("you have no webhook with this id")
    return UUID(given)
