"""The offers in memory, as arrays that kernels scan: one row an offer, added and retired but never changed in place."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import numpy.typing as npt

from matcher.domain.offer import PREFERENCE_KEYS, Offer, OfferStatus
from matcher.domain.place import RoadPosition
from matcher.matching import bulk_load
from matcher.matching.bounds import ways_in, ways_out
from matcher.matching.bulk_load import DirectOffers, driver_digest
from matcher.matching.columns import Columns, spans
from matcher.matching.plan import Plan
from matcher.matching.positions import FRACTION_ONE, I32, I64, U8, U32, fixed_position, split_cost
from matcher.matching.roads import PackedDrive, PathTable, SearchRoads

#: A row with this in `retired_at` is alive.
ALIVE = np.iinfo(np.int64).max
_NOBODY = -1
_FIRST_CAPACITY = 1024
#: How many removed offers are remembered, so that an older write that arrives late does not bring one back.
_REMEMBERED = 100_000

_ROW: Mapping[str, type[np.generic]] = {
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
    "leg_count": np.uint8,
    "leg_begin": np.int64,
    "retired_at": np.int64,
    "version": np.int32,
    "id_high": np.uint64,
    "id_low": np.uint64,
    "out_a": np.uint32,
    "out_b": np.uint32,
    "out_a_ms": np.int32,
    "out_b_ms": np.int32,
    "in_a": np.uint32,
    "in_b": np.uint32,
    "in_a_ms": np.int32,
    "in_b_ms": np.int32,
    "leaves_from_ms": np.int64,
    "leaves_by_ms": np.int64,
    "longest_ms": np.int32,
}

_LEG: Mapping[str, type[np.generic]] = {
    "origin_edge": np.int32,
    "origin_at": np.int32,
    "destination_edge": np.int32,
    "destination_at": np.int32,
    "base_cost": np.int64,
    "path_begin": np.int64,
    "path_size": np.int32,
    "seats": np.uint8,
    "early_ms": np.int32,
    "late_ms": np.int32,
}


@dataclass(frozen=True, eq=False)
class Rows:
    """The columns of all offers, (count,) each. Positions are edges with fixed-point fractions; costs are packed.

    origin and destination are the ends of the whole trip, base_cost its drive without riders. leg_begin, leg_count: where its legs
    are in `Legs`; one leg unless the driver goes via other places or has riders. seats: free on the emptiest leg. departure_ms: as
    planned now. max_detour_ms, max_detour_cm: what earlier bookings have left of the budget. driver: a small integer that stands for the driver's id.
    stated, welcome: bit masks over PREFERENCE_KEYS. retired_at: the sequence number of the write that replaced or removed the row.

    The columns from out_a on follow from the others, and are what a scan reads of every row: the two ways to leave the origin and to come to
    the destination (see `bounds`), when the driver leaves at the earliest and the latest, and how long the trip is with all its detour.
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
    leg_count: U8
    leg_begin: I64
    retired_at: I64
    version: I32
    id_high: npt.NDArray[np.uint64]
    id_low: npt.NDArray[np.uint64]
    out_a: U32
    out_b: U32
    out_a_ms: I32
    out_b_ms: I32
    in_a: U32
    in_b: U32
    in_a_ms: I32
    in_b_ms: I32
    leaves_from_ms: I64
    leaves_by_ms: I64
    longest_ms: I32

    def offer_id(self, row: int) -> UUID:
        """The offer's id."""
        return UUID(int=int(self.id_high[row]) << 64 | int(self.id_low[row]))


