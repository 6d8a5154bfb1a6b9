"""Errors of bookings: leaves of the tree in tree.py.

CarpoolError      (429)  AskedTooOften
NotFound          (404)  BookingNotFound
Conflict          (409)  BookingExists, MoveNotAllowed, OwnOffer, OfferChanged, DetourExceeded, PromisedToRiders
"""

from __future__ import annotations

from matcher.domain.errors.tree import CarpoolError, Conflict, NotFound


class BookingNotFound(NotFound, code="booking_not_found", title="The booking was not found"):
    """The caller has no booking with this id."""


class BookingExists(Conflict, code="booking_exists", title="You already have a booking of this offer"):
    """The rider already has an open booking of this offer; `extra["booking_id"]` names it."""


class AskedTooOften(CarpoolError, code="asked_too_often", title="You have asked for this trip too often"):
    """The rider has withdrawn so many bookings of this trip that they must wait; Retry-After says how long."""

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class MoveNotAllowed(Conflict, code="move_not_allowed", title="The booking cannot change to this status"):
    """The booking cannot change to this status: not from its current one, not by this person, or not now."""


class OwnOffer(Conflict, code="own_offer", title="The offer is your own"):
    """A driver tried to book their own offer."""


class OfferChanged(Conflict, code="offer_changed", title="The trip has changed and no longer fits"):
    """The trip has changed since the match and no longer fits the rider."""


class DetourExceeded(Conflict, code="detour_exceeded", title="The detour exceeds the driver's limit"):
    """Carrying the rider would exceed the driver's remaining detour."""


class PromisedToRiders(Conflict, code="promised_to_riders", title="The change would break promises to riders"):
    """The change would break promises to riders; `extra["bookings"]` lists the bookings to cancel first."""
