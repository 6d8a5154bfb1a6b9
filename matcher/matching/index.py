"""The offers in memory, as arrays that kernels scan: one row an offer, added and retired but never changed in place."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import numpy.typing as npt

from matcher.domain.offer import PREFERENCE_KEYS, Offer, OfferStatus
from matcher.matching.positions import I32, I64, fixed_position
from matcher.matching.roads import PackedDrive, PathTable, SearchRoads

U8 = npt.NDArray[np.uint8]

#: A row with this in `retired_at` is alive.
ALIVE = np.iinfo(np.int64).max
#: max_detour_cm of an offer without a limit in metres.
NO_LIMIT = np.iinfo(np.int32).max
_NOBODY = -1
_FIRST_CAPACITY = 1024
#: How many removed offers are remembered, so that an older write that arrives late does not bring one back.
_REMEMBERED = 100_000

_COLUMNS: Mapping[str, type[np.generic]] = {
    "origin_edge": np.int32,
    "origin_at": np.int32,
    "destination_edge": np.int32,
    "destination_at": np.int32,
    "base_cost": np.int64,
    "departure_ms": np.int64,
    "flexibility_ms": np.int32,
    "max_detour_ms": np.int32,
    "max_detour_cm": np.int32,
    "driver": np.int32,
    "seats": np.uint8,
    "stated": np.uint8,
    "welcome": np.uint8,
    "retired_at": np.int64,
    "path_begin": np.int64,
    "path_size": np.int32,
    "version": np.int32,
    "id_high": np.uint64,
    "id_low": np.uint64,
}


@dataclass(frozen=True, eq=False)
class Rows:
    """The columns of all offers, (count,) each. Positions are edges with fixed-point fractions; costs are packed.

    driver: a small integer that stands for the driver's id. stated, welcome: bit masks over PREFERENCE_KEYS. retired_at: the
    sequence number of the write that replaced or removed the row. path_begin, path_size: where its packed drive is in `codes`.
    """

    origin_edge: I32
    origin_at: I32
    destination_edge: I32
    destination_at: I32
    base_cost: I64
    departure_ms: I64
    flexibility_ms: I32
    max_detour_ms: I32
    max_detour_cm: I32
    driver: I32
    seats: U8
    stated: U8
    welcome: U8
    retired_at: I64
    path_begin: I64
    path_size: I32
    version: I32
    id_high: npt.NDArray[np.uint64]
    id_low: npt.NDArray[np.uint64]
    codes: I32  # (codes,) packed drives of all rows

    def offer_id(self, row: int) -> UUID:
        """The offer's id."""
        return UUID(int=int(self.id_high[row]) << 64 | int(self.id_low[row]))

    @property
    def paths(self) -> PathTable:
        """The packed drives of all rows."""
        return PathTable(self.codes, self.path_begin, self.path_size, self.origin_at, self.destination_at)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a search sees: rows that were alive at write number `sequence`, however many writes follow meanwhile."""

    rows: Rows
    sequence: int
    own: int  # the searcher's number as a driver, -1 when they have no offer

    def __len__(self) -> int:
        return len(self.rows.seats)


class OfferIndex:
    """Offers waiting to be matched. Thread-safe; implements `services.ports.OfferIndex`.

    A write appends a row and retires the one it replaces, so that searches need no lock. Retired rows are swept out when they
    outnumber a quarter of all rows, into new arrays: searches that are under way keep the old ones. Adding costs one
    point-to-point query and amortised O(1) copying.
    """

    def __init__(self, roads: SearchRoads) -> None:
        self._roads = roads
        self._lock = threading.Lock()
        self._columns = _empty_columns(_FIRST_CAPACITY)
        self._codes: I32 = np.empty(16 * _FIRST_CAPACITY, dtype=np.int32)
        self._count = 0
        self._codes_used = 0
        self._sequence = 0
        self._row_of: dict[UUID, int] = {}
        self._drivers: dict[str, int] = {}
        self._forgotten: dict[UUID, int] = {}

    def __len__(self) -> int:
        """How many offers can be matched."""
        return len(self._row_of)

    def put(self, offer: Offer) -> None:
        """Add an OPEN offer or replace an older version of it; any other status removes it; not newer: ignored.

        Raises ValueError when the roads have no way for its drive.
        """
        if offer.status is not OfferStatus.OPEN:
            self._retire(offer.id, offer.version)
            return
        drive = self._roads.pack_drive(offer.origin.position, offer.destination.position)
        if drive is None:
            raise ValueError(f"offer {offer.id} has no way from its origin to its destination in this region")
        with self._lock:
            if self._held_version(offer.id) >= offer.version:
                return
            self._append(offer, drive)
            self._compact_if_due()

    def remove(self, offer_id: UUID) -> None:
        """Forget an offer; unknown ids are ignored."""
        with self._lock:
            self._drop(offer_id)

    def snapshot(self, searcher: str) -> Snapshot:
        """The offers as they are now, for a search by `searcher`. O(1)."""
        with self._lock:
            columns = {name: column[: self._count] for name, column in self._columns.items()}
            rows = Rows(**columns, codes=self._codes)  # type: ignore[arg-type]  # the dtypes are those of _COLUMNS
            return Snapshot(rows, self._sequence, self._drivers.get(searcher, _NOBODY))

    def _retire(self, offer_id: UUID, version: int) -> None:
        with self._lock:
            held = self._held_version(offer_id)
            if held >= version:
                return
            self._forgotten[offer_id] = version
            if len(self._forgotten) > _REMEMBERED:
                del self._forgotten[next(iter(self._forgotten))]
            self._drop(offer_id)

    def _drop(self, offer_id: UUID) -> None:
        row = self._row_of.pop(offer_id, None)
        if row is not None:
            self._sequence += 1
            self._columns["retired_at"][row] = self._sequence
            self._compact_if_due()

    def _held_version(self, offer_id: UUID) -> int:
        row = self._row_of.get(offer_id)
        if row is not None:
            return int(self._columns["version"][row])
        return self._forgotten.get(offer_id, 0)

    def _append(self, offer: Offer, drive: PackedDrive) -> None:
        self._make_room(len(drive.codes))
        row = self._count
        origin_edge, origin_at = fixed_position(offer.origin.position)
        destination_edge, destination_at = fixed_position(offer.destination.position)
        stated, welcome = preference_masks(offer.preferences)
        values: dict[str, int] = {
            "origin_edge": origin_edge,
            "origin_at": origin_at,
            "destination_edge": destination_edge,
            "destination_at": destination_at,
            "base_cost": drive.cost,
            "departure_ms": round(offer.departure.timestamp() * 1000),
            "flexibility_ms": offer.flexibility_s * 1000,
            "max_detour_ms": offer.max_detour_s * 1000,
            "max_detour_cm": NO_LIMIT if offer.max_detour_m is None else offer.max_detour_m * 100,
            "driver": self._drivers.setdefault(offer.driver_id, len(self._drivers)),
            "seats": offer.seats_left,
            "stated": stated,
            "welcome": welcome,
            "retired_at": ALIVE,
            "path_begin": self._codes_used,
            "path_size": len(drive.codes),
            "version": offer.version,
            "id_high": offer.id.int >> 64,
            "id_low": offer.id.int & (2**64 - 1),
        }
        for name, value in values.items():
            self._columns[name][row] = value
        self._codes[self._codes_used : self._codes_used + len(drive.codes)] = drive.codes
        self._codes_used += len(drive.codes)
        self._count += 1
        self._sequence += 1
        replaced = self._row_of.get(offer.id)
        if replaced is not None:
            self._columns["retired_at"][replaced] = self._sequence
        self._row_of[offer.id] = row

    def _make_room(self, codes: int) -> None:
        """Grow by doubling into new arrays; snapshots keep the ones they have."""
        if self._count == len(self._columns["seats"]):
            for name, column in self._columns.items():
                self._columns[name] = np.concatenate([column, np.empty_like(column)])
        if self._codes_used + codes > len(self._codes):
            self._codes = np.concatenate([self._codes, np.empty(len(self._codes) + codes, dtype=np.int32)])

    def _compact_if_due(self) -> None:
        retired = self._count - len(self._row_of)
        if retired <= _FIRST_CAPACITY // 2 or retired * 4 <= self._count:
            return
        kept = np.flatnonzero(self._columns["retired_at"][: self._count] == ALIVE)
        columns = _empty_columns(max(_FIRST_CAPACITY, len(kept) + len(kept) // 4))
        for name, column in self._columns.items():
            columns[name][: len(kept)] = column[kept]
        sizes = columns["path_size"][: len(kept)].astype(np.int64)
        begins = np.cumsum(sizes) - sizes
        source = np.repeat(columns["path_begin"][: len(kept)] - begins, sizes) + np.arange(int(sizes.sum()))
        self._codes_used = len(source)
        codes = np.empty(max(16 * _FIRST_CAPACITY, self._codes_used + self._codes_used // 4), dtype=np.int32)
        codes[: self._codes_used] = self._codes[source]
        columns["path_begin"][: len(kept)] = begins
        self._columns, self._codes, self._count = columns, codes, len(kept)
        rows = Rows(**columns, codes=codes)  # type: ignore[arg-type]  # the dtypes are those of _COLUMNS
        self._row_of = {rows.offer_id(row): row for row in range(len(kept))}


def preference_masks(preferences: Mapping[str, bool]) -> tuple[int, int]:
    """(stated, welcome): bit k stands for PREFERENCE_KEYS[k]; welcome is a part of stated."""
    stated = welcome = 0
    for k, key in enumerate(PREFERENCE_KEYS):
        if key in preferences:
            stated |= 1 << k
            welcome |= int(preferences[key]) << k
    return stated, welcome


def _empty_columns(capacity: int) -> dict[str, npt.NDArray[np.generic]]:
    return {name: np.empty(capacity, dtype=dtype) for name, dtype in _COLUMNS.items()}
