"""Deliveries to webhooks, in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from matcher.domain.errors.events import DeliveryNotFound
from matcher.events.event import Event, EventKind, NumberedEvent
from matcher.events.store import announce_events, write_events
from matcher.events.webhooks.store import to_webhook
from matcher.events.webhooks.webhook import Delivery, DeliveryStatus, SendingResult, Webhook
from matcher.postgres.statements import Statements
from matcher.postgres.store import PostgresStore, from_row

if TYPE_CHECKING:
    from matcher.postgres.statements import Record

_DELIVERIES = Statements("webhook_deliveries")
_WEBHOOKS = Statements("webhooks")
_LONGEST_ERROR = 200


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery that this process has claimed for a while, and where it goes."""

    delivery: Delivery
    webhook: Webhook


class PostgresDeliveries(PostgresStore):
    """What is queued for webhooks. Several processes claim from it at once, never the same delivery."""

    _statements = _DELIVERIES

    async def claim(self, now: datetime, *, most: int, most_each: int, lease: timedelta) -> list[DueDelivery]:
        """At most `most` due deliveries, `most_each` in progress for one webhook, of each trip only the first
        unfinished.

        Counted as attempts, in the order in which they became due. Nobody else gets them until the lease ends.
        """
        rows = await self._rows("claim_deliveries", now=now, most=most, most_each=most_each, lease=lease)
        return [DueDelivery(_to_delivery(row), to_webhook(row)) for row in rows]

    async def end(
        self, due: DueDelivery, answer: SendingResult, now: datetime, *, next_attempt_at: datetime | None
    ) -> bool:
        """Store the result of an attempt; DEAD when it failed and `next_attempt_at` is None.

        False, and nothing is stored, when the lease was over and another process has claimed it since.
        """
        if answer.is_taken:
            status = DeliveryStatus.DELIVERED
        else:
            status = DeliveryStatus.DEAD if next_attempt_at is None else DeliveryStatus.PENDING
        async with self._connections.transaction() as connection:
            written = await _DELIVERIES.run(
                connection,
                "end_delivery",
                id=due.delivery.id,
                attempts=due.delivery.attempts,
                status=status.value,
                next_attempt_at=next_attempt_at,
                answer_status=answer.status,
                error=None if answer.error is None else answer.error[:_LONGEST_ERROR],
                now=now,
            )
            if written and answer.is_taken:
                await _WEBHOOKS.run(connection, "note_success", id=due.webhook.id)
            elif written:
                await _WEBHOOKS.run(connection, "note_failure", id=due.webhook.id, now=now)
        return bool(written)

    async def disable_webhook(self, webhook_id: UUID, because: str, now: datetime) -> bool:
        """Disable a webhook and notify its owner; False when it was disabled or deleted already."""
        async with self._connections.transaction() as connection:
            row = await _WEBHOOKS.row(connection, "disable_webhook", id=webhook_id, because=because, now=now)
            if row is None:
                return False
            key = f"webhook_disabled:{webhook_id}:{row['version']}"
            data = {"webhook_id": str(webhook_id), "because": because}
            told = Event.of(EventKind.WEBHOOK_DISABLED, row["owner"], webhook_id, key, **data)
            await write_events(connection, [told], now)
        async with self._connections.connection() as connection:
            await announce_events(connection)
        return True

    async def get(self, delivery_id: int) -> Delivery:
        """Raises DeliveryNotFound."""
        row = await self._row("get_delivery", id=delivery_id)
        if row is None:
            raise DeliveryNotFound("you have no delivery with this id")
        return _to_delivery(row)

    async def list_page(
        self,
        *,
        owner: str | None,
        webhook_id: UUID | None,
        status: DeliveryStatus | None,
        before: int | None,
        limit: int,
    ) -> list[Delivery]:
        """At most `limit`, newest first, with ids below `before`; of everybody when `owner` is None."""
        rows = await self._rows(
            "list_deliveries",
            owner=owner,
            webhook_id=webhook_id,
            status=None if status is None else status.value,
            before=before,
            row_limit=limit,
        )
        return [_to_delivery(row) for row in rows]

    async def replay(self, delivery_id: int, now: datetime) -> None:
        """Send it again from the first attempt, unless it is PENDING. Raises DeliveryNotFound."""
        async with self._connections.connection() as connection:
            written = await _DELIVERIES.run(connection, "replay_delivery", id=delivery_id, now=now)
            await announce_events(connection)
        if not written:
            await self.get(delivery_id)

    async def replay_dead(self, webhook_id: UUID | None, now: datetime) -> int:
        """Send all DEAD deliveries again, of one webhook or of all; returns how many."""
        async with self._connections.connection() as connection:
            written = await _DELIVERIES.run(connection, "replay_dead", webhook_id=webhook_id, now=now)
            await announce_events(connection)
        return written

    async def forget_delivered(self, before: datetime, limit: int = 1000) -> int:
        """Delete at most `limit` deliveries that arrived before a moment; returns how many."""
        return await self._run("forget_delivered", before=before, row_limit=limit)

    async def counts(self) -> dict[DeliveryStatus, int]:
        """How many are PENDING and how many DEAD."""
        rows = await self._rows("count_deliveries")
        found = {DeliveryStatus(row["status"]): int(row["deliveries"]) for row in rows}
        return {status: found.get(status, 0) for status in (DeliveryStatus.PENDING, DeliveryStatus.DEAD)}


def _to_delivery(row: Record) -> Delivery:
    event = Event(EventKind(row["kind"]), row["recipient"], row["trip_id"], row["data"], row["dedupe_key"])
    return from_row(
        Delivery,
        row,
        id=row["delivery_id"],
        event=NumberedEvent(row["number"], event, row["happened_at"]),
        status=DeliveryStatus(row["delivery_status"]),
        created_at=row["queued_at"],
    )
