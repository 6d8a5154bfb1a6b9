"""Statistics over HTTP: what was asked is counted, as JSON and as CSV, for operators only."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from api.schemas.stats import DemandOut, MatchStatsOut, SupplyStatsOut, WantedOut
from matcher.domain.cell import Cell
from matcher.domain.place import Coordinate
from tests.api.live import HALF_WAY, Answer, Live, a_search, around, live_service, quiet_morning, settings_for

CSV = {"Accept": "text/csv"}


@pytest.fixture
async def counted(service_folder: Path, live: Live, fresh_database: str) -> AsyncIterator[Live]:
    """A service whose searches are counted from nothing. (`live` has imported the region before.)"""
    async with live_service(settings_for(service_folder, fresh_database)) as counted:
        yield counted


async def _read(live: Live, token: str, path: str, **more: Any) -> Answer:
    """Statistics once all that was asked has been written."""
    await live.carpool.search_log.flush(datetime.now(UTC))
    answer = await live.call("GET", path, token, **more)
    assert answer.status == 200, answer.body
    return answer


async def _search(live: Live, token: str, **changes: Any) -> dict[str, Any]:
    answer = await live.call("POST", "/v1/match", token, json=a_search(**changes))
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


async def test_what_was_asked_is_counted(counted: Live) -> None:
    rider, driver, ops = await counted.key("rider"), await counted.key("driver"), await counted.key("ops")
    day = quiet_morning()
    await counted.published(driver, departure=day.isoformat())
    await counted.published(driver, departure=day.isoformat(), destination=HALF_WAY, seats=1)
    searches = [
        await _search(counted, rider, departure=around(day), seats=2),
        await _search(counted, rider, departure=around(day + timedelta(days=1))),
        await _search(counted, rider, departure=around(day), max_walk_m=800),
    ]
    found = (await _read(counted, ops, "/v1/stats/matches?bucket=hour&tz=America/Santiago")).json
    MatchStatsOut.model_validate(found, strict=False)
    totals = found["totals"]
    assert totals["searches"] == 3
    assert totals["matched"] == sum(bool(search["matches"]) for search in searches)
    assert 0 < totals["matched"] < 3
    assert abs(totals["match_rate"] - totals["matched"] / 3) < 1e-5
    for name in ("considered", "feasible"):
        assert totals[name] == sum(search[name] for search in searches)
    assert totals["shown"] == sum(len(search["matches"]) for search in searches)
    assert totals["seats"] == 4
    assert totals["window_s"] == 3600
    assert (totals["booked"], totals["lost"]) == (0, 0)
    reasons = {reason for search in searches for reason in search["turned_away"]}
    assert totals["turned_away"] == {
        reason: count for reason in reasons if (count := sum(s["turned_away"].get(reason, 0) for s in searches))
    }
    slowest = max(search["took_ms"] for search in searches)
    assert abs(totals["latency_ms"]["p99"] - slowest) <= 0.02 * slowest + 0.001
    best = max(round(search["matches"][0]["detour_s"]) for search in searches if search["matches"])
    assert abs(totals["detour_s"]["p99"] - best) <= 0.02 * best

    assert len(found["series"]) == 24
    assert found["series"][0]["from"] == found["from"]
    assert [b["to"] for b in found["series"][:-1]] == [b["from"] for b in found["series"][1:]]
    # The calls may lie on both sides of a full hour.
    assert sum(bucket["searches"] for bucket in found["series"]) == 3
    assert found["from"].endswith(("-03:00", "-04:00"))


async def test_a_search_that_led_to_bookings_is_counted_once(counted: Live) -> None:
    rider, driver, ops = await counted.key("rider"), await counted.key("driver"), await counted.key("ops")
    day = quiet_morning()
    for _ in range(2):
        await counted.published(driver, departure=day.isoformat())
    await _search(counted, rider, departure=around(day))
    found = await _search(counted, rider, departure=around(day))
    assert len(found["matches"]) == 2
    for match in found["matches"]:
        booked = await counted.call("POST", "/v1/bookings", rider, json={"match_id": match["match_id"]})
        assert booked.status == 201, booked.body
        totals = (await _read(counted, ops, "/v1/stats/matches")).json["totals"]
        assert (totals["searches"], totals["booked"]) == (2, 1)
    begin = day.replace(hour=0, minute=0)
    path = f"/v1/stats/offers?from={begin.isoformat()}&to={(begin + timedelta(days=1)).isoformat()}"
    supply = (await _read(counted, ops, path)).json["totals"]
    assert (supply["offers"], supply["bookings"]) == (2, {"WAITING_CONFIRMATION": 2})


async def test_csv_has_the_same_numbers(counted: Live) -> None:
    rider, driver, ops = await counted.key("rider"), await counted.key("driver"), await counted.key("ops")
    day = quiet_morning()
    await counted.published(driver, departure=day.isoformat())
    for later_days in (0, 1):
        await _search(counted, rider, departure=around(day + timedelta(days=later_days)))
    offers = f"/v1/stats/offers?from={day.date()}T00:00:00Z&to={(day + timedelta(days=2)).date()}T00:00:00Z"
    for path in ("/v1/stats/matches?bucket=hour", offers):
        as_json = await _read(counted, ops, path)
        as_csv = await _read(counted, ops, path, headers=CSV)
        assert as_json.headers["Content-Type"] == "application/json"
        assert as_csv.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert as_json.headers["Vary"] == as_csv.headers["Vary"] == "Accept"
        rows = list(csv.DictReader(io.StringIO(as_csv.body.decode())))
        total, *buckets = [row for row in rows if row["row"] != "hour"]
        hours = [row for row in rows if row["row"] == "hour"]
        document = as_json.json
        expected = [*document["series"], *document.get("by_hour", [])]
        for row, members in zip([total, *buckets, *hours], [document["totals"], *expected], strict=True):
            assert {name: value for name, value in row.items() if value and name not in {"row", "from", "to"}} == {
                name: str(value) for name, value in _flat(members).items() if name not in {"from", "to"}
            }
        assert [(row["from"], row["to"]) for row in buckets] == [(b["from"], b["to"]) for b in document["series"]]


def _flat(members: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in members.items():
        flat |= {f"{name}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
    return flat


async def test_demand_is_shown_where_enough_found_nothing(counted: Live) -> None:
    rider, ops = await counted.key("rider"), await counted.key("ops")
    day = quiet_morning()
    home = {"lat": -29.95, "lon": -71.337}
    for _ in range(4):
        await _search(counted, rider, departure=around(day), origin=home)
    found = (await _read(counted, ops, "/v1/stats/demand")).json
    DemandOut.model_validate(found, strict=False)
    assert (found["features"], found["hidden"], found["least"]) == ([], 4, 5)

    await _search(counted, rider, departure=around(day), origin=home)
    answer = await _read(counted, ops, "/v1/stats/demand")
    assert answer.headers["Content-Type"] == "application/geo+json"
    (cell,) = answer.json["features"]
    assert cell["properties"] == {"asked": 5, "unmatched": 5, "merged": False}
    assert cell["id"] == Cell.of(Coordinate(**home)).name
    ring = cell["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    assert min(lon for lon, _ in ring) <= home["lon"] <= max(lon for lon, _ in ring)
    assert min(lat for _, lat in ring) <= home["lat"] <= max(lat for _, lat in ring)
    (row, hidden) = csv.DictReader(
        io.StringIO((await _read(counted, ops, "/v1/stats/demand", headers=CSV)).body.decode())
    )
    assert (row["cell"], row["unmatched"], hidden["row"], hidden["unmatched"]) == (cell["id"], "5", "hidden", "0")


async def test_searches_are_counted_by_the_hour_that_they_were_for(counted: Live) -> None:
    rider, driver, ops = await counted.key("rider"), await counted.key("driver"), await counted.key("ops")
    day = quiet_morning().replace(hour=7, minute=15)
    await counted.published(driver, departure=day.isoformat())
    for departure in (day, day + timedelta(days=1), day.replace(hour=19)):
        await _search(counted, rider, departure=around(departure))
    path = "/v1/stats/wanted?tz=Etc/GMT%2B3"
    found = (await _read(counted, ops, path)).json
    WantedOut.model_validate(found, strict=False)
    assert [row["hour"] for row in found["by_hour"]] == list(range(24))
    assert {row["hour"]: (row["asked"], row["unmatched"]) for row in found["by_hour"] if row["asked"]} == {
        7: (2, 1),
        19: (1, 1),
    }
    rows = list(csv.DictReader(io.StringIO((await _read(counted, ops, path, headers=CSV)).body.decode())))
    assert [(int(row["hour"]), int(row["asked"])) for row in rows] == [
        (row["hour"], row["asked"]) for row in found["by_hour"]
    ]
    # Elsewhere the same moments are other hours.
    elsewhere = (await _read(counted, ops, "/v1/stats/wanted?tz=Etc/GMT")).json["by_hour"]
    assert {row["hour"] for row in elsewhere if row["asked"]} == {10, 22}


async def test_offers_are_counted_by_status_and_hour(counted: Live) -> None:
    driver, ops = await counted.key("driver"), await counted.key("ops")
    day = quiet_morning()
    offers = [await counted.published(driver, departure=day.isoformat(), seats=seats) for seats in (2, 3, 4)]
    assert (await counted.call("DELETE", f"/v1/offers/{offers[0]['id']}", driver)).status == 200
    begin = day.replace(hour=0, minute=0).isoformat()
    end = (day.replace(hour=0, minute=0) + timedelta(days=1)).isoformat()
    path = f"/v1/stats/offers?from={begin}&to={end}&tz=Etc/GMT%2B3&bucket=hour"
    found = (await _read(counted, ops, path)).json
    SupplyStatsOut.model_validate(found, strict=False)
    expected = {
        "offers": 3,
        "by_status": {"CANCELLED": 1, "OPEN": 2},
        "seats_offered": 7,
        "seats_filled": 0,
        "bookings": {},
    }
    assert found["totals"] == expected
    assert {row["hour"]: row["offers"] for row in found["by_hour"] if row["offers"]} == {7: 3}
    assert [bucket["from"] for bucket in found["series"] if bucket["offers"]] == [day.replace(minute=0).isoformat()]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("tz=Nowhere/Land", "invalid_query"),
        ("tz=../../etc/passwd", "invalid_query"),
        ("tz=America", "invalid_query"),
        ("bucket=week", "invalid_query"),
        ("region=%20", "invalid_query"),
        ("from=2026-01-01T00:07:00Z&to=2026-01-02T00:00:00Z", "invalid_field"),
        ("from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "invalid_window"),
        ("from=2026-01-01T00:00:00Z&to=2027-02-01T00:00:00Z&bucket=hour", "invalid_field"),
        ("from=2002-01-01T00:00:00Z&to=2027-02-01T00:00:00Z&bucket=day", "invalid_field"),
    ],
)
async def test_what_cannot_be_answered_is_refused(live: Live, query: str, code: str) -> None:
    for path in ("matches", "offers"):
        answer = await live.call("GET", f"/v1/stats/{path}?{query}", await live.key("ops"))
        assert (answer.status, answer.problem()["code"]) == (422, code)
        assert answer.problem()["errors"][0]["parameter"] in query


@pytest.mark.parametrize(
    "query", ["from=2026-01-01T00:15:00Z&to=2026-01-02T00:00:00Z", "from=2026-01-01T00:00:00Z&to=2026-05-02T00:00:00Z"]
)
async def test_demand_is_by_the_hour_and_for_a_season(live: Live, query: str) -> None:
    for path in ("demand", "wanted"):
        answer = await live.call("GET", f"/v1/stats/{path}?{query}", await live.key("ops"))
        assert (answer.status, answer.problem()["code"]) == (422, "invalid_field")


async def test_days_are_those_of_the_zone(live: Live) -> None:
    """In the week in which Santiago sets its clocks forward one day has 23 hours, in the other 25."""
    ops = await live.key("ops")
    zone = ZoneInfo("America/Santiago")
    for month, day, hours in ((9, 6, 23), (4, 4, 25)):
        begin = datetime(2026, month, day - 2, tzinfo=zone).isoformat()
        end = datetime(2026, month, day + 3, tzinfo=zone).isoformat()
        answer = await live.call(
            "GET", f"/v1/stats/matches?from={quote(begin)}&to={quote(end)}&tz=America/Santiago", ops
        )
        found = answer.json["series"]
        lengths = [
            (datetime.fromisoformat(b["to"]) - datetime.fromisoformat(b["from"])) / timedelta(hours=1) for b in found
        ]
        assert lengths == [24.0, 24.0, hours, 24.0, 24.0]


async def test_searches_do_not_wait_for_their_rows_and_what_is_lost_is_counted(
    counted: Live, fresh_database: str
) -> None:
    rider, driver, ops = await counted.key("rider"), await counted.key("driver"), await counted.key("ops")
    day = quiet_morning()
    await counted.published(driver, departure=day.isoformat())
    await _search(counted, rider, departure=around(day))
    log = counted.carpool.search_log
    await log.flush(datetime.now(UTC))
    log._capacity = 2
    blocker = await asyncpg.connect(fresh_database)
    try:
        await blocker.execute("BEGIN; LOCK TABLE searches IN ACCESS EXCLUSIVE MODE")
        for _ in range(5):
            assert (await _search(counted, rider, departure=around(day)))["matches"]
        assert (log.waiting, log.lost_total) == (2, 3)
    finally:
        await blocker.close()
    totals = (await _read(counted, ops, "/v1/stats/matches")).json["totals"]
    assert (totals["searches"], totals["lost"]) == (3, 3)


async def test_without_a_range_offers_that_come_are_counted(live: Live) -> None:
    departure = datetime.now(UTC) + timedelta(hours=30)
    await live.published(await live.key("driver"), departure=departure.isoformat())
    answer = await live.call("GET", "/v1/stats/offers", await live.key("ops"))
    assert answer.json["totals"]["offers"] >= 1
    assert datetime.fromisoformat(answer.json["from"]) <= departure < datetime.fromisoformat(answer.json["to"])
    since = "2026-01-01T00:00:00Z"
    begun = await live.call("GET", f"/v1/stats/offers?from={since}&bucket=hour", await live.key("ops"))
    assert (begun.json["from"], begun.json["to"]) == ("2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00")
