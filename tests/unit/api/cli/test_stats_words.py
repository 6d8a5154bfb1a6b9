"""What callers and people at the terminal are shown of statistics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import typer
from aiohttp.test_utils import make_mocked_request

from api.call.media_types import best_of
from api.cli.stats import _range, parse_moment, sparkline
from matcher.statistics.model import BucketSize

TYPES = ("application/json", "text/csv")


@pytest.mark.parametrize(
    ("accept", "best"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV;charset=utf-8", "text/csv"),
        ("text/csv, */*", "text/csv"),
        ("text/*", "text/csv"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/csv; q=0.9, application/json; q=0.1", "text/csv"),
        ("text/csv;q=0", "application/json"),
        ("text/csv, application/json", "application/json"),
        ("image/png", "application/json"),
        ("; q=,,text//csv", "application/json"),
    ],
)
def test_the_media_type_that_is_wanted_most(accept: str | None, best: str) -> None:
    headers = {} if accept is None else {"Accept": accept}
    assert best_of(make_mocked_request("GET", "/", headers=headers), TYPES) == best


def test_a_sparkline_shows_shape_gaps_and_what_is_little() -> None:
    assert sparkline([0, 1, 500, 1000]) == "·▁▄█"
    assert sparkline([None, 0.0, None]) == " · "
    assert sparkline([]) == ""
    year = sparkline([float(n) for n in range(8784)])
    assert 80 <= len(year) <= 100
    assert (year[0], year[-1]) == ("▁", "█")


def test_a_date_is_the_first_moment_of_its_day_where_it_is_asked_about() -> None:
    santiago = ZoneInfo("America/Santiago")
    begin, end = _range(
        parse_moment("2026-12-01"), parse_moment("2026-12-02"), BucketSize.DAY, santiago, datetime.now(UTC)
    )
    assert (begin.isoformat(), end.isoformat()) == ("2026-12-01T00:00:00-03:00", "2026-12-02T00:00:00-03:00")
    present = datetime(2026, 12, 1, 7, 40, tzinfo=UTC)
    begin, end = _range(None, None, BucketSize.DAY, santiago, present)
    assert (end - present, end - begin) == (timedelta(minutes=20), timedelta(days=7))


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-12-01T07:00:00", "2026-12-1"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_moment(text)
