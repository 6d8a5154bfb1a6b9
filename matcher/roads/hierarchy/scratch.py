"""Work arrays that kernels use again and again: one set a thread at work, kept for the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from matcher.matching.base.positions import INFINITE
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import I32, I64, U8, RoadNetwork

T = TypeVar("T")

_ROUND_LIMIT = 2**31 - 2
#: Columns that arrays have room for from the beginning: the most candidates that a rider usually has.
_USUAL_COLUMNS = 16


class QueryScratch(NamedTuple):
    """For `query.tree_query` and `summit.summit_query`. Flat: a record in a record takes a call twice as long."""

    forward: I64  # (n,) packed distance from the source; all INFINITE between uses
    backward: I64  # (n,) to the target
    forward_code: I32  # (n,) by which each node was reached
    backward_code: I32  # (n,)
    codes: I32  # (2 height + 4,)
    entries: I32  # (2, height + 1) nodes of the summit that were reached
    ways: I64  # (2, height + 1) packed


class OverlapScratch(NamedTuple):
    """For `overlap.shared_of_routes`: values count where their round is the present one, so nothing is cleared."""

    stamp: I32  # (m,)
    stamp_round: I32  # (m,)
    memo: I32  # (C,)
    memo_round: I32  # (C,)
    under_round: I32  # (n,)
    stack: I32  # (4 height + 16,)
    seen: I32  # (m,)
    numbers: I64  # (2,) the last round and the last route that was given out

    def next_round(self) -> int:
        """A round number that no stored value carries."""
        if self.numbers[0] >= _ROUND_LIMIT:
            for stored in (self.stamp_round, self.memo_round, self.under_round):
                stored[:] = 0
            self.numbers[0] = 0
        self.numbers[0] += 1
        return int(self.numbers[0])

    def next_routes(self, count: int) -> int:
        """The first of `count` numbers that no value in `seen` has."""
        if self.numbers[1] >= _ROUND_LIMIT - count:
            self.seen[:] = 0
            self.numbers[1] = 0
        self.numbers[1] += count
        return int(self.numbers[1]) - count + 1


class SomeScratch(NamedTuple):
    """For `columns.SomeDrives`."""

    flat: I64  # room for (n, 6); nothing in it is ever negative
    state: U8  # (n,) all 0 between uses
    touched: I32  # (n,)
    path: I32  # (height + 1,)


@dataclass(eq=False)
class ColumnScratch:
    """For `columns.DriveColumns`; nothing is clean."""

    flat: I64  # room for (n, k)
    state: U8  # (n,)


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
        self._distances: dict[int, deque[I64]] = {2: deque(), 4: deque(), 6: deque()}
        self._some: deque[SomeScratch] = deque()
        self._overlaps: deque[OverlapScratch] = deque()
        self._columns: deque[ColumnScratch] = deque()

    def query(self) -> AbstractContextManager[QueryScratch]:
        """Arrays for one point-to-point query."""
        return _borrowed(self._queries, self._new_query)

    def distances(self, columns: int) -> AbstractContextManager[I64]:
        """(n, columns) int64, not cleared; of 2, 4 or 6 columns."""
        return _borrowed(self._distances[columns], lambda: np.empty((self._n, columns), dtype=np.int64))

    def some(self) -> AbstractContextManager[SomeScratch]:
        """Arrays for distances of some nodes."""
        return _borrowed(self._some, self._new_some)

    def overlap(self) -> AbstractContextManager[OverlapScratch]:
        """Arrays for one round of overlaps."""
        return _borrowed(self._overlaps, self._new_overlap)

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
            numbers=np.zeros(2, dtype=np.int64),
        )


@contextmanager
def _borrowed(shelf: deque[T], make: Callable[[], T]) -> Iterator[T]:
    try:
        work = shelf.pop()
    except IndexError:
        work = make()
    yield work
    shelf.append(work)
