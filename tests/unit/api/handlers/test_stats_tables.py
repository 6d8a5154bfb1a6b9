"""A long series is written as text: what is read back is what was counted."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from api.handlers.stats_tables import match_json
from api.schemas.stats import MatchStatsOut
from matcher.statistics.buckets import bucket_edges
from matcher.statistics.model import (
    LOST,
    MEANS,
    SUMS,
    BucketSize,
    MatchNumbers,
    MatchSeries,
    MatchStatistics,
    Quantiles,
)

NAMES = (*SUMS, LOST.name)
MEAN_NAMES = {one.name for one in MEANS}


def _series(dice: random.Random, count: int) -> MatchSeries:
    """Hours without searches, without matches, and with both."""
    counts: dict[str, list[int]] = {name: [] for name in NAMES}
    quantiles: dict[str, tuple[list[float], ...]] = {
        name: ([], [], []) for name in ("detour_s", "walk_m", "latency_us")
    }
    reasons = []
    for _ in range(count):
        searches = dice.choice((0, 1, dice.randrange(10**9)))
        matched = dice.choice((0, searches))
        for name in NAMES:
            counts[name].append(dice.randrange(10**12) if searches else 0)
        counts["searches"][-1], counts["matched"][-1] = searches, matched
        for name, columns in quantiles.items():
            is_there = searches if name == "latency_us" else matched
            for column in columns:
                column.append(dice.choice((0.0, 0.003, 7.0, 1234567.8901)) if is_there else -1.0)
        reasons.append(json.dumps({"detour": dice.randrange(9), "no_seats": 2} if searches else {}))
    return MatchSeries(counts, reasons, {name: columns[:3] for name, columns in quantiles.items()})  # type: ignore[misc]


def _members(numbers: MatchNumbers) -> dict[str, object]:
    """As the documentation of the members says, one by one."""

    def quantiles(found: Quantiles | None) -> dict[str, float] | None:
        return None if found is None else found._asdict()

    members: dict[str, object] = {name: getattr(numbers, name) for name in {*NAMES} - MEAN_NAMES}
    members["turned_away"] = dict(numbers.turned_away)
    if numbers.searches:
        members["match_rate"] = round(numbers.matched / numbers.searches, 6)
        members |= {name: round(getattr(numbers, name) / numbers.searches, 1) for name in MEAN_NAMES}
    for name in ("detour_s", "walk_m", "latency_ms"):
        found = quantiles(getattr(numbers, name))
        if found is not None:
            members[name] = found
    return members


@pytest.mark.parametrize("zone", ["America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])
def test_what_is_written_is_what_was_counted(zone: str) -> None:
    dice, tz = random.Random(zone), ZoneInfo(zone)
    edges = bucket_edges(
        datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 4, 9, 3, 15, tzinfo=UTC), BucketSize.HOUR, tz
    )
    found = MatchStatistics("coquimbo", edges, _series(dice, 1), _series(dice, len(edges) - 1))
    document = json.loads(match_json(found, "hour", zone, tz))
    MatchStatsOut.model_validate(document, strict=False)
    moments = [datetime.fromtimestamp(edge, tz).isoformat() for edge in edges]
    assert (document["from"], document["to"]) == (moments[0], moments[-1])
    assert document["totals"] == _members(found.totals[0])
    assert document["series"] == [
        {"from": begin, "to": end, **_members(numbers)}
        for begin, end, numbers in zip(moments, moments[1:], found.series, strict=False)
    ]
