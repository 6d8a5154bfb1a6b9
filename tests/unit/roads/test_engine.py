"""What the engine tells people about routes, and that many may ask it at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from matcher.domain.place import Coordinate, RoadPosition
from matcher.matching.base.positions import INFINITE, fixed_position
from matcher.matching.base.roads import PathTable
from matcher.roads.engine import RoadEngine, edge_table
from matcher.roads.hierarchy.scratch import ScratchPool
from tests.builders_roads import (
    Street,
    an_engine,
    line_of_places,
    network_of,
    one_way,
    random_network,
    random_positions,
    two_way,
)


@pytest.fixture
def corner() -> RoadEngine:
    """East along Bent Street (drawn from east to west, with a corner), then north along a nameless street."""
    bent = Street(1, 0, 4000, 8000, 2000, bends=((0.0, 0.001),), name="Bent Street")
    return an_engine(network_of([bent, two_way(1, 2, 3000, 1000)], [(-0.001, 0.001), (0.0, 0.002), (0.001, 0.002)]))


def test_a_drive_adds_up_its_legs(corner: RoadEngine) -> None:
    stops = [RoadPosition(0, 0.75), RoadPosition(1, 0.5), RoadPosition(0, 0.5)]
    there, back = corner.drive(stops[:2]), corner.drive(stops[1:])
    assert there is not None
    assert back is not None
    assert (there.duration_ms, there.length_cm) == (6000 + 1500, 1500 + 500)
    assert (back.duration_ms, back.length_cm) == (1500 + 2000, 500 + 1000)
    both = corner.drive(stops)
    assert both is not None
    assert (both.duration_ms, both.length_cm) == (7500 + 3500, 2000 + 1500)
    # The stop in the middle is one point of the line, not two.
    assert both.points == (*there.points, *back.points[1:])


def test_the_line_of_a_drive_follows_the_street_from_position_to_position(corner: RoadEngine) -> None:
    route = corner.drive([RoadPosition(0, 0.75), RoadPosition(1, 0.5)])
    assert route is not None
    assert _rounded(route.points) == [(-0.0005, 0.001), (0.0, 0.001), (0.0, 0.002), (0.0005, 0.002)]
    within = corner.drive([RoadPosition(0, 0.75), RoadPosition(0, 0.25)])
    assert within is not None
    assert _rounded(within.points) == [(-0.0005, 0.001), (0.0, 0.001), (0.0, 0.0015)]


def _rounded(points: tuple[Coordinate, ...]) -> list[tuple[float, float]]:
    return [(round(point.lat, 9) + 0.0, round(point.lon, 9)) for point in points]


def test_the_line_can_be_left_out(corner: RoadEngine) -> None:
    stops = [RoadPosition(0, 0.75), RoadPosition(1, 0.5)]
    full, bare = corner.drive(stops), corner.drive(stops, with_points=False)
    assert full is not None
    assert bare is not None
    assert (bare.duration_ms, bare.length_cm, bare.points) == (full.duration_ms, full.length_cm, ())


def test_no_way_for_one_leg_is_no_way_at_all() -> None:
    engine = an_engine(network_of([one_way(0, 1, 5), one_way(1, 2, 5)], line_of_places(3)))
    there, back = [RoadPosition(0, 0.5), RoadPosition(1, 0.5)], [RoadPosition(1, 0.5), RoadPosition(0, 0.5)]
    assert engine.drive(there) is not None
    assert engine.drive(back) is None
    assert engine.drive([*there, *back]) is None
    assert engine.cost(*back) is None


@pytest.mark.parametrize("stops", [[], [RoadPosition(0, 0.0)]])
def test_a_drive_needs_two_stops(corner: RoadEngine, stops: list[RoadPosition]) -> None:
    with pytest.raises(ValueError, match="two stops"):
        corner.drive(stops)


def test_snapped_positions_know_their_street(corner: RoadEngine) -> None:
    snapped = corner.snap(Coordinate(lat=0.0001, lon=0.0015), limit_m=100)
    assert snapped is not None
    assert [snapped.position.edge, snapped.position.fraction] == pytest.approx([0, 0.25])
    assert snapped.street == corner.street(snapped.position) == "Bent Street"
    assert snapped.coordinate == corner.locate(snapped.position)
    assert snapped.distance_m == pytest.approx(11.12, abs=0.01)
    assert corner.street(RoadPosition(1, 0.5)) is None
    assert corner.snap(Coordinate(lat=1.0, lon=1.0), limit_m=100) is None


def test_edges_say_where_they_lead_and_what_they_cost() -> None:
    streets = [Street(0, 1, 10, 20, 3), Street(2, 1, None, 7, 4), one_way(2, 2, 9, 5)]
    engine = an_engine(network_of(streets, line_of_places(3)))
    edges, node = engine.edges, engine.topology.node_at_rank
    assert [(int(node[a]), int(node[b])) for a, b in zip(edges.start, edges.end, strict=True)] == [
        (0, 1),
        (2, 1),
        (2, 2),
    ]
    assert edges.forward.tolist() == [(10 << 32) + 3, INFINITE, (9 << 32) + 5]
    assert edges.backward.tolist() == [(20 << 32) + 3, (7 << 32) + 4, INFINITE]
    lengths = edge_table(engine.network, engine.topology, engine.network.arc_length_cm.astype(np.int64))
    assert lengths.forward.tolist() == [3, INFINITE, 5]


def test_answers_from_several_threads_are_those_of_one() -> None:
    """Work arrays are lent to one call at a time, or threads would trample on each other's distances."""
    network = random_network(11, nodes=800, streets=2600, slowest_ms=9000)
    engine = an_engine(network)
    ends = random_positions(network, 240, seed=11)
    pairs = list(pairwise(ends))
    table = _table(engine, pairs[:60])
    columns = [
        np.array(column, dtype=np.int32)
        for column in zip(*[(*fixed_position(a), *fixed_position(b)) for a, b in pairs], strict=True)
    ]

    def ask(number: int) -> tuple[object, ...]:
        origin, destination = pairs[number % len(pairs)]
        drive = engine.pack_drive(origin, destination)
        with engine.sweep(origin, destination) as distance:
            swept = distance.tobytes()
        shared = None
        if drive is not None:
            rows = np.arange(len(table.begin), dtype=np.int64)
            halves = (fixed_position(origin)[1], fixed_position(destination)[1])
            shared = engine.shared_lengths(drive, halves, table, rows, np.ones(len(rows), dtype=np.uint8)).tolist()
        batch = tuple(part.tobytes() for part in engine.pack_drives(*columns))
        return drive and (drive.cost, drive.codes.tobytes()), swept, shared, batch

    alone = [ask(number) for number in range(len(pairs))]
    assert sum(answer[0] is not None for answer in alone) > 100
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(ask, range(len(pairs)), chunksize=1))
    assert together == alone


