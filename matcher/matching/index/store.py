"""The arrays of an index: written by one at a time, read by searches that keep what they were given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numba
import numpy as np

from matcher.matching.base.columns import Columns
from matcher.matching.base.positions import I32, I64, U8, U64, AnyArray
from matcher.matching.index.rows import LEG, ROUTE, ROW, Legs, Rows, sieved
from matcher.matching.index.snapshot import Snapshot
from matcher.matching.index.tables import DriverRows, IdTable
from matcher.matching.index.zones import RowBlocks, ZoneMaps

_CODES_A_ROW = 16


@dataclass(frozen=True, eq=False)
class Contents:
    """The rows of a store at one moment, with their legs and codes, and which of them were alive."""

    rows: Rows
    legs: Legs
    codes: I32
    alive: U8
    count: int

    def living(self) -> I64:
        """The rows that were alive, ascending."""
        return np.flatnonzero(np.unpackbits(self.alive, count=self.count, bitorder="little")).astype(np.int64)


class Store:
    """Rows with their legs, drives, blocks and hash tables.

    Not thread-safe; what `snapshot` and `contents` give out stays as it is. The first `sorted_rows` are in the order of
    a compaction, the others came after it. capacity: how many rows there is room for at first.
    """

    def __init__(self, block: int, capacity: int) -> None:
        self._rows = Columns(ROW, capacity)
        self._legs = Columns(LEG, 16)
        self._codes: I32 = np.empty(_CODES_A_ROW * capacity, dtype=np.int32)
        self._codes_used = 0
        self._blocks = ZoneMaps(block, capacity)
        self._ids = IdTable(capacity)
        self._drivers = DriverRows(capacity)
        self._view: Snapshot | None = None
        self.sorted_rows = 0

    def __len__(self) -> int:
        """How many rows are alive."""
        return self._ids.count

    @property
    def row_count(self) -> int:
        """How many rows there are, those that have gone included."""
        return self._rows.count

    def version_of(self, high: int, low: int) -> int:
        """The version that is held of an offer; 0 without one."""
        row = self._ids.find(self._rows["id_high"], self._rows["id_low"], high, low)
        return int(self._rows["version"][row]) if row >= 0 else 0

    def versions_of(self, high: U64, low: U64) -> I64:
        """The same of many."""
        rows = self._ids.find_many(self._rows["id_high"], self._rows["id_low"], high, low)
        return np.where(rows >= 0, self._rows["version"][rows], 0).astype(np.int64)

    def add(self, row: Mapping[str, int], codes: I32, legs: Mapping[str, AnyArray] | None = None) -> None:
        """Put one offer, in place of the one with its id. codes: its packed drives. legs: when it has several."""
        begin = self._keep_codes(codes)
        if legs is not None:
            begin = self._keep_legs(legs, begin)
        number = self._rows.append(**row, leg_begin=begin)
        self._entered(number)

    def extend(self, rows: Mapping[str, AnyArray], codes: I32, legs: Mapping[str, AnyArray] | None = None) -> None:
        """Put many.

        leg_begin of direct offers and path_begin of legs count from the first of these codes, leg_begin of the others
        from the first of these legs.
        """
        begin = self._keep_codes(codes)
        leg_begin = rows["leg_begin"] + begin
        if legs is not None and len(legs["seats"]):
            first_leg = self._keep_legs(legs, begin)
            leg_begin = np.where(rows["leg_count"] > 1, rows["leg_begin"] + first_leg, leg_begin)
        first = self._rows.extend(len(leg_begin), {**rows, "leg_begin": leg_begin})
        self._entered(first)

    def take_in(self, source: Contents, which: I64) -> None:
        """Put some rows of another store, in the order given."""
        rows = Rows(**{name: column[which] for name, column in source.rows._asdict().items()})
        begin, of, codes = routes_of(which, source.rows, source.legs, source.codes)
        legs = Legs(**{name: column[of] for name, column in source.legs._asdict().items()})
        legs = legs._replace(path_begin=path_begins(rows.leg_count, rows.path_size, legs.path_size))
        self.extend(rows._replace(leg_begin=begin)._asdict(), codes, legs._asdict())

    def drop(self, high: int, low: int) -> bool:
        """Remove an offer; False when it is not here."""
        row = self._ids.drop(self._rows["id_high"], self._rows["id_low"], high, low)
        if row >= 0:
            self._blocks.retire(np.array([row]))
            self._view = None
        return row >= 0

    def snapshot(self, own: int, hidden: list[int]) -> Snapshot:
        """For a search by the driver with the digest `own`, from whom the drivers with the digests `hidden` are
        hidden."""
        if self._view is None:
            alive, alive_count, zones = self._blocks.shared()
            nobody = np.empty(0, np.int64)
            self._view = Snapshot(
                rows=Rows(**self._rows.filled()),
                legs=Legs(**self._legs.filled()),
                codes=self._codes,
                blocks=RowBlocks(alive, alive_count, zones, nobody, nobody, self._blocks.block, self._rows.count),
            )
        view = self._view
        mine = self._rows_of(own)
        others = [found for digest in hidden if len(found := self._rows_of(digest))]
        if len(mine) == 0 and not others:
            return view
        apart = np.unique(np.concatenate(others)) if others else view.blocks.hidden
        return replace(view, blocks=view.blocks._replace(own=mine, hidden=apart))

    def contents(self) -> Contents:
        """As it is now."""
        alive, _, _ = self._blocks.shared()
        rows, legs = Rows(**self._rows.filled()), Legs(**self._legs.filled())
        return Contents(rows, legs, self._codes, alive, self._rows.count)

    def memory(self) -> tuple[int, int]:
        """(bytes of routes, bytes beside them) of all rows, tables and blocks included, spare room left out."""
        dtypes = {name: np.dtype(kind).itemsize for name, kind in ROW.items()}
        count = self._rows.count
        legs = self._legs.count * sum(np.dtype(kind).itemsize for kind in LEG.values())
        route = count * sum(dtypes[name] for name in ROUTE) + 4 * self._codes_used + legs
        beside = count * sum(size for name, size in dtypes.items() if name not in ROUTE)
        beside += self._ids.nbytes + self._drivers.nbytes_of_buckets + count * self._drivers.nbytes_a_row
        beside += -(-count // self._blocks.block) * self._blocks.nbytes_a_block
        return route, beside

    def _rows_of(self, digest: int) -> I64:
        return self._drivers.rows_of(self._rows["driver"], self._blocks.alive, digest)

    def _entered(self, first: int) -> None:
        last = self._rows.count
        replaced = self._ids.enter(self._rows["id_high"], self._rows["id_low"], first, last)
        self._drivers.enter(self._rows["driver"], first, last)
        self._blocks.enter(first, last, sieved(self._rows.all()))
        if len(replaced):
            self._blocks.retire(replaced)
        self._view = None

    def _keep_codes(self, codes: I32) -> int:
        """Copy packed drives to the end of all codes, growing by doubling; returns where they begin."""
        begin = self._codes_used
        if begin + len(codes) > len(self._codes):
            self._codes = np.concatenate([self._codes, np.empty(len(self._codes) + len(codes), dtype=np.int32)])
        self._codes[begin : begin + len(codes)] = codes
        self._codes_used += len(codes)
        return begin

    def _keep_legs(self, legs: Mapping[str, AnyArray], codes_begin: int) -> int:
        return self._legs.extend(len(legs["seats"]), {**legs, "path_begin": legs["path_begin"] + codes_begin})


@numba.njit(cache=True, nogil=True)
def routes_of(which, rows, legs, codes):
    """(leg_begin, legs, codes) of some rows, as `Store.extend` takes them; legs: the old numbers of their legs."""
    of_legs = of_codes = 0
    for row in which:
        first, count = rows.leg_begin[row], rows.leg_count[row]
        if count == 1:
            of_codes += int(rows.path_size[row])
            continue
        for leg in range(first, first + count):
            of_codes += int(legs.path_size[leg])
            of_legs += 1
    begin = np.empty(len(which), np.int64)
    numbers = np.empty(of_legs, np.int64)
    taken = np.empty(of_codes, np.int32)
    at_leg = at = 0
    for k in range(len(which)):
        first, count = rows.leg_begin[which[k]], rows.leg_count[which[k]]
        if count == 1:
            begin[k] = at
            size = int(rows.path_size[which[k]])
            taken[at : at + size] = codes[first : first + size]
            at += size
            continue
        begin[k] = at_leg
        for leg in range(first, first + count):
            size = int(legs.path_size[leg])
            taken[at : at + size] = codes[legs.path_begin[leg] : legs.path_begin[leg] + size]
            at += size
            numbers[at_leg] = leg
            at_leg += 1
    return begin, numbers, taken


@numba.njit(cache=True, nogil=True)
def path_begins(leg_count, path_size, leg_path_size):
    """Where the codes of each leg begin that `routes_of` has taken; of the rows and the legs taken."""
    begins = np.empty(len(leg_path_size), np.int64)
    leg = at = 0
    for k in range(len(leg_count)):
        if leg_count[k] == 1:
            at += int(path_size[k])
            continue
        for _ in range(leg_count[k]):
            begins[leg] = at
            at += int(leg_path_size[leg])
            leg += 1
    return begins
