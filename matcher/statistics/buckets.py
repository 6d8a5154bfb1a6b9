"""Hours and days of a time zone, as moments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo

from matcher.statistics.model import QUARTER_S, BucketSize

_HOUR_S = 3600
_DAY_S = 86_400


def bucket_edges(begin: datetime, end: datetime, size: BucketSize, zone: tzinfo) -> tuple[int, ...]:
    """Where the hours or days of `zone` begin within a range, with the range's own ends: seconds since 1970, ascending.

    begin and end are whole quarters of an hour, and so is every edge. A day has 23 or 25 hours when the clock changes,
    and begins with its first moment when midnight is skipped. An hour that comes twice is two hours.
    """
    first, last = int(begin.timestamp()), int(end.timestamp())
    inner = _days(first, last, zone) if size is BucketSize.DAY else _hours(first, last, zone)
    return (first, *(edge for edge in inner if first < edge < last), last)


def local(moment_s: int, zone: tzinfo) -> datetime:
    """A moment on the clocks of a zone."""
    return datetime.fromtimestamp(moment_s, UTC).astimezone(zone)


def _offset_s(moment_s: int, zone: tzinfo) -> int:
    offset = local(moment_s, zone).utcoffset()
    assert offset is not None, "zones know their offset"
    return int(offset.total_seconds())


def _hours(first: int, last: int, zone: tzinfo) -> Iterator[int]:
    for begin, end, offset in steady(first, last, zone):
        before = _offset_s(begin - 1, zone)
        # A clock that jumps by half an hour begins a new hour where it lands in another one.
        if (begin + offset) % _HOUR_S and (begin + offset) // _HOUR_S != (begin - 1 + before) // _HOUR_S:
            yield begin
        yield from range(-(-(begin + offset) // _HOUR_S) * _HOUR_S - offset, end, _HOUR_S)


def _days(first: int, last: int, zone: tzinfo) -> Iterator[int]:
    latest = (first - 1 + _offset_s(first - 1, zone)) // _DAY_S
    for begin, end, offset in steady(first, last, zone):
        starts = [begin, *range(-(-(begin + offset) // _DAY_S) * _DAY_S - offset, end, _DAY_S)]
        for start in starts:
            # When the clock is set back over midnight, the day that has begun goes on.
            if (start + offset) // _DAY_S > latest:
                latest = (start + offset) // _DAY_S
                yield start


def steady(first: int, last: int, zone: tzinfo) -> Iterator[tuple[int, int, int]]:
    """A range cut where the clock changes, on quarters of an hour: (begin, end, offset from UTC), seconds.

    Clocks change at most once in 24 hours.
    """
    begin, offset = first, _offset_s(first, zone)
    for noon in range(first, last, _DAY_S):
        until = min(noon + _DAY_S, last)
        if _offset_s(until, zone) == offset:
            continue
        low, high = noon // QUARTER_S, -(-until // QUARTER_S)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset_s(middle * QUARTER_S, zone) == offset else (low, middle)
        change = min(high * QUARTER_S, last)
        yield begin, change, offset
        begin, offset = change, _offset_s(change, zone)
    if begin < last:
        yield begin, last, offset
