"""The offers in memory, as arrays that kernels scan: one row an offer, added and retired but never changed in place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from uuid import UUID

import numpy as np

from matcher.domain.money import CostRate
from matcher.domain.offer import Offer, OfferStatus
from matcher.matching.base.roads import SearchRoads
from matcher.matching.index.compaction import compacted, differences, repeat
from matcher.matching.index.encoding import driver_digest, halves
from matcher.matching.index.load_direct import DirectOffers, pack_offers
from matcher.matching.index.load_stops import OffersWithStops, rows_with_stops
from matcher.matching.index.one_offer import one_row
from matcher.matching.index.snapshot import Snapshot
from matcher.matching.index.store import Store
from matcher.matching.index.zones import BLOCK

#: How many removed offers are remembered, so that an older write that arrives late does not bring one back.
_REMEMBERED = 100_000
#: Rows are sorted again when those that came after the last time are more than this part of them, or those that have
#: gone a quarter.
_TAIL_PART, _GONE_PART = 32, 4
#: Fewer rows than this are not worth it.
LEAST_TAIL = 4096
#: Writes that are repeated on sorted rows while nobody else may write.
_FEW_WRITES = 512


def _in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="compaction", daemon=True).start()


class OfferIndex:
    """Offers waiting to be matched, on the roads of one slot. Thread-safe.

    A write appends a row and clears the bit of the one it replaces, so that searches need no lock. Now and then the
    rows are sorted anew, without those that have gone, into new arrays, in the background; the writes made meanwhile
    are repeated there, and searches under way keep the old arrays. Adding costs one point-to-point query a leg and
    amortised O(1) copying.

    rate: what prices are compared with. block: rows of a block, a multiple of 8. least_tail: how many rows must have
    come or gone before they are sorted anew. start: runs the sorting; in a thread of its own by default.
    """

    def __init__(
        self,
        roads: SearchRoads,
        *,
        rate: CostRate | None = None,
        block: int = BLOCK,
        least_tail: int = LEAST_TAIL,
        start: Callable[[Callable[[], None]], None] = _in_a_thread,
    ) -> None:
        self._roads = roads
        self._rate = rate
        self._block = block
        self._least_tail = least_tail
        self._start = start
        self._lock = threading.Lock()
        self._compacting = threading.Lock()
        self._due = False
        self._store = Store(block, 2 * block)
        self._forgotten: dict[UUID, int] = {}

    def __len__(self) -> int:
        """How many offers can be matched."""
        return len(self._store)

    def put(self, offer: Offer) -> None:
        """Add an OPEN offer or replace an older version of it; any other status removes it; not newer: ignored.

        Raises ValueError when the roads have no way for its drive.
        """
        if offer.status is not OfferStatus.OPEN:
            self._retire(offer.id, offer.version)
            return
        row, codes, legs = one_row(offer, self._roads, self._rate)
        with self._lock:
            if self._held_version(offer.id) >= offer.version:
                return
            self._store.add(row, codes, legs)
        self._compact_if_due()

    def put_many(self, offers: DirectOffers | OffersWithStops) -> int:
        """`put` for thousands of offers at once; returns how many were left out because no road leads along them."""
        # The drives are packed without the interpreter lock, the rows are written under the index's.
        legs = None
        if isinstance(offers, OffersWithStops):
            good, rows, codes, legs = rows_with_stops(offers, self._roads, self._rate)
            known = offers.offers.taken(good)
        else:
            packed = pack_offers(offers, self._roads)
            known, codes, rows = packed.offers, packed.codes, packed.rows(self._roads.edges, self._rate)
        with self._lock:
            held = self._store.versions_of(known["id_high"], known["id_low"])
            if self._forgotten:
                gone = [self._forgotten.get(offer_id, 0) for offer_id in known.ids()]
                held = np.where(held > 0, held, gone)
            newer = held < known["version"]
            if not newer.all():
                # The legs of those that are left out stay behind, and go when the rows are sorted.
                rows = {name: column[newer] for name, column in rows.items()}
            self._store.extend(rows, codes, legs)
        return len(offers) - len(known)

    def remove(self, offer_id: UUID) -> None:
        """Forget an offer; unknown ids are ignored."""
        with self._lock:
            self._drop(offer_id)
        self._compact_if_due()

    def snapshot(self, searcher: str, hidden: Collection[str] = ()) -> Snapshot:
        """The offers as they are now, for a search by `searcher`; those of `hidden` drivers do not exist for it.

        O(1), and O(1) for each driver that is hidden and each of their offers.
        """
        own, others = driver_digest(searcher), [driver_digest(driver) for driver in hidden]
        with self._lock:
            return self._store.snapshot(own, others)

    def version_of(self, offer_id: UUID) -> int:
        """The newest version that was put, also of an offer that has gone again not long ago; 0 for one that was
        never here."""
        with self._lock:
            return self._held_version(offer_id)

    def memory(self) -> tuple[int, int]:
        """(bytes of the routes of all rows, bytes beside them), without spare room."""
        with self._lock:
            return self._store.memory()

    def compact(self) -> None:
        """Sort the rows anew, without those that have gone.

        Searches and writes go on; another call waits until this one is done.
        """
        with self._compacting:
            with self._lock:
                store, then = self._store, self._store.contents()
            fresh = compacted(then, self._block)
            while True:
                with self._lock:
                    now = store.contents()
                    if differences(then, now) <= _FEW_WRITES:
                        repeat(fresh, then, now)
                        self._store = fresh
                        return
                repeat(fresh, then, now)
                then = now

    def _compact_if_due(self) -> None:
        """To be called without the lock."""
        with self._lock:
            if self._due or not self._is_due():
                return
            self._due = True
        self._start(self._compact_as_due)

    def _compact_as_due(self) -> None:
        try:
            self.compact()
        finally:
            self._due = False

    def _is_due(self) -> bool:
        store = self._store
        tail, gone = store.row_count - store.sorted_rows, store.row_count - len(store)
        least = self._least_tail
        return tail > max(least, store.sorted_rows // _TAIL_PART) or gone > max(least, store.row_count // _GONE_PART)

    def _retire(self, offer_id: UUID, version: int) -> None:
        with self._lock:
            if self._held_version(offer_id) >= version:
                return
            self._forgotten[offer_id] = version
            if len(self._forgotten) > _REMEMBERED:
                del self._forgotten[next(iter(self._forgotten))]
            self._drop(offer_id)
        self._compact_if_due()

    def _drop(self, offer_id: UUID) -> None:
        self._store.drop(*halves(offer_id))

    def _held_version(self, offer_id: UUID) -> int:
        return self._store.version_of(*halves(offer_id)) or self._forgotten.get(offer_id, 0)
