"""The engine against networkx: distances, paths, sweeps, shared road; on random networks and the bundled region."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.domain.place import RoadPosition
from matcher.matching.base.positions import INFINITE, fixed_position
from matcher.matching.base.roads import PackedDrive, PathTable
from matcher.roads.engine import RoadEngine
from matcher.roads.network.graph import RoadNetwork
from tests.builders_roads import (
    an_engine,
    luxembourg_network,
    needs_luxembourg,
    networks,
    positions,
    random_network,
    random_positions,
    sample_engine,
    sample_network,
)
from tests.examples import examples
from tests.property.dijkstra import TIME, WHOLE, Oracle, plain

SEEDS = range(12)
many = settings(
    max_examples=examples(50),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def check_drive(
    engine: RoadEngine, oracle: Oracle, origin: RoadPosition, destination: RoadPosition
) -> PackedDrive | None:
    """The engine's drive costs what the oracle says, and its arcs are a drive that costs that."""
    drive, wanted = engine.pack_drive(origin, destination), oracle.distance(origin, destination)
    if drive is None or wanted is None:
        assert drive is None
        assert wanted is None
        return None
    assert plain(drive.cost) == wanted
    assert oracle.cost_of_arcs(origin, destination, engine.arcs(drive).tolist()) == wanted
    return drive


def check_sweep(engine: RoadEngine, oracle: Oracle, target: RoadPosition, source: RoadPosition) -> None:
    """Both columns are right for every node."""
    with engine.sweep(target, source) as swept:
        to_target, from_source = swept[engine.topology.rank_of_node].T.tolist()
    for found, wanted in ((to_target, oracle.distances_to(target)), (from_source, oracle.distances_from(source))):
        reached = {node: plain(cost) for node, cost in enumerate(found) if cost < INFINITE}
        assert reached == {node: cost for node, cost in wanted.items() if isinstance(node, int)}


@many
@given(st.data())
def test_drives_and_sweeps_on_any_network(data: st.DataObject) -> None:
    network = data.draw(networks())
    order = data.draw(st.one_of(st.none(), st.permutations(range(network.node_count))))
    engine, oracle = an_engine(network, order), Oracle(network)
    origin, destination = data.draw(positions(network)), data.draw(positions(network))
    drive = check_drive(engine, oracle, origin, destination)
    check_drive(engine, oracle, destination, origin)
    check_drive(engine, oracle, origin, RoadPosition(origin.edge, destination.fraction))
    check_sweep(engine, oracle, origin, destination)
    if drive is not None:
        # A drive to where one is costs nothing, and the triangle holds over any third place.
        third = data.draw(positions(network))
        first, then = engine.cost(origin, third), engine.cost(third, destination)
        assert engine.cost(origin, origin) == 0
        if first is not None and then is not None:
            assert drive.cost <= first + then + _rounding(network)


def _rounding(network: RoadNetwork) -> int:
    """Both drives round where they meet: half a millisecond and half a centimetre each, and ties may change."""
    return (2 << 32) + 2 + int(network.arc_length_cm.sum(dtype=np.int64))


@pytest.mark.parametrize("seed", SEEDS)
def test_drives_and_sweeps_on_larger_random_networks(seed: int) -> None:
    network = random_network(seed, nodes=120, streets=260)
    engine, oracle = an_engine(network), Oracle(network)
    ends = random_positions(network, 80, seed)
    for origin, destination in itertools.pairwise(ends):
        check_drive(engine, oracle, origin, destination)
    for target, source in zip(ends[:4], ends[4:8], strict=True):
        check_sweep(engine, oracle, target, source)
    for edge in range(0, network.edge_count, 3):  # ahead and behind on one street
        low, high = RoadPosition(edge, 0.2), RoadPosition(edge, 0.7)
        check_drive(engine, oracle, low, high)
        check_drive(engine, oracle, high, low)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_length_metric(seed: int) -> None:
    network = random_network(seed, nodes=60, streets=150)
    engine, oracle = an_engine(network, shortest=True), Oracle(_without_time(network))
    ends = random_positions(network, 60, seed)
    for origin, destination in itertools.pairwise(ends):
        check_drive(engine, oracle, origin, destination)
    check_sweep(engine, oracle, ends[0], ends[1])


def _without_time(network: RoadNetwork) -> RoadNetwork:
    arrays = {**vars(network), "arc_time_ms": np.zeros(network.arc_count, dtype=np.int32)}
    return RoadNetwork(**{name: array for name, array in arrays.items() if name in RoadNetwork.__dataclass_fields__})


def test_drives_and_sweeps_on_the_bundled_region() -> None:
    engine, oracle = sample_engine(), Oracle(sample_network())
    ends = random_positions(sample_network(), 61, seed=5)
    drives = [check_drive(engine, oracle, a, b) for a, b in itertools.pairwise(ends)]
    assert all(drive is not None for drive in drives), "the bundled region is one connected part"
    for target, source in zip(ends[:3], ends[3:6], strict=True):
        check_sweep(engine, oracle, target, source)


