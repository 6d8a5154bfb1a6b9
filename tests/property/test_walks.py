"""Walks against networkx: every length equal, nothing beyond the limit, and lines that are walks."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.domain.place import Coordinate
from matcher.roads.foot.network import WalkNetwork
from matcher.roads.foot.walking import WalkReach, Walks
from tests.builders_roads import sample_network
from tests.builders_walks import WalkOracle, line_length_m, random_walk_network, sample_walk_network, walk_networks
from tests.examples import examples

many = settings(max_examples=examples(50), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
doors = st.builds(lambda lat, lon: Coordinate(lat=lat, lon=lon), st.floats(-0.001, 0.004), st.floats(-0.001, 0.004))


def check_reach(walks: Walks, oracle: WalkOracle, door: Coordinate, limit_m: float) -> WalkReach:
    """All nodes within the limit and no other, in order, each reached over nodes that were reached before."""
    reach, network = walks.reach(door, limit_m), walks.network
    if reach.foothold is None:
        foothold = walks.foothold(door, limit_m)
        assert foothold is None or foothold.access_cm > limit_m * 100
        assert len(reach.node) == 0
        return reach
    lengths = oracle.lengths(reach.foothold)
    wanted = {node: cm for node, cm in lengths.items() if isinstance(node, int) and cm <= round(limit_m * 100)}
    found = dict(zip(reach.node.tolist(), reach.length_cm.tolist(), strict=True))
    assert found == wanted
    assert sorted(found.values()) == list(found.values())
    for row, (parent, edge) in enumerate(zip(reach.parent.tolist(), reach.edge.tolist(), strict=True)):
        ends = {int(network.edge_start[edge]), int(network.edge_end[edge])}
        assert int(reach.node[row]) in ends
        if parent < 0:
            assert edge == reach.foothold.edge
        else:
            assert parent < row
            assert int(reach.node[parent]) in ends
            assert reach.length_cm[row] == reach.length_cm[parent] + network.edge_length_cm[edge]
    return reach


def check_lines(walks: Walks, reach: WalkReach, nodes: list[int]) -> None:
    """Lines begin at the door and end at the node, over points of ways that lie end to end."""
    for node in nodes:
        line = walks.line_to_node(reach, node)
        assert line[0] == reach.door
        assert line[-1] == _node(walks.network, node)


def _node(network: WalkNetwork, node: int) -> Coordinate:
    return Coordinate(lat=float(network.node_lat[node]), lon=float(network.node_lon[node]))


@many
@given(st.data())
def test_walks_on_any_network(data: st.DataObject) -> None:
    network = data.draw(walk_networks())
    walks, oracle = Walks(network), WalkOracle(network)
    door, limit_m = data.draw(doors), data.draw(st.sampled_from([0.0, 50.0, 100.0, 300.0, 1000.0]))
    reach = check_reach(walks, oracle, door, limit_m)
    check_lines(walks, reach, reach.node.tolist())
    # To another place, off the ways.
    target = walks.foothold(data.draw(doors), 2000.0)
    if target is None or reach.foothold is None:
        return
    wanted = oracle.lengths(reach.foothold, target).get("place 1")
    within = wanted if wanted is not None and wanted <= round(limit_m * 100) else None
    assert walks.length_to(reach, target) == within
    if within is None:
        with pytest.raises(KeyError):
            walks.line_to(reach, target)
    else:
        line = walks.line_to(reach, target)
        assert (line[0], line[-1]) == (door, target.coordinate)


@pytest.mark.parametrize("seed", range(10))
def test_walks_on_larger_random_networks(seed: int) -> None:
    network, dice = random_walk_network(seed, nodes=150, ways=260), random.Random(seed)
    walks, oracle = Walks(network), WalkOracle(network)
    reached = 0
    for _ in range(12):
        door = Coordinate(lat=47 + dice.uniform(0, 0.02), lon=9 + dice.uniform(0, 0.02))
        reach = check_reach(walks, oracle, door, dice.choice([100, 600.5, 3000]))
        check_lines(walks, reach, reach.node.tolist()[::7])
        reached += len(reach.node)
    assert reached > 300


def test_walks_in_the_bundled_region() -> None:
    """Lengths are those of networkx, and of the lines that are shown."""
    network, roads, dice = sample_walk_network(), sample_network(), random.Random(3)
    walks, oracle = Walks(network), WalkOracle(network)
    lines = 0
    for _ in range(6):
        point = dice.randrange(len(roads.point_lat))
        lat, lon = float(roads.point_lat[point]), float(roads.point_lon[point])
        door = Coordinate(lat=lat + dice.uniform(-3e-4, 3e-4), lon=lon + dice.uniform(-3e-4, 3e-4))
        reach = check_reach(walks, oracle, door, 1200.0)
        for node, length_cm in list(zip(reach.node.tolist(), reach.length_cm.tolist(), strict=True))[::9]:
            line = walks.line_to_node(reach, node)
            assert line[-1] == _node(network, node)
            # Lengths are of the ellipsoid, lines are measured on the sphere.
            assert line_length_m(line) == pytest.approx(length_cm / 100, rel=0.006, abs=1)
        for _ in range(20):
            there = Coordinate(lat=door.lat + dice.uniform(-0.006, 0.006), lon=door.lon + dice.uniform(-0.006, 0.006))
            target = walks.foothold(there, 200.0)
            walk_cm = None if target is None else walks.length_to(reach, target)
            if target is not None and walk_cm is not None:
                line = walks.line_to(reach, target)
                assert line_length_m(line) == pytest.approx(walk_cm / 100, rel=0.006, abs=1)
                lines += 1
    assert lines > 40


def test_work_space_is_clean_after_every_walk() -> None:
    network = random_walk_network(1, nodes=80, ways=150)
    walks, door = Walks(network), Coordinate(lat=47.01, lon=9.01)
    first = walks.reach(door, 2000)
    for limit_m in (5.0, 700.0, 100.0, 2000.0):
        fresh, again = Walks(network).reach(door, limit_m), walks.reach(door, limit_m)
        assert np.array_equal(fresh.node, again.node)
        assert np.array_equal(fresh.length_cm, again.length_cm)
        assert np.array_equal(fresh.parent, again.parent)
    assert np.array_equal(first.node, walks.reach(door, 2000).node)


@many
@given(st.data())
def test_a_longer_limit_adds_nodes_and_changes_none(data: st.DataObject) -> None:
    walks, door = Walks(data.draw(walk_networks())), data.draw(doors)
    low, high = sorted(data.draw(st.tuples(st.floats(0, 1500), st.floats(0, 1500))))
    short, long = walks.reach(door, low), walks.reach(door, high)
    assert long.node.tolist()[: len(short.node)] == short.node.tolist()
    assert long.length_cm.tolist()[: len(short.node)] == short.length_cm.tolist()
