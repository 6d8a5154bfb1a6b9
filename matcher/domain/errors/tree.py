"""Everything that can go wrong, as one tree.

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
    │                        WebhookNotFound, DeliveryNotFound, RequestNotFound
    ├── Conflict          (409)  OfferNotOpen, SeatsExhausted, IdempotencyInProgress
    │   ├── SeriesNotOpen, TooManySeries
    │   ├── SharingInUse, TripsStillOpen
    │   ├── TooManyWebhooks, TooManyKeptRequests
    │   └── StaleVersion  (412)
    ├── PreconditionRequired (428)
    ├── TooManyStreams    (429)
    ├── Unauthenticated   (401)
    ├── Forbidden         (403)  RoleForbidden, ActingForbidden
    └── Unavailable       (503)  DatabaseUnavailable, GeocoderUnavailable, IssuerUnavailable, NotReady, Overloaded

The errors of webhooks and streams are in event_errors.py, those of kept requests in request_errors.py.

Those of bookings are in booking_errors.py, those of series in series_errors.py. Every leaf has a stable `code`, which is part of the public contract. "No match" is an answer, not an error.
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
    """The caller must change what was sent."""

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
    """A value that has the right type and still makes no sense."""

    code = "invalid_field"
    title = "A field has a value that cannot be used"


class InvalidCursor(InvalidInput):
    """A page cursor that this service did not hand out."""

    code = "invalid_cursor"
    title = "The cursor is not valid"


class DepartureInPast(InvalidInput):
    """The trip would have left already."""

    code = "departure_in_past"
    title = "The departure is in the past"


class DepartureTooFar(InvalidInput):
    """The trip leaves later than offers may be published ahead."""

    code = "departure_too_far_ahead"
    title = "The departure is too far ahead"


class PriceTooHigh(InvalidInput):
    """A driver's price by which riders would pay more than the drive costs; `extra["dearest"]` is the most that may be asked."""

    code = "price_too_high"
    title = "The price is more than sharing the cost"


class PriceNotSupported(InvalidInput):
    """A price where no cost of driving is known that it could be held against."""

    code = "price_not_supported"
    title = "Prices cannot be asked here"


class PlaceTooFarFromRoad(InvalidInput):
    """No drivable road lies within the snapping limit of the place."""

    code = "place_too_far_from_road"
    title = "The place is too far from any road"


class PlaceUnreachable(InvalidInput):
    """The road network has no way from the origin to the destination."""

    code = "place_unreachable"
    title = "The destination cannot be reached from the origin"


class PlacesTooClose(InvalidInput):
    """Origin and destination are the same place for a car."""

    code = "places_too_close"
    title = "Origin and destination are the same place"


class AddressNotFound(InvalidInput):
    """No geocoder knows the address."""

    code = "address_not_found"
    title = "The address was not found"


class AddressAmbiguous(InvalidInput):
    """The address fits several places that lie apart; `extra["candidates"]` lists them."""

    code = "address_ambiguous"
    title = "The address fits several places"


class IdempotencyKeyReused(InvalidInput):
    """The Idempotency-Key was used before with another body."""

    code = "idempotency_key_reused"
    title = "The idempotency key was used for another request"


class MatchTokenInvalid(InvalidInput):
    """A match_id that was not signed by this service, or is older than its lifetime."""

    code = "match_id_invalid"
    title = "The match id is not valid any more"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, faults=[Fault("/match_id", detail, self.code)])


class SharingRequired(InvalidInput):
    """ "Women only" was asked for by somebody who does not share being a woman."""

    code = "sharing_required"
    title = "This wish is for those who share the same of themselves"


class RegionFileInvalid(InvalidInput):
    """A region file or folder that is truncated, damaged, or not what it claims to be."""

    code = "region_file_invalid"
    title = "The region file cannot be used"


