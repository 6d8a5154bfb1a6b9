"""Webhooks and their deliveries."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import UUID

from aiohttp import web

from api.call.conditional import change_matching, etag, tagged
from api.call.endpoint import Call
from api.call.idempotency import answer_once, created, sent
from api.call.paging import invalid_cursor, page_response
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
from matcher.domain.errors.events import DeliveryNotFound
from matcher.domain.idempotency import Keep, StoredAnswer
from matcher.events.webhooks.webhook import Webhook

_CURSOR = re.compile(r"d([1-9]\d{0,17})", re.ASCII)
_NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)


async def create_webhook(call: Call[Nothing, WebhookIn]) -> web.Response:
    """Create a webhook, signed as in Standard Webhooks. The secret is shown only in this answer."""
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
    """List your webhooks, oldest first, without their secrets."""
    found = await call.carpool.notices.manage_webhooks.list_own(call.principal)
    return json_response(WebhooksOut(webhooks=[WebhookOut.from_domain(webhook) for webhook in found]))


async def read_webhook(call: Call[Nothing, Nothing]) -> web.Response:
    """Read one of your webhooks; operators can read any."""
    return _answer(await call.carpool.notices.manage_webhooks.get(call.webhook_id, call.principal))


async def change_webhook(call: Call[Nothing, WebhookPatch]) -> web.Response:
    """Change, disable or enable a webhook, with a JSON merge patch (RFC 7396) and If-Match."""
    manage, webhook_id = call.carpool.notices.manage_webhooks, call.webhook_id

    async def change(version: int) -> web.Response:
        return _answer(await manage.change(webhook_id, call.body.to_domain(), version, call.principal, call.now))

    return await change_matching(call.request, "webhook", lambda: manage.get(webhook_id, call.principal), change)


async def delete_webhook(call: Call[Nothing, Nothing]) -> web.Response:
    """Delete a webhook and what is queued for it."""
    await call.carpool.notices.manage_webhooks.delete(call.webhook_id, call.principal)
    return web.Response(status=204)


async def rotate_webhook_secret(call: Call[Nothing, Nothing]) -> web.Response:
    """Rotate the secret of a webhook. It is shown only in this answer; the previous one also signs for 24 hours."""
    manage = call.carpool.notices.manage_webhooks
    webhook = await manage.rotate(call.webhook_id, call.principal, call.now)
    secret = manage.secret(webhook.id, webhook.secret_version)
    return tagged(webhook, WebhookSecretOut.with_secret(webhook, secret))


async def list_deliveries(call: Call[DeliveryListQuery, Nothing]) -> web.Response:
    """List deliveries to your webhooks, newest first; operators see everybody's. Abandoned ones have `status=DEAD`."""
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
    deliveries = [DeliveryOut.from_domain(delivery) for delivery in page]
    return page_response(call.request, DeliveriesOut(deliveries=deliveries, next_cursor=cursor), cursor)


async def replay_delivery(call: Call[Nothing, Nothing]) -> web.Response:
    """Send an event to a webhook again, from the first attempt. A pending delivery stays as it is."""
    given = call.request.match_info["delivery_number"]
    if not _NUMBER.fullmatch(given):
        raise DeliveryNotFound("you have no delivery with this id")
    delivery = await call.carpool.notices.manage_webhooks.replay(int(given), call.principal, call.now)
    return json_response(DeliveryOut.from_domain(delivery), status=202)


def _answer(webhook: Webhook) -> web.Response:
    return tagged(webhook, WebhookOut.from_domain(webhook))


def _before(query: DeliveryListQuery) -> int | None:
    """Below which id the page begins. Raises InvalidCursor for a cursor that this service did not issue."""
    if query.cursor is None:
        return None
    match = _CURSOR.fullmatch(query.cursor)
    if match is None:
        raise invalid_cursor()
    return int(match[1])
