"""Plain drives, beside the oracle of the matcher's tests: two ways to write the same few lines must agree to the
centimetre.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.check.plain_dijkstra import PlainDijkstra
from matcher.check.promises import point_at
from matcher.check.roads import RoadPiece, common_cm
from matcher.domain.place import RoadPosition
from tests.builders import Street, a_network, a_ring, an_engine
from tests.examples import examples
from tests.property.oracle_roads import OracleRoads
from tests.property.scenarios import a_spot, a_town


def _world(seed: int, round_numbers: bool) -> tuple[tuple[Street, ...], list[RoadPosition]]:
    random_ = random.Random(seed)
    streets = a_town(random_, random_.randint(2, 7), random_.randint(0, 7), round_numbers)
    return streets, [RoadPosition(*a_spot(random_, streets, round_numbers)) for _ in range(5)]


@settings(max_examples=examples(50))
@given(seed=st.integers(0, 2**32 - 1), round_numbers=st.booleans())
def test_drives_cost_what_the_oracle_says_and_run_along_the_same_road(seed: int, round_numbers: bool) -> None:
    streets, positions = _world(seed, round_numbers)
    plain, oracle = PlainDijkstra(a_network(streets)), OracleRoads(streets, positions)
    for origin in positions:
        tree = plain.tree(origin)
        for target in positions:
            expected, drive = oracle.drive(origin, target), tree.drive(target)
            assert (expected is None) == (drive is None)
            if expected is None or drive is None:
                continue
            assert (drive.ms, drive.cm) == tree.cost(target) == expected.cost
            assert sum(piece.end_cm - piece.begin_cm for piece in drive.pieces) == drive.cm
            if drive.unique:
                assert expected.unique
                theirs = [RoadPiece(*piece) for piece in expected.pieces]
                assert (
                    common_cm(drive.pieces, theirs)
                    == common_cm(theirs, theirs)
                    == common_cm(drive.pieces, drive.pieces)
                )


def test_a_drive_against_the_direction_goes_around() -> None:
    one_way = [Street(k, (k + 1) % 4, 10_000, 10_000) for k in range(4)]
    drive = PlainDijkstra(a_network(one_way)).tree(RoadPosition(0, 0.75)).drive(RoadPosition(0, 0.25))
    assert drive is not None
    assert (drive.ms, drive.cm, drive.unique) == (35_000, 35_000, True)
    assert [piece.edge for piece in drive.pieces] == [0, 1, 2, 3, 0]


def test_there_is_no_way_where_there_is_none() -> None:
    streets = [Street(0, 1, 100, 100), Street(1, 2, 100, 100, 100)]
    tree = PlainDijkstra(a_network(streets)).tree(RoadPosition(1, 0.5))
    assert tree.drive(RoadPosition(0, 0.5)) is None
    assert tree.cost(RoadPosition(0, 0.5)) is None


def test_two_ways_that_are_as_good_make_a_drive_a_matter_of_choice() -> None:
    around = PlainDijkstra(a_network(a_ring(4))).tree(RoadPosition(0, 0.5))
    opposite, near = around.drive(RoadPosition(2, 0.5)), around.drive(RoadPosition(1, 0.5))
    assert opposite is not None
    assert near is not None
    assert (opposite.unique, near.unique) == (False, True)


def test_ways_that_are_as_good_half_way_make_a_choice_too() -> None:
    fork = [Street(0, 1, 100, 10), Street(0, 2, 100, 10), Street(1, 3, 100, 10), Street(2, 3, 100, 10)]
    streets = [Street(5, 0, 100, 10), *fork, Street(3, 4, 100, 10), Street(4, 5, 100, 10)]
    drive = PlainDijkstra(a_network(streets)).tree(RoadPosition(0, 0.5)).drive(RoadPosition(5, 0.5))
    assert drive is not None
    assert (drive.ms, drive.cm, drive.unique) == (30, 300, False)
    block = [Street(0, 0, 1_000, 100, 100), Street(0, 1, 1_000, 100, 100)]
    tree = PlainDijkstra(a_network(block)).tree(RoadPosition(0, 0.5))
    drive = tree.drive(RoadPosition(1, 0.5))
    assert drive is not None
    assert (drive.ms, drive.cm, drive.unique) == (100, 1_000, False)


@settings(max_examples=examples(40))
@given(seed=st.integers(0, 2**32 - 1))
def test_positions_lie_where_the_engine_puts_them(seed: int) -> None:
    streets, positions = _world(seed, False)
    plain, engine = PlainDijkstra(a_network(streets)), an_engine(streets)
    for position in positions:
        assert plain.is_on_road(position)
        assert plain.locate(position).distance_m(engine.locate(position)) < 0.01


@pytest.mark.parametrize("position", [(-1, 0.5), (6, 0.5), (0, -0.01), (0, 1.01), (0, float("nan"))])
def test_what_is_no_position_is_not_on_a_road(position: tuple[int, float]) -> None:
    assert not PlainDijkstra(a_network(a_ring(6))).is_on_road(RoadPosition(*position))


def test_common_road_counts_no_piece_twice_and_no_other_direction() -> None:
    ours = [RoadPiece(1, True, 0, 100), RoadPiece(1, True, 50, 150), RoadPiece(2, False, 0, 10)]
    theirs = [
        RoadPiece(1, True, 140, 300),
        RoadPiece(1, True, 60, 70),
        RoadPiece(1, False, 0, 300),
        RoadPiece(2, True, 0, 10),
    ]
    assert common_cm(ours, theirs) == common_cm(theirs, ours) == 10 + 10


def test_a_point_on_the_way_is_found_by_how_far_it_is() -> None:
    plain = PlainDijkstra(a_network(a_ring(6)))
    drive = plain.tree(RoadPosition(2, 0.5)).drive(RoadPosition(0, 0.5))  # backwards around the ring
    assert drive is not None
    assert [piece.forward for piece in drive.pieces] == [False] * 3
    for ahead_cm, expected in [(0, (2, 0.5)), (25_000, (2, 0.25)), (75_000, (1, 0.75)), (10**9, (0, 0.5))]:
        at = point_at(plain, drive.pieces, ahead_cm)
        assert at.edge == expected[0]
        assert at.fraction == pytest.approx(expected[1], abs=1e-5)
