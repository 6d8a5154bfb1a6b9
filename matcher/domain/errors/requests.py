"""Errors of kept requests: leaves of the tree in tree.py."""

from __future__ import annotations

from matcher.domain.errors.tree import Conflict, NotFound


class RequestNotFound(NotFound):
    """The caller has no request with this id."""

    code = "request_not_found"
    title = "The request was not found"


class TooManyKeptRequests(Conflict):
    """The rider has the maximum number of waiting requests."""

    code = "too_many_kept_requests"
    title = "You have too many waiting requests"


class SearchNotFound(NotFound):
    """No stored search has this request id."""

    code = "search_not_found"
    title = "The search was not found"
