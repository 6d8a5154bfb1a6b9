"""What events need from the world."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from matcher.domain.idempotency import KeptAnswer
from matcher.events.event import NumberedEvent
from matcher.events.webhooks.webhook import Answer, Delivery, DeliveryStatus, Webhook


class EventStore(Protocol):
    """Committed events by number. What has been read up to a number is complete up to it."""

    async def give_numbers(self, now: datetime) -> int:
        """Number the committed events that have none and queue them for webhooks; returns how many. 0 as well while another process does it."""

    async def numbers(self) -> tuple[int, int]:
        """(the last number given, the highest number forgotten)."""

    async def list_after(self, after: int, limit: int) -> list[NumberedEvent]:
        """At most `limit` events of everybody with numbers above `after`, in order."""

    async def list_of(self, recipient: str, after: int, up_to: int, limit: int) -> list[NumberedEvent]:
        """At most `limit` events of one recipient with numbers in (after, up_to], in order."""


class WebhookRepository(Protocol):
    """Webhooks on disk."""

    async def insert(self, webhook: Webhook, *, most: int, kept: KeptAnswer | None = None) -> None:
        """Store a new one, unless its owner has `most` already, and the answer to the call.

        Raises TooManyWebhooks, AnsweredBefore, IdempotencyKeyReused.
        """

    async def get(self, webhook_id: UUID) -> Webhook:
        """Raises WebhookNotFound."""

    async def list_of(self, owner: str) -> list[Webhook]:
        """All of one owner's, oldest first."""

    async def update(self, webhook: Webhook, *, expected_version: int) -> None:
        """Replace what its owner may change. Raises WebhookNotFound, StaleVersion."""

    async def delete(self, webhook_id: UUID) -> None:
        """With all its deliveries. Raises WebhookNotFound."""


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery that this process has claimed for a while, and where it goes."""

    delivery: Delivery
    webhook: Webhook


class DeliveryRepository(Protocol):
    """What is queued for webhooks. Several processes claim from it at once and never the same."""

    async def claim(self, now: datetime, *, most: int, most_each: int, lease: timedelta) -> list[DueDelivery]:
        """At most `most` deliveries that are due, at most `most_each` in progress for one webhook, of each trip only the first that has not ended;
        counted as attempted. Nobody else gets them until the lease is over."""

    async def end(self, due: DueDelivery, answer: Answer, now: datetime, *, next_attempt_at: datetime | None) -> bool:
        """Note what came of an attempt: it was taken, or is tried again at `next_attempt_at`, or is DEAD when that is None.

        False, and nothing is noted, when the lease was over and somebody else has claimed it since.
        """

    async def disable_webhook(self, webhook_id: UUID, because: str, now: datetime) -> bool:
        """Send nothing more to it, and tell its owner; False when it was disabled or deleted already."""

    async def get(self, delivery_id: int) -> Delivery:
        """Raises DeliveryNotFound."""

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

    async def replay(self, delivery_id: int, now: datetime) -> None:
        """Send it again from the first attempt; one that is PENDING stays as it is. Raises DeliveryNotFound."""

    async def replay_dead(self, webhook_id: UUID | None, now: datetime) -> int:
        """The same for all that are DEAD, of one webhook or of all; returns how many."""


class EventSender(Protocol):
    """Posts to addresses that anybody on the internet could have been told, and to no others."""

    async def check(self, url: str) -> None:
        """Raises WebhookUrlRefused unless it is an address that may be posted to, at this moment."""

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Post and wait for the answer; never raises for what the receiver does, nor for an address that may not be posted to."""
