"""The import's kernels against networkx and against what they promise."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest

from matcher.roads.osm.kernels import chain_points, chains, largest_component, union


@pytest.mark.parametrize("seed", range(20))
def test_the_largest_component_is_that_of_networkx(seed: int) -> None:
    generator = np.random.default_rng(seed)
    nodes = int(generator.integers(1, 40))
    ends = generator.integers(0, nodes, size=(2, int(generator.integers(0, 70)))).astype(np.int32)
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    graph.add_nodes_from(range(nodes))
    graph.add_edges_from(ends.T.tolist())
    parts = list(nx.strongly_connected_components(graph))
    expected = max(parts, key=lambda part: (len(part), -min(part)))
    assert set(np.flatnonzero(largest_component(nodes, ends[0], ends[1])).tolist()) == expected


@pytest.mark.parametrize("seed", range(20))
def test_union_finds_the_connected_parts_of_networkx(seed: int) -> None:
    generator = np.random.default_rng(seed)
    size = int(generator.integers(1, 40))
    pairs = generator.integers(0, size, size=(2, 25))
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(size))
    graph.add_edges_from(pairs.T.tolist())
    expected = np.zeros(size, dtype=np.int64)
    for part in nx.connected_components(graph):
        expected[list(part)] = min(part)
    assert union(size, pairs[0], pairs[1]).tolist() == expected.tolist()


def _fold(
    pieces: list[tuple[int, int]],
    group: list[int] | None = None,
    along: list[float] | None = None,
    against: list[float] | None = None,
    stays: set[int] | None = None,
) -> list[list[tuple[int, bool]]]:
    count = len(pieces)
    nodes = 1 + max(max(pair) for pair in pieces)
    first, piece, turned = chains(
        np.array([node in (stays or set()) for node in range(nodes)]),
        np.array([a for a, _ in pieces], dtype=np.int32),
        np.array([b for _, b in pieces], dtype=np.int32),
        np.array(group or [0] * count, dtype=np.int64),
        np.array(along or [30.0] * count),
        np.array(against or [30.0] * count),
    )
    steps = list(zip(piece.tolist(), (turned == 1).tolist(), strict=True))
    return [steps[begin:end] for begin, end in itertools.pairwise(first.tolist())]


def test_pieces_in_a_row_become_one_chain_whatever_their_drawing() -> None:
    assert _fold([(0, 1), (2, 1), (2, 3)]) == [[(0, False), (1, True), (2, False)]]


def test_nothing_is_joined_at_a_node_that_stays() -> None:
    assert _fold([(0, 1), (1, 2), (2, 3)], stays={2}) == [[(0, False), (1, False)], [(2, False)]]


def test_nothing_is_joined_where_three_pieces_meet() -> None:
    assert len(_fold([(0, 1), (1, 2), (1, 3)])) == 3


def test_nothing_is_joined_where_class_name_or_speed_changes() -> None:
    assert len(_fold([(0, 1), (1, 2)], group=[1, 2])) == 2
    assert len(_fold([(0, 1), (1, 2)], along=[30.0, 50.0], against=[30.0, 50.0])) == 2
    # One piece drawn the other way round: its `along` is the other one's `against`.
    assert len(_fold([(0, 1), (2, 1)], along=[30.0, 50.0], against=[50.0, 30.0])) == 1
    assert len(_fold([(0, 1), (2, 1)], along=[30.0, 30.0], against=[50.0, 50.0])) == 2


def test_a_one_way_chain_runs_with_the_traffic() -> None:
    # Piece 0 is drawn against the traffic, piece 1 with it: 2 -> 1 -> 0 as driven.
    assert _fold([(0, 1), (2, 1)], along=[0.0, 30.0], against=[30.0, 0.0]) == [[(1, False), (0, True)]]


def test_opposite_one_way_streets_are_not_joined() -> None:
    assert len(_fold([(0, 1), (2, 1)], along=[30.0, 30.0], against=[0.0, 0.0])) == 2


def test_a_ring_alone_keeps_one_node() -> None:
    assert _fold([(0, 1), (1, 2), (2, 0)]) == [[(0, False), (1, False), (2, False)]]


def test_a_loop_at_a_junction_stays_a_loop() -> None:
    assert sorted(map(len, _fold([(0, 1), (1, 1)]))) == [1, 1]


def test_points_of_a_chain_are_in_order_and_once() -> None:
    first = np.array([0, 3], dtype=np.int64)
    piece, turned = np.array([0, 1, 2], dtype=np.int32), np.array([0, 1, 0], dtype=np.uint8)
    begin, end = np.array([0, 10, 20], dtype=np.int64), np.array([2, 11, 22], dtype=np.int64)
    point_first, point = chain_points(first, piece, turned, begin, end)
    assert point_first.tolist() == [0, 6]
    assert point.tolist() == [0, 1, 2, 10, 21, 22]
