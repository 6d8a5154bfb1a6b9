"""Where a rider can be met: the door, published places, corners, and the rule that chooses among them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from matcher.domain.place import Coordinate, Place, RoadPosition
from matcher.roads.foot.kernels import spread_out
from matcher.roads.foot.meeting_place import MeetingPlace
from matcher.roads.foot.meeting_points import MeetingPoints
from matcher.roads.foot.walking import Walks
from matcher.roads.network.snapping import locate
from tests.builders_roads import line_of_places, network_of, two_way
from tests.builders_walks import Corner, Way, line_length_m, walk_network_of

#: A street along the equator, a node every 111 m; walked and driven.
NODES = 12
STREET = network_of([two_way(k, k + 1, 10, 11119, name="Long Street") for k in range(NODES - 1)], line_of_places(NODES))
PATH = walk_network_of(
    [Way(k, k + 1, 11119) for k in range(NODES - 1)],
    line_of_places(NODES),
    {k: Corner(k, min(k, NODES - 2), int(k == NODES - 1)) for k in range(NODES)},
)


def _door(lon: float, lat: float = 0.0) -> Place:
    """A place by the street."""
    position = RoadPosition(int(lon / 0.001), (lon / 0.001) % 1.0)
    return Place(Coordinate(lat=lat, lon=lon), "home", position, 0.0)


def _published(name: str, lon: float, *, lat: float = 0.0, opened: bool = True) -> MeetingPlace:
    place = _door(lon, lat)
    return MeetingPlace(name, f"Parking {name}", "Parking", place.coordinate, place.position, opened)


def _points(*places: MeetingPlace, cap: int = 16) -> MeetingPoints:
    return MeetingPoints(STREET, Walks(PATH), places, cap)


def test_the_door_is_always_first_and_nothing_is_walked_to_it() -> None:
    door = _door(0.0052, lat=0.0003)
    for max_walk_m in (0, 10, 600):
        first = _points().candidates(door, max_walk_m)[0]
        assert (first.position, first.label, first.walk_cm, first.walk_ms) == (door.position, "home", 0, 0)
        assert first.coordinate == locate(STREET, door.position)
        assert (first.place_id, first.walk_node) == (None, None)
    assert len(_points().candidates(door, 0)) == 1


def test_the_way_to_the_road_is_part_of_every_other_walk() -> None:
    near, off = _door(0.0052), _door(0.0052, lat=0.0003)  # 33.4 m from the street
    walks = [_points().candidates(place, 600)[1].walk_cm for place in (near, off)]
    assert walks[1] - walks[0] == pytest.approx(3336, abs=1)
    # 90 m to the corner: within 100 m from the street, and not from the house.
    assert len(_points().candidates(_door(0.0052), 100)) == 2
    assert len(_points().candidates(_door(0.0052, lat=0.0009), 100)) == 1


def test_published_places_come_next_the_nearest_first() -> None:
    points = _points(
        _published("far", 0.009), _published("near", 0.0065, lat=0.0002), _published("shut", 0.006, opened=False)
    )
    found = points.candidates(_door(0.005), 600)
    assert [candidate.place_id for candidate in found[1:3]] == ["near", "far"]
    assert all(candidate.place_id is None for candidate in found[3:])
    assert [candidate.label for candidate in found[1:3]] == ["Parking near", "Parking far"]
    assert found[1].position == _published("near", 0.0065).position
    # 166.8 m along the street and 22.2 m off it.
    assert found[1].walk_cm == pytest.approx(16679 + 2224, abs=3)
    assert found[1].walk_ms == round(found[1].walk_cm * 10 / 1.3)


def test_places_beyond_the_limit_are_not_offered() -> None:
    points = _points(_published("a", 0.006))
    ids = [[c.place_id for c in points.candidates(_door(0.005), limit) if c.place_id] for limit in (111, 112)]
    assert ids == [[], ["a"]]


def test_a_third_is_left_to_corners_however_many_places_there_are() -> None:
    places = [_published(f"p{k:02}", 0.0051 + 0.0001 * k) for k in range(40)]
    found = _points(*places, cap=10).candidates(_door(0.005), 5000)
    assert [candidate.place_id for candidate in found[1:7]] == [f"p{k:02}" for k in range(6)]
    assert [candidate.place_id for candidate in found[7:]] == [None] * 3
    assert len(found) == 10


def test_candidates_that_no_place_needs_go_to_corners() -> None:
    corners = _points(cap=6).candidates(_door(0.005), 5000)
    assert len(corners) == 6
    with_one = _points(_published("a", 0.006), cap=6).candidates(_door(0.005), 5000)
    assert [c.place_id is not None for c in with_one] == [False, True, False, False, False, False]


def test_corners_stand_farther_apart_the_longer_the_walk() -> None:
    found = _points(cap=30).candidates(_door(0.0001), 5000)
    metres = [candidate.walk_cm / 100 for candidate in found[1:]]
    assert metres == sorted(metres)
    gaps = [b - a for a, b in itertools.pairwise(metres)]
    assert gaps == sorted(gaps)
    assert gaps[0] == pytest.approx(111.19, abs=0.1)
    assert gaps[-1] > 300


def test_walking_speed_is_a_parameter() -> None:
    slow = MeetingPoints(STREET, Walks(PATH, speed_m_s=0.5)).candidates(_door(0.005), 300)
    assert [c.walk_ms for c in slow] == [c.walk_cm * 20 for c in slow]
    with pytest.raises(ValueError, match="speed"):
        Walks(PATH, speed_m_s=0.0)


def test_a_cap_leaves_room_for_more_than_the_door() -> None:
    with pytest.raises(ValueError, match="cap"):
        _points(cap=1)


def test_lines_of_walks_begin_at_the_door() -> None:
    points, door = _points(_published("a", 0.0078, lat=0.0002)), _door(0.005, lat=0.0001)
    found = points.candidates(door, 900)
    for candidate in found:
        line = points.line(door, candidate)
        assert line[0] == door.coordinate
        if candidate.place_id is None:
            assert line[-1] == candidate.coordinate
        else:
            assert line[-1] == Coordinate(lat=0.0002, lon=0.0078)
        if candidate is not found[0]:
            assert line_length_m(line) == pytest.approx(candidate.walk_cm / 100, abs=0.5)
    at_the_road = _door(0.0055)
    assert points.line(at_the_road, points.candidates(at_the_road, 0)[0]) == [at_the_road.coordinate]


@pytest.mark.parametrize(("short_m", "taken"), [(0.0, [0]), (1e-6, [])])
def test_a_stop_as_far_from_the_door_as_it_need_be_is_far_enough(short_m: float, taken: list[int]) -> None:
    """The metres between two degrees of latitude, as the kernel has them."""
    north, walk_cm = np.array([0.001]), np.array([100_00], dtype=np.int32)
    apart_m = 0.001 * (math.radians(1.0) * 6_371_008.8)
    found = spread_out(north, np.zeros(1), walk_cm, np.array([apart_m + short_m]), 0.0, 0.0, 15)
    assert found.tolist() == taken
