"""Growing tables of numpy columns: rows are appended, whole tables are copied when they grow or are thinned out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.matching.base.positions import I64, AnyArray


class Columns:
    """Columns of equal length. Arrays that were handed out keep their rows whatever is appended afterwards."""

    def __init__(self, dtypes: Mapping[str, type[np.generic]], capacity: int) -> None:
        self._columns: dict[str, AnyArray] = {name: np.empty(capacity, dtype=dtype) for name, dtype in dtypes.items()}
        self._capacity = capacity
        self.count = 0

    def __getitem__(self, name: str) -> AnyArray:
        """A column with all its spare room."""
        return self._columns[name]

    def append(self, **values: int) -> int:
        """Add one row, with a value for every column; returns its number. Amortised O(1)."""
        self._make_room(1)
        row = self.count
        for name, column in self._columns.items():
            column[row] = values[name]
        self.count += 1
        return row

    def extend(self, count: int, values: Mapping[str, AnyArray]) -> int:
        """Add `count` rows, with that many values for every column; returns the number of the first."""
        self._make_room(count)
        first = self.count
        for name, column in self._columns.items():
            column[first : first + count] = values[name]
        self.count += count
        return first

    def _make_room(self, count: int) -> None:
        if self.count + count > self._capacity:
            room = max(self._capacity, self.count + count - self._capacity)
            self._columns = {
                name: np.concatenate([column, np.empty(room, dtype=column.dtype)])
                for name, column in self._columns.items()
            }
            self._capacity += room

    def all(self) -> dict[str, AnyArray]:
        """The rows that are in use, with all spare room behind them."""
        return self._columns

    def filled(self) -> dict[str, AnyArray]:
        """The rows that are in use, as views."""
        return {name: column[: self.count] for name, column in self._columns.items()}


def spans(begin: I64, size: npt.NDArray[np.integer[Any]]) -> tuple[I64, I64]:
    """(where each span begins when they are laid end to end, the old places of all their elements in that order)."""
    sizes = size.astype(np.int64)
    new_begin = np.cumsum(sizes) - sizes
    source = np.repeat(begin - new_begin, sizes) + np.arange(int(sizes.sum()))
    return new_begin, source
