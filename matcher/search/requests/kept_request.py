"""A search that waits for offers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from matcher.domain.match import MatchRequest


@dataclass(frozen=True, slots=True)
class KeptRequest:
    """A request that is matched with every new or changed offer until its window has ended.

    Its road positions hold for the import of `region` named by `region_fingerprint`. `request.rider_is_woman` is what
    the rider shares when it is read.
    """

    id: UUID
    region: str
    region_fingerprint: str
    request: MatchRequest
    created_at: datetime

    @property
    def expires_at(self) -> datetime:
        """When it stops waiting: at the end of its window."""
        return self.request.window.latest

    @property
    def rider_id(self) -> str:
        return self.request.rider_id


@dataclass(frozen=True, slots=True)
class FoundOffer:
    """An offer the rider was notified of, or was shown when the request was kept."""

    offer_id: UUID
    found_at: datetime
