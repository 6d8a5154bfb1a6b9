"""Who waits for a driver's answer, and could it still be yes? Asked when the driver has changed the trip.

Pure CPU work and synchronous: call it in the executor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from matcher.domain.booking import Booking, BookingStatus
from matcher.domain.errors.tree import Conflict, PlaceUnreachable
from matcher.domain.offer import Offer
from matcher.trips.keep_promises import is_news
from matcher.trips.planner import TripPlanner


def may_decide_fits(before: Offer, changed: Offer) -> bool:
    """Whether anything has changed on which it depends who can be taken along."""
    compared = ("seats_offered", "max_detour_s", "max_detour_m", "flexibility_s")
    return is_news(before, changed) or any(getattr(before, name) != getattr(changed, name) for name in compared)


def fits_of_waiting(
    planner: TripPlanner, before: Offer, changed: Offer, bookings: Iterable[Booking], now: datetime
) -> Mapping[UUID, bool]:
    """The waiting bookings whose riders are to be told, and whether the changed trip can carry them as they asked.

    All who wait, when the trip goes elsewhere or at another time; else those for whom the answer is not what it was. It
    is that which a confirmation would give. A search among one offer for each booking, and two where only the answer
    tells.
    """
    if not may_decide_fits(before, changed):
        return {}
    told = {}
    for booking in bookings:
        if booking.status is not BookingStatus.WAITING_CONFIRMATION:
            continue
        fits = _fits(planner, changed, booking, now)
        if is_news(before, changed) or fits != _fits(planner, before, booking, now):
            told[booking.id] = fits
    return told


def _fits(planner: TripPlanner, offer: Offer, booking: Booking, now: datetime) -> bool:
    try:
        planner.board(offer, booking, now)
    except (Conflict, PlaceUnreachable):
        return False
    return True
