"""Offers by the ten thousand: columns in, columns out, and no Python object for any of them."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import numpy.typing as npt

from matcher.matching.bounds import FAR
from matcher.matching.plan import ANY_TIME
from matcher.matching.positions import FRACTION_BITS, FRACTION_ONE, I32, I64, INFINITE, U8, EdgeTable
from matcher.matching.roads import SearchRoads

if TYPE_CHECKING:
    from matcher.matching.index import OfferIndex

U64 = npt.NDArray[np.uint64]


def driver_digest(driver_id: str) -> int:
    """What stands for a driver where ids of any length would be in the way: the first 16 bytes of their SHA-256, as an integer."""
    return int.from_bytes(hashlib.sha256(driver_id.encode()).digest()[:16])


@dataclass(frozen=True, eq=False)
class DirectOffers:
    """OPEN offers without stops between origin and destination, (k,) each. Positions are edges with fixed-point fractions.

    driver_high, driver_low: the two halves of `driver_digest`. departure_ms: as planned now; published_ms: before bookings moved it.
    max_detour_cm: NO_LIMIT for none. stated, welcome: masks as of `index.preference_masks`.
    """

    id_high: U64
    id_low: U64
    version: I32
    driver_high: U64
    driver_low: U64
    origin_edge: I32
    origin_at: I32
    destination_edge: I32
    destination_at: I32
    published_ms: I64
    departure_ms: I64
    flexibility_ms: I32
    seats: U8
    max_detour_ms: I32
    max_detour_cm: I32
    stated: U8
    welcome: U8

    def __len__(self) -> int:
        return len(self.version)

    def taken(self, which: npt.NDArray[np.bool_]) -> DirectOffers:
        """Some of them."""
        return DirectOffers(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    def ids(self) -> list[UUID]:
        """The ids of the offers."""
        return [UUID(int=number) for number in _joined(self.id_high, self.id_low)]

    def drivers(self) -> list[int]:
        """`driver_digest` of their drivers."""
        return _joined(self.driver_high, self.driver_low)


@dataclass(frozen=True, eq=False)
class PackedOffers:
    """Direct offers with their drives; offer i's codes are codes[begin[i] : begin[i] + size[i]]."""

    offers: DirectOffers
    cost: I64
    codes: I32
    begin: I64
    size: I32

    def taken(self, which: npt.NDArray[np.bool_]) -> PackedOffers:
        """Some of them. The codes of the others stay where they are."""
        return PackedOffers(self.offers.taken(which), self.cost[which], self.codes, self.begin[which], self.size[which])


def _joined(high: U64, low: U64) -> list[int]:
    return [a << 64 | b for a, b in zip(high.tolist(), low.tolist(), strict=True)]


def pack_offers(offers: DirectOffers, roads: SearchRoads) -> PackedOffers:
    """Drive them all. Those that no road leads along any more, and those on edges that do not exist, are left out."""
    count = len(roads.edges.start)
    known = (offers.origin_edge >= 0) & (offers.origin_edge < count)
    known &= (offers.destination_edge >= 0) & (offers.destination_edge < count)
    if not known.all():
        offers = offers.taken(known)
    cost, codes, begin, size = roads.pack_drives(
        offers.origin_edge, offers.origin_at, offers.destination_edge, offers.destination_at
    )
    packed = PackedOffers(offers, cost, codes, begin, size)
    return packed if (cost < INFINITE).all() else packed.taken(cost < INFINITE)


def put_many(index: OfferIndex, roads: SearchRoads, offers: DirectOffers) -> int:
    """`OfferIndex.put_many`: the drives are packed without the interpreter lock, the rows are written under the index's."""
    packed = pack_offers(offers, roads)
    left_out = len(offers) - len(packed.offers)
    ids, drivers = packed.offers.ids(), packed.offers.drivers()
    legs, rows = leg_columns(packed), row_columns(packed, roads.edges)
    with index._lock:
        held = np.array([index._held_version(offer_id) for offer_id in ids], dtype=np.int64)
        newer = held < packed.offers.version
        if not newer.all():
            legs, rows = ({name: column[newer] for name, column in table.items()} for table in (legs, rows))
            ids = list(itertools.compress(ids, newer.tolist()))
            drivers = list(itertools.compress(drivers, newer.tolist()))
        count = len(ids)
        index._sequence += 1
        replaced = [index._row_of[offer_id] for offer_id in ids if offer_id in index._row_of]
        index._rows["retired_at"][replaced] = index._sequence
        legs["path_begin"] = legs["path_begin"] + index._keep_codes(packed.codes)
        rows["leg_begin"] = index._legs.extend(count, legs) + np.arange(count, dtype=np.int64)
        numbers = [index._drivers.setdefault(driver, len(index._drivers)) for driver in drivers]
        rows["driver"] = np.array(numbers, dtype=np.int32)
        rows["retired_at"] = np.full(count, np.iinfo(np.int64).max)
        first = index._rows.extend(count, rows)
        index._row_of.update(zip(ids, range(first, first + count), strict=True))
        index._compact_if_due()
        index._note(lambda other: put_many(other, roads, offers))
    return left_out


