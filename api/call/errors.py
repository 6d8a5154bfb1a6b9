"""From an error to a problem document (RFC 9457): the only place that knows status codes.

The domain's errors are in matcher/domain/errors/tree.py; those that only HTTP has are below. A test asserts that every leaf of both
has a row in `STATUS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic_core import to_json

from api.app_keys import REQUEST_ID
from api.schemas.service import FaultOut, ProblemOut
from matcher.domain.errors import bookings as booking_errors
from matcher.domain.errors import events as event_errors
from matcher.domain.errors import requests as request_errors
from matcher.domain.errors import series as series_errors
from matcher.domain.errors import tree as domain

PROBLEM_JSON = "application/problem+json"
PROBLEM_PAGE = "/docs/problems"


class BadRequest(domain.CarpoolError):
    """Not a request that HTTP/1.1 knows."""

    code = "bad_request"
    title = "The request cannot be understood"


class MalformedJson(BadRequest):
    """A body that is no JSON text (RFC 8259), is not UTF-8, nests too deeply, or names a member twice."""

    code = "malformed_json"
    title = "The body is not well-formed JSON"


class InvalidHeader(BadRequest):
    """A header with a value that cannot be used."""

    code = "invalid_header"
    title = "A header has a value that cannot be used"


class InvalidQuery(domain.InvalidInput):
    """Query parameters that are unknown, repeated, missing or of the wrong kind."""

    code = "invalid_query"
    title = "The query parameters are not valid"


class RouteNotFound(domain.NotFound):
    """No resource has this path."""

    code = "route_not_found"
    title = "There is nothing at this path"


class MethodNotAllowed(domain.CarpoolError):
    """The resource is there and does not know the method; `Allow` lists those it knows."""

    code = "method_not_allowed"
    title = "The resource does not know this method"


class BodyTimeout(domain.CarpoolError):
    """The body did not arrive in time."""

    code = "body_timeout"
    title = "The body did not arrive in time"


class BodyTooLarge(domain.CarpoolError):
    """The body is longer than the service reads."""

    code = "body_too_large"
    title = "The body is too large"


class UnsupportedMediaType(domain.CarpoolError):
    """The body is of a media type or content coding that the resource does not take."""

    code = "unsupported_media_type"
    title = "The media type is not supported"


class ExpectationFailed(domain.CarpoolError):
    """An Expect header other than 100-continue."""

    code = "expectation_failed"
    title = "The expectation cannot be met"


class HeadersTooLarge(domain.CarpoolError):
    """The request line or a header is longer than the service reads, or there are too many."""

    code = "headers_too_large"
    title = "The request's headers are too large"


class RateLimited(domain.CarpoolError):
    """More calls than the caller's limit allows; Retry-After says when the next one may come."""

    code = "rate_limited"
    title = "Too many calls"

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class DeadlineExceeded(domain.Unavailable):
    """The answer was not ready in time. A change may have been made all the same: repeat it with the same Idempotency-Key."""

    code = "deadline_exceeded"
    title = "The answer was not ready in time"


class InternalError(domain.CarpoolError):
    """A fault of this service; the log has the details under the request id."""

    code = "internal_error"
    title = "Something went wrong on our side"


