"""Hours and days of a time zone: where they begin, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.statistics.buckets import bucket_edges, local
from matcher.statistics.model import QUARTER_S, BucketSize
from tests.examples import examples

ZONES = (
    "UTC", "America/Santiago", "Europe/Paris", "America/St_Johns", "America/Havana", "Asia/Kolkata", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Pacific/Chatham", "Africa/Casablanca", "Asia/Beirut", "Atlantic/Azores",
)  # fmt: skip
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def _by_looking_at_every_quarter(first: int, last: int, size: BucketSize, zone: ZoneInfo) -> tuple[int, ...]:
    edges, latest = [first], local(first, zone).date()
    for at in range(first + QUARTER_S, last, QUARTER_S):
        here, before = local(at, zone), local(at - QUARTER_S, zone)
        if size is BucketSize.HOUR:
            if here.minute == 0 or here.hour != before.hour:
                edges.append(at)
        elif here.date() > latest:
            latest = here.date()
            edges.append(at)
    return (*edges, last)


@given(
    zone=st.sampled_from(ZONES),
    begin=st.integers(0, 4 * 24 * 365 * 5),
    quarters=st.integers(1, 4 * 24 * 200),
    size=st.sampled_from(BucketSize),
)
@settings(max_examples=examples(30))
def test_edges_are_where_the_clock_strikes(zone: str, begin: int, quarters: int, size: BucketSize) -> None:
    first = int(NEW_YEAR.timestamp()) + begin * QUARTER_S
    last = first + quarters * QUARTER_S
    where = ZoneInfo(zone)
    edges = bucket_edges(datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC), size, where)
    assert edges == _by_looking_at_every_quarter(first, last, size, where)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/Santiago", datetime(2026, 9, 6, tzinfo=UTC), 23),  # midnight is skipped
        ("America/Santiago", datetime(2026, 4, 4, tzinfo=UTC), 25),  # the clock goes back at midnight
        ("Europe/Paris", datetime(2026, 3, 29, tzinfo=UTC), 23),
        ("Europe/Paris", datetime(2026, 10, 25, tzinfo=UTC), 25),
        ("America/Havana", datetime(2026, 11, 1, tzinfo=UTC), 25),  # from one o'clock back to midnight
        ("Australia/Lord_Howe", datetime(2026, 10, 4, tzinfo=UTC), 23.5),
    ],
)
def test_days_on_which_the_clock_changes(zone: str, day: datetime, hours: float) -> None:
    where = ZoneInfo(zone)
    edges = bucket_edges(day - timedelta(days=3), day + timedelta(days=3), BucketSize.DAY, where)
    lengths = {local(begin, where).date(): (end - begin) / 3600 for begin, end in pairwise(edges)}
    assert lengths.pop(day.date()) == hours
    inner = list(lengths.values())[1:-1]
    assert inner == [24.0] * len(inner)


def test_an_hour_that_comes_twice_is_two_hours() -> None:
    paris = ZoneInfo("Europe/Paris")
    begin = datetime(2026, 10, 25, tzinfo=UTC)
    edges = bucket_edges(begin, begin + timedelta(hours=3), BucketSize.HOUR, paris)
    assert [local(edge, paris).isoformat() for edge in edges[:-1]] == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T03:00:00+01:00",
    ]
