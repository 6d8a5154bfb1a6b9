"""Errors of kept requests: leaves of the tree in tree.py."""

from __future__ import annotations

from matcher.domain.errors.tree import Conflict, NotFound


class RequestNotFound(NotFound, code="request_not_found", title="The request was not found"):
    """The caller has no request with this id."""


class TooManyKeptRequests(Conflict, code="too_many_kept_requests", title="You have too many waiting requests"):
    """The rider has the maximum number of waiting requests."""


class SearchNotFound(NotFound, code="search_not_found", title="The search was not found"):
    """No stored search has this request id."""
