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
from typing import Any, ClassVar, Self


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

    def __init_subclass__(cls, *, code: str, title: str) -> None:
        cls.code, cls.title = code, title

    def __init__(self, detail: str, *, faults: Sequence[Fault] = (), extra: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)
        self.extra = dict(extra or {})


# --- InvalidInput ---------------------------------------------------------------------------------------------------


class InvalidInput(CarpoolError, code="invalid_input", title="The input is not valid"):
    """The input is not valid: the caller must change it."""

    @classmethod
    def at(cls, pointer: str, detail: str, about: str = "") -> Self:
        """The error of a single fault; `about` names what is wrong where the pointer is not shown."""
        return cls(f"{about} {detail}" if about else detail, faults=[Fault(pointer, detail, cls.code)])


class InvalidCoordinate(InvalidInput, code="invalid_coordinate", title="The coordinate is not on Earth"):
    """A latitude outside [-90, 90], a longitude outside [-180, 180], or a number that is not finite."""


class InvalidWindow(InvalidInput, code="invalid_window", title="The time window is not valid"):
    """A time window that ends before it begins, or is longer than allowed."""


class InvalidField(InvalidInput, code="invalid_field", title="A field has an invalid value"):
    """A value has the right type but is not valid here."""


class InvalidCursor(InvalidInput, code="invalid_cursor", title="The cursor is not valid"):
    """A page cursor that this service did not issue, or that belongs to another list."""


class DepartureInPast(InvalidInput, code="departure_in_past", title="The departure is in the past"):
    """The departure lies in the past."""


class DepartureTooFar(InvalidInput, code="departure_too_far_ahead", title="The departure is too far ahead"):
    """The departure lies further ahead than offers may be published."""


class PriceTooHigh(InvalidInput, code="price_too_high", title="The price exceeds the cost of the trip"):
    """The price exceeds cost sharing; `extra["dearest"]` is the highest price allowed."""


class PriceNotSupported(InvalidInput, code="price_not_supported", title="Prices are not supported here"):
    """A price was set where the cost of driving is not known."""


class PlaceTooFarFromRoad(InvalidInput, code="place_too_far_from_road", title="The place is too far from any road"):
    """No drivable road lies within the snapping limit of the place."""


class PlaceUnreachable(
    InvalidInput, code="place_unreachable", title="The destination cannot be reached from the origin"
):
    """The road network has no route from the origin to the destination."""


class PlacesTooClose(InvalidInput, code="places_too_close", title="Origin and destination are the same place"):
    """Origin and destination are the same place on the road network."""


class AddressNotFound(InvalidInput, code="address_not_found", title="The address was not found"):
    """No geocoder found the address."""


class AddressAmbiguous(InvalidInput, code="address_ambiguous", title="The address matches several places"):
    """The address matches several places that lie apart; `extra["candidates"]` lists them."""


class IdempotencyKeyReused(
    InvalidInput, code="idempotency_key_reused", title="The idempotency key was used for another request"
):
    """The Idempotency-Key was used before with another body."""


