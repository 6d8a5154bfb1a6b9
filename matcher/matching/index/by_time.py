"""The offers in memory, each under the metric of the slot it departs in: an `OfferIndex` a slot, and one door to all
of them.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np

from matcher.domain.money import CostRate
from matcher.domain.offer import Offer, OfferStatus
from matcher.matching.base.roads import SearchRoads, SearchRoadsByTime
from matcher.matching.index.index import OfferIndex
from matcher.matching.index.load_direct import DirectOffers
from matcher.matching.index.load_stops import OffersWithStops
from matcher.matching.index.snapshot import Snapshot


@dataclass(frozen=True, eq=False)
class SlotSnapshot:
    """The offers of one slot as a search sees them, and the roads that they are driven on."""

    roads: SearchRoads
    offers: Snapshot


class OfferIndexByTime:
    """Offers waiting to be matched. Thread-safe; implements `services.ports.OfferIndex`.

    An offer is held in the slot of its published departure: a booking that moves the trip by minutes does not change
    the metric under those who were promised times in it. With one slot this is that slot's index and nothing more.
    """

    def __init__(self, roads: SearchRoadsByTime, rate: CostRate | None = None) -> None:
        self._roads = roads
        self._slots = [OfferIndex(slot, rate=rate) for slot in roads.slots]
        # Held while an offer goes from one slot to another, so that no snapshot sees it in both or in neither.
        self._moving = threading.Lock()

    def __len__(self) -> int:
        """How many offers can be matched."""
        return sum(len(slot) for slot in self._slots)

    def put(self, offer: Offer) -> None:
        """As `OfferIndex.put`; an offer that departs in another slot now leaves the one it was in."""
        if len(self._slots) == 1:
            self._slots[0].put(offer)
            return
        number = self._roads.slot_of(offer.departure)
        with self._moving:
            if max(slot.version_of(offer.id) for slot in self._slots) >= offer.version:
                return
            here = self._slots[number]
            here.put(offer)
            if offer.status is OfferStatus.OPEN:
                withdrawn = replace(offer, status=OfferStatus.CANCELLED)
                self._leave_others(number, withdrawn)
            else:
                self._leave_others(number, offer)

    def _leave_others(self, number: int, withdrawn: Offer) -> None:
        for k, slot in enumerate(self._slots):
            if k != number and slot.version_of(withdrawn.id) > 0:
                slot.put(withdrawn)

    def put_many(self, offers: DirectOffers | OffersWithStops) -> int:
        """As `OfferIndex.put_many`, for an index that is being filled and not searched yet, with no offer twice."""
        if len(self._slots) == 1:
            return self._slots[0].put_many(offers)
        which = self._roads.slots_of(offers.published_ms)
        return sum(self._slots[k].put_many(offers.taken(which == k)) for k in np.unique(which).tolist())

    def compact(self) -> None:
        """As `OfferIndex.compact`, slot by slot."""
        for slot in self._slots:
            slot.compact()

    def remove(self, offer_id: UUID) -> None:
        """Forget an offer; unknown ids are ignored."""
        with self._moving:
            for slot in self._slots:
                slot.remove(offer_id)

    def snapshot(self, searcher: str, hidden: Collection[str] = ()) -> tuple[SlotSnapshot, ...]:
        """The offers as they are now, slot by slot, for a search by `searcher`, to whom those of `hidden` drivers do
        not exist."""
        if len(self._slots) == 1:
            return (SlotSnapshot(self._roads.slots[0], self._slots[0].snapshot(searcher, hidden)),)
        with self._moving:
            return tuple(
                SlotSnapshot(roads, slot.snapshot(searcher, hidden))
                for roads, slot in zip(self._roads.slots, self._slots, strict=True)
            )
