"""Webhooks in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from matcher.domain.errors.events import TooManyWebhooks, WebhookNotFound
from matcher.domain.errors.tree import StaleVersion
from matcher.domain.idempotency import KeptAnswer
from matcher.events.event import EventKind
from matcher.events.webhooks.webhook import Webhook, WebhookStatus
from matcher.postgres.idempotency import keep_answer
from matcher.postgres.statements import Statements
from matcher.postgres.store import PostgresStore, by_column, from_row

if TYPE_CHECKING:
    from matcher.postgres.statements import Record

_WEBHOOKS = Statements("webhooks")


class PostgresWebhooks(PostgresStore):
    """Stores webhooks."""

    _statements = _WEBHOOKS

    async def insert(self, webhook: Webhook, *, most: int, kept: KeptAnswer | None = None) -> None:
        """Store a new one, unless its owner has `most` already, and the answer to the call.

        Raises TooManyWebhooks, AnsweredBefore, IdempotencyKeyReused.
        """
        async with self._connections.transaction() as connection:
            if kept is not None:
                await keep_answer(connection, kept, webhook.created_at)
            await _WEBHOOKS.value(connection, "lock_owner", owner=webhook.owner)
            if await _WEBHOOKS.value(connection, "count_webhooks", owner=webhook.owner) >= most:
                raise TooManyWebhooks(f"you already have {most} webhooks: delete one you no longer need")
            await _WEBHOOKS.run(connection, "insert_webhook", **by_column(webhook))

    async def get(self, webhook_id: UUID) -> Webhook:
        """Raises WebhookNotFound."""
        row = await self._row("get_webhook", id=webhook_id)
        if row is None:
            raise WebhookNotFound("you have no webhook with this id")
        return to_webhook(row)

    async def list_of(self, owner: str) -> list[Webhook]:
        """All webhooks of an owner, oldest first."""
        return [to_webhook(row) for row in await self._rows("list_webhooks", owner=owner)]

    async def update(self, webhook: Webhook, *, expected_version: int) -> None:
        """Replace what its owner may change. Raises WebhookNotFound, StaleVersion."""
        values = _WEBHOOKS.taken("update_webhook", by_column(webhook) | {"expected_version": expected_version})
        written = await self._run("update_webhook", **values)
        if not written:
            present = await self.get(webhook.id)
            raise StaleVersion(f"the webhook is at version {present.version} now: read it again before changing it")

    async def delete(self, webhook_id: UUID) -> None:
        """Delete it with its deliveries. Raises WebhookNotFound."""
        if not await self._run("delete_webhook", id=webhook_id):
            raise WebhookNotFound("you have no webhook with this id")


def to_webhook(row: Record) -> Webhook:
    """A webhook from the columns of its table."""
    return from_row(
        Webhook,
        row,
        also_for=tuple(row["also_for"]),
        kinds=tuple(map(EventKind, row["kinds"])),
        status=WebhookStatus(row["status"]),
    )
