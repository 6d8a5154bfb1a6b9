"""Every kind of error has a status, a code of its own, and words."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import pytest

from api.call.errors import STATUS, problem_document, status_of
from matcher.domain.errors.tree import CarpoolError, Conflict, Fault, InvalidInput, NotFound, OfferNotFound, Unavailable


def _tree(kind: type[CarpoolError]) -> Iterator[type[CarpoolError]]:
    for child in kind.__subclasses__():
        if child.__module__.startswith(("matcher.", "api.")):
            yield child
            yield from _tree(child)


KINDS = list(dict.fromkeys(_tree(CarpoolError)))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_error_has_a_row(kind: type[CarpoolError]) -> None:
    assert kind in STATUS


def test_no_row_is_for_nothing() -> None:
    assert STATUS.keys() == set(KINDS)


def test_codes_are_unique_and_titles_are_there() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)
    assert all(code == code.lower() and code.isidentifier() for code in codes)
    assert all("title" in vars(kind) for kind in KINDS)


def test_statuses_follow_the_tree() -> None:
    families = {InvalidInput: {422}, NotFound: {404}, Conflict: {409, 412}, Unavailable: {503}}
    for kind in KINDS:
        for family, statuses in families.items():
            if issubclass(kind, family):
                assert STATUS[kind] in statuses


def test_a_kind_that_is_not_in_the_table_has_its_parent_s_status() -> None:
    stranger = type("Stranger", (OfferNotFound,), {"__module__": "elsewhere"})
    alien = type("Alien", (CarpoolError,), {"__module__": "elsewhere"})
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
