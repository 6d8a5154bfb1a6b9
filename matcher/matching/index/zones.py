"""Rows in blocks, and for each block how many of its rows are alive and between which bounds they lie (a *zone map*).

A search passes over a block without looking at its rows when the bounds alone tell what becomes of all of them. Bounds only ever widen, when
a row is added; a row that has gone leaves them as they are: too wide at times, never too narrow.
"""

from __future__ import annotations

import numba
import numpy as np

from matcher.matching.base.positions import I32, I64, U8

#: How many rows a block has: few enough that its bounds tell something, many enough that there are few blocks to look at.
BLOCK = 512

#: The columns of a zone map, (blocks, ZONE) int64.
FROM_LEAST, FROM_MOST, BY_LEAST, BY_MOST, OVER_LEAST, OVER_MOST, REACH_MOST, SEATS_LEAST, SEATS_MOST = range(9)
ORIGIN_LEAST, ORIGIN_MOST, DESTINATION_LEAST, DESTINATION_MOST, KINDS, WOMEN = range(9, 15)
ZONE = 15
#: Bits of KINDS: rows of one leg, rows of several.
DIRECT, SEVERAL = 1, 2
#: Bits of the column `stated` of the rows, above those of PREFERENCE_KEYS; in the zone map, what any row has, with NOT_ALL_WOMEN for a driver
#: who does not share to be one.
WOMEN_ONLY, DRIVER_IS_WOMAN, NOT_ALL_WOMEN = 32, 64, 128


class Blocks:
    """Which rows are alive, and the zone maps. One writer at a time; what `shared` gave out changes only beyond the rows there were then."""

    def __init__(self, block: int, capacity: int) -> None:
        if block < 8 or block % 8:
            raise ValueError(f"a block is a multiple of 8 rows, not {block}")
        self.block = block
        self.alive: U8 = np.zeros(0, np.uint8)  # a bit a row
        self.alive_count: I32 = np.zeros(0, np.int32)
        self.zones: I64 = np.zeros((0, ZONE), np.int64)
        self._shared = False
        self._make_room(capacity)

    @property
    def nbytes_a_block(self) -> int:
        """Of memory."""
        return self.zones.itemsize * ZONE + self.alive_count.itemsize + self.block // 8

    def shared(self) -> tuple[U8, I32, I64]:
        """(alive, alive_count, zones) for a search that goes on while others write."""
        self._shared = True
        return self.alive, self.alive_count, self.zones

    def enter(self, first: int, last: int, offers: tuple[object, ...]) -> None:
        """Rows [first, last) have been added, and are alive. offers: `rows.Rows.sieved`, with room or without."""
        if last > len(self.alive_count) * self.block:
            self._make_room(max(last, 2 * first))
        # No copy: a search that shares these arrays looks at no row from `first` on, and trusts no count of a block that was not full.
        enter_rows(self.alive, self.alive_count, self.zones, self.block, first, last, offers)

    def retire(self, rows: I64) -> None:
        """Some rows have gone."""
        if self._shared:
            self.alive, self.alive_count = self.alive.copy(), self.alive_count.copy()
            self._shared = False
        retire_rows(self.alive, self.alive_count, self.block, rows)

    def _make_room(self, rows: int) -> None:
        count = -(-rows // self.block)
        for name, shape in (("alive", count * (self.block // 8)), ("alive_count", count), ("zones", (count, ZONE))):
            old = getattr(self, name)
            grown = np.zeros(shape, old.dtype)
            grown[: len(old)] = old
            setattr(self, name, grown)
        self._shared = False


@numba.njit(cache=True, nogil=True)
def enter_rows(alive, alive_count, zones, block, first, last, offers):
    """Widen the zone maps by rows [first, last), and set their bits."""
    (
        leg_count, departure_ms, flexibility_s, shift_ms, base_cost, max_detour_ms, seats, stated,
        origin_node, destination_node, reach_ms,
    ) = offers  # fmt: skip
    for row in range(first, last):
        zone = zones[row // block]
        published_ms = departure_ms[row] - shift_ms[row]
        flexibility_ms = np.int64(flexibility_s[row]) * 1000
        from_ms, by_ms = published_ms - flexibility_ms, published_ms + flexibility_ms
        over_ms = by_ms + (base_cost[row] >> 32) + max(0, max_detour_ms[row])
        new = row % block == 0
        widen(zone, FROM_LEAST, FROM_MOST, from_ms, new)
        widen(zone, BY_LEAST, BY_MOST, by_ms, new)
        widen(zone, OVER_LEAST, OVER_MOST, over_ms, new)
        widen(zone, SEATS_LEAST, SEATS_MOST, np.int64(seats[row]), new)
        widen(zone, ORIGIN_LEAST, ORIGIN_MOST, np.int64(origin_node[row]), new)
        widen(zone, DESTINATION_LEAST, DESTINATION_MOST, np.int64(destination_node[row]), new)
        kind = DIRECT if leg_count[row] == 1 else SEVERAL
        flags = np.int64(stated[row]) & WOMEN_ONLY
        if stated[row] & DRIVER_IS_WOMAN:
            flags |= DRIVER_IS_WOMAN
        else:
            flags |= NOT_ALL_WOMEN
        reach = np.int64(reach_ms[row])
        zone[REACH_MOST] = reach if new else max(zone[REACH_MOST], reach)
        zone[KINDS] = kind if new else zone[KINDS] | kind
        zone[WOMEN] = flags if new else zone[WOMEN] | flags
        alive[row >> 3] |= np.uint8(1 << (row & 7))
        alive_count[row // block] += 1


@numba.njit(cache=True, nogil=True, inline="always")
def widen(zone, least, most, value, new):
    """A pair of bounds that begins with a value, or is made to hold it."""
    zone[least] = value if new else min(zone[least], value)
    zone[most] = value if new else max(zone[most], value)


@numba.njit(cache=True, nogil=True)
def retire_rows(alive, alive_count, block, rows):
    """Clear the bits of some rows that are alive."""
    for row in rows:
        bit = np.uint8(1 << (row & 7))
        if alive[row >> 3] & bit:
            alive[row >> 3] ^= bit
            alive_count[row // block] -= 1
