"""Work arrays that kernels use again and again: one set a thread at work, kept for the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from matcher.matching.base.positions import INFINITE
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import I32, I64, U8, RoadNetwork

T = TypeVar("T")

_ROUND_LIMIT = 2**31 - 2
#: Columns that arrays have room for from the beginning: the most candidates that a rider usually has.
_USUAL_COLUMNS = 16


@dataclass(eq=False)
class QueryScratch:
    """For `query.tree_query` and `summit.summit_query`: (n,) distances that are INFINITE between uses, and codes."""

    forward: I64
    backward: I64
    forward_code: I32
    backward_code: I32
    codes: I32
    entries: I32  # (2, height)
    ways: I64  # (2, height)


@dataclass(eq=False)
class OverlapScratch:
    """For `overlap.shared_of_routes`: values that are valid where their round is the present one, so nothing is ever cleared."""

    stamp: I32  # (m,)
    stamp_round: I32  # (m,)
    memo: I32  # (C,)
    memo_round: I32  # (C,)
    under_round: I32  # (n,)
    stack: I32
    seen: I32  # (m,)
    round: int = field(default=0)
    route: int = field(default=0)

    def next_round(self) -> int:
        """A round number that no stored value carries."""
        if self.round >= _ROUND_LIMIT:
            self.stamp_round[:] = 0
            self.memo_round[:] = 0
            self.under_round[:] = 0
            self.round = 0
        self.round += 1
        return self.round

    def next_routes(self, count: int) -> int:
        """The first of `count` numbers that no value in `seen` has."""
        if self.route >= _ROUND_LIMIT - count:
            self.seen[:] = 0
            self.route = 0
        first = self.route + 1
        self.route += count
        return first


@dataclass(eq=False)
class ColumnScratch:
    """For `columns.DriveColumns`; nothing is clean."""

    flat: I64  # room for (n, k)
    state: U8  # (n,)


@dataclass(eq=False)
class SomeScratch:
    """For `columns.SomeDrives`; `state` is all 0 between uses, and nothing in `flat` is ever negative."""

    flat: I64  # room for (n, 6)
    state: U8  # (n,)
    touched: I32  # (n,)
    path: I32  # (height,)


class ScratchPool:
    """Hands out work arrays and takes them back. A deque's append and pop are atomic, so no lock is needed.

    A use that ends in an exception drops its arrays: they may not be clean.
    """

    def __init__(self, network: RoadNetwork, topology: Topology) -> None:
        self._n = network.node_count
        self._m = network.arc_count
        self._codes = 2 * topology.slot_count
        self._height = topology.height()
        self._queries: deque[QueryScratch] = deque()
        self._distances: deque[I64] = deque()
        self._distances_both: deque[I64] = deque()
        self._leasts: deque[I64] = deque()
        self._some: deque[SomeScratch] = deque()
        self._overlaps: deque[OverlapScratch] = deque()
        self._columns: deque[ColumnScratch] = deque()

    @contextmanager
    def query(self) -> Iterator[QueryScratch]:
        """Arrays for one point-to-point query."""
        with _borrowed(self._queries, self._new_query) as work:
            yield work

    @contextmanager
    def distances(self) -> Iterator[I64]:
        """(n, 2) int64, not cleared."""
        with _borrowed(self._distances, lambda: np.empty((self._n, 2), dtype=np.int64)) as work:
            yield work

    @contextmanager
    def distances_both(self) -> Iterator[I64]:
        """(n, 4) int64, not cleared."""
        with _borrowed(self._distances_both, lambda: np.empty((self._n, 4), dtype=np.int64)) as work:
            yield work

    @contextmanager
    def leasts(self) -> Iterator[I64]:
        """(n, 6) int64, not cleared."""
        with _borrowed(self._leasts, lambda: np.empty((self._n, 6), dtype=np.int64)) as work:
            yield work

    @contextmanager
    def some(self) -> Iterator[SomeScratch]:
        """Arrays for distances of some nodes."""
        with _borrowed(self._some, self._new_some) as work:
            yield work

    @contextmanager
    def overlap(self) -> Iterator[OverlapScratch]:
        """Arrays for one round of overlaps."""
        with _borrowed(self._overlaps, self._new_overlap) as work:
            yield work

    @contextmanager
    def columns(self, count: int) -> Iterator[ColumnScratch]:
        """Arrays for columns of `count` positions."""
        with _borrowed(self._columns, lambda: self._new_columns(count)) as work:
            if len(work.flat) < self._n * count:
                work.flat = self._new_columns(count).flat
            yield work

    def _new_columns(self, count: int) -> ColumnScratch:
        # Memory that is never touched costs nothing, and few rows are.
        size = self._n * max(count, _USUAL_COLUMNS)
        return ColumnScratch(flat=np.empty(size, dtype=np.int64), state=np.empty(self._n, dtype=np.uint8))

    def _new_some(self) -> SomeScratch:
        return SomeScratch(
            flat=np.zeros(6 * self._n, dtype=np.int64),
            state=np.zeros(self._n, dtype=np.uint8),
            touched=np.empty(self._n, dtype=np.int32),
            path=np.empty(self._height + 1, dtype=np.int32),
        )

    def _new_query(self) -> QueryScratch:
        return QueryScratch(
            forward=np.full(self._n, INFINITE),
            backward=np.full(self._n, INFINITE),
            forward_code=np.empty(self._n, dtype=np.int32),
            backward_code=np.empty(self._n, dtype=np.int32),
            codes=np.empty(2 * self._height + 4, dtype=np.int32),
            entries=np.empty((2, self._height + 1), dtype=np.int32),
            ways=np.empty((2, self._height + 1), dtype=np.int64),
        )

    def _new_overlap(self) -> OverlapScratch:
        return OverlapScratch(
            stamp=np.zeros(self._m, dtype=np.int32),
            stamp_round=np.zeros(self._m, dtype=np.int32),
            memo=np.zeros(self._codes, dtype=np.int32),
            memo_round=np.zeros(self._codes, dtype=np.int32),
            under_round=np.zeros(self._n, dtype=np.int32),
            stack=np.empty(4 * self._height + 16, dtype=np.int32),
            seen=np.zeros(self._m, dtype=np.int32),
        )


@contextmanager
def _borrowed(shelf: deque[T], make: Callable[[], T]) -> Iterator[T]:
    try:
        work = shelf.pop()
    except IndexError:
        work = make()
    yield work
    shelf.append(work)
