"""Public points: the crossings that stand for the doors around them, so that strangers cannot work out a door.

Every edge of a region belongs to the catchment of one public point. The choice depends on the map alone: no person,
trip or key, so neither many trips from one door nor many searches narrow a door down further than its catchment.

A public point is a crossing with a short dead end of its own, the *stub*. The stub's beginning is the crossing itself;
its end stands for every door of the catchment: driving to it and back takes the constant allowance for reaching a door.
A trip of a driver begins and ends at stubs' beginnings; a rider who is met at the door is met at a stub's end.
Distances to both are ordinary, exact distances of the network.
"""

from __future__ import annotations

import dataclasses
import heapq
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.roads.network.graph import I32, I64, ROAD_CLASSES, STUB_CLASS, RoadNetwork

#: Streets where people live, for the size of a catchment.
LIVED_IN = ("residential", "living_street", "unclassified")
#: Crossings of these classes can be public points, the first ones rather than the last.
_PREFERRED = ("tertiary", "secondary", "unclassified", "residential", "living_street", "primary")
#: Least straight distance between two points, unless an operator says otherwise.
DEFAULT_SPACING_M = 500.0
_EARTH_RADIUS_M = 6_371_008.8
_NOWHERE = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class PublicSpacing:
    """How public points are laid out."""

    apart_m: float = DEFAULT_SPACING_M  # least straight distance between two points
    least_street_m: float = 3000.0  # least length of lived-in streets in a catchment; smaller ones are merged
    allowance_ms: int = 120_000  # for driving from a point to a door and back
    allowance_cm: int = 100_000  # the same in length, at 30 km/h


@dataclass(frozen=True, eq=False)
class PublicPoints:
    """p public points and the catchment of every edge."""

    node: I32  # (p,) the crossing
    of_edge: I32  # (e,) index of the point that stands for the edge


def choose_public_points(network: RoadNetwork, spacing: PublicSpacing) -> PublicPoints:
    """Well-connected crossings at least `apart_m` apart, whose catchments hold at least `least_street_m` of lived-in
    streets.

    An edge belongs to the point that is nearest along the streets, whatever their direction. The smallest catchment is
    merged into its smallest neighbour until all are large enough; where the whole map is too small, one remains. The
    network is in one piece. Deterministic.
    """
    tail, head, length_cm = _edges(network)
    nodes = _thinned(network, _crossings(network, tail, head), spacing.apart_m)
    nearest = _nearest(network.node_count, tail, head, length_cm, nodes)
    from_tail, from_head = nearest[tail], nearest[head]
    of_edge = _point(np.minimum(from_tail, from_head))
    lived_in = np.isin(network.edge_class, [ROAD_CLASSES.index(name) for name in LIVED_IN])
    street_cm = np.bincount(of_edge, weights=np.where(lived_in, length_cm, 0), minlength=len(nodes)).astype(np.int64)
    borders = np.stack([_point(from_tail), _point(from_head)], axis=1)
    standing_for = _merged(street_cm, borders, round(100 * spacing.least_street_m))
    kept, number = np.unique(standing_for, return_inverse=True)
    return PublicPoints(nodes[kept], number.reshape(-1).astype(np.int32)[of_edge])


