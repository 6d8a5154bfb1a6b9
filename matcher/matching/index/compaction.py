"""Rows sorted anew while searches and writes go on: in an order that makes the rows of a block alike, without those
that have gone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from matcher.matching.base.positions import I64, AnyArray
from matcher.matching.index.store import Contents, Store

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
    fresh.take_in(source, living[order_of_rows({name: getattr(source.rows, name)[living] for name in _KEYS}, block)])
    fresh.sorted_rows = count
    return fresh


_KEYS = ("leg_count", "departure_ms", "shift_ms", "reach_ms", "origin_node", "destination_node")


def order_of_rows(rows: Mapping[str, AnyArray], block: int) -> I64:
    """(k,) row numbers: offers of one leg first; slot by slot; a slot is cut by reach into layers, each layer by origin
    into strips, and each strip is in the order of the destinations.

    Of b blocks in a slot, a layer holds b ** 2/3 and a strip b ** 1/3, so that the blocks of a slot are as narrow in
    reach as in origins and in destinations (the packing of an R-tree: Leutenegger, Lopez, Edgington, "STR", 1997; nodes
    in the order of nested dissection stand for places).
    """
    slot = (rows["departure_ms"] - rows["shift_ms"]) // SLOT_MS
    slot -= slot.min(initial=0)
    group = slot + (rows["leg_count"] > 1) * (int(slot.max(initial=0)) + 1)
    order: I64 = np.arange(len(group))
    for key, dimensions in (("reach_ms", 3), ("origin_node", 2)):
        order, group = _cut(order, group, rows[key], block, dimensions)
    return order[np.argsort(group << 32 | rows["destination_node"][order], kind="stable")]


def _cut(order: I64, group: I64, key: AnyArray, block: int, dimensions: int) -> tuple[I64, I64]:
    """(order, group): each group cut by a key into parts of equal size, as many as the root of its number of blocks.

    group: of the rows in `order`.
    """
    sorting = np.argsort(group << 32 | key[order], kind="stable")
    order, group = order[sorting], group[sorting]
    begins = np.flatnonzero(np.r_[True, group[1:] != group[:-1]][: len(group)])
    sizes = np.diff(np.r_[begins, len(group)])
    parts = np.maximum(1, np.rint((sizes / block) ** (1 / dimensions))).astype(np.int64)
    place = np.arange(len(group)) - np.repeat(begins, sizes)
    part = place * np.repeat(parts, sizes) // np.repeat(sizes, sizes)
    return order, part + np.repeat(np.cumsum(parts) - parts, sizes)


def differences(then: Contents, now: Contents) -> int:
    """How many rows have come or gone between two moments of one store."""
    return len(_gone(then, now)) + now.count - then.count


def repeat(fresh: Store, then: Contents, now: Contents) -> None:
    """Do to a store what was done to another between two moments.

    An id is held by one living row at most, so the order does not matter: first all that have gone, then all that have
    come and are still there.
    """
    for row in _gone(then, now).tolist():
        fresh.drop(int(then.rows.id_high[row]), int(then.rows.id_low[row]))
    living = now.living()
    fresh.take_in(now, living[living >= then.count])


def _gone(then: Contents, now: Contents) -> I64:
    bits = then.alive & ~now.alive[: len(then.alive)]
    return np.flatnonzero(np.unpackbits(bits, count=then.count, bitorder="little")).astype(np.int64)
