"""What was stored when doors stood for themselves is public once its region has public points; agreed places stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.settings.all import Settings
from matcher.settings.roads import RoadSettings
from matcher.wiring.commands import promise_checks
from tests.api.booking import asked, move, seen
from tests.api.live import (
    HALF_WAY,
    LA_SERENA,
    TONGOY_ROAD,
    Live,
    a_search,
    around,
    live_service,
    quiet_morning,
    settings_for,
)
from tests.conftest import database_url


@dataclass(frozen=True)
class Stored:
    """Data that services with and without public points serve in turn."""

    settings: Settings

    @asynccontextmanager
    async def served(self, spacing_m: float) -> AsyncIterator[Live]:
        """A service on it; all that is stored holds when it ends."""
        settings = replace(self.settings, roads=RoadSettings(public_point_spacing_m=spacing_m))
        async with live_service(settings) as live:
            yield live
        async with promise_checks(settings) as check:
            report = await check(datetime.now(UTC), sample=6, seed=1)
        assert report.violations == []
        assert report.offers > 0

    async def rows(self, sql: str) -> list[asyncpg.Record]:
        url = self.settings.storage.database_url
        assert url is not None
        connection = await asyncpg.connect(url.get_secret_value())
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()


@pytest.fixture
async def stored(tmp_path: Path, embedded_server: EmbeddedPostgres, template_database: str) -> Stored:
    connection = await asyncpg.connect(database_url(embedded_server.url, "postgres"))
    await connection.execute(f"CREATE DATABASE converted TEMPLATE {template_database} STRATEGY WAL_LOG")
    await connection.close()
    return Stored(settings_for(tmp_path, database_url(embedded_server.url, "converted")))


@pytest.mark.timeout(600)
async def test_trips_and_requests_are_converted_and_agreed_places_stay(stored: Stored) -> None:
    day = quiet_morning()
    window = around(day)
    async with stored.served(0.0) as live:
        driver, rider, waits = await live.key("driver"), await live.key("rider"), await live.key("rider")
        offer = await live.published(driver, departure=day.isoformat(), via=[HALF_WAY], max_detour_s=2400)
        assert "public_origin" not in offer
        booking = await asked(live, rider, offer, departure=window)
        assert (await move(live, driver, booking, "CONFIRMED")).status == 200
        agreed = await seen(live, driver, booking)
        wish = a_search(departure=window, seats=2)
        kept = (await live.call("POST", "/v1/requests", waits, json=wish)).json
        before = await live.call("GET", f"/v1/offers/{offer['id']}", driver)
    async with stored.served(500.0) as live:
        after = (await live.call("GET", f"/v1/offers/{offer['id']}", driver)).json
        for name in ("origin", "destination", "via", "departure", "max_detour_s", "version", "seats_left"):
            assert after[name] == before.json[name], name
        assert "&" in after["public_origin"]["label"]
        assert len(after["public_via"]) == 1
        operator = (await live.call("GET", f"/v1/offers/{offer['id']}", await live.key("ops"))).json
        assert operator["origin"] == after["public_origin"]
        assert "public_origin" not in operator
        now = await seen(live, driver, booking)
        for end in ("pickup", "dropoff"):
            assert (now[end]["lat"], now[end]["lon"], now[end]["label"]) == (
                agreed[end]["lat"], agreed[end]["lon"], agreed[end]["label"]
            )  # fmt: skip
        found = await live.call("GET", f"/v1/requests/{kept['id']}/matches", waits)
        assert offer["id"] in {match["offer_id"] for match in found.json["matches"]}
        assert (await live.call("GET", f"/v1/requests/{kept['id']}", waits)).json["origin"] == kept["origin"]
        fitting = await live.call("GET", f"/v1/offers/{offer['id']}/requests", driver)
        assert fitting.json["fitting"] == 1
        # A rider who is met at the door from now on, and one who lives too far from the public point for that.
        for origin in (TONGOY_ROAD, {"lat": -29.9575, "lon": -71.3353}):
            other = await live.key("rider")
            late = await asked(live, other, offer, origin=origin, destination=LA_SERENA, departure=window)
            assert late["pickup"]["exact"]
            veiled = await seen(live, driver, late)
            assert not veiled["pickup"]["exact"]
            assert "&" in veiled["pickup"]["label"]
            moved = await move(live, driver, late, "CONFIRMED")
            assert moved.status in {200, 409}, moved.body
        doors = await stored.rows("SELECT at_door FROM offer_stops WHERE kind <> 'VIA'")
        assert {row["at_door"] for row in doors} == {True, False}
    async with stored.served(0.0) as live:
        back = (await live.call("GET", f"/v1/offers/{offer['id']}", driver)).json
        assert back["origin"] == before.json["origin"]
        assert "public_origin" not in back
    assert await stored.rows("SELECT id FROM offers WHERE doors IS NOT NULL") == []
