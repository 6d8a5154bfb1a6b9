"""Spans of time between moments, whatever zone the moments are shown in.

Python adds and compares two datetimes of one zone by the clock on the wall: across a clock change an hour is lost or gained, and in the hour that
comes twice the first pass for the second. A trip takes as long as it takes; these count real time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def later(moment: datetime, by: timedelta) -> datetime:
    """The moment `by` after an aware one (before it, when negative), in the same zone."""
    return (moment.astimezone(UTC) + by).astimezone(moment.tzinfo)


def between(begin: datetime, end: datetime) -> timedelta:
    """How long it is from one aware moment to another; negative when `end` comes first."""
    return end.astimezone(UTC) - begin.astimezone(UTC)
