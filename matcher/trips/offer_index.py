"""What the use cases ask of the offers in memory."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from matcher.domain.offer import Offer


class OfferIndex(Protocol):
    """The offers in memory that searches run on. Thread-safe; a search works on a snapshot that writes do not disturb."""

    def put(self, offer: Offer) -> None:
        """Add an OPEN offer, or replace an older version of it; any other status removes it. A version that is not newer
        than the one held is ignored, so that two writes that are applied out of order end the same."""

    def remove(self, offer_id: UUID) -> None:
        """Forget an offer; unknown ids are ignored."""

    def __len__(self) -> int:
        """How many offers can be matched."""
