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
from matcher.postgres.pool import Connections
from matcher.postgres.statements import Statements

if TYPE_CHECKING:
    from matcher.postgres.statements import Record

_WEBHOOKS = Statements("webhooks")


class PostgresWebhooks:
    """Stores webhooks."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

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
            await _WEBHOOKS.run(connection, "insert_webhook", **_to_row(webhook))

    async def get(self, webhook_id: UUID) -> Webhook:
        """Raises WebhookNotFound."""
        async with self._connections.connection() as connection:
            row = await _WEBHOOKS.row(connection, "get_webhook", id=webhook_id)
        if row is None:
            raise WebhookNotFound("you have no webhook with this id")
        return to_webhook(row)

    async def list_of(self, owner: str) -> list[Webhook]:
        """All webhooks of an owner, oldest first."""
        async with self._connections.connection() as connection:
            return [to_webhook(row) for row in await _WEBHOOKS.rows(connection, "list_webhooks", owner=owner)]

    async def update(self, webhook: Webhook, *, expected_version: int) -> None:
        """Replace what its owner may change. Raises WebhookNotFound, StaleVersion."""
        values = _to_row(webhook)
        for fixed in ("owner", "created_at"):
            del values[fixed]
        async with self._connections.connection() as connection:
            written = await _WEBHOOKS.run(connection, "update_webhook", expected_version=expected_version, **values)
        if not written:
            present = await self.get(webhook.id)
            raise StaleVersion(f"the webhook is at version {present.version} now: read it again before changing it")

    async def delete(self, webhook_id: UUID) -> None:
        """Delete it with its deliveries. Raises WebhookNotFound."""
        async with self._connections.connection() as connection:
            if not await _WEBHOOKS.run(connection, "delete_webhook", id=webhook_id):
                raise WebhookNotFound("you have no webhook with this id")


def to_webhook(row: Record) -> Webhook:
    """A webhook from the columns of its table."""
    return Webhook(
        id=UUID(str(row["id"])),
        owner=row["owner"],
        url=row["url"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        also_for=tuple(row["also_for"]),
        kinds=tuple(EventKind(kind) for kind in row["kinds"]),
        description=row["description"],
        status=WebhookStatus(row["status"]),
        disabled_because=row["disabled_because"],
        secret_version=row["secret_version"],
        old_secret_until=row["old_secret_until"],
        failing_since=row["failing_since"],
        version=row["version"],
    )


def _to_row(webhook: Webhook) -> dict[str, object]:
    return {
        "id": webhook.id,
        "owner": webhook.owner,
        "also_for": list(webhook.also_for),
        "url": webhook.url,
        "kinds": [kind.value for kind in webhook.kinds],
        "description": webhook.description,
        "status": webhook.status.value,
        "disabled_because": webhook.disabled_because,
        "secret_version": webhook.secret_version,
        "old_secret_until": webhook.old_secret_until,
        "failing_since": webhook.failing_since,
        "version": webhook.version,
        "created_at": webhook.created_at,
        "updated_at": webhook.updated_at,
    }
