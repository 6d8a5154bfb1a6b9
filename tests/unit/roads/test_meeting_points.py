"""Where a rider can be met: the door, published places, corners, and the rule that chooses among them."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.domain.meeting_place import MeetingPlace
from matcher.domain.place import Coordinate, Place, RoadPosition
from matcher.roads.meeting_points import (
    _ROOM_OF_CLASS,
    LEAST_ROOM_M,
    LONGEST_WALK_M,
    ROOM_PER_WALK,
    MeetingPoints,
    StopCandidate,
)
from matcher.roads.network import ROAD_CLASSES, RoadNetwork
from matcher.roads.snapping import Snapper, locate
from matcher.roads.walk_network import WalkNetwork
from matcher.roads.walking import Walks
from tests.builders_roads import line_of_places, network_of, sample_network, two_way
from tests.builders_walks import (
    Corner,
    Way,
    line_length_m,
    random_walk_network,
    sample_walk_network,
    walk_network_of,
    walk_networks,
)

many = settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

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


# --- the rule, by hand -------------------------------------------------------------------------------------------------


def _expected_corners(walk: WalkNetwork, walks: Walks, door: Place, on_road: Coordinate, limit_m: float) -> list[int]:
    """The corners that the rule in the module's docstring takes, without the cap."""
    reach = walks.reach(door.coordinate, limit_m)
    shrink = math.cos(math.radians(on_road.lat))
    taken = [(on_road.lat, on_road.lon)]
    nodes = []
    for node, cm in zip(reach.node.tolist(), reach.length_cm.tolist(), strict=True):
        if walk.stop_edge[node] < 0:
            continue
        here = float(walk.node_lat[node]), float(walk.node_lon[node])
        room = max(LEAST_ROOM_M, ROOM_PER_WALK * cm / 100)
        room *= _ROOM_OF_CLASS.get(ROAD_CLASSES[int(walk.stop_class[node])], 1.0)
        degree_m = math.radians(1.0) * 6_371_008.8
        gaps = [math.hypot(here[0] - lat, (here[1] - lon) * shrink) * degree_m for lat, lon in taken]
        if min(gaps) >= room:
            taken.append(here)
            nodes.append(node)
    return nodes


def _roads_of(walk: WalkNetwork) -> RoadNetwork:
    """Streets for the corners of a network from `walk_networks`: edge k ends at node k."""
    n = walk.node_count
    places = list(zip(walk.node_lat.tolist(), walk.node_lon.tolist(), strict=True))
    return network_of([two_way(k, (k + 1) % n, 10) for k in range(n)], places)


def check_rule(walk: WalkNetwork, roads: RoadNetwork, door: Place, limit_m: float, cap: int) -> list[StopCandidate]:
    walks = Walks(walk)
    found = MeetingPoints(roads, walks, cap=cap).candidates(door, limit_m)
    expected = _expected_corners(walk, walks, door, locate(roads, door.position), limit_m)
    assert [candidate.walk_node for candidate in found[1:]] == expected[: cap - 1]
    return found


@many
@given(st.data())
def test_corners_follow_the_rule(data: st.DataObject) -> None:
    walk = data.draw(walk_networks())
    roads = _roads_of(walk)
    position = RoadPosition(data.draw(st.integers(0, roads.edge_count - 1)), data.draw(st.floats(0, 1)))
    door = Place(locate(roads, position), "", position, 0.0)
    check_rule(walk, roads, door, data.draw(st.sampled_from([100.0, 500.0, 3000.0])), data.draw(st.integers(2, 8)))


@pytest.mark.parametrize("seed", range(5))
def test_corners_follow_the_rule_on_larger_networks(seed: int) -> None:
    walk = random_walk_network(seed, nodes=150, ways=300)
    roads, dice = _roads_of(walk), random.Random(seed)
    counts = []
    for _ in range(10):
        position = RoadPosition(dice.randrange(roads.edge_count), dice.random())
        door = Place(locate(roads, position), "", position, 0.0)
        counts.append(len(check_rule(walk, roads, door, dice.choice([300.0, 1000.0]), 16)))
    assert max(counts) > 5


def _sample_doors(count: int) -> list[Place]:
    """Houses along the streets of the bundled region."""
    roads, dice = sample_network(), random.Random(7)
    snapper = Snapper(roads)
    doors: list[Place] = []
    while len(doors) < count:
        point = dice.randrange(len(roads.point_lat))
        where = Coordinate(
            lat=float(roads.point_lat[point]) + dice.uniform(-3e-4, 3e-4),
            lon=float(roads.point_lon[point]) + dice.uniform(-3e-4, 3e-4),
        )
        found = snapper.nearest(where, 500)
        assert found is not None
        doors.append(Place(where, "home", found[0], found[2]))
    return doors


def _sample_places(doors: list[Place]) -> list[MeetingPlace]:
    return [
        MeetingPlace(f"p{k}", f"Parking {k}", "Parking", d.coordinate, d.position, k % 4 != 0)
        for k, d in enumerate(doors)
    ]


def test_whoever_walks_farther_is_offered_the_same_and_more() -> None:
    points = MeetingPoints(sample_network(), Walks(sample_walk_network()), _sample_places(_sample_doors(60)[30:]))
    for door in _sample_doors(25):
        offered: dict[StopCandidate, None] = {}
        for limit_m in (0, 50, 150, 300, 600, 601, 1000, 2000, LONGEST_WALK_M):
            found = points.candidates(door, limit_m)
            assert len(found) == len(set(found)) <= 16
            assert all(candidate.walk_cm <= limit_m * 100 for candidate in found)
            assert set(offered) <= set(found), limit_m
            offered = dict.fromkeys(found)


def test_corners_of_the_bundled_region_are_named_and_can_be_stopped_at() -> None:
    roads, walk = sample_network(), sample_walk_network()
    points = MeetingPoints(roads, Walks(walk))
    named = total = 0
    for door in _sample_doors(25):
        for candidate in points.candidates(door, 600)[1:]:
            total += 1
            named += " & " in candidate.label
            assert candidate.label
            assert locate(roads, candidate.position).distance_m(candidate.coordinate) < 0.01
            road_class = ROAD_CLASSES[int(roads.edge_class[candidate.position.edge])]
            assert not road_class.startswith(("motorway", "trunk"))
            assert candidate.position.fraction in (0.0, 1.0)
    assert total > 150
    assert named > total / 2