@contextmanager
def rebuilt(index: OfferIndex, fresh: OfferIndex) -> Iterator[OfferIndex]:
    """`OfferIndex.rebuilt`. One at a time. When the block fails the index stays as it is.

    Writes that reach the index while the block runs are noted, and repeated on the fresh one until none is left, so that no search in between
    misses one.
    """
    with index._lock:
        assert index._meanwhile is None, "the index is being rebuilt already"
        index._meanwhile = []
    try:
        yield fresh
        while True:
            with index._lock:
                writes, index._meanwhile = index._meanwhile, []
                if not writes:
                    _take_over(index, fresh)
                    return
            for write in writes:
                write(fresh)
    finally:
        index._meanwhile = None


def _take_over(index: OfferIndex, fresh: OfferIndex) -> None:
    """Everything but what an index is made with. The fresh one must not be used any more."""
    for name, value in vars(fresh).items():
        if name not in {"_roads", "_lock", "_meanwhile"}:
            setattr(index, name, value)


def leg_columns(packed: PackedOffers) -> dict[str, npt.NDArray[np.generic]]:
    """The columns of `index.Legs`, a leg an offer; path_begin counts from the first of these codes."""
    offers, count = packed.offers, len(packed.offers)
    return {
        "origin_edge": offers.origin_edge,
        "origin_at": offers.origin_at,
        "destination_edge": offers.destination_edge,
        "destination_at": offers.destination_at,
        "base_cost": packed.cost,
        "path_begin": packed.begin,
        "path_size": packed.size,
        "seats": offers.seats,
        "early_ms": np.full(count, ANY_TIME, np.int32),
        "late_ms": np.full(count, ANY_TIME, np.int32),
    }


def row_columns(packed: PackedOffers, edges: EdgeTable) -> dict[str, npt.NDArray[np.generic]]:
    """The columns of `index.Rows` that follow from an offer and its drive alone."""
    offers = packed.offers
    out_a, out_b, out_a_ms, out_b_ms = _ways(edges, offers.origin_edge, *_leave(edges, offers))
    in_a, in_b, in_a_ms, in_b_ms = _ways(edges, offers.destination_edge, *_reach(edges, offers))
    return {
        "origin_edge": offers.origin_edge,
        "origin_at": offers.origin_at,
        "destination_edge": offers.destination_edge,
        "destination_at": offers.destination_at,
        "base_cost": packed.cost,
        "departure_ms": offers.departure_ms,
        "flexibility_ms": offers.flexibility_ms,
        "max_detour_ms": offers.max_detour_ms,
        "max_detour_cm": offers.max_detour_cm,
        "seats": offers.seats,
        "stated": offers.stated,
        "welcome": offers.welcome,
        "leg_count": np.ones(len(offers), np.uint8),
        "version": offers.version,
        "id_high": offers.id_high,
        "id_low": offers.id_low,
        "out_a": out_a,
        "out_b": out_b,
        "out_a_ms": out_a_ms,
        "out_b_ms": out_b_ms,
        "in_a": in_a,
        "in_b": in_b,
        "in_a_ms": in_a_ms,
        "in_b_ms": in_b_ms,
        "leaves_from_ms": offers.published_ms - offers.flexibility_ms,
        "leaves_by_ms": offers.published_ms + offers.flexibility_ms,
        "longest_ms": ((packed.cost >> 32) + offers.max_detour_ms).astype(np.int32),
    }


def _part_of(cost: I64, fixed: I64) -> I64:
    """`positions.part_of` of columns."""
    half = np.int64(1 << (FRACTION_BITS - 1))
    time = ((cost >> 32) * fixed + half) >> FRACTION_BITS
    length = ((cost & 0xFFFFFFFF) * fixed + half) >> FRACTION_BITS
    return (time << 32) | length


def _leave(edges: EdgeTable, offers: DirectOffers) -> tuple[I64, I64]:
    """`positions.leave` of the origins."""
    forward, backward = edges.forward[offers.origin_edge], edges.backward[offers.origin_edge]
    at = offers.origin_at.astype(np.int64)
    to_end = np.where(forward < INFINITE, forward - _part_of(forward, at), INFINITE)
    to_start = np.where(backward < INFINITE, backward - _part_of(backward, FRACTION_ONE - at), INFINITE)
    return to_start, to_end


def _reach(edges: EdgeTable, offers: DirectOffers) -> tuple[I64, I64]:
    """`positions.reach` of the destinations."""
    forward, backward = edges.forward[offers.destination_edge], edges.backward[offers.destination_edge]
    at = offers.destination_at.astype(np.int64)
    from_start = np.where(forward < INFINITE, _part_of(forward, at), INFINITE)
    from_end = np.where(backward < INFINITE, _part_of(backward, FRACTION_ONE - at), INFINITE)
    return from_start, from_end


def _ways(
    edges: EdgeTable, edge: I32, by_start: I64, by_end: I64
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.generic], npt.NDArray[np.generic], npt.NDArray[np.generic]]:
    """`bounds.ways_out` and `bounds.ways_in` of columns: a way that is closed repeats the other's node, too far to matter."""
    start, end = edges.start[edge], edges.end[edge]
    no_start, no_end = by_start >= INFINITE, by_end >= INFINITE
    return (
        np.where(no_start, end, start),
        np.where(no_end & ~no_start, start, end),
        np.minimum(by_start >> 32, FAR).astype(np.int32),
        np.minimum(by_end >> 32, FAR).astype(np.int32),
    )
