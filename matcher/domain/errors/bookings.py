"""What can go wrong with bookings, as branches of the tree in errors.py.

NotFound          (404)  BookingNotFound
Conflict          (409)  BookingExists, MoveNotAllowed, OwnOffer, OfferChanged, DetourExceeded, PromisedToRiders
"""

from __future__ import annotations

from matcher.domain.errors.tree import Conflict, NotFound


class BookingNotFound(NotFound):
    """No booking with this id belongs to the caller."""

    code = "booking_not_found"
    title = "The booking was not found"


class BookingExists(Conflict):
    """The rider has an open booking of this offer; `extra["booking_id"]` names it."""

    code = "booking_exists"
    title = "You have a booking of this offer already"


class MoveNotAllowed(Conflict):
    """A booking in this state cannot be moved there, or not by this person, or not now."""

    code = "move_not_allowed"
    title = "The booking cannot be moved to this state"


class OwnOffer(Conflict):
    """A driver asks for a seat in their own car."""

    code = "own_offer"
    title = "The offer is your own"


class OfferChanged(Conflict):
    """The trip has changed since the match: it cannot meet the rider as was agreed any more."""

    code = "offer_changed"
    title = "The trip has changed and does not fit any more"


class DetourExceeded(Conflict):
    """Carrying the rider would take more of a detour than the driver has left to give."""

    code = "detour_exceeded"
    title = "The driver's detour is used up"


class PromisedToRiders(Conflict):
    """The change would break what was promised to riders; `extra["bookings"]` names whose bookings to cancel first."""

    code = "promised_to_riders"
    title = "Riders have been promised otherwise"
