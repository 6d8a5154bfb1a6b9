"""Run every kernel that answers for roads once, so that nobody's first search waits for a compiler.

What is compiled is kept on disk and read by later processes in a fraction of a second (see `matching.kernel_version`).
A kernel is compiled for the types of its arguments, so this goes through `RoadEngine` as a service does, on a network
of two streets.
"""

from __future__ import annotations

import numpy as np

from matcher.domain.place import Coordinate, RoadPosition
from matcher.matching.base.kernel_version import one_compiles
from matcher.matching.base.positions import FRACTION_ONE, INFINITE
from matcher.matching.base.roads import PathTable
from matcher.progress import Progress, no_progress
from matcher.roads.engine import SUMMIT_FROM, RoadEngine
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import network_from_vectors
from matcher.roads.sweeps.one import sweep_places


def warm_kernels(progress: Progress = no_progress) -> None:
    """Compile, or read what was compiled before. `progress` is told what is going on, once or twice.

    Several processes may do this at once: one compiles, the others wait and read.
    """
    with one_compiles(sweep_places, lambda: progress("waiting for another process that compiles the kernels")):
        progress("compiling the kernels")
        _use_everything()


def _use_everything() -> None:
    """Each method of an engine once, on two nodes with a one-way street there and another back."""
    network = network_from_vectors(
        first_out=np.array([0, 1, 2], dtype=np.int32),
        head=np.array([1, 0], dtype=np.int32),
        time_ms=np.array([1000, 2000], dtype=np.int32),
        length_cm=np.array([1000, 1000], dtype=np.int32),
        latitude=np.array([0.0, 0.0]),
        longitude=np.array([0.0, 0.0001]),
    )
    engine = RoadEngine("warm-up", "", network, Topology.build(network))
    snapped = engine.snap(Coordinate(lat=0.0, lon=0.0), limit_m=1.0)
    drive = engine.pack_drive(RoadPosition(0, 0.5), RoadPosition(1, 0.5))
    assert snapped is not None
    assert drive is not None
    with engine.sweep(snapped.position, RoadPosition(1, 0.5)) as distance:
        assert (distance < INFINITE).all()
    with (
        engine.sweep_both(snapped.position, RoadPosition(1, 0.5)) as distance,
        engine.some_drives(snapped.position, RoadPosition(1, 0.5), both=True) as some,
    ):
        assert np.array_equal(some.settled(np.zeros(1, dtype=np.int32)), distance)
    none = np.zeros(2, dtype=np.int64)
    edge, at = np.array([0, 1], dtype=np.int64), np.full(2, FRACTION_ONE // 2, dtype=np.int64)
    with (
        engine.columns(edge, at, to=True) as home,
        engine.columns(edge, at, to=False) as away,
        engine.sweep_least([(home, none, away, none)] * 3) as distance,
        engine.some_least([(home, none, away, none)] * 3) as some,
    ):
        assert np.array_equal(some.settled(np.zeros(1, dtype=np.int32)), distance)
        assert (engine.costs_between(away, home) < INFINITE).all()
        assert (home.settled(np.zeros(1, dtype=np.int32)) < INFINITE).all()
        assert (distance < INFINITE).all()
    edges, halves = np.array([0, 1], dtype=np.int32), np.full(2, FRACTION_ONE // 2, dtype=np.int32)
    many = [np.tile(column, SUMMIT_FROM) for column in (edges, halves, edges[::-1], halves)]
    engine.pack_drives(*many)
    _, codes, begin, size = engine.pack_drives(edges, halves, edges[::-1], halves)
    legs = PathTable(codes, begin, size, halves, halves)
    # A route of one leg and a route of two go through different kernels.
    leg_begin, leg_count = np.zeros(2, dtype=np.int64), np.array([1, 2], dtype=np.uint8)
    engine.shared_lengths(drive, (FRACTION_ONE // 2, FRACTION_ONE // 2), legs, leg_begin, leg_count)