class RegionFormatTooNew(RegionFileInvalid):
    """A region written by a newer version of this software."""

    code = "region_format_too_new"
    title = "The region was written by a newer version"


# --- NotFound -------------------------------------------------------------------------------------------------------


class NotFound(CarpoolError):
    """The thing does not exist, or the caller may not know that it does."""

    code = "not_found"
    title = "Not found"


class OfferNotFound(NotFound):
    """No offer with this id belongs to the caller."""

    code = "offer_not_found"
    title = "The offer was not found"


class RegionNotFound(NotFound):
    """No region of this name has been added."""

    code = "region_not_found"
    title = "The region was not found"


class ApiKeyNotFound(NotFound):
    """No API key with this id."""

    code = "api_key_not_found"
    title = "The API key was not found"


# --- Conflict -------------------------------------------------------------------------------------------------------


class Conflict(CarpoolError):
    """The request is fine, the present state is not."""

    code = "conflict"
    title = "The present state does not allow this"


class OfferNotOpen(Conflict):
    """The offer was cancelled or its time has passed."""

    code = "offer_not_open"
    title = "The offer is not open any more"


class SeatsExhausted(Conflict):
    """Fewer seats are left than were asked for."""

    code = "seats_exhausted"
    title = "Not enough seats are left"


class SharingInUse(Conflict):
    """What somebody shares cannot be taken back while their open trips stand on it; `extra["offers"]` lists these."""

    code = "sharing_in_use"
    title = "Open trips stand on what you share"


class TripsStillOpen(Conflict):
    """Somebody who is being erased makes new trips or bookings all the while."""

    code = "trips_still_open"
    title = "New trips are being made"


class IdempotencyInProgress(Conflict):
    """The first request with this Idempotency-Key has not been answered yet."""

    code = "idempotency_in_progress"
    title = "A request with this idempotency key is still being worked on"


class StaleVersion(Conflict):
    """The ETag quoted in If-Match is not the present one (RFC 9110 section 13.1.1)."""

    code = "stale_version"
    title = "The resource has changed since you read it"


class PreconditionRequired(CarpoolError):
    """A change needs If-Match with the ETag that was read (RFC 6585 section 3)."""

    code = "precondition_required"
    title = "If-Match is required"


# --- who ------------------------------------------------------------------------------------------------------------


class Unauthenticated(CarpoolError):
    """No credential, or one that is unknown, revoked or expired."""

    code = "unauthenticated"
    title = "Credentials are missing or not valid"


class Forbidden(CarpoolError):
    """The caller is known and may not do this."""

    code = "forbidden"
    title = "This is not allowed"


class RoleForbidden(Forbidden):
    """The call needs another role than the credential carries."""

    code = "role_forbidden"
    title = "The credential's role does not allow this call"


class ActingForbidden(Forbidden):
    """The credential may not act for another user, or not in this call."""

    code = "acting_forbidden"
    title = "The credential may not act for another user here"


# --- Unavailable ----------------------------------------------------------------------------------------------------


class Unavailable(CarpoolError):
    """Something this service needs is away; trying again after `retry_after_s` seconds may work."""

    code = "unavailable"
    title = "The service is not available right now"

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
    """PostgreSQL cannot be reached, is restarting, out of space or out of connections."""

    code = "database_unavailable"
    title = "The database is not available right now"


class GeocoderUnavailable(Unavailable):
    """Every configured geocoder failed or refused."""

    code = "geocoder_unavailable"
    title = "Addresses cannot be looked up right now"


class IssuerUnavailable(Unavailable):
    """The keys of the issuer of tokens were never had, so no token can be checked."""

    code = "issuer_unavailable"
    title = "Tokens cannot be checked right now"


class NotReady(Unavailable):
    """The roads or the index are still being loaded."""

    code = "not_ready"
    title = "The service is starting"


class Overloaded(Unavailable):
    """More work is waiting than can be answered in time."""

    code = "overloaded"
    title = "The service has too much to do right now"
