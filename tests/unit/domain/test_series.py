"""Which dates a series is driven on, and when it leaves by the clocks of its zone, also when they change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import WEEKLY, rrule
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.clock import local_moment
from matcher.domain.offer import TripFields
from matcher.domain.series import (
    Direction,
    OccurrenceKey,
    Phase,
    Route,
    Series,
    SeriesStatus,
    WayBack,
)
from tests.builders import NOW, a_place
from tests.examples import examples

ROUTE = Route(a_place(0, 0.1), (a_place(1, 0.2),), a_place(2, 0.3), "test")
MONDAY = date(2026, 11, 30)
ALL_WEEK = frozenset(range(1, 8))


def a_phase(**changes: Any) -> Phase:
    """Every day at 07:45, from a Monday on."""
    phase = Phase(MONDAY, None, ALL_WEEK, time(7, 45), None, ROUTE, TripFields(seats=3, flexibility_s=900))
    return replace(phase, **changes)


def a_series(*phases: Phase, zone: str = "America/Santiago", **changes: Any) -> Series:
    """An open series of these phases."""
    series = Series(
        id=UUID(int=7), driver_id="dora", region="test", status=SeriesStatus.OPEN, version=1, zone=ZoneInfo(zone),
        zone_name=zone,
        phases=phases, exceptions=frozenset(), created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    return replace(series, **changes)


#: (zone, local time, the day before the clocks change, what it is by UTC on that day, on the day of the change, and on
#: the day after)
CHANGES = [
    # Forward at midnight: 00:00 to 01:00 does not exist on 6 September 2026.
    ("America/Santiago", "07:45", date(2026, 9, 5), ("11:45", "10:45", "10:45")),
    ("America/Santiago", "00:30", date(2026, 9, 5), ("04:30", "04:00", "03:30")),
    # Back at midnight of 5 April 2026: 23:00 to 24:00 of the 4th comes twice, and the first is taken.
    ("America/Santiago", "23:30", date(2026, 4, 3), ("02:30", "02:30", "03:30")),
    ("America/Santiago", "07:45", date(2026, 4, 4), ("10:45", "11:45", "11:45")),
    # Forward from 02:00 to 03:00, back from 03:00 to 02:00.
    ("Europe/Luxembourg", "02:30", date(2027, 3, 27), ("01:30", "01:00", "00:30")),
    ("Europe/Luxembourg", "07:45", date(2027, 3, 27), ("06:45", "05:45", "05:45")),
    ("Europe/Luxembourg", "02:30", date(2027, 10, 30), ("00:30", "00:30", "01:30")),
    # By half an hour: forward from 02:00 to 02:30, back from 02:00 to 01:30.
    ("Australia/Lord_Howe", "02:15", date(2026, 10, 3), ("15:45", "15:30", "15:15")),
    ("Australia/Lord_Howe", "01:45", date(2027, 4, 3), ("14:45", "14:45", "15:15")),
    # A whole day that does not exist.
    ("Pacific/Apia", "12:00", date(2011, 12, 29), ("22:00", "10:00", "22:00")),
]


@pytest.mark.parametrize(("zone", "at", "before", "by_utc"), CHANGES)
def test_the_clock_on_the_wall_counts_when_clocks_change(
    zone: str, at: str, before: date, by_utc: tuple[str, ...]
) -> None:
    series = a_series(a_phase(from_date=before, departure=time.fromisoformat(at)), zone=zone)
    moments = [moment for _, moment in series.occurrences(before, before + timedelta(days=2))]
    assert [moment.astimezone(UTC).strftime("%H:%M") for moment in moments] == list(by_utc)


@settings(max_examples=examples(30))
@given(
    # Any day, and those on which clocks change somewhere.
    day=st.dates(date(2000, 1, 1), date(2040, 1, 1))
    | st.sampled_from(sorted({day + timedelta(days=1) for _, _, day, _ in CHANGES[:9]})),
    at=st.times().map(lambda given: given.replace(second=0, microsecond=0)),
    name=st.sampled_from(["America/Santiago", "Europe/Luxembourg", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
)
def test_a_local_time_is_what_the_clocks_show_first_or_next(day: date, at: time, name: str) -> None:
    """By the book: go through the moments around it, minute by minute, and look at the clock."""
    zone = ZoneInfo(name)
    found = local_moment(day, at, zone)
    wanted = datetime.combine(day, at)
    begin = wanted.replace(tzinfo=UTC) - timedelta(hours=15)
    shown = [(begin + timedelta(minutes=n)) for n in range(30 * 60)]
    exact = [moment for moment in shown if moment.astimezone(zone).replace(tzinfo=None, fold=0) == wanted]
    later = [moment for moment in shown if moment.astimezone(zone).replace(tzinfo=None, fold=0) > wanted]
    assert found.astimezone(UTC) == (exact or later)[0]


@given(
    start=st.dates(date(2026, 1, 1), date(2027, 1, 1)),
    length=st.integers(0, 400),
    weekdays=st.frozensets(st.integers(1, 7), min_size=1),
    exceptions=st.frozensets(st.integers(0, 400), max_size=5),
    window=st.tuples(st.integers(-20, 420), st.integers(0, 60)),
)
def test_the_dates_are_those_of_a_calendar(
    start: date, length: int, weekdays: frozenset[int], exceptions: frozenset[int], window: tuple[int, int]
) -> None:
    until = start + timedelta(days=length)
    without = frozenset(start + timedelta(days=n) for n in exceptions)
    series = a_series(a_phase(from_date=start, until=until, weekdays=weekdays), exceptions=without)
    rule = rrule(
        WEEKLY,
        byweekday=[day - 1 for day in weekdays],
        dtstart=datetime.combine(start, time()),
        until=datetime.combine(until, time()),
    )
    book = [moment.date() for moment in rule if moment.date() not in without]
    first = start + timedelta(days=window[0])
    last = first + timedelta(days=window[1])
    assert list(series.days(first, last)) == [day for day in book if first <= day <= last]
    assert series.next_day(first) == next((day for day in book if day > first), None)


def test_both_ways_of_a_trip_belong_to_the_day_of_the_way_there() -> None:
    series = a_series(a_phase(weekdays=frozenset({5}), back=WayBack(time(18, 0), days_later=2)))
    friday = date(2026, 12, 4)
    occurrences = dict(series.occurrences(friday, friday))
    assert occurrences == {
        OccurrenceKey(friday, Direction.OUT): datetime(2026, 12, 4, 7, 45, tzinfo=series.zone),
        OccurrenceKey(friday, Direction.BACK): datetime(2026, 12, 6, 18, 0, tzinfo=series.zone),
    }
    assert ROUTE.places(Direction.BACK) == ROUTE.places(Direction.OUT)[::-1]
    gone = replace(series, exceptions=frozenset({friday}))
    assert gone.departure(OccurrenceKey(friday, Direction.BACK)) is None, "an exception takes both"


def test_a_trip_that_is_made_once() -> None:
    series = a_series(a_phase(weekdays=frozenset(), until=MONDAY))
    assert list(series.days(MONDAY - timedelta(days=9), MONDAY + timedelta(days=400))) == [MONDAY]


def test_a_phase_ends_where_the_next_begins_and_none_comes_back() -> None:
    later = a_phase(from_date=MONDAY + timedelta(days=3), weekdays=frozenset({1}), until=MONDAY + timedelta(days=10))
    series = a_series(a_phase(), later)
    days = list(series.days(MONDAY, MONDAY + timedelta(days=60)))
    assert days == [MONDAY, MONDAY + timedelta(days=1), MONDAY + timedelta(days=2), MONDAY + timedelta(days=7)]
    assert series.phases_from(MONDAY) == series.phases
    assert series.phases_from(MONDAY + timedelta(days=3)) == (later,)
    assert series.phases_from(MONDAY + timedelta(days=300)) == (later,)


def test_what_is_withdrawn_is_not_driven() -> None:
    series = a_series(a_phase(), ends_before=MONDAY + timedelta(days=2))
    assert list(series.days(MONDAY, MONDAY + timedelta(days=9))) == [MONDAY, MONDAY + timedelta(days=1)]
    assert list(replace(series, status=SeriesStatus.CANCELLED).days(MONDAY, MONDAY + timedelta(days=9))) == []
    assert replace(series, status=SeriesStatus.CANCELLED).next_day(MONDAY) is None
