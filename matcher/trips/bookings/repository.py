"""Bookings on disk, and the one form in which a trip is changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from matcher.domain.booking import Booking, BookingStatus
from matcher.domain.idempotency import KeptAnswer
from matcher.domain.offer import Offer
from matcher.events.event import Event
from matcher.postgres.store import KeysetPage


@dataclass(frozen=True, slots=True)
class TripChange:
    """Everything that one decision about a trip writes, in one transaction: all of it, or nothing.

    offer: the trip as decided about, None when the decision does not depend on it. At `read_version` it is only locked
    until the end; one version later it replaces what is stored.
    new: a booking that is made. moved: bookings, each one version later than it was read.
    known: the transaction fails when the offer has an open booking that is not among these.
    in_series: the version of its series that the offer follows from now on, 0 when it goes its own way, None when that
    stays as it is; ignored for an offer of no series.
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


#: What the clock makes of a booking that is due, and who is told.
Decide = Callable[[Booking], tuple[Booking, Sequence[Event]]]


class TripRepository(Protocol):
    """Bookings on disk, with their trips. A method that returns has committed; DatabaseUnavailable: it may have."""

    async def commit(self, change: TripChange, kept: KeptAnswer | None = None) -> None:
        """Write a change and, in the same transaction, the answer to the call.

        Raises AnsweredBefore when another call with the same key was answered meanwhile, StaleVersion when the offer or
        a booking is not as it was read any more, OfferNotOpen, BookingExists when the rider has an open booking of the
        offer, SeatsExhausted when a leg would be oversold, IdempotencyKeyReused.
        """

    async def get(self, booking_id: UUID) -> Booking:
        """Raises BookingNotFound."""

    async def list_open(self, offer_id: UUID) -> list[Booking]:
        """The bookings of an offer that wait or are confirmed, oldest first."""

    async def list_waiting(self, one: str, other: str) -> list[Booking]:
        """The bookings that wait for an answer, in which one of two people drives and the other rides, oldest first."""

    async def find_withdrawal(self, offer_id: UUID, rider_id: str, number: int) -> datetime | None:
        """When the rider withdrew their `number`-th last booking of an offer, counted from 1; None without so many."""

    async def list_page(
        self,
        *,
        user: str | None,
        statuses: Collection[BookingStatus] | None,
        offer_id: UUID | None,
        limit: int,
        after: tuple[datetime, UUID] | None,
    ) -> KeysetPage[Booking]:
        """Bookings in which `user` (None: anybody) drives or rides, newest first, after a (created_at, id)."""

    async def move_due(self, now: datetime, decide: Decide, *, limit: int) -> int:
        """Move bookings that are due, at most `limit`, each as `decide` says; returns how many.

        Those that another process is moving are left to it.
        """

    async def forget_bookings(self, before: datetime, limit: int) -> int:
        """Drop at most `limit` bookings that ended (CANCELLED or VALIDATED) before a moment; returns how many."""
