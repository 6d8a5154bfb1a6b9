"""Every error of the domain, as one tree.

    CarpoolError
    ├── InvalidInput      (422)  the caller must change what was sent
    │   ├── InvalidCoordinate, InvalidWindow, InvalidField, InvalidCursor
    │   ├── DepartureInPast, DepartureTooFar
    │   ├── PriceTooHigh, PriceNotSupported
    │   ├── PlaceTooFarFromRoad, PlaceUnreachable, PlacesTooClose
    │   ├── AddressNotFound, AddressAmbiguous
    │   ├── IdempotencyKeyReused
    │   ├── MatchTokenInvalid
    │   ├── SharingRequired
    │   ├── WebhookUrlRefused
    │   └── RegionFileInvalid ── RegionFormatTooNew
    ├── NotFound          (404)  OfferNotFound, RegionNotFound, ApiKeyNotFound, SeriesNotFound,
    │                        BookingNotFound, WebhookNotFound, DeliveryNotFound, RequestNotFound
    ├── Conflict          (409)  OfferNotOpen, SeatsExhausted, IdempotencyInProgress
    │   ├── SeriesNotOpen, TooManySeries
    │   ├── SharingInUse, TripsStillOpen
    │   ├── BookingExists, MoveNotAllowed, OwnOffer, OfferChanged, DetourExceeded, PromisedToRiders
    │   ├── TooManyWebhooks, TooManyKeptRequests
    │   └── StaleVersion  (412)
    ├── PreconditionRequired (428)
    ├── TooManyStreams    (429)
    ├── Unauthenticated   (401)
    ├── Forbidden         (403)  RoleForbidden, ActingForbidden, StrongerKeyHeld, GenderClaimRequired
    └── Unavailable       (503)  DatabaseUnavailable, GeocoderUnavailable, IssuerUnavailable, NotReady, Overloaded

Leaves of bookings, series, kept requests, and streams and webhooks are in the files named after them. Every leaf has a
stable `code`, which is part of the public contract. "No match" is an answer, not an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Fault:
    """One thing wrong with the input: a JSON pointer (RFC 6901) to it, and what to do about it."""

    pointer: str
    detail: str
    code: str | None = None


class CarpoolError(Exception):
    """An error whose `detail` may be shown to the caller.

    `extra` holds members that are added to the problem document (for instance the candidates of an ambiguous address).
    """

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, *, faults: Sequence[Fault] = (), extra: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)
        self.extra = dict(extra or {})


# --- InvalidInput ---------------------------------------------------------------------------------------------------


class InvalidInput(CarpoolError):
    """The input is not valid: the caller must change it."""

    code = "invalid_input"
    title = "The input is not valid"


class InvalidCoordinate(InvalidInput):
    """A latitude outside [-90, 90], a longitude outside [-180, 180], or a number that is not finite."""

    code = "invalid_coordinate"
    title = "The coordinate is not on Earth"


class InvalidWindow(InvalidInput):
    """A time window that ends before it begins, or is longer than allowed."""

    code = "invalid_window"
    title = "The time window is not valid"


class InvalidField(InvalidInput):
    """A value has the right type but is not valid here."""

    code = "invalid_field"
    title = "A field has an invalid value"


class InvalidCursor(InvalidInput):
    """A page cursor that this service did not issue, or that belongs to another list."""

    code = "invalid_cursor"
    title = "The cursor is not valid"


class DepartureInPast(InvalidInput):
    """The departure lies in the past."""

    code = "departure_in_past"
    title = "The departure is in the past"


class DepartureTooFar(InvalidInput):
    """The departure lies further ahead than offers may be published."""

    code = "departure_too_far_ahead"
    title = "The departure is too far ahead"


class PriceTooHigh(InvalidInput):
    """The price exceeds cost sharing; `extra["dearest"]` is the highest price allowed."""

    code = "price_too_high"
    title = "The price exceeds the cost of the trip"


class PriceNotSupported(InvalidInput):
    """A price was set where the cost of driving is not known."""

    code = "price_not_supported"
    title = "Prices are not supported here"


class PlaceTooFarFromRoad(InvalidInput):
    """No drivable road lies within the snapping limit of the place."""

    code = "place_too_far_from_road"
    title = "The place is too far from any road"


class PlaceUnreachable(InvalidInput):
    """The road network has no route from the origin to the destination."""

    code = "place_unreachable"
    title = "The destination cannot be reached from the origin"


class PlacesTooClose(InvalidInput):
    """Origin and destination are the same place on the road network."""

    code = "places_too_close"
    title = "Origin and destination are the same place"


class AddressNotFound(InvalidInput):
    """No geocoder found the address."""

    code = "address_not_found"
    title = "The address was not found"


class AddressAmbiguous(InvalidInput):
    """The address matches several places that lie apart; `extra["candidates"]` lists them."""

    code = "address_ambiguous"
    title = "The address matches several places"


class IdempotencyKeyReused(InvalidInput):
    """The Idempotency-Key was used before with another body."""

    code = "idempotency_key_reused"
    title = "The idempotency key was used for another request"


class MatchTokenInvalid(InvalidInput):
    """The match_id was not signed by this service, or has expired."""

    code = "match_id_invalid"
    title = "The match id is not valid"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, faults=[Fault("/match_id", detail, self.code)])


class SharingRequired(InvalidInput):
    """ "Women only" was requested by a caller who does not share being a woman."""

    code = "sharing_required"
    title = "'Women only' requires that you share your own gender"


class RegionFileInvalid(InvalidInput):
    """A region file or folder is truncated, damaged, or not what it claims to be."""

    code = "region_file_invalid"
    title = "The region file cannot be used"


class RegionFormatTooNew(RegionFileInvalid):
    """The region was written by a newer version of this software."""

    code = "region_format_too_new"
    title = "The region was written by a newer version"


# --- NotFound -------------------------------------------------------------------------------------------------------


class NotFound(CarpoolError):
    """The resource does not exist, or the caller may not know that it does."""

    code = "not_found"
    title = "Not found"


class OfferNotFound(NotFound):
    """The caller has no offer with this id."""

    code = "offer_not_found"
    title = "The offer was not found"


class RegionNotFound(NotFound):
    """No region with this name has been added."""

    code = "region_not_found"
    title = "The region was not found"


class ApiKeyNotFound(NotFound):
    """There is no API key with this id."""

    code = "api_key_not_found"
    title = "The API key was not found"


# --- Conflict -------------------------------------------------------------------------------------------------------


class Conflict(CarpoolError):
    """The current state does not allow the request."""

    code = "conflict"
    title = "The current state does not allow this"


class OfferNotOpen(Conflict):
    """The offer was cancelled, or its time has passed."""

    code = "offer_not_open"
    title = "The offer is no longer open"


class SeatsExhausted(Conflict):
    """Fewer seats are left than were requested."""

    code = "seats_exhausted"
    title = "Not enough seats are left"


class SharingInUse(Conflict):
    """Sharing cannot be withdrawn while open trips depend on it; `extra["offers"]` lists them."""

    code = "sharing_in_use"
    title = "Open trips depend on what you share"


class TripsStillOpen(Conflict):
    """New trips or bookings were made while the person was being erased."""

    code = "trips_still_open"
    title = "New trips or bookings are still being made"


class IdempotencyInProgress(Conflict):
    """The first request with this Idempotency-Key is still in progress."""

    code = "idempotency_in_progress"
    title = "A request with this idempotency key is still in progress"


class StaleVersion(Conflict):
    """The ETag in If-Match is not the current one (RFC 9110 section 13.1.1)."""

    code = "stale_version"
    title = "The resource has changed since you read it"


class PreconditionRequired(CarpoolError):
    """A change requires If-Match with the ETag that was read (RFC 6585 section 3)."""

    code = "precondition_required"
    title = "If-Match is required"


# --- caller ---------------------------------------------------------------------------------------------------------


class Unauthenticated(CarpoolError):
    """The credential is missing, unknown, revoked or expired."""

    code = "unauthenticated"
    title = "Credentials are missing or not valid"


class Forbidden(CarpoolError):
    """The caller is known but may not do this."""

    code = "forbidden"
    title = "This is not allowed"


class RoleForbidden(Forbidden):
    """The call requires a role that the credential does not have."""

    code = "role_forbidden"
    title = "The credential's role does not allow this call"


class StrongerKeyHeld(Forbidden):
    """The caller's user has a key of a role that may do more than the caller: erasing would delete it."""

    code = "stronger_key_held"
    title = "Your user has a key that may do more than this credential"


