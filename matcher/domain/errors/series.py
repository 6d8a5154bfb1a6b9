"""What can go wrong with series, as branches of the tree in errors.py.

NotFound          (404)  SeriesNotFound
Conflict          (409)  SeriesNotOpen, TooManySeries
"""

from __future__ import annotations

from matcher.domain.errors.tree import Conflict, NotFound


class SeriesNotFound(NotFound):
    """No series with this id belongs to the caller."""

    code = "series_not_found"
    title = "The series was not found"


class SeriesNotOpen(Conflict):
    """The series was withdrawn, or is over by the date that was named."""

    code = "series_not_open"
    title = "The series is not open any more"


class TooManySeries(Conflict):
    """The driver has as many open series as one may have."""

    code = "too_many_series"
    title = "You have too many series"
