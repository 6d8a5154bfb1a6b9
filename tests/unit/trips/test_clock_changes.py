"""Searches over midnight and over both clock changes, in the zones of people: who meets at what time on the wall."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from matcher.domain.match import MatchAnswer, RequestDraft, TimeWindow, TurnedAway, WindowKind
from matcher.domain.offer import Offer
from matcher.domain.place import RoadPosition
from matcher.wiring.warm import exercise
from tests.builders import NOW, Street, an_engine, an_offer
from tests.unit.search.test_find import RIDER, Town, a_town

PARIS, SANTIAGO = "Europe/Paris", "America/Santiago"
HOUR_MS = 3_600_000
#: A road of two hours in three pieces: half an hour, one hour, half an hour.
ROAD = [Street(k, k + 1, 1_000_000, ms, ms) for k, ms in enumerate([HOUR_MS // 2, HOUR_MS, HOUR_MS // 2])]


@pytest.fixture(scope="module", autouse=True)
def _warm_kernels() -> None:
    exercise(an_engine(ROAD))


@pytest.fixture
def town() -> Town:
    return a_town(ROAD)


def on_the_wall(zone: str, clock: str, fold: int = 0) -> datetime:
    """The moment at which clocks in the zone show this.

    In the hour that comes twice, the first time unless `fold` is 1.
    """
    return datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(zone), fold=fold)


async def ride(
    town: Town, earliest: datetime, latest: datetime, kind: WindowKind = WindowKind.DEPARTURE
) -> MatchAnswer:
    """Board after half an hour of the drive, alight after an hour and a half."""
    origin, destination = (town.place((1, at)) for at in (0.0, 1.0))
    draft = RequestDraft(origin=origin, destination=destination, window=TimeWindow(earliest, latest), window_kind=kind)
    return await town.find_matches(draft, RIDER, NOW)


def publish(town: Town, departure: datetime) -> Offer:
    """A driver along the whole road who leaves to the minute."""
    return town.publish(an_offer((0, 0.0), (2, 1.0), departure=departure, flexibility_s=0, max_detour_s=60))


@pytest.mark.parametrize(
    ("zone", "leaves", "boards", "alights"),
    [
        (PARIS, "2027-01-14T23:15", "2027-01-14T23:45:00+01:00", "2027-01-15T00:45:00+01:00"),
        (PARIS, "2026-12-31T22:45", "2026-12-31T23:15:00+01:00", "2027-01-01T00:15:00+01:00"),
        # Spring: the hour from two to three is left out.
        (PARIS, "2027-03-28T00:45", "2027-03-28T01:15:00+01:00", "2027-03-28T03:15:00+02:00"),
        (PARIS, "2027-03-28T01:45", "2027-03-28T03:15:00+02:00", "2027-03-28T04:15:00+02:00"),
        # Autumn: the hour from two to three comes twice.
        (PARIS, "2027-10-31T01:45", "2027-10-31T02:15:00+02:00", "2027-10-31T02:15:00+01:00"),
        (PARIS, "2027-10-31T02:45", "2027-10-31T02:15:00+01:00", "2027-10-31T03:15:00+01:00"),
        # In Chile the clock changes at midnight: over both at once.
        (SANTIAGO, "2027-09-04T22:45", "2027-09-04T23:15:00-04:00", "2027-09-05T01:15:00-03:00"),
        (SANTIAGO, "2027-04-03T22:45", "2027-04-03T23:15:00-03:00", "2027-04-03T23:15:00-04:00"),
        (SANTIAGO, "2027-04-03T23:45", "2027-04-03T23:15:00-04:00", "2027-04-04T00:15:00-04:00"),
    ],
)
@pytest.mark.parametrize("kind", WindowKind)
async def test_rider_and_driver_meet_at_the_time_on_the_wall(
    town: Town, zone: str, leaves: str, boards: str, alights: str, kind: WindowKind
) -> None:
    offer = publish(town, on_the_wall(zone, leaves))
    moment = datetime.fromisoformat(boards if kind is WindowKind.DEPARTURE else alights).astimezone(ZoneInfo(zone))
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    (match,) = (await ride(town, _plus(moment, -minute), _plus(moment, minute), kind)).matches
    assert match.offer_id == offer.id
    assert match.pickup.time.isoformat(timespec="seconds") == boards
    assert match.dropoff.time.isoformat(timespec="seconds") == alights
    assert match.ride_s == 3600
    # An hour to either side is another hour, also where it looks the same on the wall.
    for by in (-hour, hour):
        missed = await ride(town, _plus(moment, by - minute), _plus(moment, by + minute), kind)
        assert (missed.matches, missed.turned_away) == ((), {TurnedAway.OUTSIDE_WINDOW: 1})


def _plus(moment: datetime, by: timedelta) -> datetime:
    """Real time later, in the same zone, so that the search is asked in that zone."""
    zone = moment.tzinfo
    assert zone is not None
    return datetime.fromtimestamp(moment.timestamp() + by.total_seconds(), zone)


async def test_the_twin_hours_of_autumn_are_two_hours(town: Town) -> None:
    """02:20 comes twice: who asks for the first is not matched with the driver who passes in the second."""
    first, second = (on_the_wall(PARIS, "2027-10-31T02:20", fold) for fold in (0, 1))
    early = publish(town, _plus(first, timedelta(minutes=-30)))
    late = publish(town, _plus(second, timedelta(minutes=-30)))
    for moment, expected in ((first, early), (second, late)):
        answer = await ride(town, moment, _plus(moment, timedelta(minutes=5)))
        assert [match.offer_id for match in answer.matches] == [expected.id]
        assert answer.matches[0].pickup.time.timestamp() == moment.timestamp()


async def test_a_driver_shifts_by_real_minutes_over_the_change(town: Town) -> None:
    """Twenty minutes of flexibility before 03:05, when 02:55 does not exist: the earliest boarding is at 01:45."""
    town.publish(
        an_offer(
            (1, 0.0), (2, 1.0), departure=on_the_wall(PARIS, "2027-03-28T03:05"), flexibility_s=20 * 60, max_detour_s=60
        )
    )
    (match,) = (
        await ride(town, on_the_wall(PARIS, "2027-03-28T01:30"), on_the_wall(PARIS, "2027-03-28T01:46"))
    ).matches
    assert match.pickup.time.isoformat(timespec="seconds") == "2027-03-28T01:46:00+01:00"
    assert match.dropoff.time.isoformat(timespec="seconds") == "2027-03-28T03:46:00+02:00"
    missed = await ride(town, on_the_wall(PARIS, "2027-03-28T01:30"), on_the_wall(PARIS, "2027-03-28T01:44"))
    assert missed.matches == ()


def test_the_road_is_as_long_as_these_tests_say() -> None:
    drive = an_engine(ROAD).drive([RoadPosition(1, 0.0), RoadPosition(1, 1.0)])
    assert drive is not None
    assert drive.duration_ms == HOUR_MS
