"""From an error to a problem document (RFC 9457): the only place that knows status codes.

The domain's errors are in matcher/domain/errors/; those that only HTTP has are below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic_core import to_json

from api.app_keys import REQUEST_ID
from api.schemas.service import FaultOut, ProblemOut
from matcher.domain.errors import tree as domain
from matcher.domain.errors.bookings import AskedTooOften
from matcher.domain.errors.events import TooManyStreams

PROBLEM_JSON = "application/problem+json"
PROBLEM_PAGE = "/docs/problems"


class BadRequest(domain.CarpoolError, code="bad_request", title="The request cannot be understood"):
    """The request is not valid HTTP/1.1."""


class MalformedJson(BadRequest, code="malformed_json", title="The body is not well-formed JSON"):
    """The body is not JSON (RFC 8259), is not UTF-8, is nested too deeply, or has a duplicate member."""


class InvalidHeader(BadRequest, code="invalid_header", title="A header has an invalid value"):
    """A header has an invalid value."""


class InvalidQuery(domain.InvalidInput, code="invalid_query", title="The query parameters are not valid"):
    """Query parameters are unknown, repeated, missing or of the wrong type."""


class RouteNotFound(domain.NotFound, code="route_not_found", title="There is nothing at this path"):
    """No resource has this path."""


class MethodNotAllowed(
    domain.CarpoolError, code="method_not_allowed", title="The resource does not support this method"
):
    """The resource does not support the method; `Allow` lists those it supports."""


class BodyTimeout(domain.CarpoolError, code="body_timeout", title="The body did not arrive in time"):
    """The body did not arrive in time, or came too slowly."""


class HeadersTimeout(domain.CarpoolError, code="headers_timeout", title="The headers did not arrive in time"):
    """The request line and headers did not arrive in time."""


class BodyTooLarge(domain.CarpoolError, code="body_too_large", title="The body is too large"):
    """The body is larger than the limit."""


class UnsupportedMediaType(domain.CarpoolError, code="unsupported_media_type", title="The media type is not supported"):
    """The resource does not accept this media type or content coding."""


class ExpectationFailed(domain.CarpoolError, code="expectation_failed", title="The expectation cannot be met"):
    """An Expect header other than 100-continue."""


class HeadersTooLarge(domain.CarpoolError, code="headers_too_large", title="The request's headers are too large"):
    """The request line or a header is too long, or there are too many headers."""


class RateLimited(domain.CarpoolError, code="rate_limited", title="Too many calls"):
    """The caller exceeded its rate limit; Retry-After says when to try again."""

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class DeadlineExceeded(domain.Unavailable, code="deadline_exceeded", title="The answer was not ready in time"):
    """The answer was not ready in time. A change may still have been made: retry with the same Idempotency-Key."""


class InternalError(domain.CarpoolError, code="internal_error", title="Something went wrong on our side"):
    """A fault of this service; the log has the details under the request id."""


#: The status of each branch; a leaf has that of its nearest ancestor here.
STATUS_OF_BRANCH: Mapping[type[domain.CarpoolError], HTTPStatus] = {
    domain.CarpoolError: HTTPStatus.INTERNAL_SERVER_ERROR,
    BadRequest: HTTPStatus.BAD_REQUEST,
    domain.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    domain.Forbidden: HTTPStatus.FORBIDDEN,
    domain.NotFound: HTTPStatus.NOT_FOUND,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    BodyTimeout: HTTPStatus.REQUEST_TIMEOUT,
    HeadersTimeout: HTTPStatus.REQUEST_TIMEOUT,
    domain.Conflict: HTTPStatus.CONFLICT,
    domain.StaleVersion: HTTPStatus.PRECONDITION_FAILED,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    domain.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    domain.PreconditionRequired: HTTPStatus.PRECONDITION_REQUIRED,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyStreams: HTTPStatus.TOO_MANY_REQUESTS,
    AskedTooOften: HTTPStatus.TOO_MANY_REQUESTS,
    domain.ExportRunning: HTTPStatus.TOO_MANY_REQUESTS,
    HeadersTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    domain.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

#: What aiohttp itself refuses, in our words.
_HTTP: Mapping[int, domain.CarpoolError] = {
    HTTPStatus.NOT_FOUND: RouteNotFound("no resource has this path: see /docs"),
    HTTPStatus.METHOD_NOT_ALLOWED: MethodNotAllowed(
        "the resource does not support this method: see the `Allow` header"
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: BodyTooLarge("the body is larger than the limit"),
}


#: The detail for a body in another content coding.
CODINGS_READ = "send the body as it is, or compressed with gzip or deflate"


def status_of(kind: type[domain.CarpoolError]) -> HTTPStatus:
    """The status of a kind of error: that of its nearest branch."""
    return next(STATUS_OF_BRANCH[base] for base in kind.__mro__ if base in STATUS_OF_BRANCH)


def kinds_of_problem() -> dict[type[domain.CarpoolError], HTTPStatus]:
    """Every kind of error that a caller can see with its status, ordered by status and code."""
    kinds = dict.fromkeys(_below(domain.CarpoolError))
    return {kind: status_of(kind) for kind in sorted(kinds, key=lambda kind: (status_of(kind), kind.code))}


def _below(kind: type[domain.CarpoolError]) -> Iterator[type[domain.CarpoolError]]:
    for child in kind.__subclasses__():
        if child.__module__.startswith(("matcher.", "api.")):
            yield child
            yield from _below(child)


def from_http(error: web.HTTPException) -> domain.CarpoolError:
    """One of aiohttp's own refusals as an error of the tree."""
    return _HTTP.get(error.status) or BadRequest("the request cannot be understood")


def problem_response(request: web.BaseRequest, error: domain.CarpoolError) -> web.Response:
    """The problem document, with the headers that its status requires."""
    status = status_of(type(error))
    headers: dict[str, str] = {}
    if isinstance(error, domain.Unavailable | TooManyStreams | RateLimited | AskedTooOften | domain.ExportRunning):
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
