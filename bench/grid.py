"""A synthetic country: streets at right angles with some missing, and roads that are faster the rarer they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from bench.worlds import World, on_edges, prepare
from matcher.roads.network.graph import network_from_vectors

_BLOCK_M = 150
#: Every so many streets one is a road, and every so many of those a motorway: how fast each is, in km/h.
_ROADS = ((64, 110), (8, 60), (1, 30))
#: One street in so many is missing, as are lakes and hills.
_MISSING = 6


def grid_world(nodes: int, seed: int = 20261201) -> World:
    """About `nodes` crossings in a square. Deterministic."""
    side = max(2, round(nodes**0.5))
    rng = np.random.default_rng([seed, 6])
    row, column = np.divmod(np.arange(side * side, dtype=np.int64), side)
    east = np.flatnonzero(column < side - 1)
    south = np.flatnonzero(row < side - 1)
    tail = np.concatenate([east, south])
    head = np.concatenate([east + 1, south + side])
    speed = np.concatenate([_speed(row[east]), _speed(column[south])])
    kept = (rng.integers(_MISSING, size=len(tail)) > 0) | (speed > _ROADS[-1][1])
    tail, head, speed = tail[kept], head[kept], speed[kept]
    length_m = rng.integers(_BLOCK_M * 2 // 3, _BLOCK_M * 4 // 3, size=len(tail))
    time_ms = length_m * 3600 // speed
    # Two-way, and sorted by where they begin.
    ends = np.concatenate([tail, head]), np.concatenate([head, tail])
    both = np.concatenate([time_ms, time_ms]), np.concatenate([100 * length_m, 100 * length_m])
    order = np.lexsort((ends[1], ends[0]))
    first_out = np.concatenate([[0], np.cumsum(np.bincount(ends[0], minlength=side * side))])
    network = network_from_vectors(
        first_out.astype(np.int32),
        ends[1][order].astype(np.int32),
        both[0][order].astype(np.int32),
        both[1][order].astype(np.int32),
        45 + row * _BLOCK_M / 111_195.0,
        5 + column * _BLOCK_M / 78_000.0,
    )
    spent: dict[str, float] = {}
    engine = prepare("grid", network, spent)
    arcs = csr_array((np.ones(network.arc_count), (network.arc_tail, network.arc_head)), shape=(side * side,) * 2)
    _, part = connected_components(arcs, directed=False)
    inside = np.flatnonzero(part[network.arc_tail] == np.bincount(part).argmax())
    return World("grid", engine, on_edges(network.arc_edge[inside]), spent)


def _speed(line: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    speeds = np.zeros(len(line), np.int64)
    for every, kmh in _ROADS:
        speeds = np.where((speeds == 0) & (line % every == 0), kmh, speeds)
    return speeds
