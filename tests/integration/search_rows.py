"""Made-up searches, and what they add up to when one counts them by hand."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from matcher.domain.cell import Cell
from matcher.domain.match import TurnedAway
from matcher.domain.place import Coordinate
from matcher.statistics.histograms import RELATIVE_ERROR
from matcher.statistics.model import SUMS, MatchNumbers, Quantiles, SearchRow

REGION = "coquimbo"
BEGIN = datetime(2026, 9, 1, tzinfo=UTC)


def a_row(**changes: object) -> SearchRow:
    """A search that showed three matches."""
    values: dict[str, object] = {
        "id": uuid4(),
        "at": BEGIN,
        "region": REGION,
        "origin_cell": Cell.of(Coordinate(lat=-29.953, lon=-71.338)).number,
        "destination_cell": Cell.of(Coordinate(lat=-29.9045, lon=-71.2489)).number,
        "considered": 40,
        "feasible": 5,
        "shown": 3,
        "turned_away": {"outside_window": 30, "detour": 5},
        "detour_s": 95,
        "walk_m": 0,
        "latency_us": 4_200,
        "window_s": 2_700,
        "seats": 1,
    }
    return SearchRow(**(values | changes))  # type: ignore[arg-type]  # the fields by name


def any_row(dice: random.Random, within: timedelta, region: str = REGION) -> SearchRow:
    """A search that might have been, within a while after BEGIN."""
    reasons = {reason.value: dice.randrange(1, 500) for reason in dice.sample(list(TurnedAway), dice.randrange(4))}
    feasible = dice.choice((0, 0, 1, 7, 60))
    shown = min(feasible, 10)
    # Numbers that older versions of the service do not write, if there are any.
    newer = {
        field.name: dice.randrange(9)
        for field in fields(SearchRow)
        if field.name in SUMS and field.default is not MISSING
    }
    return a_row(
        **newer,
        id=UUID(int=dice.getrandbits(128)),
        at=BEGIN + timedelta(microseconds=dice.randrange(int(within / timedelta(microseconds=1)))),
        region=region,
        origin_cell=Cell.of(Coordinate(lat=dice.uniform(-30, -29.9), lon=dice.uniform(-71.3, -71.2))).number,
        considered=feasible + sum(reasons.values()),
        feasible=feasible,
        shown=shown,
        turned_away=reasons,
        detour_s=dice.randrange(2000) if shown else None,
        walk_m=dice.choice((0, dice.randrange(1200))) if shown else None,
        latency_us=round(math.exp(dice.gauss(8.5, 1.0))),
        window_s=dice.randrange(86_400),
        seats=dice.randrange(1, 5),
    )


def assert_counts(numbers: MatchNumbers, rows: Sequence[SearchRow], *, booked: int = 0, lost: int = 0) -> None:
    """What was added up is what these searches are: counts exactly, quantiles within the error that is stated."""
    reasons: Counter[str] = Counter()
    for row in rows:
        reasons.update(row.turned_away)
    assert dict(numbers.turned_away) == dict(reasons)
    expected = {
        "searches": len(rows),
        "matched": sum(row.shown > 0 for row in rows),
        "booked": booked,
        "lost": lost,
    }
    # Every other number is the sum of the searches' own.
    expected |= {name: sum(getattr(row, name) for row in rows) for name in SUMS if name not in expected}
    assert {name: getattr(numbers, name) for name in expected} == expected
    _assert_quantiles(numbers.detour_s, [row.detour_s for row in rows if row.detour_s is not None])
    _assert_quantiles(numbers.walk_m, [row.walk_m for row in rows if row.walk_m is not None])
    _assert_quantiles(numbers.latency_ms, [row.latency_us / 1000 for row in rows])


def _assert_quantiles(found: Quantiles | None, values: Sequence[float]) -> None:
    assert (found is None) == (not values)
    if found is not None:
        ordered = sorted(values)
        for percent, value in ((50, found.p50), (95, found.p95), (99, found.p99)):
            true = ordered[-(-len(ordered) * percent // 100) - 1]
            assert abs(value - true) <= RELATIVE_ERROR * true + 1e-9, (percent, value, true)
