"""Offers by the ten thousand: columns in, columns out, and no Python object for any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from matcher.domain.money import CostRate
from matcher.domain.offer import Offer
from matcher.matching.base.positions import I32, I64, INFINITE, U8, AnyArray, EdgeTable, Flags
from matcher.matching.base.prices import NO_PRICE, price_steps
from matcher.matching.base.reach import Ends, reach_of
from matcher.matching.base.roads import SearchRoads
from matcher.matching.index.one_offer import MOST_FLEXIBILITY_S
from matcher.matching.index.rows import ROW, STATED, Stated, Stored

_NO_CURRENCY = "---"
#: What prices and free seats follow from, beside the columns that offers state; the same for stored offers.
_BESIDE: dict[str, tuple[type[np.generic] | str, Stated]] = {
    "seats_offered": (np.int32, Stated(lambda offer: offer.seats_offered)),
    "length_cm": (np.int64, Stated(lambda offer: offer.length_cm)),
    "price_minor": (np.int32, Stated(lambda offer: NO_PRICE if offer.price is None else offer.price.minor)),
}
#: dtype and reading of every column of `DirectOffers` that is a number. A flexibility that is too long has to fit as
#: well.
_LOADED = {name: (ROW[name], column) for name, column in STATED.items()} | _BESIDE
_LOADED["flexibility_s"] = (np.int32, STATED["flexibility_s"])


@dataclass(frozen=True, eq=False)
class DirectOffers:
    """OPEN offers without stops between origin and destination, as columns by name, (k,) each.

    Those of `rows.Rows` that offers state; seats_offered; length_cm, of the drive as published; price_minor and
    price_currency, the driver's for a seat, NO_PRICE for none.
    """

    columns: Mapping[str, AnyArray]

    @classmethod
    def of_stored(cls, stored: Stored) -> DirectOffers:
        """The columns of offers as they are stored."""
        columns = {
            name: (stored[name] if column.of_stored is None else column.of_stored(stored)).astype(dtype)
            for name, (dtype, column) in _LOADED.items()
        }
        return cls(columns | {"price_currency": stored["price_currency"].copy()})

    @classmethod
    def of(cls, offers: Sequence[Offer]) -> DirectOffers:
        """The columns of some offers."""
        columns = {
            name: np.array([column.of_offer(offer) for offer in offers], dtype)
            for name, (dtype, column) in _LOADED.items()
        }
        currencies = [_NO_CURRENCY if offer.price is None else offer.price.currency for offer in offers]
        return cls(columns | {"price_currency": np.array(currencies, "S3")})

    def __len__(self) -> int:
        return len(self.columns["version"])

    def __getitem__(self, name: str) -> AnyArray:
        return self.columns[name]

    @property
    def ends(self) -> Ends:
        """The ends of the whole trips."""
        return Ends(*(self[name] for name in Ends._fields))

    @property
    def published_ms(self) -> I64:
        """When they were published to depart."""
        published: I64 = self["departure_ms"] - self["shift_ms"]
        return published

    def taken(self, which: AnyArray) -> DirectOffers:
        """Some of them."""
        return DirectOffers({name: column[which] for name, column in self.columns.items()})

    def on_roads(self, edges: int) -> Flags:
        """(k,) whether they begin and end on one of so many edges, and can be held in rows."""
        known: Flags = self["flexibility_s"] <= MOST_FLEXIBILITY_S
        for name in ("origin_edge", "destination_edge"):
            known &= (self[name] >= 0) & (self[name] < edges)
        return known

    def stated(self, rate: CostRate | None) -> dict[str, AnyArray]:
        """The columns of `rows.Rows` that do not depend on the roads."""
        return {name: self[name] for name in STATED} | {"price": self._price(rate)}

    def _price(self, rate: CostRate | None) -> U8:
        return price_steps(rate, self["price_minor"], self["price_currency"], self["seats_offered"], self["length_cm"])

    def ids(self) -> list[UUID]:
        """The ids of the offers."""
        halves = zip(self["id_high"].tolist(), self["id_low"].tolist(), strict=True)
        return [UUID(int=high << 64 | low) for high, low in halves]


@dataclass(frozen=True, eq=False)
class PackedOffers:
    """Direct offers with their drives; offer i's codes are codes[begin[i] : begin[i] + size[i]]."""

    offers: DirectOffers
    cost: I64
    codes: I32
    begin: I64
    size: I32

    def taken(self, which: Flags) -> PackedOffers:
        """Some of them. The codes of the others stay where they are."""
        return PackedOffers(self.offers.taken(which), self.cost[which], self.codes, self.begin[which], self.size[which])

    def rows(self, edges: EdgeTable, rate: CostRate | None) -> dict[str, AnyArray]:
        """The columns of `rows.Rows`; leg_begin counts from the first of these codes."""
        offers = self.offers
        reach = reach_of(edges.together, offers.ends, self.cost, offers["max_detour_ms"])
        return offers.stated(rate) | {
            "base_cost": self.cost,
            "leg_begin": self.begin,
            "path_size": self.size,
            "leg_count": np.ones(len(offers), np.uint8),
            **reach._asdict(),
        }


def pack_offers(offers: DirectOffers, roads: SearchRoads) -> PackedOffers:
    """Drive them all. Those that no road leads along any more, and those on edges that do not exist, are left out."""
    known = offers.on_roads(len(roads.edges.start))
    if not known.all():
        offers = offers.taken(known)
    packed = PackedOffers(offers, *roads.pack_drives(*offers.ends))
    there = packed.cost < INFINITE
    return packed if there.all() else packed.taken(there)
