"""Errors of series: leaves of the tree in tree.py.

NotFound          (404)  SeriesNotFound
Conflict          (409)  SeriesNotOpen, TooManySeries
"""

from __future__ import annotations

from matcher.domain.errors.tree import Conflict, NotFound


class SeriesNotFound(NotFound):
    """The caller has no series with this id."""

    code = "series_not_found"
    title = "The series was not found"


class SeriesNotOpen(Conflict):
    """The series was withdrawn, or ends before the given date."""

    code = "series_not_open"
    title = "The series is no longer open"


class TooManySeries(Conflict):
    """The driver has the maximum number of open series."""

    code = "too_many_series"
    title = "You have too many series"
