"""A person asks for everything that is held on them, or to be erased."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from matcher.domain.booking import Booking, BookingStatus
from matcher.domain.errors.tree import Conflict, NotFound, TripsStillOpen
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.principal import ERASED, NAMESPACE_MARK, Principal, Role
from matcher.people.ports import PersonalData
from matcher.trips.offers.repository import OfferRepository
from matcher.trips.ports import TripRepository

_PAGE = 100
_TRIES = 5


class CancelOffer(Protocol):
    """The use case that withdraws a trip and tells its riders."""

    async def __call__(self, offer_id: UUID, principal: Principal, now: datetime) -> Offer:
        """Raises OfferNotFound, OfferNotOpen, StaleVersion."""


class ChangeBooking(Protocol):
    """The use case that moves a booking and tells the other side."""

    async def __call__(
        self,
        booking_id: UUID,
        to: BookingStatus,
        reply: str | None,
        expected_version: int,
        principal: Principal,
        now: datetime,
    ) -> Booking:
        """Raises BookingNotFound, StaleVersion, MoveNotAllowed."""


class ExportMe:
    """Everything that is held on the caller."""

    def __init__(self, data: PersonalData) -> None:
        self._data = data

    def __call__(self, principal: Principal) -> AsyncGenerator[tuple[str, Any], None]:
        """(area, one thing that it holds), area by area, all as it was at one moment."""
        return self._data.export(principal.user)


class EraseMe:
    """Nothing that names the caller is left when it returns, but for what another person has a record of, under a random pseudonym.

    Open trips and bookings are cancelled first, by the use cases that tell the others. `forget` is told whom this process should not remember.
    """

    def __init__(
        self,
        data: PersonalData,
        offers: OfferRepository,
        *,
        make_id: Callable[[], UUID],
        forget: Callable[[str], None],
    ) -> None:
        self._data = data
        self._offers = offers
        self._make_id = make_id
        self._forget = forget

    async def __call__(
        self,
        principal: Principal,
        now: datetime,
        *,
        trips: TripRepository,
        cancel_offer: CancelOffer,
        change_booking: ChangeBooking,
    ) -> None:
        """Erase the caller; erasing nobody changes nothing. Raises TripsStillOpen when new trips are made faster than they are cancelled,
        DatabaseUnavailable."""
        # As somebody who drives and rides: a rider may have driven with another key.
        everything = replace(principal, role=Role.PARTNER)
        pseudonym = f"{ERASED}{NAMESPACE_MARK}{secrets.token_hex(16)}"
        for attempt in range(_TRIES):
            await self._cancel_trips(everything, now, cancel_offer)
            await self._cancel_bookings(everything, now, trips, change_booking)
            try:
                await self._data.erase(principal.user, pseudonym, self._make_id(), now)
                break
            except TripsStillOpen:
                if attempt == _TRIES - 1:
                    raise
        self._forget(principal.user)

    async def _cancel_trips(self, principal: Principal, now: datetime, cancel_offer: CancelOffer) -> None:
        after = None
        while True:
            page = await self._offers.list_page(
                driver_id=principal.user,
                status=OfferStatus.OPEN,
                departure_from=None,
                departure_to=None,
                limit=_PAGE,
                after=after,
            )
            for offer in page.offers:
                with suppress(Conflict, NotFound):  # it ended meanwhile, or is looked at once more
                    await cancel_offer(offer.id, principal, now)
            after = page.next_cursor
            if after is None:
                return

    async def _cancel_bookings(
        self, principal: Principal, now: datetime, trips: TripRepository, change_booking: ChangeBooking
    ) -> None:
        after = None
        while True:
            page = await trips.list_page(
                user=principal.user,
                statuses=(BookingStatus.WAITING_CONFIRMATION, BookingStatus.CONFIRMED),
                offer_id=None,
                limit=_PAGE,
                after=after,
            )
            for booking in page.bookings:
                # A ride that has begun can only be completed, which the clock does: it keeps no name until then.
                with suppress(Conflict, NotFound):
                    await change_booking(booking.id, BookingStatus.CANCELLED, None, booking.version, principal, now)
            after = page.next_cursor
            if after is None:
                return


async def as_json(
    user: str, exported_at: datetime, held: AsyncGenerator[tuple[str, Any], None], encode: Callable[[Any], bytes]
) -> AsyncGenerator[bytes, None]:
    """The export as one JSON object, in pieces as they come."""
    yield b'{"user":' + encode(user) + b',"exported_at":' + encode(exported_at)
    area = None
    async with aclosing(held):  # it holds a connection, also when whoever listens goes away
        async for name, value in held:
            if name != area:
                yield (b"" if area is None else b"]") + b"," + encode(name) + b":[" + encode(value)
                area = name
            else:
                yield b"," + encode(value)
    yield b"}" if area is None else b"]}"
