"""What people are told about their trips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

#: What JSON can hold.
Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


class EventKind(StrEnum):
    """What has happened."""

    MATCH_FOUND = "match_found"
    BOOKING_ASKED = "booking_asked"
    BOOKING_CONFIRMED = "booking_confirmed"
    BOOKING_REFUSED = "booking_refused"
    BOOKING_CANCELLED = "booking_cancelled"
    BOOKING_LAPSED = "booking_lapsed"
    BOOKING_COMPLETED = "booking_completed"
    TRIP_CHANGED = "trip_changed"
    TRIP_CANCELLED = "trip_cancelled"
    DEPARTURE_SOON = "departure_soon"
    WEBHOOK_DISABLED = "webhook_disabled"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that one person is told, written in the transaction of what caused it.

    `recipient` is the user who is told. Events of one `trip_id` (the offer's id) reach them in the order in which they were written; of a
    WEBHOOK_DISABLED it is the webhook's id. `data` has ids, statuses and times, never a coordinate or an address: it leaves the service, and is kept for
    weeks. With a `dedupe_key` (1 to 200 characters) the recipient is told once, however often it is written.
    """

    kind: EventKind
    recipient: str
    trip_id: UUID
    data: Mapping[str, Json] = field(default_factory=dict)
    dedupe_key: str | None = None


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """An event as its recipient reads it. Numbers grow in the order of delivery and are given to committed events only, so that whoever
    has read up to a number has missed nothing below it."""

    number: int
    event: Event
    created_at: datetime