STATUS: Mapping[type[domain.CarpoolError], HTTPStatus] = {
    BadRequest: HTTPStatus.BAD_REQUEST,
    MalformedJson: HTTPStatus.BAD_REQUEST,
    InvalidHeader: HTTPStatus.BAD_REQUEST,
    domain.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    domain.Forbidden: HTTPStatus.FORBIDDEN,
    domain.RoleForbidden: HTTPStatus.FORBIDDEN,
    domain.ActingForbidden: HTTPStatus.FORBIDDEN,
    domain.NotFound: HTTPStatus.NOT_FOUND,
    domain.OfferNotFound: HTTPStatus.NOT_FOUND,
    booking_errors.BookingNotFound: HTTPStatus.NOT_FOUND,
    domain.RegionNotFound: HTTPStatus.NOT_FOUND,
    domain.ApiKeyNotFound: HTTPStatus.NOT_FOUND,
    event_errors.WebhookNotFound: HTTPStatus.NOT_FOUND,
    event_errors.DeliveryNotFound: HTTPStatus.NOT_FOUND,
    request_errors.RequestNotFound: HTTPStatus.NOT_FOUND,
    RouteNotFound: HTTPStatus.NOT_FOUND,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    BodyTimeout: HTTPStatus.REQUEST_TIMEOUT,
    domain.Conflict: HTTPStatus.CONFLICT,
    domain.OfferNotOpen: HTTPStatus.CONFLICT,
    domain.SeatsExhausted: HTTPStatus.CONFLICT,
    booking_errors.BookingExists: HTTPStatus.CONFLICT,
    booking_errors.MoveNotAllowed: HTTPStatus.CONFLICT,
    booking_errors.OwnOffer: HTTPStatus.CONFLICT,
    booking_errors.OfferChanged: HTTPStatus.CONFLICT,
    booking_errors.DetourExceeded: HTTPStatus.CONFLICT,
    booking_errors.PromisedToRiders: HTTPStatus.CONFLICT,
    domain.IdempotencyInProgress: HTTPStatus.CONFLICT,
    domain.SharingInUse: HTTPStatus.CONFLICT,
    series_errors.SeriesNotFound: HTTPStatus.NOT_FOUND,
    series_errors.SeriesNotOpen: HTTPStatus.CONFLICT,
    series_errors.TooManySeries: HTTPStatus.CONFLICT,
    domain.TripsStillOpen: HTTPStatus.CONFLICT,
    event_errors.TooManyWebhooks: HTTPStatus.CONFLICT,
    request_errors.TooManyKeptRequests: HTTPStatus.CONFLICT,
    event_errors.TooManyStreams: HTTPStatus.TOO_MANY_REQUESTS,
    domain.StaleVersion: HTTPStatus.PRECONDITION_FAILED,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    domain.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.InvalidCoordinate: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.InvalidWindow: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.InvalidField: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.InvalidCursor: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.DepartureInPast: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.DepartureTooFar: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.PriceTooHigh: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.PriceNotSupported: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.PlaceTooFarFromRoad: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.PlaceUnreachable: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.PlacesTooClose: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.AddressNotFound: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.AddressAmbiguous: HTTPStatus.UNPROCESSABLE_ENTITY,
    event_errors.WebhookUrlRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.MatchTokenInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.SharingRequired: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.RegionFileInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.RegionFormatTooNew: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidQuery: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.PreconditionRequired: HTTPStatus.PRECONDITION_REQUIRED,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    HeadersTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    InternalError: HTTPStatus.INTERNAL_SERVER_ERROR,
    domain.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    domain.DatabaseUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    domain.GeocoderUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    domain.IssuerUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    domain.NotReady: HTTPStatus.SERVICE_UNAVAILABLE,
    domain.Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
    DeadlineExceeded: HTTPStatus.SERVICE_UNAVAILABLE,
}

#: What aiohttp itself refuses, in our words.
_HTTP: Mapping[int, domain.CarpoolError] = {
    HTTPStatus.NOT_FOUND: RouteNotFound("no resource has this path: see /docs"),
    HTTPStatus.METHOD_NOT_ALLOWED: MethodNotAllowed(
        "the resource does not know this method: `Allow` lists those it knows"
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: BodyTooLarge("the body is longer than this service reads"),
}


#: Said to whoever sends a body in another coding.
CODINGS_READ = "send the body as it is, or compressed with gzip or deflate"


def status_of(kind: type[domain.CarpoolError]) -> HTTPStatus:
    """The status of a kind of error; a kind without a row of its own has that of its nearest ancestor with one, or 500."""
    return next((STATUS[base] for base in kind.__mro__ if base in STATUS), HTTPStatus.INTERNAL_SERVER_ERROR)


def from_http(error: web.HTTPException) -> domain.CarpoolError:
    """One of aiohttp's own refusals as an error of the tree."""
    return _HTTP.get(error.status) or BadRequest("the request cannot be understood")


def problem_response(request: web.BaseRequest, error: domain.CarpoolError) -> web.Response:
    """The problem document, with the headers that its status asks for."""
    status = status_of(type(error))
    headers: dict[str, str] = {}
    if isinstance(error, domain.Unavailable | event_errors.TooManyStreams | RateLimited):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, domain.Unauthenticated):
        given = ', error="invalid_token"' if "Authorization" in request.headers else ""
        headers["WWW-Authenticate"] = f'Bearer realm="carpool"{given}'
    body = to_json(problem_document(error, status, request.get(REQUEST_ID, ""), _where(request, error)))
    return web.Response(status=status, body=body, content_type=PROBLEM_JSON, headers=headers)


def problem_document(error: domain.CarpoolError, status: HTTPStatus, request_id: str, where: str) -> dict[str, Any]:
    """The members of RFC 9457 section 3.1, our code and request id, every fault, and what the error adds."""
    faults = [
        FaultOut(
            detail=fault.detail,
            code=fault.code,
            **{where: fault.pointer if where == "pointer" else fault.pointer.removeprefix("/")},
        )
        for fault in error.faults
    ]
    return ProblemOut(
        type=f"{PROBLEM_PAGE}#{error.code}",
        title=error.title,
        status=status,
        detail=error.detail,
        code=error.code,
        request_id=request_id,
        errors=faults or None,
        **error.extra,
    ).members()


def _where(request: web.BaseRequest, error: domain.CarpoolError) -> str:
    """What the faults' pointers point into; calls that have no body were given parameters."""
    if isinstance(error, InvalidHeader):
        return "header"
    if isinstance(error, InvalidQuery | domain.InvalidCursor) or request.method in {"GET", "HEAD"}:
        return "parameter"
    return "pointer"
