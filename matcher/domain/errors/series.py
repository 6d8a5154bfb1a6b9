"""Errors of series: leaves of the tree in tree.py.

NotFound          (404)  SeriesNotFound
Conflict          (409)  SeriesNotOpen, TooManySeries
"""

from __future__ import annotations

from matcher.domain.errors.tree import Conflict, NotFound


class SeriesNotFound(NotFound, code="series_not_found", title="The series was not found"):
    """The caller has no series with this id."""


class SeriesNotOpen(Conflict, code="series_not_open", title="The series is no longer open"):
    """The series was withdrawn, or ends before the given date."""


class TooManySeries(Conflict, code="too_many_series", title="You have too many series"):
    """The driver has the maximum number of open series."""
