"""The table of events, and an event as it is written and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self, TypeAlias
from uuid import UUID

#: What JSON can hold.
Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

_OTHER_SIDE = "the other side; both if"
_CHANGED = (
    "the driver changes the trip's route or time; for bookings still waiting, also when a change of seats, detour or "
    "flexibility makes them possible or impossible"
)
_SOME_HAVE = (
    "Only these have `fits`: whether the driver could still confirm. Only confirmed ones have `departure_time`, to the "
    "minute"
)
_BOOKING = "booking_id offer_id status version seats pickup_time dropoff_time"


class EventKind(StrEnum):
    """One row for each kind: its name, who is notified, when, and the members of `data` (`?`: not always there).

    The store, the API schema and the table in docs/events.md derive from it.
    """

    recipient: str
    when: str
    members: tuple[str, ...]
    optional: frozenset[str]

    MATCH_FOUND = "match_found", "rider", "a new or changed offer fits a kept request", "request_id offer_id"
    BOOKING_ASKED = "booking_asked", "driver", "a rider asks for seats", _BOOKING
    BOOKING_CONFIRMED = (
        "booking_confirmed", "rider; both if booked instantly", "the driver confirms", _BOOKING,
    )  # fmt: skip
    BOOKING_REFUSED = (
        "booking_refused", "rider; both if it follows from a block", "the driver refuses", f"{_BOOKING} reason",
    )  # fmt: skip
    BOOKING_CANCELLED = (
        "booking_cancelled", f"{_OTHER_SIDE} an operator cancels or it follows from a block", "a booking is cancelled",
        f"{_BOOKING} reason",
    )  # fmt: skip
    BOOKING_LAPSED = "booking_lapsed", "rider", "the driver has not answered in time", f"{_BOOKING} reason"
    BOOKING_COMPLETED = (
        "booking_completed", f"{_OTHER_SIDE} the system does it", "the ride is over, or was validated", _BOOKING,
    )  # fmt: skip
    TRIP_CHANGED = (
        "trip_changed",
        "riders with a booking",
        f"{_CHANGED}. {_SOME_HAVE}",
        f"{_BOOKING} offer_version departure_time? fits?",
    )
    TRIP_CANCELLED = "trip_cancelled", "riders with a booking", "the driver withdraws the trip", f"{_BOOKING} reason"
    DEPARTURE_SOON = (
        "departure_soon",
        "driver with confirmed riders; confirmed riders",
        "`CARPOOL_DEPARTURE_NOTICE_MIN` (60) before the departure, or the pickup",
        "offer_id departure_time? booking_ids? pickup_time? booking_id?",
    )
    WEBHOOK_DISABLED = (
        "webhook_disabled", "owner of the webhook", "the service disables it", "webhook_id because",
    )  # fmt: skip

    def __new__(cls, name: str, recipient: str = "", when: str = "", data: str = "") -> Self:
        kind = str.__new__(cls, name)
        kind._value_ = name
        kind.recipient, kind.when = recipient, when
        kind.members = tuple(member.rstrip("?") for member in data.split())
        kind.optional = frozenset(member.rstrip("?") for member in data.split() if member.endswith("?"))
        return kind

    @property
    def is_about_trip(self) -> bool:
        """Whether `Event.trip_id` is an offer's id; else it is the id of what `data` names."""
        return self is not EventKind.WEBHOOK_DISABLED


@dataclass(frozen=True, slots=True)
class Event:
    """One notification of one person, written in the transaction of its cause.

    Events of one `trip_id` reach `recipient` in the order in which they were written. `data` has ids, statuses and
    times, never a coordinate or an address: it leaves the service, and is kept for weeks. A recipient gets one event
    for each `dedupe_key` (1 to 200 characters), however often it is written.
    """

    kind: EventKind
    recipient: str
    trip_id: UUID
    data: Mapping[str, Json] = field(default_factory=dict)
    dedupe_key: str | None = None

    @classmethod
    def of(cls, kind: EventKind, recipient: str, trip_id: UUID, dedupe_key: str, /, **data: Json) -> Event:
        """Raises TypeError unless `data` is what the kind's row says."""
        members = frozenset(kind.members)
        if not members - kind.optional <= data.keys() <= members:
            raise TypeError(f"{kind} has {kind.members}, not {sorted(data)}")
        return cls(kind, recipient, trip_id, data, dedupe_key)


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """An event as its recipient reads it.

    Numbers grow in the order of delivery and are given to committed events only: a reader who has read up to a number
    has missed nothing below it.
    """

    number: int
    event: Event
    created_at: datetime
