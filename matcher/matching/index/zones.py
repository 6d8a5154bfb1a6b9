"""Rows in blocks, and for each block how many of its rows are alive and between which bounds they lie (a *zone map*).

A search passes over a block without looking at its rows when the bounds alone tell what becomes of all of them. Bounds
only widen, when a row is added; a row that has gone leaves them as they are: sometimes too wide, never too narrow.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from matcher.matching.base.positions import I32, I64, U8, AnyArray
from matcher.matching.index.rows import DRIVER_IS_WOMAN, WOMEN_ONLY, Sieved

#: How many rows a block has: few enough that its bounds tell something, many enough that there are few blocks.
BLOCK = 512

#: The zone map of a block. In ms: earliest departures, latest departures, ends of the longest trips, reach.
#: kinds: bits of the kinds of its rows. women: the bits about women of any of its rows.
ZONE = np.dtype(
    [
        (name, np.int64)
        for name in (
            "from_least", "from_most", "by_least", "by_most", "over_least", "over_most", "reach_most",
            "seats_least", "seats_most", "origin_least", "origin_most", "destination_least", "destination_most",
            "kinds", "women",
        )
    ]
)  # fmt: skip
#: Bits of `kinds`: rows of one leg, rows of several.
DIRECT, SEVERAL = 1, 2
#: A bit of `women`, beside those of the column `stated`: some driver does not share to be a woman.
NOT_ALL_WOMEN = 128


class RowBlocks(NamedTuple):
    """What a search sees of the blocks.

    alive: a bit a row. alive_count, zones: (blocks,), int32 and ZONE. own, hidden: rows of the searcher and of hidden
    drivers, ascending. size: rows of a block. row_count: rows in all.
    """

    alive: U8
    alive_count: I32
    zones: AnyArray
    own: I64
    hidden: I64
    size: int
    row_count: int


class ZoneMaps:
    """Which rows are alive, and the zone maps. One writer at a time.

    What `shared` gave out changes only beyond the rows there were then.
    """

    def __init__(self, block: int, capacity: int) -> None:
        if block < 8 or block % 8:
            raise ValueError(f"a block is a multiple of 8 rows, not {block}")
        self.block = block
        self.alive: U8 = np.zeros(0, np.uint8)  # a bit a row
        self.alive_count: I32 = np.zeros(0, np.int32)
        self.zones: AnyArray = np.zeros(0, ZONE)
        self._shared = False
        self._make_room(capacity)

    @property
    def nbytes_a_block(self) -> int:
        """Of memory."""
        return self.zones.itemsize + self.alive_count.itemsize + self.block // 8

    def shared(self) -> tuple[U8, I32, AnyArray]:
        """(alive, alive_count, zones) for a search that goes on while others write."""
        self._shared = True
        return self.alive, self.alive_count, self.zones

    def enter(self, first: int, last: int, offers: Sieved) -> None:
        """Rows [first, last) have been added, and are alive. offers: with room to spare or without."""
        if last > len(self.alive_count) * self.block:
            self._make_room(max(last, 2 * first))
        # No copy: a search that shares these arrays looks at no row from `first` on, and trusts no count of a block
        # that was not full.
        enter_rows(self.alive, self.alive_count, self.zones, self.block, (first, last), offers)

    def retire(self, rows: I64) -> None:
        """Some rows have gone."""
        if self._shared:
            self.alive, self.alive_count = self.alive.copy(), self.alive_count.copy()
            self._shared = False
        retire_rows(self.alive, self.alive_count, self.block, rows)

    def _make_room(self, rows: int) -> None:
        count = -(-rows // self.block)
        for name, size in (("alive", count * (self.block // 8)), ("alive_count", count), ("zones", count)):
            old = getattr(self, name)
            grown = np.zeros(size, old.dtype)
            grown[: len(old)] = old
            setattr(self, name, grown)
        self._shared = False


@numba.njit(cache=True, nogil=True)
def enter_rows(alive, alive_count, zones, block, span, offers):
    """Widen the zone maps by the rows [first, last) of `span`, and set their bits."""
    for row in range(span[0], span[1]):
        zone = zones[row // block]
        published_ms = offers.departure_ms[row] - offers.shift_ms[row]
        flexibility_ms = np.int64(offers.flexibility_s[row]) * 1000
        from_ms, by_ms = published_ms - flexibility_ms, published_ms + flexibility_ms
        over_ms = by_ms + (offers.base_cost[row] >> 32) + max(0, offers.max_detour_ms[row])
        seats, reach_ms = np.int64(offers.seats[row]), np.int64(offers.reach_ms[row])
        origin, destination = np.int64(offers.origin_node[row]), np.int64(offers.destination_node[row])
        if row % block == 0:
            zone.from_least = zone.from_most = from_ms
            zone.by_least = zone.by_most = by_ms
            zone.over_least = zone.over_most = over_ms
            zone.seats_least = zone.seats_most = seats
            zone.origin_least = zone.origin_most = origin
            zone.destination_least = zone.destination_most = destination
            zone.reach_most = reach_ms
            zone.kinds = zone.women = 0
        zone.from_least, zone.from_most = min(zone.from_least, from_ms), max(zone.from_most, from_ms)
        zone.by_least, zone.by_most = min(zone.by_least, by_ms), max(zone.by_most, by_ms)
        zone.over_least, zone.over_most = min(zone.over_least, over_ms), max(zone.over_most, over_ms)
        zone.seats_least, zone.seats_most = min(zone.seats_least, seats), max(zone.seats_most, seats)
        zone.origin_least, zone.origin_most = min(zone.origin_least, origin), max(zone.origin_most, origin)
        zone.destination_least = min(zone.destination_least, destination)
        zone.destination_most = max(zone.destination_most, destination)
        zone.reach_most = max(zone.reach_most, reach_ms)
        zone.kinds |= DIRECT if offers.leg_count[row] == 1 else SEVERAL
        women = np.int64(offers.stated[row]) & (WOMEN_ONLY | DRIVER_IS_WOMAN)
        zone.women |= women if women & DRIVER_IS_WOMAN else women | NOT_ALL_WOMEN
        alive[row >> 3] |= np.uint8(1 << (row & 7))
        alive_count[row // block] += 1


@numba.njit(cache=True, nogil=True)
def retire_rows(alive, alive_count, block, rows):
    """Clear the bits of some rows that are alive."""
    for row in rows:
        bit = np.uint8(1 << (row & 7))
        if alive[row >> 3] & bit:
            alive[row >> 3] ^= bit
            alive_count[row // block] -= 1
