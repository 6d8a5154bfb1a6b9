"""Writes to an index of more than one offer: thousands at once, and all of them anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from matcher.matching.base.roads import SearchRoads
from matcher.matching.index.load_direct import DirectOffers, pack_offers, row_columns
from matcher.matching.index.load_stops import OffersWithStops, rows_with_stops

if TYPE_CHECKING:
    from matcher.matching.index.index import OfferIndex


def put_many(index: OfferIndex, roads: SearchRoads, offers: DirectOffers | OffersWithStops) -> int:
    """`OfferIndex.put_many`: the drives are packed without the interpreter lock, the rows are written under the index's."""
    legs = None
    if isinstance(offers, OffersWithStops):
        good, rows, codes, legs = rows_with_stops(offers, roads, index._rate)
        known = offers.offers.taken(good)
    else:
        packed = pack_offers(offers, roads)
        known, codes, rows = packed.offers, packed.codes, row_columns(packed, roads.edges, index._rate)
    with index._lock:
        held = index._store.versions_of(known.id_high, known.id_low)
        if index._forgotten:
            gone = [index._forgotten.get(offer_id, 0) for offer_id in known.ids()]
            held = np.where(held > 0, held, gone)
        newer = held < known.version
        if not newer.all():
            # The legs of those that are left out stay behind, and go when the rows are sorted.
            rows = {name: column[newer] for name, column in rows.items()}
        index._store.extend(rows, codes, legs)
        index._note(lambda other: put_many(other, roads, offers))
    return len(offers) - len(known)


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
                    index._store, index._forgotten = fresh._store, fresh._forgotten
                    return
            for write in writes:
                write(fresh)
    finally:
        index._meanwhile = None
