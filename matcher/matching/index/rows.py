"""What is known of every offer, as columns that kernels scan: one row an offer, and a row for each leg of those with
several.

`Rows` and `Legs` are the only lists of these columns: names, dtypes, units, and how a column that the offer itself
states is read. Everything that writes, loads, sorts or scans rows derives from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints
from uuid import UUID

import numpy as np

from matcher.domain.offer import Offer
from matcher.matching.base.plan import NO_LIMIT, to_ms
from matcher.matching.base.positions import (
    FRACTION_ONE,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    AnyArray,
    fixed_position,
)
from matcher.matching.index.encoding import driver_digest, preference_masks

#: Columns of stored offers by name, as the database has them, but for moments, which are milliseconds since the epoch.
Stored = Mapping[str, AnyArray]
#: Bits of the column `stated`, above those of PREFERENCE_KEYS.
WOMEN_ONLY, DRIVER_IS_WOMAN = 32, 64


@dataclass(frozen=True, slots=True)
class Stated:
    """How a column that the offer itself states is read: of an offer, and of the columns of stored offers.

    of_stored: None where they have a column of the same name.
    """

    of_offer: Callable[[Offer], int]
    of_stored: Callable[[Stored], AnyArray] | None = None


def _fixed(fractions: AnyArray) -> AnyArray:
    fixed: AnyArray = np.rint(fractions * FRACTION_ONE)
    return fixed


def _stated_bits(offer: Offer) -> int:
    bits = preference_masks(offer.preferences)[0]
    return bits | WOMEN_ONLY * offer.women_only | DRIVER_IS_WOMAN * offer.driver_is_woman


def _limit_cm(metres: AnyArray) -> AnyArray:
    limit: AnyArray = np.where(metres < 0, np.int32(NO_LIMIT), metres * np.int32(100))
    return limit


class Rows(NamedTuple):
    """The columns of all offers, (count,) each. Positions are edges with fixed-point fractions; costs are packed.

    The whole budget and all seats are what an offer states; a row has what its bookings have left of them.
    """

    # The route: the ends of the whole trip, and the drive without riders.
    origin_edge: Annotated[I32, Stated(lambda offer: fixed_position(offer.origin.position)[0])]
    origin_at: Annotated[
        I32, Stated(lambda offer: fixed_position(offer.origin.position)[1], lambda s: _fixed(s["origin_fraction"]))
    ]
    destination_edge: Annotated[I32, Stated(lambda offer: fixed_position(offer.destination.position)[0])]
    destination_at: Annotated[
        I32,
        Stated(
            lambda offer: fixed_position(offer.destination.position)[1], lambda s: _fixed(s["destination_fraction"])
        ),
    ]
    base_cost: I64
    # leg_count 1: the packed drive is codes[leg_begin : leg_begin + path_size]. More, for a driver who goes via other
    # places or has riders: the legs are the rows of `Legs` from leg_begin on.
    leg_begin: I64
    path_size: U16
    leg_count: U8
    # What bounds are taken from, see `reach`; nodes are ranks.
    origin_node: U32
    destination_node: U32
    reach_ms: I32
    # As planned now; less shift_ms it is the published departure, around which the flexibility lies.
    departure_ms: Annotated[
        I64,
        Stated(
            lambda offer: to_ms(offer.departure) + offer.departure_shift_ms,
            lambda s: s["depart_ms"] + s["departure_shift_ms"],
        ),
    ]
    shift_ms: Annotated[I32, Stated(lambda offer: offer.departure_shift_ms, lambda s: s["departure_shift_ms"])]
    flexibility_s: Annotated[U16, Stated(lambda offer: offer.flexibility_s)]
    # The limits of the detour; NO_LIMIT for none. Below 0 when new roads have made a booked trip longer than its limit.
    max_detour_ms: Annotated[
        I32, Stated(lambda offer: offer.max_detour_s * 1000, lambda s: s["max_detour_s"] * np.int32(1000))
    ]
    max_detour_cm: Annotated[
        I32,
        Stated(
            lambda offer: NO_LIMIT if offer.max_detour_m is None else offer.max_detour_m * 100,
            lambda s: _limit_cm(s["max_detour_m"]),
        ),
    ]
    seats: Annotated[U8, Stated(lambda offer: offer.seats_left, lambda s: s["seats_left"])]  # on the emptiest leg
    # Bits over PREFERENCE_KEYS; stated has WOMEN_ONLY and DRIVER_IS_WOMAN above them.
    stated: Annotated[U8, Stated(_stated_bits, lambda s: s["stated"] | s["women"] * WOMEN_ONLY)]
    welcome: Annotated[U8, Stated(lambda offer: preference_masks(offer.preferences)[1])]
    price: U8  # of a seat, `prices.price_steps`
    version: Annotated[I32, Stated(lambda offer: offer.version)]
    driver: Annotated[U64, Stated(lambda offer: driver_digest(offer.driver_id))]
    id_high: Annotated[U64, Stated(lambda offer: offer.id.int >> 64)]
    id_low: Annotated[U64, Stated(lambda offer: offer.id.int & (2**64 - 1))]

    def offer_id(self, row: int) -> UUID:
        """The offer's id."""
        return UUID(int=int(self.id_high[row]) << 64 | int(self.id_low[row]))

    @property
    def sieved(self) -> Sieved:
        """The columns that the sieves read."""
        return sieved(self._asdict())


class Legs(NamedTuple):
    """The legs of the offers that have several, one offer's legs in a row and in driving order, (legs,) each.

    Leg k's packed drive is codes[path_begin[k] : path_begin[k] + path_size[k]]. seats: free on the leg. early_ms,
    late_ms: how much earlier or later than planned the stop at the leg's end may be reached without breaking a promise
    to those who board or alight there; ANY_TIME where nothing was promised.
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


class Sieved(NamedTuple):
    """The columns of `Rows` that the sieves and the zone maps read."""

    leg_count: U8
    departure_ms: I64
    flexibility_s: U16
    shift_ms: I32
    base_cost: I64
    max_detour_ms: I32
    seats: U8
    stated: U8
    origin_node: U32
    destination_node: U32
    reach_ms: I32


def sieved(columns: Mapping[str, AnyArray]) -> Sieved:
    """The columns that the sieves read, of columns by name."""
    return Sieved(*(columns[name] for name in Sieved._fields))


def _dtypes(table: type) -> dict[str, type[np.generic]]:
    """The dtype of each column of a table, from its annotations."""
    return {name: get_args(get_args(hint)[1])[0] for name, hint in get_type_hints(table, globals()).items()}


ROW, LEG = _dtypes(Rows), _dtypes(Legs)
#: The columns of a row that are its route, or follow from it; its codes come on top.
ROUTE = Rows._fields[: Rows._fields.index("reach_ms") + 1]
#: The columns that the offer itself states.
STATED: dict[str, Stated] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(Rows, globals(), include_extras=True).items()
    if hasattr(hint, "__metadata__")
}


def stated_by(offer: Offer) -> dict[str, Any]:
    """The columns that an offer states, by name."""
    return {name: column.of_offer(offer) for name, column in STATED.items()}