class GenderClaimRequired(Forbidden):
    """This service lets only users share their gender whose token states it."""

    code = "gender_claim_required"
    title = "Your login does not state your gender"


class ActingForbidden(Forbidden):
    """The credential may not act for another user, or not in this call."""

    code = "acting_forbidden"
    title = "The credential may not act for another user here"


# --- Unavailable ----------------------------------------------------------------------------------------------------


class Unavailable(CarpoolError):
    """A dependency is unavailable; retry after `retry_after_s` seconds."""

    code = "unavailable"
    title = "The service is temporarily unavailable"

    def __init__(
        self,
        detail: str,
        *,
        retry_after_s: int = 2,
        faults: Sequence[Fault] = (),
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail, faults=faults, extra=extra)
        self.retry_after_s = retry_after_s


class DatabaseUnavailable(Unavailable):
    """PostgreSQL cannot be reached, is restarting, or is out of space or connections."""

    code = "database_unavailable"
    title = "The database is temporarily unavailable"


class GeocoderUnavailable(Unavailable):
    """Every configured geocoder failed."""

    code = "geocoder_unavailable"
    title = "Addresses temporarily cannot be looked up"


class IssuerUnavailable(Unavailable):
    """The token issuer's keys have never been loaded, so no token can be verified."""

    code = "issuer_unavailable"
    title = "Tokens temporarily cannot be verified"


class NotReady(Unavailable):
    """The roads or the index are still loading."""

    code = "not_ready"
    title = "The service is starting"


class Overloaded(Unavailable):
    """The service has more work than it can answer in time."""

    code = "overloaded"
    title = "The service is overloaded"
