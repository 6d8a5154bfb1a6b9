"""Spans of time between moments, whatever zone the moments are shown in.

Python adds and compares two datetimes of one zone by the clock on the wall: across a clock change an hour is lost or
gained, and in the hour that comes twice the first pass for the second. A trip takes as long as it takes; these count
real time.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo


def later(moment: datetime, by: timedelta) -> datetime:
    """The moment `by` after an aware one (before it, when negative), in the same zone."""
    return (moment.astimezone(UTC) + by).astimezone(moment.tzinfo)


def between(begin: datetime, end: datetime) -> timedelta:
    """How long it is from one aware moment to another; negative when `end` comes first."""
    return end.astimezone(UTC) - begin.astimezone(UTC)


def local_moment(day: date, at: time, zone: tzinfo) -> datetime:
    """When the clocks of a zone show `at` on `day`: the first time, where they show it twice.

    The first moment after, where they skip it.
    """
    earlier = datetime.combine(day, at, zone)
    if earlier.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) == earlier.replace(tzinfo=None):
        return earlier
    # By the offset of before the gap the time lies after the clock change, by the offset of after it lies before.
    low, high = earlier.replace(fold=1).astimezone(UTC), earlier.astimezone(UTC)
    after = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high.astimezone(zone)
