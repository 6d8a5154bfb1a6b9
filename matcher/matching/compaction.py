"""Rows sorted anew while searches and writes go on: in an order that makes the rows of a block alike, without those that have gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.matching.positions import I64
from matcher.matching.store import Contents, Store

#: Trips that depart within the same slot lie together.
SLOT_MS = 30 * 60_000
#: Room for rows to come, as a part of those there are.
_SPARE_PART = 16
_LEAST_SPARE = 1024


def compacted(source: Contents, block: int) -> Store:
    """A store with the living rows of another, in the order of `order_of_rows`, and room for some more."""
    living = source.living()
    count = len(living)
    fresh = Store(block, count + max(_LEAST_SPARE, count // _SPARE_PART))
    fresh.take_in(source, living[order_of_rows({name: source.rows[name][living] for name in _KEYS}, block)])
    fresh.sorted_rows = count
    return fresh


_KEYS = ("leg_count", "departure_ms", "shift_ms", "origin_node", "destination_node")


def order_of_rows(rows: Mapping[str, npt.NDArray[Any]], block: int) -> I64:
    """(k,) row numbers: offers of one leg first; slot by slot; in a slot cut by the origin into strips, and each strip by the destination.

    With b blocks in a slot there are sqrt(b) strips, so that the blocks of a slot are as narrow in origins as in destinations (the packing of
    an R-tree: Leutenegger, Lopez, Edgington, "STR", 1997; nodes in the order of nested dissection stand for places).
    """
    slot = (rows["departure_ms"] - rows["shift_ms"]) // SLOT_MS
    slot -= slot.min(initial=0)
    group = slot * 2 + (rows["leg_count"] > 1) * 2 * (int(slot.max(initial=0)) + 1)
    by_origin = np.argsort(group << 32 | rows["origin_node"], kind="stable")
    sorted_group = group[by_origin]
    begins = np.flatnonzero(np.r_[True, sorted_group[1:] != sorted_group[:-1]][: len(group)])
    sizes = np.diff(np.r_[begins, len(group)])
    strips = np.maximum(1, np.rint(np.sqrt(sizes / block))).astype(np.int64)
    place = np.arange(len(group)) - np.repeat(begins, sizes)
    strip = place * np.repeat(strips, sizes) // np.repeat(sizes, sizes) + np.repeat(np.cumsum(strips) - strips, sizes)
    key = strip << 32 | rows["destination_node"][by_origin]
    order: I64 = by_origin[np.argsort(key, kind="stable")]
    return order


def differences(then: Contents, now: Contents) -> int:
    """How many rows have come or gone between two moments of one store."""
    return len(_gone(then, now)) + now.count - then.count


def repeat(fresh: Store, then: Contents, now: Contents) -> None:
    """Do to a store what was done to another between two moments. An id is held by one living row at most, so the order is no matter:
    first all that have gone, then all that have come and are still there."""
    for row in _gone(then, now).tolist():
        fresh.drop(int(then.rows["id_high"][row]), int(then.rows["id_low"][row]))
    living = now.living()
    fresh.take_in(now, living[living >= then.count])


def _gone(then: Contents, now: Contents) -> I64:
    bits = then.alive & ~now.alive[: len(then.alive)]
    return np.flatnonzero(np.unpackbits(bits, count=then.count, bitorder="little")).astype(np.int64)
