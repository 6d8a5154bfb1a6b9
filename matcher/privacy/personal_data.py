"""A person's data: exported as JSON, or erased."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from matcher.domain.booking import BookingStatus
from matcher.domain.errors.tree import Conflict, NotFound, TripsStillOpen
from matcher.domain.offer import OfferStatus
from matcher.domain.principal import ERASED, NAMESPACE_MARK, Principal, Role
from matcher.privacy.store import PostgresPersonalData
from matcher.trips.bookings.change import ChangeBooking
from matcher.trips.bookings.store import PostgresTrips
from matcher.trips.offers.cancel import CancelOffer
from matcher.trips.offers.repository import OfferRepository

_PAGE = 100
_TRIES = 5


class EraseMe:
    """Erases a person. What is also another person's record stays under a random pseudonym.

    Open trips and bookings are cancelled first, by the use cases that notify the others. `forget` drops what this
    process has cached of the user.
    """

    def __init__(
        self,
        data: PostgresPersonalData,
        offers: OfferRepository,
        trips: PostgresTrips,
        *,
        make_id: Callable[[], UUID],
        forget: Callable[[str], None],
    ) -> None:
        self._data = data
        self._offers = offers
        self._trips = trips
        self._make_id = make_id
        self._forget = forget

    async def __call__(
        self, principal: Principal, now: datetime, *, cancel_offer: CancelOffer, change_booking: ChangeBooking
    ) -> None:
        """Erase the caller; idempotent.

        Raises StrongerKeyHeld before anything is changed, TripsStillOpen when new trips are made faster than they are
        cancelled, DatabaseUnavailable.
        """
        await self._data.require_erasable(principal.user, principal.erasable, now)
        # The partner role both drives and rides: a rider may have driven with another key.
        everything = replace(principal, role=Role.PARTNER)
        pseudonym = f"{ERASED}{NAMESPACE_MARK}{secrets.token_hex(16)}"
        for attempt in range(_TRIES):
            await self._cancel_trips(everything, now, cancel_offer)
            await self._cancel_bookings(everything, now, change_booking)
            try:
                await self._data.erase(principal.user, pseudonym, self._make_id(), now, principal.erasable)
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
            for offer in page.items:
                with suppress(Conflict, NotFound):  # it ended meanwhile, or the next attempt cancels it
                    await cancel_offer(offer.id, principal, now)
            after = page.next_cursor
            if after is None:
                return

    async def _cancel_bookings(self, principal: Principal, now: datetime, change_booking: ChangeBooking) -> None:
        after = None
        while True:
            page = await self._trips.list_page(
                user=principal.user,
                statuses=(BookingStatus.WAITING_CONFIRMATION, BookingStatus.CONFIRMED),
                offer_id=None,
                limit=_PAGE,
                after=after,
            )
            for booking in page.items:
                # A ride that has begun can only be completed, which the clock does: until then it carries the
                # pseudonym.
                with suppress(Conflict, NotFound):
                    await change_booking(booking.id, BookingStatus.CANCELLED, None, booking.version, principal, now)
            after = page.next_cursor
            if after is None:
                return


async def as_json(
    user: str, exported_at: datetime, held: AsyncGenerator[tuple[str, Any], None], encode: Callable[[Any], bytes]
) -> AsyncGenerator[bytes, None]:
    """The export as one JSON object, in pieces."""
    yield b'{"user":' + encode(user) + b',"exported_at":' + encode(exported_at)
    area = None
    async with aclosing(held):  # releases its connection also when the client disconnects
        async for name, value in held:
            if name != area:
                yield (b"" if area is None else b"]") + b"," + encode(name) + b":[" + encode(value)
                area = name
            else:
                yield b"," + encode(value)
    yield b"}" if area is None else b"]}"
