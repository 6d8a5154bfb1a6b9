"""Addresses that events are sent to, and what became of each sending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from matcher.events.event import EventKind, NumberedEvent

#: Who a webhook hears of besides its owner, when it hears of everybody.
EVERYBODY = "*"


class WebhookStatus(StrEnum):
    """ENABLED is sent events. While DISABLED nothing is queued, and what was queued waits."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class DeliveryStatus(StrEnum):
    """PENDING is sent, and sent again; DELIVERED was taken; DEAD was given up, and can be replayed."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that events are posted to.

    It is sent its owner's events and those of `also_for`: names of users, or beginnings of names with a * at the end. `kinds` empty: all kinds.
    `disabled_because` is None when the owner disabled it. The secret before the last rotation signs as well until `old_secret_until`. `failing_since`:
    since when nothing was taken.
    """

    id: UUID
    owner: str
    url: str
    created_at: datetime
    updated_at: datetime
    also_for: tuple[str, ...] = ()
    kinds: tuple[EventKind, ...] = ()
    description: str = ""
    status: WebhookStatus = WebhookStatus.ENABLED
    disabled_because: str | None = None
    secret_version: int = 1
    old_secret_until: datetime | None = None
    failing_since: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook. `attempts` counts the times it was sent, the one in progress included."""

    id: int
    webhook_id: UUID
    owner: str
    event: NumberedEvent
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime
    created_at: datetime
    answer_status: int | None = None
    error: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of sending: an HTTP status, or None and why there was none. `retry_after` is what the receiver asked for."""

    status: int | None
    error: str | None = None
    retry_after: timedelta | None = None

    @property
    def is_taken(self) -> bool:
        """The receiver has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """The receiver wants no more of anything (RFC 9110 section 15.5.11)."""
        return self.status == 410


#: Pauses between attempts that Standard Webhooks recommends: ten attempts over three days and a few hours.
STANDARD_PAUSES = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
#: By how much of itself a pause may be longer, so that receivers that come back are not met by everybody at once.
JITTER = 0.2
#: A receiver may ask for a longer pause, within reason.
LONGEST_ASKED = timedelta(days=1)


def pause_before_next(
    attempts: int, pauses: Sequence[timedelta], dice: float, asked: timedelta | None = None
) -> timedelta | None:
    """How long to wait after `attempts` (from 1) failed ones; None when that was the last.

    `dice` in [0, 1] decides within the jitter. What the receiver `asked` for makes a pause longer, never shorter, and at most LONGEST_ASKED.
    """
    if not 1 <= attempts <= len(pauses):
        return None
    pause = pauses[attempts - 1] * (1 + JITTER * dice)
    return pause if asked is None else max(pause, min(asked, LONGEST_ASKED))