def _table(engine: RoadEngine, pairs: list[tuple[RoadPosition, RoadPosition]]) -> PathTable:
    """The packed drives of the pairs that have a way."""
    drives = [(a, b, drive) for a, b in pairs if (drive := engine.pack_drive(a, b)) is not None]
    sizes = np.array([len(drive.codes) for _, _, drive in drives], dtype=np.int32)
    return PathTable(
        codes=np.concatenate([drive.codes for _, _, drive in drives]),
        begin=np.cumsum(sizes, dtype=np.int64) - sizes,
        size=sizes,
        origin_at=np.array([fixed_position(a)[1] for a, _, _ in drives], dtype=np.int32),
        destination_at=np.array([fixed_position(b)[1] for _, b, _ in drives], dtype=np.int32),
    )


def test_work_arrays_are_used_again_and_dropped_after_a_failure() -> None:
    engine = an_engine(random_network(1, nodes=9, streets=20))
    pool = ScratchPool(engine.network, engine.topology)
    with pool.query() as first, pool.query() as second:
        assert first is not second
    with pool.query() as again:
        assert again is first or again is second
    with pytest.raises(RuntimeError), pool.overlap() as broken:
        raise RuntimeError
    with pool.overlap() as fresh:
        assert fresh is not broken


def test_rounds_begin_anew_before_they_overflow() -> None:
    engine = an_engine(random_network(1, nodes=9, streets=20))
    with ScratchPool(engine.network, engine.topology).overlap() as work:
        work.numbers[0] = 2**31 - 3
        assert work.next_round() == 2**31 - 2
        work.stamp_round[:] = work.memo_round[:] = work.under_round[:] = work.numbers[0]
        assert work.next_round() == 1
        assert not work.stamp_round.any()
        assert not work.memo_round.any()
        assert not work.under_round.any()
