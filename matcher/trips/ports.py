"""What the use cases of bookings need from the world, as Protocols, and the one form in which a trip is changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from matcher.domain.booking import Booking, BookingStatus
from matcher.domain.idempotency import IdempotencyRequest, StoredAnswer
from matcher.domain.offer import Offer
from matcher.events.event import Event


@dataclass(frozen=True, slots=True)
class TripChange:
    """Everything that one decision about a trip writes, in one transaction: all of it, or nothing.

    offer: the trip as decided about, None when the decision does not depend on it. Of version `read_version` it is only held as it is until the
    end; one version later it replaces what is stored. new: a booking that is made. moved: bookings, each one version later than it was read.
    known: the transaction fails when the offer has an open booking that is not among these. in_series: for an offer that was made of a series,
    the version of the series that it follows from now on, 0 when it goes its own way, None when that stays as it is.
    """

    offer: Offer | None
    read_version: int
    now: datetime
    new: Booking | None = None
    moved: tuple[Booking, ...] = ()
    events: tuple[Event, ...] = ()
    known: frozenset[UUID] | None = None
    in_series: int | None = None

    @property
    def changes_offer(self) -> bool:
        """Whether the offer is written."""
        return self.offer is not None and self.offer.version > self.read_version


@dataclass(frozen=True, slots=True)
class BookingPage:
    """One keyset page, newest first; `next_cursor` is the (moment, id) to go on after, None at the end."""

    bookings: tuple[Booking, ...]
    next_cursor: tuple[datetime, UUID] | None


#: What the clock makes of a booking that is due, and who is told.
Decide = Callable[[Booking], tuple[Booking, Sequence[Event]]]


class TripRepository(Protocol):
    """Bookings on disk, with the trips that they are part of. A method that returns has committed; DatabaseUnavailable when it cannot say."""

    async def commit(
        self, change: TripChange, *, idempotency: IdempotencyRequest | None = None, answer: StoredAnswer | None = None
    ) -> StoredAnswer | None:
        """Write a change and, in the same transaction, the answer under its idempotency key.

        Returns None when it was written. When another call with the same key has stored its answer meanwhile, nothing is written and that answer
        is returned. Raises StaleVersion when the offer or a booking is not as it was read any more, OfferNotOpen, BookingExists when the rider
        has an open booking of the offer, SeatsExhausted when a leg would be oversold, IdempotencyKeyReused.
        """

    async def find_answer(self, idempotency: IdempotencyRequest) -> StoredAnswer | None:
        """The answer stored under this key, or None. Raises IdempotencyKeyReused when the fingerprint differs."""

    async def get(self, booking_id: UUID) -> Booking:
        """Raises BookingNotFound."""

    async def list_open(self, offer_id: UUID) -> list[Booking]:
        """The bookings of an offer that wait or are confirmed, oldest first."""

    async def list_page(
        self,
        *,
        user: str | None,
        statuses: Collection[BookingStatus] | None,
        offer_id: UUID | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> BookingPage:
        """Bookings in which `user` drives or rides (None: anybody's), newest first, after the (created_at, id) given."""

    async def move_due(self, now: datetime, decide: Decide, *, limit: int) -> int:
        """Move bookings whose moment has come, at most `limit`, each as `decide` says; returns how many. Those that another process is moving
        are left to it."""

    async def forget_bookings(self, before: datetime, limit: int) -> int:
        """Drop at most `limit` bookings that ended (CANCELLED or VALIDATED) before a moment; returns how many."""


class Blocks(Protocol):
    """Who does not want to meet whom."""

    async def hidden_from(self, user: str) -> frozenset[str]:
        """Those whom the user has blocked, or who have blocked the user."""


class OfferFitter(Protocol):
    """Offers of an older import on the present roads."""

    def fit(self, offer: Offer) -> Offer | None:
        """The offer on these roads; None when no road fits any more."""
