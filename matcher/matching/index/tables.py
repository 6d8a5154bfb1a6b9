"""Where an offer and where a driver's offers are among the rows: hash tables of row numbers, without a Python object
for any of them.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from matcher.matching.base.positions import I32, I64, U8

U64 = npt.NDArray[np.uint64]

#: A slot that was never used, and one whose row has gone.
_EMPTY, _GONE = -1, -2
#: A table of ids is never fuller than this, tombstones included, so that a look-up ends after a few slots.
_MOST_FULL = 0.85
_LEAST_SLOTS = 64
#: Rows a bucket of drivers, on average and at the most.
_ROWS_A_BUCKET, _MOST_ROWS_A_BUCKET = 8, 16
_LEAST_BUCKETS = 16


class IdTable:
    """Offer id -> row, by open addressing with linear probing. The ids themselves are columns of the rows, and are not
    kept twice.

    A slot is an int32 and tables are filled up to 85 %: under 5 bytes an offer where the table was made for as many.
    """

    def __init__(self, expected: int = 0) -> None:
        self._slots = _slots_for(expected)
        self._used = 0  # slots that are not empty
        self.count = 0

    @property
    def nbytes(self) -> int:
        """Of memory."""
        return self._slots.nbytes

    def find(self, high: U64, low: U64, offer_high: int, offer_low: int) -> int:
        """The row of an id, or -1. high, low: columns of the rows."""
        return int(find_id(self._slots, high, low, np.uint64(offer_high), np.uint64(offer_low)))

    def find_many(self, high: U64, low: U64, offer_high: U64, offer_low: U64) -> I64:
        """(k,) rows of k ids, -1 where there is none."""
        found: I64 = find_ids(self._slots, high, low, offer_high, offer_low)
        return found

    def enter(self, high: U64, low: U64, first: int, last: int) -> I64:
        """Rows [first, last) are where their ids are from now on; returns the rows where some of these ids have
        been."""
        if self._used + last - first > _MOST_FULL * len(self._slots):
            self._slots = _regrown(
                self._slots, _slots_for(max(self.count + last - first, 5 * self.count // 4)), high, low
            )
            self._used = self.count
        replaced, used = enter_ids(self._slots, high, low, first, last)
        self._used += used
        self.count += last - first - len(replaced)
        found: I64 = replaced
        return found

    def drop(self, high: U64, low: U64, offer_high: int, offer_low: int) -> int:
        """Forget an id; returns the row where it was, or -1."""
        row = int(drop_id(self._slots, high, low, np.uint64(offer_high), np.uint64(offer_low)))
        self.count -= row >= 0
        return row


class DriverRows:
    """Driver -> rows: chains through the rows, newest first, one a bucket of a hash of the driver.

    Rows that have gone stay in their chains.
    """

    def __init__(self, capacity: int) -> None:
        self._heads = np.full(max(_LEAST_BUCKETS, capacity // _ROWS_A_BUCKET), _EMPTY, np.int32)
        self._before: I32 = np.empty(capacity, np.int32)  # the next older row of the bucket

    @property
    def nbytes_a_row(self) -> int:
        """Of memory, beside the buckets."""
        return self._before.itemsize

    @property
    def nbytes_of_buckets(self) -> int:
        """Of memory."""
        return self._heads.nbytes

    def enter(self, driver: U64, first: int, last: int) -> None:
        """Rows [first, last) have been added; driver: the column of `driver_digest`."""
        if last > len(self._before):
            grown = np.empty(len(driver), np.int32)
            grown[:first] = self._before[:first]
            self._before = grown
        if last > _MOST_ROWS_A_BUCKET * len(self._heads):
            self._heads = np.full(max(_LEAST_BUCKETS, 2 * last // _ROWS_A_BUCKET), _EMPTY, np.int32)
            first = 0
        chain_drivers(self._heads, self._before, driver, first, last)

    def rows_of(self, driver: U64, alive: U8, digest: int) -> I64:
        """The rows of a driver that are alive, ascending."""
        found: I64 = rows_of_driver(self._heads, self._before, driver, alive, np.uint64(digest))
        return found


def _slots_for(count: int) -> I32:
    return np.full(max(_LEAST_SLOTS, int(count / _MOST_FULL) + 1), _EMPTY, np.int32)


def _regrown(slots: I32, larger: I32, high: U64, low: U64) -> I32:
    reenter_ids(slots, larger, high, low)
    return larger


@numba.njit(cache=True, nogil=True, inline="always")
def slot_of(high, low, size):
    """Where the search for an id begins."""
    mixed = high * np.uint64(0x9E3779B97F4A7C15) ^ low * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return np.int64(((mixed >> np.uint64(32)) * np.uint64(size)) >> np.uint64(32))


@numba.njit(cache=True, nogil=True)
def place_of_id(slots, high, low, offer_high, offer_low):
    """(slot of an id or -1, first slot that it could be put in)."""
    size = len(slots)
    at = slot_of(offer_high, offer_low, size)
    free = -1
    while slots[at] != _EMPTY:
        row = slots[at]
        if row == _GONE:
            if free < 0:
                free = at
        elif high[row] == offer_high and low[row] == offer_low:
            return at, at
        at += 1
        if at == size:
            at = 0
    return -1, at if free < 0 else free


@numba.njit(cache=True, nogil=True)
def find_id(slots, high, low, offer_high, offer_low):
    """The row of an id, or -1."""
    at, _ = place_of_id(slots, high, low, offer_high, offer_low)
    return slots[at] if at >= 0 else -1


@numba.njit(cache=True, nogil=True)
def find_ids(slots, high, low, offer_high, offer_low):
    """(k,) rows of k ids, -1 where there is none."""
    rows = np.empty(len(offer_high), np.int64)
    for k in range(len(rows)):
        rows[k] = find_id(slots, high, low, offer_high[k], offer_low[k])
    return rows


@numba.njit(cache=True, nogil=True)
def enter_ids(slots, high, low, first, last):
    """(rows whose place was taken by one of [first, last), slots that were empty before)."""
    replaced = np.empty(last - first, np.int64)
    size = used = 0
    for row in range(first, last):
        at, free = place_of_id(slots, high, low, high[row], low[row])
        if at >= 0:
            replaced[size] = slots[at]
            size += 1
        elif slots[free] == _EMPTY:
            used += 1
        slots[free] = row
    return replaced[:size].copy(), used


@numba.njit(cache=True, nogil=True)
def drop_id(slots, high, low, offer_high, offer_low):
    """The row of an id that is forgotten, or -1."""
    at, _ = place_of_id(slots, high, low, offer_high, offer_low)
    if at < 0:
        return -1
    row = slots[at]
    slots[at] = _GONE
    return row


@numba.njit(cache=True, nogil=True)
def reenter_ids(slots, larger, high, low):
    """Put every row of one table into another."""
    for k in range(len(slots)):
        row = slots[k]
        if row >= 0:
            _, free = place_of_id(larger, high, low, high[row], low[row])
            larger[free] = row


@numba.njit(cache=True, nogil=True)
def chain_drivers(heads, before, driver, first, last):
    """Put rows [first, last) before those that are in their chains."""
    buckets = np.uint64(len(heads))
    for row in range(first, last):
        bucket = np.int64(driver[row] % buckets)
        before[row] = heads[bucket]
        heads[bucket] = row


@numba.njit(cache=True, nogil=True)
def rows_of_driver(heads, before, driver, alive, digest):
    """Rows of a driver that are alive, ascending: chains only ever lead to older rows."""
    found = np.empty(8, np.int64)
    size = 0
    row = heads[np.int64(digest % np.uint64(len(heads)))]
    while row >= 0:
        if driver[row] == digest and (alive[row >> 3] >> (row & 7)) & 1:
            if size == len(found):
                more = np.empty(2 * size, np.int64)
                more[:size] = found
                found = more
            found[size] = row
            size += 1
        row = before[row]
    return found[:size][::-1].copy()
