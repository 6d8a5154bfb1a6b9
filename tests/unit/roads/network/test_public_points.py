"""Public points: chosen from the map alone, large catchments, and stubs at exact distances."""

from __future__ import annotations

import dataclasses
import itertools
import random

import networkx as nx
import numpy as np
import pytest

from matcher.domain.place import Coordinate, RoadPosition
from matcher.roads.by_time import roads_by_time
from matcher.roads.engine import RoadEngine
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import ROAD_CLASSES, RoadNetwork
from matcher.roads.network.public_points import (
    LIVED_IN,
    PublicPoints,
    PublicSpacing,
    choose_public_points,
    with_public_points,
)
from matcher.roads.region.networkx_view import to_networkx
from matcher.roads.region.speeds import metrics_for, parse_speeds
from tests.builders_roads import Street, an_engine, network_of, random_positions, sample_network

SPACING = PublicSpacing()
#: Points of small networks: close together, no least catchment.
SMALL = PublicSpacing(apart_m=150.0, least_street_m=0.0, allowance_ms=40_000, allowance_cm=30_000)


def _with_points(network: RoadNetwork, spacing: PublicSpacing = SMALL) -> RoadNetwork:
    return with_public_points(network, choose_public_points(network, spacing), spacing)


def _grid(side: int = 6) -> RoadNetwork:
    """Streets of 100 m and 10 s both ways, `side` by `side` crossings."""
    places = [(0.0009 * (k // side), 0.0009 * (k % side)) for k in range(side * side)]
    pairs = [(k, k + 1) for k in range(side * side) if k % side < side - 1]
    pairs += [(k, k + side) for k in range(side * (side - 1))]
    streets = [Street(a, b, 10_000, 10_000, 10_000, name=f"Street {a % side}-{b % side}") for a, b in pairs]
    return network_of(streets, places)


def _ring(seed: int, nodes: int = 14) -> RoadNetwork:
    """Streets round in one direction or both, and some across."""
    dice = random.Random(seed)
    places = [(dice.uniform(0, 0.01), dice.uniform(0, 0.01)) for _ in range(nodes)]
    pairs = [(k, (k + 1) % nodes) for k in range(nodes)] + [
        (dice.randrange(nodes), dice.randrange(nodes)) for _ in range(nodes)
    ]
    streets = [
        Street(a, b, dice.randint(0, 30_000), dice.choice([None, dice.randint(0, 30_000)]), dice.randint(0, 40_000))
        for a, b in pairs
    ]
    return network_of(streets, places)


@pytest.fixture(scope="module")
def bundled() -> tuple[RoadNetwork, PublicPoints]:
    return sample_network(), choose_public_points(sample_network(), SPACING)


def test_points_of_the_bundled_region_are_far_apart(bundled: tuple[RoadNetwork, PublicPoints]) -> None:
    network, points = bundled
    assert len(points.node) > 150
    where = [
        Coordinate(lat=lat, lon=lon)
        for lat, lon in zip(network.node_lat[points.node], network.node_lon[points.node], strict=True)
    ]
    assert min(a.distance_m(b) for a, b in itertools.combinations(where, 2)) >= SPACING.apart_m


def test_catchments_of_the_bundled_region_hold_streets_where_people_live(
    bundled: tuple[RoadNetwork, PublicPoints],
) -> None:
    network, points = bundled
    lived_in = np.isin(network.edge_class, [ROAD_CLASSES.index(name) for name in LIVED_IN])
    street_m = np.where(lived_in, network.arc_length_cm[network.edge_forward_arc] / 100, 0)
    sizes = np.bincount(points.of_edge, weights=street_m, minlength=len(points.node))
    assert sizes.min() >= SPACING.least_street_m
    assert np.median(sizes) > 1.5 * SPACING.least_street_m


def test_points_of_the_bundled_region_are_crossings_off_fast_roads(bundled: tuple[RoadNetwork, PublicPoints]) -> None:
    network, points = bundled
    fast = [ROAD_CLASSES.index(name) for name in ("motorway", "motorway_link", "trunk", "trunk_link", "ferry")]
    for node in points.node.tolist():
        edges = np.unique(network.arc_edge[(network.arc_tail == node) | (network.arc_head == node)])
        assert len(edges) >= 3
        assert not np.isin(network.edge_class[edges], fast).any()


def test_the_choice_is_the_same_every_time_and_knows_no_names(bundled: tuple[RoadNetwork, PublicPoints]) -> None:
    network, points = bundled
    unnamed = dataclasses.replace(network, edge_name=np.full(network.edge_count, -1, dtype=np.int32))
    again = choose_public_points(unnamed, SPACING)
    assert np.array_equal(points.node, again.node)
    assert np.array_equal(points.of_edge, again.of_edge)


def test_an_edge_belongs_to_the_nearest_point_along_the_streets() -> None:
    network = _grid()
    points = choose_public_points(network, SMALL)
    graph = nx.Graph(to_networkx(network).to_undirected())
    reached = [nx.single_source_dijkstra_path_length(graph, node, weight="length") for node in points.node.tolist()]
    for edge, own in enumerate(points.of_edge.tolist()):
        arc = int(network.edge_forward_arc[edge])
        ends = (int(network.arc_tail[arc]), int(network.arc_head[arc]))
        least = [min(lengths[end] for end in ends) for lengths in reached]
        assert least[own] == min(least)


def test_small_catchments_are_merged_and_the_last_one_stays() -> None:
    network = _grid()
    least = dataclasses.replace(SMALL, least_street_m=1500.0)
    merged = choose_public_points(network, least)
    sizes = np.bincount(merged.of_edge) * 100
    assert 1 < len(merged.node) < len(choose_public_points(network, SMALL).node)
    assert sizes.min() >= 1500
    assert len(choose_public_points(network, dataclasses.replace(SMALL, least_street_m=1e6)).node) == 1


@pytest.mark.parametrize("seed", range(6))
def test_stubs_leave_all_distances_and_take_the_allowance(seed: int) -> None:
    network = _grid(side=4) if seed == 0 else _ring(seed)
    stubbed = _with_points(network)
    before, after = an_engine(network), an_engine(stubbed)
    streets = random_positions(network, 8, seed)
    graph = _graph(stubbed)
    for one, other in itertools.pairwise(streets):
        wanted, got = (engine.drive([one, other], with_points=False) for engine in (before, after))
        assert wanted == got
    for one, other in itertools.pairwise(streets):
        ends = [after.public_position(place) for place in (one, other)]
        nodes = [int(stubbed.arc_tail[stubbed.edge_forward_arc[end.edge]]) for end in ends]
        at_doors = [RoadPosition(end.edge, 1.0) for end in ends]
        doors = [int(stubbed.arc_head[stubbed.edge_forward_arc[end.edge]]) for end in ends]
        for places, names in ((ends, nodes), (at_doors, doors)):
            drive = after.drive(places, with_points=False)
            assert drive is not None
            assert (drive.duration_ms, drive.length_cm) == _shortest(graph, *names)


def _graph(network: RoadNetwork) -> nx.MultiDiGraph:  # type: ignore[type-arg]  # nodes are numbers
    """All arcs, stubs too, on their own: the view for people leaves these out."""
    graph: nx.MultiDiGraph = nx.MultiDiGraph()  # type: ignore[type-arg]  # as above
    graph.add_nodes_from(range(network.node_count))
    for tail, head, ms, cm in zip(
        network.arc_tail.tolist(), network.arc_head.tolist(), network.arc_time_ms.tolist(),
        network.arc_length_cm.tolist(), strict=True,
    ):  # fmt: skip
        graph.add_edge(tail, head, cost=(ms << 32) + cm)
    return graph


def _shortest(graph: nx.MultiDiGraph, one: int, other: int) -> tuple[int, int]:  # type: ignore[type-arg]  # as above
    return divmod(int(nx.shortest_path_length(graph, one, other, weight="cost")), 1 << 32)


def test_arcs_stay_sorted_and_edges_keep_their_numbers(bundled: tuple[RoadNetwork, PublicPoints]) -> None:
    network, points = bundled
    stubbed = with_public_points(network, points, SPACING)
    assert stubbed.stub_count == len(points.node)
    assert stubbed.street_count == network.edge_count
    order = np.lexsort((stubbed.arc_edge, stubbed.arc_head, stubbed.arc_tail))
    assert np.array_equal(order, np.arange(stubbed.arc_count))
    assert np.array_equal(np.repeat(np.arange(stubbed.node_count), np.diff(stubbed.first_out)), stubbed.arc_tail)
    assert np.array_equal(stubbed.edge_name[: network.edge_count], network.edge_name)
    for arcs, forward in ((stubbed.edge_forward_arc, 1), (stubbed.edge_backward_arc, 0)):
        there = arcs >= 0
        assert np.array_equal(stubbed.arc_edge[arcs[there]], np.flatnonzero(there))
        assert (stubbed.arc_forward[arcs[there]] == forward).all()
    assert np.array_equal(
        stubbed.edge_public[stubbed.street_count :], np.arange(stubbed.street_count, stubbed.edge_count)
    )
    assert np.array_equal(stubbed.edge_public[: network.edge_count] - network.edge_count, points.of_edge)


def test_the_view_for_networkx_has_no_stubs() -> None:
    network = _grid()
    graph = to_networkx(_with_points(network))
    assert graph.number_of_nodes() == network.node_count
    assert nx.utils.graphs_equal(graph, to_networkx(network))


def test_nothing_snaps_to_a_stub() -> None:
    engine = an_engine(_with_points(_grid()))
    for stub in range(engine.network.street_count, engine.network.edge_count):
        snapped = engine.snap(engine.locate(RoadPosition(stub, 0.0)), limit_m=1.0)
        assert snapped is not None
        assert snapped.position.edge < engine.network.street_count


def test_a_stub_takes_the_same_time_in_every_slot() -> None:
    network = _with_points(_grid())
    profile = parse_speeds("class,hour_from,hour_to,days,factor\n*,7,9,mon-fri,2\n", "rush.csv")
    assert len(profile.slots) == 2
    stub = network.arc_edge >= network.street_count
    costs = list(metrics_for(network, profile).values())
    assert np.array_equal(costs[0][stub], costs[1][stub])
    assert (costs[0][~stub] != costs[1][~stub]).all()


def test_two_doors_of_a_catchment_have_one_public_point() -> None:
    engine = an_engine(_with_points(_grid()))
    by_point: dict[int, set[RoadPosition]] = {}
    for edge in range(engine.network.street_count):
        found = {engine.public_position(RoadPosition(edge, fraction)) for fraction in (0.0, 0.3, 1.0)}
        by_point.setdefault(int(engine.network.edge_public[edge]), set()).update(found)
    assert {stub: {RoadPosition(stub, 0.0)} for stub in by_point} == by_point
    point = RoadPosition(engine.network.street_count, 0.0)
    assert engine.public_position(point) == point
    name = engine.street(point)
    assert name is not None
    assert " & " in name


def test_a_door_is_met_at_the_stub_when_the_drive_there_and_back_fits_the_allowance() -> None:
    engine = an_engine(_with_points(_grid()))
    answers = set()
    for edge, fraction in itertools.product(range(engine.network.street_count), (0.0, 0.5, 1.0)):
        door = RoadPosition(edge, fraction)
        point = engine.public_position(door)
        drive = engine.drive([point, door, point], with_points=False)
        assert drive is not None
        fits = drive.duration_ms <= SMALL.allowance_ms and drive.length_cm <= SMALL.allowance_cm
        assert engine.door_position(door) == (RoadPosition(point.edge, 1.0) if fits else None)
        answers.add(fits)
    assert answers == {True, False}


def test_fewer_doors_are_met_in_slow_traffic() -> None:
    network = _with_points(_grid())
    profile = parse_speeds("class,hour_from,hour_to,days,factor\n*,7,9,mon-fri,2\n", "rush.csv")
    roads = roads_by_time("test", "f", network, Topology.build(network), profile, Coordinate(lat=0.0, lon=0.0))
    free, rush = (
        sum(engine.door_position(RoadPosition(edge, 0.5)) is not None for edge in range(network.street_count))
        for engine in roads.slots
    )
    assert 0 < rush < free
    assert roads.public_position(RoadPosition(0, 0.5)) == roads.slots[0].public_position(RoadPosition(0, 0.5))


def test_without_public_points_doors_stand_for_themselves() -> None:
    engine: RoadEngine = an_engine(_grid())
    door = RoadPosition(3, 0.25)
    assert engine.public_position(door) == door
    assert engine.door_position(door) == door
