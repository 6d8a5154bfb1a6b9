"""Errors of bookings: leaves of the tree in tree.py.

CarpoolError      (429)  AskedTooOften
NotFound          (404)  BookingNotFound
Conflict          (409)  BookingExists, MoveNotAllowed, OwnOffer, OfferChanged, DetourExceeded, PromisedToRiders
"""

from __future__ import annotations

from matcher.domain.errors.tree import CarpoolError, Conflict, NotFound


class BookingNotFound(NotFound):
    """The caller has no booking with this id."""

    code = "booking_not_found"
    title = "The booking was not found"


class BookingExists(Conflict):
    """The rider already has an open booking of this offer; `extra["booking_id"]` names it."""

    code = "booking_exists"
    title = "You already have a booking of this offer"


class AskedTooOften(CarpoolError):
    """The rider has withdrawn so many bookings of this trip that they must wait; Retry-After says how long."""

    code = "asked_too_often"
    title = "You have asked for this trip too often"

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class MoveNotAllowed(Conflict):
    """The booking cannot change to this status: not from its current one, not by this person, or not now."""

    code = "move_not_allowed"
    title = "The booking cannot change to this status"


class OwnOffer(Conflict):
    """A driver tried to book their own offer."""

    code = "own_offer"
    title = "The offer is your own"


class OfferChanged(Conflict):
    """The trip has changed since the match and no longer fits the rider."""

    code = "offer_changed"
    title = "The trip has changed and no longer fits"


class DetourExceeded(Conflict):
    """Carrying the rider would exceed the driver's remaining detour."""

    code = "detour_exceeded"
    title = "The detour exceeds the driver's limit"


class PromisedToRiders(Conflict):
    """The change would break promises to riders; `extra["bookings"]` lists the bookings to cancel first."""

    code = "promised_to_riders"
    title = "The change would break promises to riders"
