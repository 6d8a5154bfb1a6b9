"""Offers as a check reads them: as they lie there, a page at a time, those that make no sense included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from matcher.domain.errors.tree import InvalidInput, OfferNotFound
from matcher.domain.offer import Offer
from matcher.postgres.pool import Connections
from matcher.postgres.statements import Statements
from matcher.postgres.store import PostgresStore
from matcher.trips.offers.rows import to_offer
from matcher.trips.offers.store import PostgresOffers

if TYPE_CHECKING:
    from matcher.postgres.statements import Record

_NONSENSE = (InvalidInput, ValueError, TypeError, KeyError)


@dataclass(frozen=True, slots=True)
class UnreadableOffer:
    """A stored offer that makes no sense to the domain."""

    offer_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class StoredPage:
    """Some stored offers, and the (departure, id) to go on after, None at the end."""

    offers: tuple[Offer, ...]
    unreadable: tuple[UnreadableOffer, ...]
    next_cursor: tuple[datetime, UUID] | None


class PostgresStoredOffers(PostgresStore):
    """The OPEN offers of a region, a page at a time, so that a long check holds no transaction open; read only.

    Raises DatabaseUnavailable.
    """

    _statements = Statements("stored_offers")

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._offers = PostgresOffers(connections)

    async def count(self, region: str) -> int:
        return int(await self._value("count_open_offers_of_region", region=region))

    async def page(self, region: str, *, limit: int, after: tuple[datetime, UUID] | None) -> StoredPage:
        """At most `limit` of them, ordered by (departure, id), after `after`."""
        after_departure, after_id = (None, None) if after is None else after
        rows = await self._rows(
            "page_open_offers_of_region",
            region=region,
            after_departure=after_departure,
            after_id=after_id,
            row_limit=limit,
        )
        read = [_read(row) for row in rows]
        return StoredPage(
            offers=tuple(offer for offer in read if isinstance(offer, Offer)),
            unreadable=tuple(offer for offer in read if isinstance(offer, UnreadableOffer)),
            next_cursor=(rows[-1]["depart_at"], rows[-1]["id"]) if len(rows) == limit else None,
        )

    async def find(self, offer_id: UUID) -> Offer | None:
        """One offer as it is now; None when it is gone or cannot be read."""
        try:
            return await self._offers.get(offer_id)
        except (OfferNotFound, *_NONSENSE):
            return None


def _read(row: Record) -> Offer | UnreadableOffer:
    try:
        return to_offer(row)
    except _NONSENSE as error:
        return UnreadableOffer(row["id"], f"{type(error).__name__}: {error}")