def with_public_points(network: RoadNetwork, points: PublicPoints, spacing: PublicSpacing) -> RoadNetwork:
    """The network with a stub at each point; nodes and edges keep their numbers, those of the stubs follow them."""
    count = len(points.node)
    stub = network.edge_count + np.arange(count, dtype=np.int32)
    end = network.node_count + np.arange(count, dtype=np.int32)
    tail = np.concatenate([network.arc_tail, points.node, end])
    head = np.concatenate([network.arc_head, end, points.node])
    edge = np.concatenate([network.arc_edge, stub, stub])
    order = np.lexsort((edge, head, tail))
    number = np.empty(len(order), dtype=np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    arcs = network.arc_count
    half = np.full(2 * count, 1, dtype=np.int32)
    lat, lon = network.node_lat[points.node], network.node_lon[points.node]

    def renumbered(arc: I32, of_stub: I32) -> I32:
        return np.concatenate([np.where(arc >= 0, number[arc], -1), number[of_stub]]).astype(np.int32)

    return dataclasses.replace(
        network,
        node_lat=np.concatenate([network.node_lat, lat]),
        node_lon=np.concatenate([network.node_lon, lon]),
        first_out=np.searchsorted(tail[order], np.arange(network.node_count + count + 1)).astype(np.int32),
        arc_tail=tail[order].astype(np.int32),
        arc_head=head[order].astype(np.int32),
        arc_time_ms=np.concatenate([network.arc_time_ms, half * (spacing.allowance_ms // 2)])[order],
        arc_length_cm=np.concatenate([network.arc_length_cm, half * (spacing.allowance_cm // 2)])[order],
        arc_edge=edge[order].astype(np.int32),
        arc_forward=np.concatenate([network.arc_forward, np.ones(count, np.uint8), np.zeros(count, np.uint8)])[order],
        edge_class=np.concatenate([network.edge_class, np.full(count, STUB_CLASS, dtype=np.uint8)]),
        edge_name=np.concatenate([network.edge_name, np.full(count, -1, dtype=np.int32)]),
        edge_forward_arc=renumbered(network.edge_forward_arc, arcs + np.arange(count, dtype=np.int32)),
        edge_backward_arc=renumbered(network.edge_backward_arc, arcs + count + np.arange(count, dtype=np.int32)),
        edge_point_first=np.concatenate(
            [network.edge_point_first, network.edge_point_first[-1] + 2 * np.arange(1, count + 1)]
        ),
        point_lat=np.concatenate([network.point_lat, np.repeat(lat, 2)]),
        point_lon=np.concatenate([network.point_lon, np.repeat(lon, 2)]),
        edge_public=np.concatenate([stub[points.of_edge], stub]).astype(np.int32),
    )


def crossing_name(network: RoadNetwork, stub: int) -> str | None:
    """`A & B`, the two most important streets that meet at a public point; None when none has a name."""
    node = int(network.arc_tail[network.edge_forward_arc[stub]])
    edges = np.flatnonzero((network.arc_tail == node) | (network.arc_head == node))
    named = [edge for edge in np.unique(network.arc_edge[edges]).tolist() if network.name(edge) is not None]
    names = dict.fromkeys(network.name(edge) for edge in sorted(named, key=lambda edge: int(network.edge_class[edge])))
    return " & ".join(name for name in list(names)[:2] if name is not None) or None


def _edges(network: RoadNetwork) -> tuple[I32, I32, I64]:
    """(start, end, length_cm) of every edge."""
    arc = np.where(network.edge_forward_arc >= 0, network.edge_forward_arc, network.edge_backward_arc)
    forward = network.edge_forward_arc >= 0
    tail, head = network.arc_tail[arc], network.arc_head[arc]
    length_cm = network.arc_length_cm[arc].astype(np.int64)
    return np.where(forward, tail, head), np.where(forward, head, tail), length_cm


def _crossings(network: RoadNetwork, tail: I32, head: I32) -> I64:
    """Nodes that can be public points, best first: most streets, then preferred class, then number. Never empty."""
    preference = np.full(len(ROAD_CLASSES), len(_PREFERRED))
    preference[[ROAD_CLASSES.index(name) for name in _PREFERRED]] = np.arange(len(_PREFERRED))
    quiet = preference < len(_PREFERRED)
    streets = np.zeros(network.node_count, dtype=np.int64)
    best = np.full(network.node_count, len(_PREFERRED))
    fast = np.zeros(network.node_count, dtype=np.bool_)
    for node in (tail, head):
        np.add.at(streets, node, 1)
        np.minimum.at(best, node, preference[network.edge_class])
        fast[node[~quiet[network.edge_class]]] = True
    able = np.flatnonzero((streets >= 3) & ~fast)
    if len(able) == 0:
        able = np.arange(network.node_count)
    return able[np.lexsort((able, best[able], -np.minimum(streets[able], 4)))]


def _thinned(network: RoadNetwork, nodes: I64, apart_m: float) -> I32:
    """The nodes in order, without those nearer than `apart_m` to one before them."""
    # Columns as wide as at the latitude where degrees of longitude are shortest: a column is never narrower than
    # apart_m.
    widest = math.cos(math.radians(float(np.abs(network.node_lat).max())))
    lat = np.radians(network.node_lat[nodes]) * _EARTH_RADIUS_M
    lon = np.radians(network.node_lon[nodes]) * _EARTH_RADIUS_M
    cosine = np.cos(np.radians(network.node_lat[nodes]))
    rows, columns = np.floor(lat / apart_m).astype(int), np.floor(lon * widest / apart_m).astype(int)
    taken: dict[tuple[int, int], list[tuple[float, float]]] = {}
    kept = []
    columns_of = (nodes, rows, columns, lat, lon, cosine)
    for node, row, column, y, x, shrink in zip(*(array.tolist() for array in columns_of), strict=True):
        near = (
            other
            for r in (row, row - 1, row + 1)
            for c in (column, column - 1, column + 1)
            for other in taken.get((r, c), ())
        )
        if all(math.hypot(y - other_y, (x - other_x) * shrink) >= apart_m for other_y, other_x in near):
            taken.setdefault((row, column), []).append((y, x))
            kept.append(node)
    return np.array(kept, dtype=np.int32)


def _nearest(count: int, tail: I32, head: I32, length_cm: I64, sources: I32) -> I64:
    """(n,) `distance_cm << 24 | index` of the source that is nearest to each node along the edges; of equals the first
    one.

    Relaxes all edges at once until nothing changes: as many rounds as a catchment is edges deep.
    """
    reached = np.full(count, _NOWHERE, dtype=np.int64)
    reached[sources] = np.arange(len(sources))
    begin, end = np.concatenate([tail, head]), np.concatenate([head, tail])
    order = np.argsort(end, kind="stable")
    begin, step = begin[order], np.concatenate([length_cm, length_cm])[order] << _POINT_BITS
    nodes, first = np.unique(end[order], return_index=True)
    while True:
        by_edge = np.where(reached[begin] == _NOWHERE, _NOWHERE, reached[begin] + step)
        best = np.minimum(reached[nodes], np.minimum.reduceat(by_edge, first))
        if np.array_equal(best, reached[nodes]):
            return reached
        reached[nodes] = best


_POINT_BITS = 24


def _point(nearest: I64) -> I64:
    return nearest & ((1 << _POINT_BITS) - 1)


def _merged(size: I64, borders: npt.NDArray[np.int64], least: int) -> I64:
    """(p,) the point that stands for each catchment after merging.

    The smallest is merged into its smallest neighbour until all reach `least`.
    """
    standing = list(range(len(size)))
    sizes = size.tolist()
    neighbours: list[set[int]] = [set() for _ in sizes]
    for one, other in np.unique(borders, axis=0).tolist():
        if one != other:
            neighbours[one].add(other)
            neighbours[other].add(one)
    heap = [(length, index) for index, length in enumerate(sizes) if length < least]
    heapq.heapify(heap)
    while heap:
        length, index = heapq.heappop(heap)
        if standing[index] != index or length != sizes[index] or not neighbours[index]:
            continue
        into = min(neighbours[index], key=lambda other: (sizes[other], other))
        standing[index] = into
        sizes[into] += length
        for other in neighbours[index] - {into}:
            neighbours[other].remove(index)
            neighbours[other].add(into)
            neighbours[into].add(other)
        neighbours[into].discard(index)
        if sizes[into] < least:
            heapq.heappush(heap, (sizes[into], into))
    for index in range(len(standing)):
        while standing[standing[index]] != standing[index]:
            standing[index] = standing[standing[index]]
    return np.array(standing, dtype=np.int64)
