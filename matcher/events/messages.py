"""Events as they leave the service, on streams and to webhooks alike."""

from __future__ import annotations

import json
import re
from typing import Any

from matcher.events.event import EventKind, NumberedEvent

_ID = re.compile(r"evt_(0|[1-9][0-9]{0,17})", re.ASCII)


def message_id(event: NumberedEvent) -> str:
    """What identifies an event for ever: the same in every attempt and on every stream."""
    return id_of(event.number)


def id_of(number: int) -> str:
    """A place in the order of events, as listeners quote it."""
    return f"evt_{number}"


def find_number(text: str) -> int | None:
    """The number of an id of ours, or None."""
    match = _ID.fullmatch(text)
    return None if match is None else int(match[1])


def message_of(event: NumberedEvent) -> dict[str, Any]:
    """The members that Standard Webhooks asks for (type, timestamp, data), the id, whom it is for, and the trip."""
    told = event.event
    trip = {} if told.kind is EventKind.WEBHOOK_DISABLED else {"trip_id": str(told.trip_id)}
    return {
        "id": message_id(event),
        "type": told.kind.value,
        "timestamp": event.created_at.isoformat(),
        "user": told.recipient,
        **trip,
        "data": dict(told.data),
    }


def body_of(event: NumberedEvent) -> bytes:
    """The same as one line of JSON; the same bytes every time."""
    return json.dumps(message_of(event), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
