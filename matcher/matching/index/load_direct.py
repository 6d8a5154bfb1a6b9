"""Offers by the ten thousand: columns in, columns out, and no Python object for any of them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from matcher.domain.money import CostRate
from matcher.matching.base.positions import I32, I64, INFINITE, U8, EdgeTable
from matcher.matching.base.prices import price_steps
from matcher.matching.base.roads import SearchRoads
from matcher.matching.index.encoding import MOST_FLEXIBILITY_S, reach_of

U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class DirectOffers:
    """OPEN offers without stops between origin and destination, (k,) each. Positions are edges with fixed-point fractions.

    driver: `encoding.driver_digest`. departure_ms: as planned now; published_ms: before bookings moved it. max_detour_cm: NO_LIMIT for none.
    stated, welcome: as in `rows.Rows`. length_cm: of the drive as published. price_minor, price_currency: the driver's for a seat, NO_PRICE for none.
    """

    id_high: U64
    id_low: U64
    version: I32
    driver: U64
    origin_edge: I32
    origin_at: I32
    destination_edge: I32
    destination_at: I32
    published_ms: I64
    departure_ms: I64
    flexibility_s: I32
    seats: U8
    seats_offered: I32
    max_detour_ms: I32
    max_detour_cm: I32
    stated: U8
    welcome: U8
    length_cm: I64
    price_minor: I32
    price_currency: npt.NDArray[np.bytes_]

    def __len__(self) -> int:
        return len(self.version)

    def taken(self, which: npt.NDArray[np.bool_]) -> DirectOffers:
        """Some of them."""
        return DirectOffers(**{field.name: getattr(self, field.name)[which] for field in fields(DirectOffers)})

    def price(self, rate: CostRate | None) -> U8:
        """(k,) as in `rows.Rows`."""
        return price_steps(rate, self.price_minor, self.price_currency, self.seats_offered, self.length_cm)

    def ids(self) -> list[UUID]:
        """The ids of the offers."""
        halves = zip(self.id_high.tolist(), self.id_low.tolist(), strict=True)
        return [UUID(int=high << 64 | low) for high, low in halves]


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


def pack_offers(offers: DirectOffers, roads: SearchRoads) -> PackedOffers:
    """Drive them all. Those that no road leads along any more, and those on edges that do not exist, are left out."""
    count = len(roads.edges.start)
    known = (offers.origin_edge >= 0) & (offers.origin_edge < count)
    known &= (offers.destination_edge >= 0) & (offers.destination_edge < count)
    known &= offers.flexibility_s <= MOST_FLEXIBILITY_S
    if not known.all():
        offers = offers.taken(known)
    cost, codes, begin, size = roads.pack_drives(
        offers.origin_edge, offers.origin_at, offers.destination_edge, offers.destination_at
    )
    packed = PackedOffers(offers, cost, codes, begin, size)
    return packed if (cost < INFINITE).all() else packed.taken(cost < INFINITE)


def row_columns(packed: PackedOffers, edges: EdgeTable, rate: CostRate | None) -> dict[str, npt.NDArray[Any]]:
    """The columns of `rows.Rows`; leg_begin counts from the first of these codes."""
    offers = packed.offers
    origin_node, destination_node, reach_ms = reach_of(
        edges,
        offers.origin_edge,
        offers.origin_at,
        offers.destination_edge,
        offers.destination_at,
        packed.cost,
        offers.max_detour_ms,
    )
    same = {name: getattr(offers, name) for name in _SAME}
    return same | {
        "base_cost": packed.cost,
        "leg_begin": packed.begin,
        "path_size": packed.size,
        "leg_count": np.ones(len(offers), np.uint8),
        "origin_node": origin_node,
        "destination_node": destination_node,
        "reach_ms": reach_ms,
        "shift_ms": offers.departure_ms - offers.published_ms,
        "price": offers.price(rate),
    }


_SAME = (
    "origin_edge", "origin_at", "destination_edge", "destination_at", "departure_ms", "flexibility_s", "max_detour_ms",
    "max_detour_cm", "seats", "stated", "welcome", "version", "driver", "id_high", "id_low",
)  # fmt: skip
