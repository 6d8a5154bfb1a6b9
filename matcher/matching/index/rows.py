"""What is known of every offer, as columns that kernels scan, and what a search sees of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from matcher.domain.place import RoadPosition
from matcher.matching.base.columns import spans
from matcher.matching.base.positions import FRACTION_ONE, I32, I64, U8, U32
from matcher.matching.base.roads import PathTable

U16 = npt.NDArray[np.uint16]
U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Rows:
    """The columns of all offers, (count,) each. Positions are edges with fixed-point fractions; costs are packed.

    The route: origin and destination are the ends of the whole trip, base_cost its drive without riders. leg_count 1: the packed drive is
    codes[leg_begin : leg_begin + path_size]. leg_count > 1, for a driver who goes via other places or has riders: its legs are the rows of
    `Legs` from leg_begin on. origin_node, destination_node, reach_ms: what bounds are taken from (see `reach`).

    The rest: departure_ms as planned now; less shift_ms it is the published one, around which flexibility_s lies. max_detour_ms,
    max_detour_cm: what earlier bookings have left of the budget. seats: free on the emptiest leg. stated, welcome: bit masks over
    PREFERENCE_KEYS; above these stated has WOMEN_ONLY and DRIVER_IS_WOMAN of `blocks`. price: of a seat, `prices.price_steps`. driver:
    `encoding.driver_digest`.
    """

    origin_edge: I32
    origin_at: I32
    destination_edge: I32
    destination_at: I32
    base_cost: I64
    leg_begin: I64
    path_size: U16
    leg_count: U8
    origin_node: U32
    destination_node: U32
    reach_ms: I32
    departure_ms: I64
    shift_ms: I32
    flexibility_s: U16
    max_detour_ms: I32
    max_detour_cm: I32
    seats: U8
    stated: U8
    welcome: U8
    price: U8
    version: I32
    driver: U64
    id_high: U64
    id_low: U64

    def offer_id(self, row: int) -> UUID:
        """The offer's id."""
        return UUID(int=int(self.id_high[row]) << 64 | int(self.id_low[row]))

    @property
    def sieved(self) -> tuple[npt.NDArray[Any], ...]:
        """The columns that the sieves read, in the order in which they take them."""
        return sieved(vars(self))


_SIEVED = (
    "leg_count", "departure_ms", "flexibility_s", "shift_ms", "base_cost", "max_detour_ms", "seats", "stated",
    "origin_node", "destination_node", "reach_ms",
)  # fmt: skip


def sieved(columns: Mapping[str, npt.NDArray[Any]]) -> tuple[npt.NDArray[Any], ...]:
    """`Rows.sieved` of columns by name."""
    return tuple(columns[name] for name in _SIEVED)


@dataclass(frozen=True, eq=False)
class Legs:
    """The legs of the offers that have several, one offer's legs in a row and in driving order, (legs,) each.

    Leg k's packed drive is codes[path_begin[k] : path_begin[k] + path_size[k]]. seats: free on the leg. early_ms, late_ms: how much earlier or
    later than planned the stop at the leg's end may be reached without breaking a promise to whoever boards or alights there; ANY_TIME
    where nothing was promised.
    """

    origin_edge: I32
    origin_at: I32
    destination_edge: I32
    destination_at: I32
    base_cost: I64
    path_begin: I64
    path_size: I32
    seats: U8
    early_ms: I32
    late_ms: I32


#: dtypes of the columns, by name.
ROW: Mapping[str, type[np.generic]] = {
    "origin_edge": np.int32, "origin_at": np.int32, "destination_edge": np.int32, "destination_at": np.int32,
    "base_cost": np.int64, "leg_begin": np.int64, "path_size": np.uint16, "leg_count": np.uint8,
    "origin_node": np.uint32, "destination_node": np.uint32, "reach_ms": np.int32,
    "departure_ms": np.int64, "shift_ms": np.int32, "flexibility_s": np.uint16, "max_detour_ms": np.int32,
    "max_detour_cm": np.int32, "seats": np.uint8, "stated": np.uint8, "welcome": np.uint8, "price": np.uint8,
    "version": np.int32, "driver": np.uint64, "id_high": np.uint64, "id_low": np.uint64,
}  # fmt: skip
LEG: Mapping[str, type[np.generic]] = {
    "origin_edge": np.int32, "origin_at": np.int32, "destination_edge": np.int32, "destination_at": np.int32,
    "base_cost": np.int64, "path_begin": np.int64, "path_size": np.int32, "seats": np.uint8, "early_ms": np.int32,
    "late_ms": np.int32,
}  # fmt: skip
#: The columns of a row that are its route, or follow from it; its codes come on top.
ROUTE = tuple(item.name for item in fields(Rows))[:11]

#: (alive, alive_count, zones) of `blocks`, the searcher's own rows, hidden rows (ascending both), rows of a block, rows in all.
BlockTuple = tuple[U8, I32, I64, I64, I64, int, int]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a search sees: the rows that were alive when it was taken, however many writes follow meanwhile."""

    rows: Rows
    legs: Legs
    codes: I32  # packed drives
    blocks: BlockTuple

    def __len__(self) -> int:
        """How many rows, those that are not alive included."""
        return self.blocks[6]

    @property
    def has_itineraries(self) -> bool:
        """Whether any offer has, or has had, several legs."""
        return len(self.legs.seats) > 0

    def alive(self) -> I64:
        """The rows that are alive, ascending."""
        bits = np.unpackbits(self.blocks[0], count=len(self), bitorder="little")
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
