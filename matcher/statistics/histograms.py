"""Histograms on a logarithmic scale that add up: every quantile within 2 % of the true one.

A bucket holds the whole numbers from its bound up to, not including, the next one. Buckets hold one number each up to
25, and beyond that the largest number of a bucket is at most 4 % larger than the smallest. The harmonic mean of the two
is within 2 % of both. The value of rank ceil(q n) is in the bucket in which the count reaches that rank, so the error
of a quantile is that of its bucket, however many histograms were added up. The bounds are part of what is stored: they
never change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

#: The most that a quantile is off, as a part of the true one.
RELATIVE_ERROR: Final = 0.02
#: Larger numbers count as this one: 16 minutes in microseconds.
LARGEST: Final = 1_000_000_000
QUANTILES: Final = (0.50, 0.95, 0.99)
#: Stands for the bucket of a quantile of nothing.
NO_BUCKET: Final = 0xFFFF

#: Sorting is cheaper than counting when there are this many times more places to count in than entries.
_SPARSE: Final = 8
_ENTRY = np.dtype([("bucket", "<u2"), ("count", "<u4")])


def _make_bounds() -> list[int]:
    bounds = [0, 1]
    while bounds[-1] <= LARGEST:
        # Whole numbers only, so that every machine and the database agree: 26/25 is 1.04.
        bounds.append(max(bounds[-1] + 1, bounds[-1] * 26 // 25 + 1))
    return bounds


#: The least number of each bucket, ascending; PostgreSQL's width_bucket takes the same list and counts from 1.
BOUNDS: Final[Sequence[int]] = tuple(_make_bounds())
_LOW = np.asarray(BOUNDS[:-1], dtype=np.float64)
_HIGH = np.asarray(BOUNDS[1:], dtype=np.float64) - 1
#: What stands for each bucket.
MIDDLES: Final = np.divide(2 * _LOW * _HIGH, _LOW + _HIGH, out=np.zeros_like(_LOW), where=_HIGH > 0)


def pack(counts: Mapping[int, int]) -> bytes:
    """Counts by bucket, as they are stored: (bucket uint16, count uint32), little endian, ascending by bucket."""
    entries = np.array([(bucket, counts[bucket]) for bucket in sorted(counts) if counts[bucket]], dtype=_ENTRY)
    return entries.tobytes()


def unpack(packed: bytes) -> dict[int, int]:
    """Counts by bucket."""
    entries = np.frombuffer(packed, dtype=_ENTRY)
    return dict(zip(entries["bucket"].tolist(), entries["count"].tolist(), strict=True))


def quantile_buckets(histograms: Sequence[bytes]) -> bytes:
    """The buckets of QUANTILES of each histogram, as they are stored beside it: uint16, little endian, NO_BUCKET
    without numbers."""
    found = np.full((len(histograms), len(QUANTILES)), NO_BUCKET, dtype="<u2")
    for row, packed in enumerate(histograms):
        column = HistogramColumn(packed, np.asarray([len(packed)]), np.zeros(1, dtype=np.int64), 1)
        found[row] = column.quantiles()[0]
    return found.tobytes()


def added(packed: bytes, more: Mapping[int, int]) -> bytes:
    """A stored histogram with more counts in it."""
    counts = unpack(packed)
    for bucket, count in more.items():
        counts[bucket] = counts.get(bucket, 0) + count
    return pack(counts)


class HistogramColumn:
    """Many histograms one after the other, summed by group and asked for their quantiles at once.

    packed: stored histograms, joined; lengths: the bytes of each; groups: the group of each, from 0 up to but not
    including group_count. O(entries), unless groups are many and descend: then a stable sort.
    """

    def __init__(self, packed: bytes, lengths: Ints, groups: Ints, group_count: int) -> None:
        entries = np.frombuffer(packed, dtype=_ENTRY)
        keys = np.repeat(groups, lengths // _ENTRY.itemsize) * len(BOUNDS) + entries["bucket"]
        counts = entries["count"].astype(np.int64)
        if np.any(keys[1:] < keys[:-1]):
            if group_count * len(BOUNDS) <= _SPARSE * keys.size:
                summed = np.bincount(keys, counts)  # floats, but exact: far below 2^53
                keys = np.flatnonzero(summed)
                counts = summed[keys].astype(np.int64)
            else:
                order = np.argsort(keys, kind="stable")
                keys, counts = keys[order], counts[order]
        self._keys = keys
        self._running = np.cumsum(counts)
        self._ends = np.searchsorted(keys, (np.arange(group_count, dtype=np.int64) + 1) * len(BOUNDS))

    def quantiles(self) -> Ints:
        """The buckets of QUANTILES of each group, as one row each; NO_BUCKET in a row without numbers."""
        after = np.concatenate(([0], self._running))[self._ends]
        before = np.concatenate(([0], after[:-1]))
        total = after - before
        found = np.full((len(total), len(QUANTILES)), NO_BUCKET, dtype=np.int64)
        some = total > 0
        for column, q in enumerate(QUANTILES):
            # The percentage is whole, so that the rank is computed without rounding.
            rank = -(-total[some] * round(q * 100) // 100)
            found[some, column] = self._keys[np.searchsorted(self._running, before[some] + rank)] % len(BOUNDS)
        return found