@needs_luxembourg
def test_drives_and_sweeps_on_luxembourg() -> None:
    network = luxembourg_network()
    engine, oracle = an_engine(network), Oracle(network)
    ends = random_positions(network, 9, seed=6)
    for origin, destination in itertools.pairwise(ends):
        check_drive(engine, oracle, origin, destination)
    check_sweep(engine, oracle, ends[0], ends[1])


# --- roads in common --------------------------------------------------------------------------------------------------


def centimetres(
    network: RoadNetwork, oracle: Oracle, origin: RoadPosition, destination: RoadPosition, arcs: Sequence[int]
) -> set[tuple[int, int]]:
    """Every centimetre of road that a drive runs along, one by one: (arc, how far along it)."""
    leaves, arrives = dict(oracle.arcs_at(origin)), dict(oracle.arcs_at(destination))
    covered: set[tuple[int, int]] = set()
    for k, arc in enumerate(arcs):
        low = leaves[arc] if k == 0 else 0
        high = arrives[arc] if k == len(arcs) - 1 else WHOLE
        covered.update((arc, cm) for cm in range(oracle.cost(arc, 0, low) % TIME, oracle.cost(arc, 0, high) % TIME))
    return covered


def path_table(legs: Sequence[tuple[RoadPosition, RoadPosition, PackedDrive]]) -> PathTable:
    sizes = [len(drive.codes) for _, _, drive in legs]
    return PathTable(
        codes=np.concatenate([drive.codes for _, _, drive in legs]),
        begin=np.cumsum([0, *sizes[:-1]], dtype=np.int64),
        size=np.array(sizes, dtype=np.int32),
        origin_at=np.array([fixed_position(origin)[1] for origin, _, _ in legs], dtype=np.int32),
        destination_at=np.array([fixed_position(destination)[1] for _, destination, _ in legs], dtype=np.int32),
    )


def check_shared(
    network: RoadNetwork, engine: RoadEngine, rider: Sequence[RoadPosition], stops: Sequence[RoadPosition]
) -> int:
    """Shared lengths of one rider with each leg of a route, and with all of it, are those of counting centimetres."""
    oracle = Oracle(network)
    rider_drive = engine.pack_drive(rider[0], rider[1])
    legs = []
    for origin, destination in itertools.pairwise(stops):
        drive = engine.pack_drive(origin, destination)
        if drive is not None:
            legs.append((origin, destination, drive))
    if rider_drive is None or not legs:
        return 0
    ridden = centimetres(network, oracle, rider[0], rider[1], engine.arcs(rider_drive).tolist())
    driven = [centimetres(network, oracle, a, b, engine.arcs(drive).tolist()) for a, b, drive in legs]
    wanted = [len(ridden & leg) for leg in driven] + [len(ridden & set().union(*driven))]
    ends = (fixed_position(rider[0])[1], fixed_position(rider[1])[1])
    leg_begin = np.array([*range(len(legs)), 0], dtype=np.int64)
    leg_count = np.array([1] * len(legs) + [len(legs)], dtype=np.uint8)
    for _ in range(2):  # the second time on work arrays that the first has used
        found = engine.shared_lengths(rider_drive, ends, path_table(legs), leg_begin, leg_count)
        assert found.tolist() == wanted
    return wanted[-1]


@many
@given(st.data())
def test_shared_road_on_any_network(data: st.DataObject) -> None:
    network = data.draw(networks(longest_cm=60))
    stops = data.draw(st.lists(positions(network), min_size=2, max_size=5))
    rider = data.draw(
        st.one_of(st.tuples(positions(network), positions(network)), st.tuples(*[st.sampled_from(stops)] * 2))
    )
    check_shared(network, an_engine(network), rider, stops)


@pytest.mark.parametrize("seed", SEEDS)
def test_shared_road_on_larger_random_networks(seed: int) -> None:
    network = random_network(seed, nodes=60, streets=200, longest_cm=90)
    engine, dice = an_engine(network), random.Random(seed)
    ends = random_positions(network, 40, seed)
    shared = [
        check_shared(network, engine, dice.sample(ends, 2), dice.sample(ends, dice.randint(2, 6))) for _ in range(60)
    ]
    assert sum(cm > 0 for cm in shared) > 10


def test_a_drive_shares_all_of_its_road_with_itself() -> None:
    engine, network = sample_engine(), sample_network()
    ends = random_positions(network, 41, seed=8)
    for origin, destination in itertools.pairwise(ends):
        drive = engine.pack_drive(origin, destination)
        assert drive is not None
        fixed = (fixed_position(origin)[1], fixed_position(destination)[1])
        table = path_table([(origin, destination, drive)])
        found = engine.shared_lengths(drive, fixed, table, np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.uint8))
        assert found.tolist() == [drive.cost & 0xFFFFFFFF]
