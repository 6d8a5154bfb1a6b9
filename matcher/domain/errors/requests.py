"""What can go wrong with kept requests: leaves of the tree in errors.py."""

from __future__ import annotations

from matcher.domain.errors.tree import Conflict, NotFound


class RequestNotFound(NotFound):
    """No request with this id belongs to the caller."""

    code = "request_not_found"
    title = "The request was not found"


class TooManyKeptRequests(Conflict):
    """The rider has as many requests waiting as one may have."""

    code = "too_many_kept_requests"
    title = "There are too many requests waiting"
