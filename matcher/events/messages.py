"""Events as JSON, the same on streams and webhooks."""

from __future__ import annotations

import json
import re
from typing import Any

from matcher.events.event import NumberedEvent

_ID = re.compile(r"evt_(0|[1-9][0-9]{0,17})", re.ASCII)


def message_id(event: NumberedEvent) -> str:
    """The permanent id of an event, the same in every attempt and on every stream."""
    return id_of(event.number)


def id_of(number: int) -> str:
    """The id of an event number."""
    return f"evt_{number}"


def find_number(text: str) -> int | None:
    """The number of an id of ours, or None."""
    match = _ID.fullmatch(text)
    return None if match is None else int(match[1])


def message_of(event: NumberedEvent) -> dict[str, Any]:
    """The members required by Standard Webhooks (type, timestamp, data), the id, the recipient, and the trip."""
    told = event.event
    trip = {"trip_id": str(told.trip_id)} if told.kind.is_about_trip else {}
    return {
        "id": message_id(event),
        "type": told.kind.value,
        "timestamp": event.created_at.isoformat(),
        "user": told.recipient,
        **trip,
        "data": dict(told.data),
    }


def body_of(event: NumberedEvent) -> bytes:
    """The message as one line of JSON, always the same bytes."""
    return json.dumps(message_of(event), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
