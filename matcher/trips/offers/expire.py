"""Trips end by themselves."""

from __future__ import annotations

from datetime import datetime

from matcher.trips.offers.repository import OfferRepository
from matcher.trips.writer import OpenOfferIndex

_AT_ONCE = 10_000


class ExpireOffers:
    """Marks offers whose latest arrival has passed as PAST, and takes them out of the index."""

    def __init__(self, offers: OfferRepository, index: OpenOfferIndex) -> None:
        self._offers = offers
        self._index = index

    async def __call__(self, now: datetime) -> int:
        """How many ended. Raises DatabaseUnavailable; what was marked until then stays marked."""
        ended = 0
        while True:
            ids = await self._offers.mark_past(now, limit=_AT_ONCE)
            for offer_id in ids:
                self._index.remove(offer_id)
            ended += len(ids)
            if len(ids) < _AT_ONCE:
                return ended
