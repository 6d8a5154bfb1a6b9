"""A search by a rider who walks: where they are met, what it costs them, what it saves the driver, and hints at
longer walks.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from matcher.domain.match import TimeWindow, TurnedAway, Walking, WindowKind
from matcher.domain.place import Place, RoadPosition
from matcher.places.where_to_meet import FARTHER_M
from matcher.roads.foot.meeting_points import MeetingPoints, StopCandidate
from tests.builders import NOW, a_ring, an_engine, an_offer
from tests.polylines import decode_polyline
from tests.unit.search.test_find import Town, _warm_kernels, a_town  # noqa: F401  # the fixture is used by being here

CORNER = RoadPosition(1, 0.0)


class WalksOnPaper(MeetingPoints):
    """Meeting points that know the walks they are told, from places on one street."""

    def __init__(self, stops: dict[int, list[tuple[RoadPosition, int]]]) -> None:
        self.stops = stops  # by edge: position, metres
        self.asked_m: list[float] = []
        self.pace_ms = 800  # a metre

    def candidates(self, place: Place, max_walk_m: float) -> list[StopCandidate]:
        self.asked_m.append(max_walk_m)
        engine = an_engine(a_ring())
        door = StopCandidate(place.position, engine.locate(place.position), place.label, 0, 0)
        near = [
            StopCandidate(
                position, engine.locate(position), f"corner {position.edge}", metres * 100, metres * self.pace_ms
            )
            for position, metres in self.stops.get(place.position.edge, ())
            if metres <= max_walk_m
        ]
        return [door, *near]


@pytest.fixture
def walks() -> WalksOnPaper:
    return WalksOnPaper({0: [(CORNER, 250)]})


@pytest.fixture
def town(walks: WalksOnPaper) -> Town:
    """The rider starts at 0.75 of street 0 and goes to 0.25 of street 2, 1500 m; the driver starts where street 1
    begins, 250 m on.
    """
    return a_town(meeting_points=walks)


async def test_who_walks_to_the_corner_is_carried_where_the_door_is_too_far(town: Town) -> None:
    offer = town.publish(an_offer((1, 0.0), (2, 0.5), max_detour_s=10))
    assert (await town.search()).matches == ()
    answer = await town.search(max_walk_m=300)
    (match,) = answer.matches
    assert match.offer_id == offer.id
    assert match.pickup.label == "corner 1"
    assert (match.pickup.walk_m, match.pickup.walk_s) == (250.0, 200.0)
    assert (match.dropoff.walk_m, match.dropoff.walk_s) == (0.0, 0.0)
    assert match.pickup.coordinate == town.engine.locate(CORNER)
    assert match.walking == Walking(walk_s=200.0, walk_m=250.0, saved_detour_s=None, saved_detour_m=None)
    assert [match.ride_s, match.ride_m] == pytest.approx([75, 1250], abs=0.05)
    assert match.detour_s == pytest.approx(0, abs=0.05)
    assert match.overlap == pytest.approx(1250 / 1500, abs=1e-3)  # of the rider's own drive, from door to door
    line = decode_polyline(match.polyline)
    assert line[0].distance_m(match.pickup.coordinate) < 2
    assert line[-1].distance_m(match.dropoff.coordinate) < 2
    ticket = town.tokens.read(match.match_id, NOW)
    assert (ticket.pickup.coordinate, ticket.pickup.time) == (match.pickup.coordinate, match.pickup.time)
    assert "walk" in answer.stages_ms


async def test_walking_is_told_with_what_it_saves_the_driver(town: Town, walks: WalksOnPaper) -> None:
    """30 s of detour are worth 120 s of walk."""
    town.publish(an_offer((1, 0.0), (2, 0.5), max_detour_s=60))
    walks.pace_ms = 400
    (match,) = (await town.search(max_walk_m=300)).matches
    assert match.walking is not None
    assert match.walking.walk_s == 100.0
    assert match.walking.saved_detour_s == pytest.approx(30, abs=0.05)
    assert match.walking.saved_detour_m == pytest.approx(500, abs=0.5)
    walks.pace_ms = 500
    (match,) = (await town.search(max_walk_m=300)).matches
    assert (match.walking, match.pickup.walk_m) == (None, 0.0)
    assert match.detour_s == pytest.approx(30, abs=0.05)


async def test_the_last_walk_is_part_of_the_way_home(town: Town, walks: WalksOnPaper) -> None:
    """This driver turns round at the corner before the rider's home; who wants to be home at eight alights 200 s
    before.
    """
    walks.stops = {2: [(RoadPosition(1, 1.0), 250)]}
    town.publish(an_offer((0, 0.5), (1, 1.0), max_detour_s=10, flexibility_s=0))
    alights = NOW + timedelta(minutes=60, seconds=90)
    home = alights + timedelta(seconds=200)
    window = TimeWindow(home - timedelta(seconds=1), home + timedelta(seconds=1))
    (match,) = (await town.search(window=window, window_kind=WindowKind.ARRIVAL, max_walk_m=300)).matches
    assert abs(match.dropoff.time - alights) < timedelta(seconds=1)
    assert match.dropoff.walk_s == 200.0
    early = TimeWindow(alights - timedelta(seconds=1), alights + timedelta(seconds=1))
    refused = await town.search(window=early, window_kind=WindowKind.ARRIVAL, max_walk_m=300)
    assert refused.turned_away == {TurnedAway.OUTSIDE_WINDOW: 1}


async def test_nobody_is_at_the_corner_before_they_can_be(town: Town) -> None:
    """The window is open already, but the walk takes until 200 s from now; the driver can wait 300 s."""
    town.publish(an_offer((1, 0.0), (2, 0.5), max_detour_s=10, departure=NOW, flexibility_s=300))
    window = TimeWindow(NOW - timedelta(minutes=10), NOW + timedelta(minutes=10))
    (match,) = (await town.search(window=window, max_walk_m=300)).matches
    assert match.pickup.time - NOW == timedelta(seconds=200)


async def test_a_longer_walk_is_hinted_at(town: Town) -> None:
    town.publish(an_offer((1, 0.0), (2, 0.5), max_detour_s=10))
    hints = {hint.code: hint for hint in (await town.search()).hints}
    hint = hints["walk_more"]
    assert (hint.would_match, hint.amount, hint.unit) == (1, FARTHER_M[0], "m")
    assert "walk_more" not in {hint.code for hint in (await town.search(max_walk_m=300)).hints}


async def test_no_walk_is_longer_than_a_quarter_of_the_drive(town: Town, walks: WalksOnPaper) -> None:
    await town.search(max_walk_m=200)
    await town.search(max_walk_m=5000)
    assert walks.asked_m[:2] == [200, 200]
    assert walks.asked_m[2:4] == pytest.approx([375, 375], abs=0.5)


async def test_without_ways_on_foot_everybody_is_met_at_the_door() -> None:
    town = a_town()
    town.publish(an_offer((1, 0.0), (2, 0.5), max_detour_s=60))
    (match,) = (await town.search(max_walk_m=300)).matches
    assert match.walking is None
    town.publish(an_offer((1, 0.0), (2, 0.5), max_detour_s=10))
    assert "walk_more" not in {hint.code for hint in (await town.search()).hints}
