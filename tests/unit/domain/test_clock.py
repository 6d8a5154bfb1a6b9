"""Trips and windows last as long as they last, whatever the clock on the wall does meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from matcher.domain.clock import between, later
from matcher.domain.errors.tree import InvalidWindow
from matcher.domain.match import TimeWindow
from tests.builders import an_offer

PARIS, SANTIAGO = ZoneInfo("Europe/Paris"), ZoneInfo("America/Santiago")
#: (a departure before the clock changes, what an hour later is on the wall there)
CHANGES = [
    (datetime(2027, 3, 28, 1, 30, tzinfo=PARIS), "2027-03-28T03:30:00+02:00"),
    (datetime(2027, 10, 31, 2, 30, tzinfo=PARIS), "2027-10-31T02:30:00+01:00"),
    (datetime(2027, 9, 4, 23, 30, tzinfo=SANTIAGO), "2027-09-05T01:30:00-03:00"),
    (datetime(2027, 4, 3, 23, 30, tzinfo=SANTIAGO), "2027-04-03T23:30:00-04:00"),
]


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_an_hour_later_is_an_hour_later(before: datetime, after: str) -> None:
    moment = later(before, timedelta(hours=1))
    assert moment.isoformat() == after
    assert moment.tzinfo is before.tzinfo
    assert later(moment, timedelta(hours=-1)).isoformat() == before.isoformat()
    assert between(before, moment) == timedelta(hours=1)
    assert between(moment, before) == -timedelta(hours=1)


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_an_offer_arrives_and_is_over_in_real_time(before: datetime, after: str) -> None:
    offer = replace(
        an_offer(departure=before, flexibility_s=900, max_detour_s=600),
        duration_ms=3_600_000,
        departure_shift_ms=3_600_000,
    )
    assert offer.arrival.isoformat() == after
    assert offer.planned_departure.isoformat() == after
    assert offer.latest_arrival.astimezone(UTC) - before.astimezone(UTC) == timedelta(seconds=3_600 + 900 + 600)


def test_a_window_in_the_hour_that_comes_twice_is_as_long_as_it_is() -> None:
    first, second = (datetime(2027, 10, 31, 2, 30, tzinfo=PARIS, fold=fold) for fold in (0, 1))
    TimeWindow(first, second.replace(minute=10))  # on the wall it ends before it begins
    with pytest.raises(InvalidWindow):
        TimeWindow(second, first.replace(minute=50))
    day = datetime(2027, 10, 30, 12, tzinfo=PARIS)
    with pytest.raises(InvalidWindow, match="24 hours"):
        TimeWindow(day, day + timedelta(days=1))  # noon to noon: 25 hours
