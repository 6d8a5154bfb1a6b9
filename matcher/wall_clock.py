"""The wall clock. The domain and the core take `now` as an argument; only the edge and the wiring read it."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