class MatchTokenInvalid(InvalidInput, code="match_id_invalid", title="The match id is not valid"):
    """The match_id was not signed by this service, or has expired."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, faults=[Fault("/match_id", detail, self.code)])


class SharingRequired(
    InvalidInput, code="sharing_required", title="'Women only' requires that you share your own gender"
):
    """ "Women only" was requested by a caller who does not share being a woman."""


class RegionFileInvalid(InvalidInput, code="region_file_invalid", title="The region file cannot be used"):
    """A region file or folder is truncated, damaged, or not what it claims to be."""


class RegionFormatTooNew(
    RegionFileInvalid, code="region_format_too_new", title="The region was written by a newer version"
):
    """The region was written by a newer version of this software."""


# --- NotFound -------------------------------------------------------------------------------------------------------


class NotFound(CarpoolError, code="not_found", title="Not found"):
    """The resource does not exist, or the caller may not know that it does."""


class OfferNotFound(NotFound, code="offer_not_found", title="The offer was not found"):
    """The caller has no offer with this id."""


class RegionNotFound(NotFound, code="region_not_found", title="The region was not found"):
    """No region with this name has been added."""


class ApiKeyNotFound(NotFound, code="api_key_not_found", title="The API key was not found"):
    """There is no API key with this id."""


# --- Conflict -------------------------------------------------------------------------------------------------------


class Conflict(CarpoolError, code="conflict", title="The current state does not allow this"):
    """The current state does not allow the request."""


class OfferNotOpen(Conflict, code="offer_not_open", title="The offer is no longer open"):
    """The offer was cancelled, or its time has passed."""


class SeatsExhausted(Conflict, code="seats_exhausted", title="Not enough seats are left"):
    """Fewer seats are left than were requested."""


class SharingInUse(Conflict, code="sharing_in_use", title="Open trips depend on what you share"):
    """Sharing cannot be withdrawn while open trips depend on it; `extra["offers"]` lists them."""


class TripsStillOpen(Conflict, code="trips_still_open", title="New trips or bookings are still being made"):
    """New trips or bookings were made while the person was being erased."""


class IdempotencyInProgress(
    Conflict, code="idempotency_in_progress", title="A request with this idempotency key is still in progress"
):
    """The first request with this Idempotency-Key is still in progress."""


class StaleVersion(Conflict, code="stale_version", title="The resource has changed since you read it"):
    """The ETag in If-Match is not the current one (RFC 9110 section 13.1.1)."""


class PreconditionRequired(CarpoolError, code="precondition_required", title="If-Match is required"):
    """A change requires If-Match with the ETag that was read (RFC 6585 section 3)."""


# --- caller ---------------------------------------------------------------------------------------------------------


class Unauthenticated(CarpoolError, code="unauthenticated", title="Credentials are missing or not valid"):
    """The credential is missing, unknown, revoked or expired."""


class Forbidden(CarpoolError, code="forbidden", title="This is not allowed"):
    """The caller is known but may not do this."""


class RoleForbidden(Forbidden, code="role_forbidden", title="The credential's role does not allow this call"):
    """The call requires a role that the credential does not have."""


class StrongerKeyHeld(
    Forbidden, code="stronger_key_held", title="Your user has a key that may do more than this credential"
):
    """The caller's user has a key of a role that may do more than the caller: erasing would delete it."""


class ExportRunning(CarpoolError, code="export_running", title="An export of your data is already running"):
    """The caller's data is being exported already, or that of too many others; Retry-After says when to try again."""

    def __init__(self, detail: str, *, retry_after_s: int = 5) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class GenderClaimRequired(Forbidden, code="gender_claim_required", title="Your login does not state your gender"):
    """This service lets only users share their gender whose token states it."""


class ActingForbidden(Forbidden, code="acting_forbidden", title="The credential may not act for another user here"):
    """The credential may not act for another user, or not in this call."""


# --- Unavailable ----------------------------------------------------------------------------------------------------


class Unavailable(CarpoolError, code="unavailable", title="The service is temporarily unavailable"):
    """A dependency is unavailable; retry after `retry_after_s` seconds."""

    def __init__(self, detail: str, *, retry_after_s: int = 2) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class DatabaseUnavailable(Unavailable, code="database_unavailable", title="The database is temporarily unavailable"):
    """PostgreSQL cannot be reached, is restarting, or is out of space or connections."""


class GeocoderUnavailable(Unavailable, code="geocoder_unavailable", title="Addresses temporarily cannot be looked up"):
    """Every configured geocoder failed."""


class IssuerUnavailable(Unavailable, code="issuer_unavailable", title="Tokens temporarily cannot be verified"):
    """The token issuer's keys have never been loaded, so no token can be verified."""


class NotReady(Unavailable, code="not_ready", title="The service is starting"):
    """The roads or the index are still loading."""


class Overloaded(Unavailable, code="overloaded", title="The service is overloaded"):
    """The service has more work than it can answer in time."""


class ShareUsedUp(Overloaded, code="share_used_up", title="You have too many calls in progress"):
    """The caller has so many calls in progress that more would keep others waiting."""