@dataclass(frozen=True, eq=False)
class Legs:
    """The legs of all offers, one offer's legs in a row and in driving order, (legs,) each; their packed drives in `codes`.

    seats: free on the leg. early_ms, late_ms: how much earlier or later than planned the stop at the leg's end may be reached without
    breaking a promise to whoever boards or alights there; ANY_TIME where nothing was promised.
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
    codes: I32  # (codes,) packed drives of all legs

    @property
    def paths(self) -> PathTable:
        """The packed drives of all legs."""
        return PathTable(self.codes, self.path_begin, self.path_size, self.origin_at, self.destination_at)

    def seats_between(self, leg_begin: I64, first: I64, last: I64) -> U8:
        """(k,) seats free all the way from leg `first` to leg `last` of k offers whose legs begin at `leg_begin`."""
        free: U8 = self.seats[leg_begin + first]
        for k in np.flatnonzero(last > first):
            free[k] = self.seats[leg_begin[k] + first[k] : leg_begin[k] + last[k] + 1].min()
        return free

    def stops(self, leg_begin: int, first: int, last: int) -> tuple[RoadPosition, ...]:
        """The stops between leg `first` and leg `last` of an offer whose legs begin at `leg_begin`."""
        between = range(leg_begin + first, leg_begin + last)
        return tuple(
            RoadPosition(int(self.destination_edge[leg]), int(self.destination_at[leg]) / FRACTION_ONE)
            for leg in between
        )


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a search sees: rows that were alive at write number `sequence`, however many writes follow meanwhile."""

    rows: Rows
    legs: Legs
    itineraries: I64  # rows with more than one leg
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
        self._rows = Columns(_ROW, _FIRST_CAPACITY)
        self._legs = Columns(_LEG, _FIRST_CAPACITY)
        self._codes: I32 = np.empty(16 * _FIRST_CAPACITY, dtype=np.int32)
        self._codes_used = 0
        self._itineraries: I64 = np.empty(0, dtype=np.int64)
        self._sequence = 0
        self._row_of: dict[UUID, int] = {}
        self._drivers: dict[int, int] = {}
        self._forgotten: dict[UUID, int] = {}
        self._meanwhile: list[Callable[[OfferIndex], object]] | None = None

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
        stops = [stop.place.position for stop in offer.stops]
        drives: list[PackedDrive] = []
        for here, there in itertools.pairwise(stops):
            drive = self._roads.pack_drive(here, there)
            if drive is None:
                raise ValueError(f"offer {offer.id} has no way from its origin to its destination in this region")
            drives.append(drive)
        with self._lock:
            if self._held_version(offer.id) >= offer.version:
                return
            self._append(offer, stops, drives)
            self._compact_if_due()
            self._note(lambda other: other.put(offer))

    def put_many(self, offers: DirectOffers) -> int:
        """`put` for thousands of offers at once; returns how many were left out because no road leads along them."""
        return bulk_load.put_many(self, self._roads, offers)

    def rebuilt(self) -> AbstractContextManager[OfferIndex]:
        """An empty index to be filled, which at the end of the block takes this one's place, with all that was written meanwhile."""
        return bulk_load.rebuilt(self, OfferIndex(self._roads))

    def remove(self, offer_id: UUID) -> None:
        """Forget an offer; unknown ids are ignored."""
        with self._lock:
            self._drop(offer_id)
            self._note(lambda other: other.remove(offer_id))

    def snapshot(self, searcher: str) -> Snapshot:
        """The offers as they are now, for a search by `searcher`. O(1)."""
        with self._lock:
            return Snapshot(
                rows=Rows(**self._rows.filled()),
                legs=Legs(**self._legs.filled(), codes=self._codes),
                itineraries=self._itineraries,
                sequence=self._sequence,
                own=self._drivers.get(driver_digest(searcher), _NOBODY),
            )

    def version_of(self, offer_id: UUID) -> int:
        """The newest version that was put, also of an offer that has gone again not long ago; 0 for one that was never here."""
        with self._lock:
            return self._held_version(offer_id)

    def _retire(self, offer_id: UUID, version: int) -> None:
        with self._lock:
            held = self._held_version(offer_id)
            if held >= version:
                return
            self._forgotten[offer_id] = version
            if len(self._forgotten) > _REMEMBERED:
                del self._forgotten[next(iter(self._forgotten))]
            self._drop(offer_id)
            self._note(lambda other: other._retire(offer_id, version))

    def _note(self, write: Callable[[OfferIndex], object]) -> None:
        if self._meanwhile is not None:
            self._meanwhile.append(write)

    def _drop(self, offer_id: UUID) -> None:
        row = self._row_of.pop(offer_id, None)
        if row is not None:
            self._sequence += 1
            self._rows["retired_at"][row] = self._sequence
            self._compact_if_due()

    def _held_version(self, offer_id: UUID) -> int:
        row = self._row_of.get(offer_id)
        if row is not None:
            return int(self._rows["version"][row])
        return self._forgotten.get(offer_id, 0)

    def _append(self, offer: Offer, stops: Sequence[RoadPosition], drives: Sequence[PackedDrive]) -> None:
        leg_begin = self._legs.count
        fixed = [fixed_position(stop) for stop in stops]
        plan = Plan.of(offer, [drive.cost for drive in drives])
        for k, ((origin, destination), drive) in enumerate(zip(itertools.pairwise(fixed), drives, strict=True)):
            self._legs.append(
                origin_edge=origin[0],
                origin_at=origin[1],
                destination_edge=destination[0],
                destination_at=destination[1],
                base_cost=drive.cost,
                path_begin=self._keep_codes(drive.codes),
                path_size=len(drive.codes),
                seats=plan.seats[k],
                early_ms=plan.early_ms[k],
                late_ms=plan.late_ms[k],
            )
        stated, welcome = preference_masks(offer.preferences)
        out_a, out_b, out_a_ms, out_b_ms = ways_out(self._roads.edges, *fixed[0])
        in_a, in_b, in_a_ms, in_b_ms = ways_in(self._roads.edges, *fixed[-1])
        row = self._rows.append(
            origin_edge=fixed[0][0],
            origin_at=fixed[0][1],
            destination_edge=fixed[-1][0],
            destination_at=fixed[-1][1],
            base_cost=plan.cost,
            departure_ms=plan.departure_ms,
            flexibility_ms=offer.flexibility_s * 1000,
            max_detour_ms=plan.max_detour_ms,
            max_detour_cm=plan.max_detour_cm,
            driver=self._drivers.setdefault(driver_digest(offer.driver_id), len(self._drivers)),
            seats=max(plan.seats),
            stated=stated,
            welcome=welcome,
            leg_count=len(drives),
            leg_begin=leg_begin,
            retired_at=ALIVE,
            version=offer.version,
            id_high=offer.id.int >> 64,
            id_low=offer.id.int & (2**64 - 1),
            out_a=out_a,
            out_b=out_b,
            out_a_ms=out_a_ms,
            out_b_ms=out_b_ms,
            in_a=in_a,
            in_b=in_b,
            in_a_ms=in_a_ms,
            in_b_ms=in_b_ms,
            leaves_from_ms=plan.leaves_from_ms,
            leaves_by_ms=plan.leaves_by_ms,
            longest_ms=split_cost(plan.cost)[0] + max(0, plan.max_detour_ms),
        )
        if len(drives) > 1:
            self._itineraries = np.append(self._itineraries, row)
        self._sequence += 1
        replaced = self._row_of.get(offer.id)
        if replaced is not None:
            self._rows["retired_at"][replaced] = self._sequence
        self._row_of[offer.id] = row

    def _keep_codes(self, codes: I32) -> int:
        """Copy a packed drive to the end of all codes, growing by doubling; returns where it begins."""
        begin = self._codes_used
        if begin + len(codes) > len(self._codes):
            self._codes = np.concatenate([self._codes, np.empty(len(self._codes) + len(codes), dtype=np.int32)])
        self._codes[begin : begin + len(codes)] = codes
        self._codes_used += len(codes)
        return begin

    def _compact_if_due(self) -> None:
        retired = self._rows.count - len(self._row_of)
        if retired <= _FIRST_CAPACITY // 2 or retired * 4 <= self._rows.count:
            return
        kept = np.flatnonzero(self._rows["retired_at"][: self._rows.count] == ALIVE)
        self._rows = self._rows.taken(kept, _FIRST_CAPACITY)
        count = self._rows.count
        leg_begin, old_legs = spans(self._rows["leg_begin"][:count], self._rows["leg_count"][:count])
        self._rows["leg_begin"][:count] = leg_begin
        self._legs = self._legs.taken(old_legs, _FIRST_CAPACITY)
        legs = self._legs.count
        path_begin, old_codes = spans(self._legs["path_begin"][:legs], self._legs["path_size"][:legs])
        self._legs["path_begin"][:legs] = path_begin
        self._codes_used = len(old_codes)
        codes = np.empty(max(16 * _FIRST_CAPACITY, self._codes_used + self._codes_used // 4), dtype=np.int32)
        codes[: self._codes_used] = self._codes[old_codes]
        self._codes = codes
        self._itineraries = np.flatnonzero(self._rows["leg_count"][:count] > 1)
        rows = Rows(**self._rows.filled())
        self._row_of = {rows.offer_id(row): row for row in range(count)}


def preference_masks(preferences: Mapping[str, bool]) -> tuple[int, int]:
    """(stated, welcome): bit k stands for PREFERENCE_KEYS[k]; welcome is a part of stated."""
    stated = welcome = 0
    for k, key in enumerate(PREFERENCE_KEYS):
        if key in preferences:
            stated |= 1 << k
            welcome |= int(preferences[key]) << k
    return stated, welcome
