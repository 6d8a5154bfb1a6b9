"""Places as others may know them."""

from __future__ import annotations

import dataclasses
from typing import cast

import pytest

from matcher.domain.errors.tree import PlacesTooClose
from matcher.domain.place import Place, RoadPosition
from matcher.geocoding.geocoder import Geocoder
from matcher.places.public_places import DOOR, POINT, PublicPlaces
from matcher.places.resolve import ResolvePlaces
from matcher.roads.engine import RoadEngine
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.public_points import PublicSpacing, choose_public_points, with_public_points
from tests.builders import NOW, Street, a_network
from tests.fakes import SameThread

#: A long street with a side street at each of its nodes, a kilometre from one to the next.
STREETS = [
    *(Street(node, node + 1, 100_000, 60_000, 60_000) for node in range(6)),
    *(Street(node, node + 7, 30_000, 30_000, 30_000) for node in range(7)),
]
SPACING = PublicSpacing(apart_m=1_500.0, least_street_m=0.0)


@pytest.fixture(scope="module")
def roads() -> RoadEngine:
    network = a_network(STREETS)
    residential = dataclasses.replace(network, edge_class=network.edge_class + 8)
    spaced = with_public_points(residential, choose_public_points(residential, SPACING), SPACING)
    return RoadEngine("test", "fingerprint", spaced, Topology.build(spaced))


@pytest.fixture(scope="module")
def public(roads: RoadEngine) -> PublicPlaces:
    return PublicPlaces(roads)


def place(roads: RoadEngine, edge: int, fraction: float = 0.5) -> Place:
    position = RoadPosition(edge, fraction)
    return Place(roads.locate(position), f"street {edge}", position, 0.0)


def neighbours(roads: RoadEngine) -> tuple[Place, Place]:
    """Two doors of one public point."""
    stubs = roads.network.edge_public[: roads.network.street_count].tolist()
    first = next(edge for edge in range(7, len(stubs)) if stubs.count(stubs[edge]) > 1)
    other = next(edge for edge in range(len(stubs)) if edge != first and stubs[edge] == stubs[first])
    return place(roads, first, 0.3), place(roads, other, 0.6)


def test_two_doors_of_one_neighbourhood_are_one_public_place(roads: RoadEngine, public: PublicPlaces) -> None:
    one, other = neighbours(roads)
    assert one != other
    assert public.point(one) == public.point(other)
    assert public.point(one).position.fraction == POINT
    assert public.point(public.point(one)) == public.point(one)
    assert public.known(public.met_at(one)) == public.known(public.met_at(other)) == public.known(one)
    assert public.known(one).position.fraction == DOOR
    assert public.known(one).coordinate == public.point(one).coordinate


def test_a_rider_is_met_at_the_door_or_at_the_public_point(roads: RoadEngine, public: PublicPlaces) -> None:
    for edge in range(roads.network.street_count):
        for fraction in (0.0, 0.2, 0.9):
            door = place(roads, edge, fraction)
            met = public.met_at(door)
            assert (met.coordinate, met.label) == (door.coordinate, door.label)
            point = public.point(door).position
            there = roads.drive([point, door.position, point], with_points=False)
            assert there is not None
            near = there.duration_ms <= SPACING.allowance_ms and there.length_cm <= SPACING.allowance_cm
            assert met.position == RoadPosition(point.edge, DOOR if near else POINT)
            assert public.behind(met.position) == public.point(door)
            assert public.met_at(met) == met
    assert public.behind(RoadPosition(0, 0.5)) is None


def test_the_allowance_is_for_both_doors_of_a_rider(public: PublicPlaces) -> None:
    assert public.allowance_s == 2 * SPACING.allowance_ms / 1000


def test_a_region_without_public_points_leaves_places_as_they_are() -> None:
    network = a_network(STREETS)
    exact = RoadEngine("test", "fingerprint", network, Topology.build(network))
    public, door = PublicPlaces(exact), place(exact, 3)
    assert public.point(door) == public.met_at(door) == public.known(door) == door
    assert public.behind(door.position) is None
    assert public.allowance_s == 0


def resolving(roads: RoadEngine, public: PublicPlaces | None) -> ResolvePlaces:
    return ResolvePlaces(roads, cast("Geocoder", None), SameThread(), snap_limit_m=1000.0, public=public)


async def test_the_way_of_two_doors_of_one_neighbourhood_is_the_same(roads: RoadEngine, public: PublicPlaces) -> None:
    one, other = neighbours(roads)
    far = max(
        (place(roads, edge) for edge in range(roads.network.street_count)),
        key=lambda there: there.coordinate.distance_m(one.coordinate),
    )
    places = resolving(roads, public)
    ways = [await places.way([("/origin", door), ("/destination", far)], NOW) for door in (one, other)]
    assert dataclasses.replace(ways[0], doors=None) == dataclasses.replace(ways[1], doors=None)
    assert ways[0].places == (public.point(one), public.point(far))
    for way, door in zip(ways, (one, other), strict=True):
        assert way.doors is not None
        assert way.doors.places == (door, far)
        lead = roads.drive([door.position, way.places[0].position], with_points=False)
        assert lead is not None
        assert way.doors.lead_ms == lead.duration_ms
    shown = await places.way([("/origin", one), ("/destination", far)], NOW, show_door=True)
    assert (shown.places, shown.doors) == ((one, far), None)


async def test_a_trip_within_one_neighbourhood_is_refused(roads: RoadEngine, public: PublicPlaces) -> None:
    one, other = neighbours(roads)
    stops, places = [("/origin", one), ("/destination", other)], resolving(roads, public)
    for refused in (places.way(stops, NOW), places.met_at(stops)):
        with pytest.raises(PlacesTooClose, match="neighbourhood") as raised:
            await refused
        assert [fault.pointer for fault in raised.value.faults] == ["/destination"]
    assert (await places.way(stops, NOW, show_door=True)).doors is None
    assert (await resolving(roads, None).way(stops, NOW)).places == (one, other)
    assert await resolving(roads, None).met_at(stops) == [one, other]
