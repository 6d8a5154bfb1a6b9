"""What a search sees of an index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.domain.place import RoadPosition
from matcher.matching.base.columns import spans
from matcher.matching.base.positions import FRACTION_ONE, I32, I64, U8
from matcher.matching.base.roads import PathTable
from matcher.matching.index.rows import Legs, Rows
from matcher.matching.index.zones import RowBlocks


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The rows that were alive when it was taken, however many writes follow."""

    rows: Rows
    legs: Legs
    codes: I32  # packed drives
    blocks: RowBlocks

    def __len__(self) -> int:
        """How many rows, those that are not alive included."""
        return self.blocks.row_count

    @property
    def has_itineraries(self) -> bool:
        """Whether any offer has, or has had, several legs."""
        return len(self.legs.seats) > 0

    def alive(self) -> I64:
        """The rows that are alive, ascending."""
        bits = np.unpackbits(self.blocks.alive, count=len(self), bitorder="little")
        return np.flatnonzero(bits).astype(np.int64)

    def seats_between(self, row: I64, first: I64, last: I64) -> U8:
        """(k,) seats free all the way from leg `first` to leg `last` of k offers."""
        free: U8 = self.rows.seats[row]
        for k in np.flatnonzero(self.rows.leg_count[row] > 1):
            begin = int(self.rows.leg_begin[row[k]])
            free[k] = self.legs.seats[begin + first[k] : begin + last[k] + 1].min()
        return free

    def stops(self, row: int, first: int, last: int) -> tuple[RoadPosition, ...]:
        """The stops between leg `first` and leg `last` of an offer."""
        begin = int(self.rows.leg_begin[row])
        return tuple(
            RoadPosition(int(self.legs.destination_edge[leg]), int(self.legs.destination_at[leg]) / FRACTION_ONE)
            for leg in range(begin + first, begin + last)
        )

    def routes(self, row: I64) -> tuple[PathTable, I64, U8]:
        """(packed drives, first leg, number of legs) of k offers, in a table of their own."""
        rows, legs = self.rows, self.legs
        leg_count = rows.leg_count[row]
        first, of = spans(rows.leg_begin[row], leg_count)
        one = leg_count == 1
        direct, single = row[one], first[one]
        begin, size = np.empty(len(of), np.int64), np.empty(len(of), np.int32)
        origin_at, destination_at = np.empty(len(of), np.int32), np.empty(len(of), np.int32)
        begin[single], size[single] = rows.leg_begin[direct], rows.path_size[direct]
        origin_at[single], destination_at[single] = rows.origin_at[direct], rows.destination_at[direct]
        if len(direct) < len(row):
            several = np.ones(len(of), dtype=np.bool_)
            several[single] = False
            leg = of[several]
            begin[several], size[several] = legs.path_begin[leg], legs.path_size[leg]
            origin_at[several], destination_at[several] = legs.origin_at[leg], legs.destination_at[leg]
        return PathTable(self.codes, begin, size, origin_at, destination_at), first, leg_count
