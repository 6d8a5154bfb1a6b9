"""Road in common, on a ring of three one-way streets of 100 cm each and on a street with two directions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from matcher.domain.place import RoadPosition
from matcher.matching.base.positions import FRACTION_ONE, fixed_position
from matcher.matching.base.roads import PathTable
from matcher.roads.engine import RoadEngine
from tests.builders_roads import (
    an_engine,
    line_of_places,
    network_of,
    one_way,
    random_positions,
    sample_engine,
    two_way,
)

Place = tuple[int, float]  # edge, fraction


def shared_cm(engine: RoadEngine, rider: tuple[Place, Place], *stops: Place) -> int:
    """What a rider's drive has in common with a route through some stops."""
    ends = RoadPosition(*rider[0]), RoadPosition(*rider[1])
    drive = engine.pack_drive(*ends)
    assert drive is not None
    positions = [fixed_position(RoadPosition(*stop)) for stop in stops]
    edge, at = np.array(positions, dtype=np.int32).T
    _, codes, begin, size = engine.pack_drives(edge[:-1], at[:-1], edge[1:], at[1:])
    legs = PathTable(codes, begin, size, at[:-1].copy(), at[1:].copy())
    (found,) = engine.shared_lengths(
        drive,
        (fixed_position(ends[0])[1], fixed_position(ends[1])[1]),
        legs,
        np.zeros(1, dtype=np.int64),
        np.array([len(size)], dtype=np.uint8),
    ).tolist()
    return int(found)


@pytest.fixture
def ring() -> RoadEngine:
    return an_engine(network_of([one_way(k, (k + 1) % 3, 10, 100) for k in range(3)], line_of_places(3)))


@pytest.mark.parametrize(
    ("rider", "stops", "wanted"),
    [
        (((0, 0.2), (0, 0.9)), [(0, 0.5), (1, 0.5)], 40),
        (((0, 0.2), (0, 0.9)), [(0, 0.9), (1, 0.5)], 0),
        (((0, 0.2), (0, 0.9)), [(0, 0.3), (0, 0.6)], 30),
        (((0, 0.5), (2, 0.5)), [(0, 0.6), (2, 0.1)], 150),
        (((0, 0.5), (2, 0.5)), [(2, 0.2), (1, 0.5)], 30 + 50 + 50),
        (((1, 0.5), (1, 0.75)), [(0, 0.5), (2, 0.5)], 25),
    ],
    ids=["ends in it", "touches it", "within it", "whole street between", "all the way round", "rider within a street"],
)
def test_only_the_common_piece_of_a_street_counts(
    ring: RoadEngine, rider: tuple[Place, Place], stops: list[Place], wanted: int
) -> None:
    assert shared_cm(ring, rider, *stops) == wanted


def test_a_rider_who_comes_back_to_their_street_rides_it_at_both_ends(ring: RoadEngine) -> None:
    around = ((0, 0.75), (0, 0.25))
    assert shared_cm(ring, around, (2, 0.5), (1, 0.5)) == 50 + (25 + 25) + 50
    assert shared_cm(ring, around, (0, 0.1), (0, 0.9)) == 15 + 15
    assert shared_cm(ring, around, (0, 0.9), (0, 0.1)) == 10 + 100 + 100 + 10
    assert shared_cm(ring, around, (0, 0.3), (0, 0.7)) == 0


def test_road_that_a_route_runs_along_twice_counts_once(ring: RoadEngine) -> None:
    assert shared_cm(ring, ((0, 0.2), (1, 0.5)), (0, 0.0), (0, 0.6), (0, 0.4), (1, 0.2)) == 80 + 50
    assert shared_cm(ring, ((0, 0.2), (0, 0.8)), (0, 0.3), (0, 0.4), (0, 0.35), (0, 0.5)) == 60
    assert shared_cm(ring, ((0, 0.2), (0, 0.8)), (0, 0.3), (0, 0.4), (0, 0.5)) == 20


def test_the_two_directions_of_a_street_are_different_roads() -> None:
    engine = an_engine(network_of([two_way(0, 1, 10, 100), two_way(1, 2, 10, 100)], line_of_places(3)))
    east, west = ((0, 0.5), (1, 0.5)), ((1, 0.5), (0, 0.5))
    assert shared_cm(engine, east, (0, 0.0), (1, 1.0)) == 100
    assert shared_cm(engine, west, (0, 0.0), (1, 1.0)) == 0
    assert shared_cm(engine, west, (1, 0.75), (0, 0.75)) == 50 + 25
    assert shared_cm(engine, ((1, 0.8), (1, 0.2)), (1, 0.6), (0, 0.5)) == 40


Pieces = dict[int, list[tuple[int, int]]]


def _driven(engine: RoadEngine, stops: list[RoadPosition]) -> Pieces:
    """{arc: [from, to) in centimetres along it}, as often as a route through some stops runs along it."""
    network = engine.network
    driven: Pieces = {}
    for here, there in pairwise(stops):
        drive = engine.pack_drive(here, there)
        assert drive is not None
        arcs = engine.arcs(drive).tolist()
        for number, arc in enumerate(arcs):
            length = int(network.arc_length_cm[arc])
            ends = [0, length]
            for end, is_here, stop in ((0, number == 0, here), (1, number == len(arcs) - 1, there)):
                if is_here:
                    at = fixed_position(stop)[1]
                    along = at if network.arc_forward[arc] else FRACTION_ONE - at
                    ends[end] = (length * along + FRACTION_ONE // 2) // FRACTION_ONE
            driven.setdefault(arc, []).append((ends[0], ends[1]))
    return driven


def _common_cm(one: Pieces, other: Pieces) -> int:
    """How much of `one` is also in `other`, each piece of road counted once."""
    common = 0
    for arc in one.keys() & other.keys():
        marks = sorted({mark for piece in one[arc] + other[arc] for mark in piece})
        for low, high in pairwise(marks):
            in_both = all(any(a <= low and high <= b for a, b in pieces) for pieces in (one[arc], other[arc]))
            common += (high - low) * in_both
    return common


@pytest.mark.parametrize("legs", [1, 3])
def test_on_real_roads_it_is_what_both_run_along(legs: int) -> None:
    engine = sample_engine()
    places = random_positions(engine.network, 2 + 40 * (legs + 1), seed=legs)
    rider, places = places[:2], places[2:]
    rides = _driven(engine, rider)
    shared = []
    for k in range(0, len(places), legs + 1):
        stops = places[k : k + legs + 1]
        wanted = _common_cm(rides, _driven(engine, stops))
        ends = [(place.edge, place.fraction) for place in (*rider, *stops)]
        assert shared_cm(engine, (ends[0], ends[1]), *ends[2:]) == wanted
        shared.append(wanted)
    assert sum(one > 0 for one in shared) >= 5
