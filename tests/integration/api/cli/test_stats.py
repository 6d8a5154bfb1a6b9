"""`carpool stats` prints what the database holds, without a service."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path

from matcher.postgres.pool import Database
from matcher.statistics.search_store import PostgresSearchStore
from tests.integration.search_rows import BEGIN, a_row
from tests.integration.service_process import command


async def test_the_table_has_the_numbers_of_the_database(
    database: Database, fresh_database: str, tmp_path: Path
) -> None:
    store = PostgresSearchStore(database)
    rows = [a_row(at=BEGIN + timedelta(hours=5 * n)) for n in range(12)]
    rows.append(a_row(at=BEGIN + timedelta(hours=6), shown=0, feasible=0, detour_s=None, walk_m=None))
    await store.write(rows, [])
    await store.roll_up(limit=4)

    words = ["stats", "--from", "2026-09-01", "--to", "2026-09-03", "--tz", "America/Santiago"]
    shown = await asyncio.to_thread(command, tmp_path, *words, DATABASE_URL=fresh_database)
    assert shown.returncode == 0, shown.stderr
    # The first day begins four hours after midnight of UTC: a search of 00:00 is of the day before.
    assert "2 by day, America/Santiago" in shown.stdout
    assert re.search(r"searches\W+11\W+[▁-█]{2}", shown.stdout), shown.stdout
    assert re.search(r"outside_window\W+330\W+75\.0%", shown.stdout), shown.stdout
    told = await asyncio.to_thread(command, tmp_path, *words, "--json", DATABASE_URL=fresh_database)
    totals = json.loads(told.stdout)["totals"]
    assert (totals["searches"], totals["matched"]) == (11, 10)

    wrong = await asyncio.to_thread(command, tmp_path, "stats", "--tz", "Nowhere", DATABASE_URL=fresh_database)
    assert wrong.returncode == 2
    assert "IANA" in wrong.stderr
