"""Webhooks and the deliveries to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from matcher.events.event import EventKind, NumberedEvent

#: In `also_for`: everybody's events.
EVERYBODY = "*"


class WebhookStatus(StrEnum):
    """ENABLED receives events. While DISABLED, nothing is queued and queued deliveries wait."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class DeliveryStatus(StrEnum):
    """PENDING is sent and retried; DELIVERED was accepted; DEAD was given up and can be replayed."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A URL that receives its owner's events, and those of `also_for`: user names, or prefixes that end with a *.

    `kinds` empty: all kinds. `disabled_because` is None when the owner disabled it. The previous secret signs as well
    until `old_secret_until`. `failing_since`: the first failure since the last success.
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
    """One event for one webhook. `attempts` includes the one in progress."""

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
class SendingResult:
    """An HTTP status, or None and why there was none. `retry_after` is what the receiver asked for."""

    status: int | None
    error: str | None = None
    retry_after: timedelta | None = None

    @property
    def is_taken(self) -> bool:
        """The receiver accepted it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """The receiver wants no more of anything (RFC 9110 section 15.5.11)."""
        return self.status == 410


#: Pauses between attempts that Standard Webhooks recommends: ten attempts over three days and a few hours.
STANDARD_PAUSES = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
#: A pause is longer by up to this part of itself, so that a receiver that recovers is not flooded.
JITTER = 0.2
#: The longest pause a receiver may ask for.
LONGEST_ASKED = timedelta(days=1)


def pause_before_next(
    attempts: int, pauses: Sequence[timedelta], dice: float, asked: timedelta | None = None
) -> timedelta | None:
    """How long to wait after `attempts` (from 1) failed ones; None when that was the last.

    `dice` in [0, 1] decides within the jitter. What the receiver `asked` for makes a pause longer, never shorter, and
    at most LONGEST_ASKED.
    """
    if not 1 <= attempts <= len(pauses):
        return None
    pause = pauses[attempts - 1] * (1 + JITTER * dice)
    return pause if asked is None else max(pause, min(asked, LONGEST_ASKED))
