"""Offers are read by their drivers, and by operators."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.principal import Principal
from matcher.postgres.store import KeysetPage
from matcher.trips.offer_rules import require_owner
from matcher.trips.offers.repository import OfferRepository


class ReadOffers:
    """One offer, or pages of them: one's own, or anybody's for those who operate the service."""

    def __init__(self, offers: OfferRepository) -> None:
        self._offers = offers

    async def get(self, offer_id: UUID, principal: Principal) -> Offer:
        """Raises OfferNotFound, for another person's offer too."""
        offer = await self._offers.get(offer_id)
        require_owner(offer, principal, or_operator=True)
        return offer

    async def list_page(
        self,
        principal: Principal,
        status: OfferStatus | None,
        departure_from: datetime | None,
        departure_to: datetime | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> KeysetPage[Offer]:
        """Up to `limit` offers ordered by (departure, id), after the one named by `after`."""
        return await self._offers.list_page(
            driver_id=None if principal.operates else principal.user,
            status=status,
            departure_from=departure_from,
            departure_to=departure_to,
            limit=limit,
            after=after,
        )
