"""Luxembourg's 100,000 reference distances, computed by others, in both metrics: not one may differ."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from matcher.matching.base.positions import FRACTION_ONE, INFINITE
from matcher.roads.engine import RoadEngine
from matcher.roads.network.graph import RoadNetwork
from tests.builders_roads import an_engine, luxembourg_network, luxembourg_vector, needs_luxembourg

#: What the reference says where there is no way.
NO_WAY = 2**31 - 1


def with_doors(network: RoadNetwork) -> tuple[RoadNetwork, npt.NDArray[np.int32]]:
    """The network with a free street from every node to itself, and the edge of each.

    The reference distances run from node to node, drives from position to position: a position at the end of a door's
    street can only be driven off into the node, and one at its beginning only be reached from it, even where no other
    street is one-way in.
    """
    n, m, e = network.node_count, network.arc_count, network.edge_count
    nodes = np.arange(n, dtype=np.int32)
    doors = e + nodes
    tail = np.concatenate([network.arc_tail, nodes])
    head = np.concatenate([network.arc_head, nodes])
    edge = np.concatenate([network.arc_edge, doors])
    order = np.lexsort((edge, head, tail))
    arc_of_edge = np.empty(e + n, dtype=np.int32)
    arc_of_edge[edge[order]] = np.arange(m + n, dtype=np.int32)
    free = np.zeros(n, dtype=np.int32)
    twice = np.repeat(nodes, 2)
    counts = np.bincount(tail, minlength=n)
    return dataclasses.replace(
        network,
        first_out=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        arc_tail=tail[order],
        arc_head=head[order],
        arc_time_ms=np.concatenate([network.arc_time_ms, free])[order],
        arc_length_cm=np.concatenate([network.arc_length_cm, free])[order],
        arc_edge=edge[order],
        arc_forward=np.ones(m + n, dtype=np.uint8),
        edge_class=np.concatenate([network.edge_class, np.zeros(n, dtype=np.uint8)]),
        edge_name=np.concatenate([network.edge_name, np.full(n, -1, dtype=np.int32)]),
        edge_forward_arc=arc_of_edge,
        edge_backward_arc=np.full(e + n, -1, dtype=np.int32),
        edge_point_first=np.arange(0, 2 * (e + n) + 1, 2, dtype=np.int64),
        point_lat=np.concatenate([network.point_lat, network.node_lat[twice]]),
        point_lon=np.concatenate([network.point_lon, network.node_lon[twice]]),
    ), doors


@needs_luxembourg
@pytest.mark.parametrize(
    ("reference", "shortest"), [("travel_time", False), ("geo_distance", True)], ids=["time", "length"]
)
def test_not_one_of_the_reference_distances_differs(reference: str, shortest: bool) -> None:
    network, doors = with_doors(luxembourg_network())
    engine = an_engine(network, shortest=shortest)
    sources, targets = luxembourg_vector("source_node"), luxembourg_vector("target_node")
    ends, beginnings = np.full(len(sources), FRACTION_ONE, dtype=np.int32), np.zeros(len(targets), dtype=np.int32)
    cost, codes, begin, size = engine.pack_drives(doors[sources], ends, doors[targets], beginnings)
    # Milliseconds are the upper half of a packed cost; the reference has metres, we have centimetres.
    found = np.where(cost >= INFINITE, NO_WAY, cost // 100 if shortest else cost >> 32)
    wanted = luxembourg_vector(f"query_reference_{reference}_length").astype(np.int64)
    assert len(wanted) == 100_000
    assert np.count_nonzero(wanted == NO_WAY) == 5_256
    assert np.count_nonzero(found != wanted) == 0
    assert np.array_equal(size == 0, wanted == NO_WAY)
    _check_paths(engine, cost, (codes, begin, size))


def _check_paths(
    engine: RoadEngine,
    cost: npt.NDArray[np.int64],
    packs: tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int32]],
) -> None:
    """The packed paths of every hundredth pair, unpacked here, lead from door to door and weigh the distance."""
    network, (codes, begin, size) = engine.network, packs
    first, second = engine.hierarchy.first, engine.hierarchy.second
    for pair in range(0, len(cost), 100):
        if size[pair] == 0:
            continue
        packed = codes[begin[pair] : begin[pair] + size[pair]].tolist()
        arcs = [packed[0], *(arc for code in packed[2:] for arc in _unpacked(first, second, code)), packed[1]]
        assert np.array_equal(network.arc_head[arcs[:-1]], network.arc_tail[arcs[1:]])
        assert engine.arc_cost[arcs].sum() == cost[pair]


def _unpacked(first: npt.NDArray[np.int32], second: npt.NDArray[np.int32], code: int) -> list[int]:
    left, arcs = [code], []
    while left:
        here = left.pop()
        if second[here] < 0:
            arcs.append(int(first[here]))
        else:
            left += [int(second[here]), int(first[here])]
    return arcs
