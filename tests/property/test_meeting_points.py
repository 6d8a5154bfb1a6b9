"""The rule that chooses corners, worked out by hand on any network; and what it promises in the bundled region."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.domain.place import Coordinate, Place, RoadPosition
from matcher.roads.foot.meeting_place import MeetingPlace
from matcher.roads.foot.meeting_points import (
    _ROOM_OF_CLASS,
    LEAST_ROOM_M,
    LONGEST_WALK_M,
    ROOM_PER_WALK,
    MeetingPoints,
    StopCandidate,
)
from matcher.roads.foot.network import WalkNetwork
from matcher.roads.foot.walking import Walks
from matcher.roads.network.graph import ROAD_CLASSES, RoadNetwork
from matcher.roads.network.snapping import Snapper, locate
from tests.builders_roads import network_of, sample_network, two_way
from tests.builders_walks import random_walk_network, sample_walk_network, walk_networks
from tests.examples import examples

many = settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


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
