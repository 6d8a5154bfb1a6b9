"""Series on disk come back as they were stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

from matcher.domain.money import Money
from matcher.domain.offer import TripFields
from matcher.domain.series import WayBack
from matcher.trips.series.store import PostgresSeries
from tests.conftest import OneTransaction
from tests.unit.domain.test_series import a_phase, a_series


async def test_a_series_comes_back_as_it_was_stored_and_changed(db: OneTransaction) -> None:
    trip = TripFields(
        seats=2, flexibility_s=60, max_detour_m=900, preferences={"pets": True}, comment="«»", women_only=True,
        price=Money(250, "EUR"),
    )  # fmt: skip
    weekly = a_phase(weekdays=frozenset({1, 4}), back=WayBack(time(18, 0), 1), trip=trip)
    once = a_phase(from_date=date(2026, 12, 24), until=date(2026, 12, 24), weekdays=frozenset())
    series, stored = a_series(weekly), PostgresSeries(db, "test")
    await stored.insert(series, [], None)
    assert await stored.get(series.id) == series
    changed = replace(series, version=2, phases=(weekly, once), exceptions=frozenset({date(2026, 12, 25)}))
    await stored.update(changed, next_date=None)
    assert await stored.get(series.id) == changed
