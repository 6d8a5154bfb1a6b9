"""The nearest road, against a walk over every segment of every street in plain Python."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.place import Coordinate, RoadPosition
from matcher.roads.network.graph import RoadNetwork
from matcher.roads.network.snapping import Snapper, cut, locate
from tests.builders_roads import Street, line_of_places, network_of, networks, random_network, two_way
from tests.examples import examples

DEGREE_M = math.radians(1) * 6_371_008.8


def nearest_by_hand(network: RoadNetwork, asked: Coordinate) -> tuple[float, set[int]]:
    """(distance in metres, the edges that are that near) by golden-section search along every segment."""
    distances = {edge: _distance_to_edge(network, edge, asked) for edge in range(network.edge_count)}
    least = min(distances.values())
    return least, {edge for edge, distance in distances.items() if distance < least + 1e-5}


def _distance_to_edge(network: RoadNetwork, edge: int, asked: Coordinate) -> float:
    lats, lons = (part.tolist() for part in network.geometry(edge))
    return min(
        _distance_to_segment(asked, (lats[k], lons[k]), (lats[k + 1], lons[k + 1])) for k in range(len(lats) - 1)
    )


def _distance_to_segment(asked: Coordinate, a: tuple[float, float], b: tuple[float, float]) -> float:
    def away(share: float) -> float:
        return plane_m(asked, a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))

    low, high = 0.0, 1.0  # the distance along a straight line falls, then rises
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if away(left) <= away(right):
            high = right
        else:
            low = left
    return min(away(0.0), away(1.0), away((low + high) / 2))


def plane_m(asked: Coordinate, lat: float, lon: float) -> float:
    """Distance on the plane that touches the Earth at `asked`."""
    return math.hypot((lat - asked.lat), (lon - asked.lon) * math.cos(math.radians(asked.lat))) * DEGREE_M


def check(network: RoadNetwork, asked: Coordinate, limit_m: float) -> None:
    wanted_m, edges = nearest_by_hand(network, asked)
    if abs(wanted_m - limit_m) < 1e-3:
        return  # a hair around the limit is either
    found = Snapper(network).nearest(asked, limit_m)
    if wanted_m > limit_m:
        assert found is None
        return
    assert found is not None
    position, point, distance_m = found
    assert distance_m == pytest.approx(wanted_m, abs=1e-5)
    assert position.edge in edges
    assert 0.0 <= position.fraction <= 1.0
    # The position is where it says, and that is as far away as it says.
    assert plane_m(asked, point.lat, point.lon) == pytest.approx(wanted_m, abs=1e-4)
    assert locate(network, position) == point


@pytest.mark.parametrize("seed", range(10))
def test_the_nearest_road_of_a_random_network(seed: int) -> None:
    network, dice = random_network(seed, nodes=20, streets=25), random.Random(seed)
    for _ in range(8):
        asked = Coordinate(lat=47 + dice.uniform(-0.02, 0.07), lon=9 + dice.uniform(-0.02, 0.07))
        check(network, asked, dice.choice([50.0, 300.0, 5_000.0, 1e6]))


@settings(max_examples=examples(30))
@given(st.data())
def test_the_nearest_road_of_any_network(data: st.DataObject) -> None:
    network = data.draw(networks())
    degree = st.floats(-0.01, 0.02)
    check(network, data.draw(st.builds(Coordinate, lat=degree, lon=degree)), data.draw(st.floats(0.0, 5_000.0)))


def test_the_limit_is_inclusive() -> None:
    network = network_of([two_way(0, 1, 1)], line_of_places(2))
    asked = Coordinate(lat=0.001, lon=0.0005)
    found = Snapper(network).nearest(asked, 1000.0)
    assert found is not None
    assert found[2] == pytest.approx(DEGREE_M / 1000, abs=1e-4)
    assert [found[0].edge, found[0].fraction] == pytest.approx([0, 0.5])
    assert Snapper(network).nearest(asked, found[2]) is not None
    assert Snapper(network).nearest(asked, math.nextafter(found[2], 0)) is None


def test_on_the_road_itself_no_distance_is_needed() -> None:
    network = network_of([two_way(0, 1, 1)], line_of_places(2))
    found = Snapper(network).nearest(Coordinate(lat=0.0, lon=0.00025), 0.0)
    assert found is not None
    assert found[0].fraction == pytest.approx(0.25)


def test_ties_go_to_the_lowest_edge() -> None:
    places = [(0.0, 0.0), (0.0, 0.001), (0.0, -0.001), (0.001, 0.0)]
    streets = [two_way(3, 0, 1), two_way(1, 0, 1), two_way(0, 2, 1), two_way(0, 1, 1)]
    snapper = Snapper(network_of(streets, places))
    corner, twins = (
        snapper.nearest(Coordinate(lat=-0.0005, lon=0.0), 100),
        snapper.nearest(Coordinate(lat=0.0, lon=5e-4), 9),
    )
    assert corner is not None
    assert twins is not None
    assert corner[0] == RoadPosition(0, 1.0)
    assert [twins[0].edge, twins[0].fraction] == pytest.approx([1, 0.5])


def test_the_nearest_box_need_not_hold_the_nearest_road() -> None:
    """A bent street all around the asked point is farther away than a short one beside it."""
    around = Street(0, 1, 1, 1, bends=((0.02, 0.0), (0.02, 0.02)))
    network = network_of([around, two_way(2, 3, 1)], [(0.0, 0.0), (0.0, 0.02), (0.009, 0.013), (0.011, 0.013)])
    found = Snapper(network).nearest(Coordinate(lat=0.01, lon=0.01), 5_000)
    assert found is not None
    assert [found[0].edge, found[0].fraction] == pytest.approx([1, 0.5])
    assert found[2] == pytest.approx(0.003 * DEGREE_M)


@pytest.mark.parametrize("lat", [-60.0, 0.0, 47.0, 70.0, 84.0])
def test_degrees_of_longitude_shrink_with_latitude(lat: float) -> None:
    places = [(lat, 0.0), (lat + 0.01, 0.0), (lat, 0.01), (lat + 0.01, 0.01)]
    network = network_of([two_way(0, 1, 1), two_way(2, 3, 1)], places)
    check(network, Coordinate(lat=lat + 0.004, lon=0.0049), 2_000)
    check(network, Coordinate(lat=lat + 0.004, lon=0.0051), 2_000)
    check(network, Coordinate(lat=lat - 0.001, lon=-0.02), 10_000)


def test_a_long_street_gives_back_the_point_it_took() -> None:
    """Where a street reaches over so much latitude that its measure differs from end to end."""
    street = Street(0, 1, 1, 1, bends=((60.2, 10.9), (60.4, 10.0), (60.9, 10.9)))
    network = network_of([street], [(60.0, 10.0), (61.0, 10.0)])
    for lat in (60.05, 60.3, 60.7, 60.95):
        asked = Coordinate(lat=lat, lon=10.5)
        found = Snapper(network).nearest(asked, 1e6)
        assert found is not None
        assert plane_m(asked, found[1].lat, found[1].lon) == pytest.approx(found[2], abs=1e-3)


def test_a_street_without_length_can_be_snapped_to() -> None:
    network = network_of([two_way(0, 1, 1)], [(1.0, 1.0), (1.0, 1.0)])
    found = Snapper(network).nearest(Coordinate(lat=1.0001, lon=1.0), 50)
    assert found is not None
    assert found[:2] == (RoadPosition(0, 0.0), Coordinate(lat=1.0, lon=1.0))


def test_pieces_of_a_street() -> None:
    network = network_of([Street(0, 1, 1, 1, bends=((0.0, 0.001),))], [(0.0, 0.0), (0.001, 0.001)])
    lat, lon = cut(network, 0, 0.25, 0.75)
    assert lat.tolist() == pytest.approx([0.0, 0.0, 0.0005])
    assert lon.tolist() == pytest.approx([0.0005, 0.001, 0.001])
    back_lat, back_lon = cut(network, 0, 0.75, 0.25)
    assert (back_lat.tolist(), back_lon.tolist()) == (lat.tolist()[::-1], lon.tolist()[::-1])
    corner = locate(network, RoadPosition(0, 0.5))
    assert [corner.lat, corner.lon] == pytest.approx([0.0, 0.001], abs=1e-12)
    whole_lat, whole_lon = cut(network, 0, 0.0, 1.0)
    assert (whole_lat.tolist(), whole_lon.tolist()) == ([0.0, 0.0, 0.001], [0.0, 0.001, 0.001])
