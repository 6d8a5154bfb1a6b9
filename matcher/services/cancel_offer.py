"""A driver withdraws a trip."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from matcher.domain.errors import OfferNotOpen, StaleVersion
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.principal import Principal
from matcher.services.offer_rules import require_driver, require_owner
from matcher.services.offer_writer import OfferWriter
from matcher.services.ports import OfferRepository

_TRIES = 5


class CancelOffer:
    """An offer that is returned is CANCELLED on disk, and no search will find it. Cancelling twice is cancelling once."""

    def __init__(self, offers: OfferRepository, writer: OfferWriter) -> None:
        self._offers = offers
        self._writer = writer

    async def __call__(
        self, offer_id: UUID, principal: Principal, now: datetime, expected_version: int | None = None
    ) -> Offer:
        """The cancelled offer. Without `expected_version` whatever version is stored is cancelled.

        Raises RoleForbidden, OfferNotFound, OfferNotOpen for a trip that is over, StaleVersion.
        """
        require_driver(principal)
        for attempt in range(_TRIES):
            offer = await self._offers.get(offer_id)
            require_owner(offer, principal)
            if offer.status is OfferStatus.CANCELLED:
                return offer
            if offer.status is not OfferStatus.OPEN:
                raise OfferNotOpen(f"the offer is {offer.status.value} and cannot be cancelled")
            if expected_version is not None and offer.version != expected_version:
                raise StaleVersion(f"the offer is at version {offer.version} now: read it again before cancelling it")
            cancelled = replace(offer, status=OfferStatus.CANCELLED, version=offer.version + 1, updated_at=now)
            try:
                await self._writer.update(cancelled, expected_version=offer.version)
            except StaleVersion:
                # Somebody changed it between our read and our write; without a version asked for, the newer one will do.
                if expected_version is not None or attempt == _TRIES - 1:
                    raise
            else:
                return cancelled
        raise AssertionError("unreachable: the last try returns or raises")
