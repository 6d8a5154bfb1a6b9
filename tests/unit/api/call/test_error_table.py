"""Every kind of error has a status, a code of its own, and words."""

from __future__ import annotations

from http import HTTPStatus

from api.call.errors import (
    BadRequest,
    BodyTimeout,
    BodyTooLarge,
    ExpectationFailed,
    HeadersTimeout,
    HeadersTooLarge,
    InternalError,
    MethodNotAllowed,
    RateLimited,
    UnsupportedMediaType,
    kinds_of_problem,
    problem_document,
    status_of,
)
from matcher.domain.errors.bookings import AskedTooOften
from matcher.domain.errors.events import TooManyStreams
from matcher.domain.errors.tree import (
    CarpoolError,
    Conflict,
    ExportRunning,
    Fault,
    Forbidden,
    InvalidInput,
    NotFound,
    OfferNotFound,
    PreconditionRequired,
    StaleVersion,
    Unauthenticated,
    Unavailable,
)

#: The branch of each status in architecture.md section 3, and the leaves that have one of their own.
EXPECTED = {
    BadRequest: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    BodyTimeout: 408,
    HeadersTimeout: 408,
    StaleVersion: 412,
    Conflict: 409,
    BodyTooLarge: 413,
    UnsupportedMediaType: 415,
    ExpectationFailed: 417,
    InvalidInput: 422,
    PreconditionRequired: 428,
    RateLimited: 429,
    TooManyStreams: 429,
    AskedTooOften: 429,
    ExportRunning: 429,
    HeadersTooLarge: 431,
    InternalError: 500,
    Unavailable: 503,
}
KINDS = kinds_of_problem()


def test_every_kind_of_error_has_the_status_of_its_branch() -> None:
    assert len(KINDS) > 60
    for kind, status in KINDS.items():
        branch = next(branch for branch in EXPECTED if issubclass(kind, branch))
        assert status == EXPECTED[branch], kind


def test_kinds_are_ordered_by_status_and_code() -> None:
    rows = [(status, kind.code) for kind, status in KINDS.items()]
    assert rows == sorted(rows)


def test_codes_are_unique_and_titles_are_there() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)
    assert all(code == code.lower() and code.isidentifier() for code in codes)
    assert all("title" in vars(kind) for kind in KINDS)


def test_a_leaf_needs_no_row() -> None:
    members = {"__module__": "elsewhere"}
    stranger = type("Stranger", (OfferNotFound,), members, code="stranger", title="A stranger")
    alien = type("Alien", (CarpoolError,), members, code="alien", title="An alien")
    assert (status_of(stranger), status_of(alien)) == (404, 500)


def test_a_problem_document_has_the_members_of_rfc_9457_and_ours() -> None:
    error = InvalidInput("look", faults=[Fault("/a", "is required", "missing"), Fault("", "odd")], extra={"hint": 3})
    assert problem_document(error, HTTPStatus(422), "r1", "pointer") == {
        "type": "/docs/problems#invalid_input",
        "title": "The input is not valid",
        "status": 422,
        "detail": "look",
        "code": "invalid_input",
        "request_id": "r1",
        "errors": [{"detail": "is required", "code": "missing", "pointer": "/a"}, {"detail": "odd", "pointer": ""}],
        "hint": 3,
    }


def test_faults_of_a_query_name_parameters() -> None:
    document = problem_document(
        InvalidInput("x", faults=[Fault("/limit", "too much")]), HTTPStatus(422), "r", "parameter"
    )
    assert document["errors"] == [{"detail": "too much", "parameter": "limit"}]
