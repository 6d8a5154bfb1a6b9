"""Rows of searches in PostgreSQL, and how they are summed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

import asyncpg

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.postgres.statements import Statements
from matcher.postgres.store import PostgresStore
from matcher.statistics.histograms import BOUNDS, LARGEST, added, quantile_buckets
from matcher.statistics.model import MEASURES, QUARTER_S, SUMS, LostSearches, SearchRow

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection, Record

STATISTICS = Statements("statistics")
#: The lengths of roll-ups, seconds: quarter of an hour, hour, day.
SPANS: Final = (QUARTER_S, 3600, 86_400)
#: For `width_bucket` in `sum_left`, which counts from 1.
BUCKETS: Final = {"bounds": list(BOUNDS[:-1]), "largest": LARGEST}
#: Whoever rolls up holds this advisory lock: its number is the migration's that made the tables.
_LOCK = 0x5EA_0009


@dataclass(frozen=True, slots=True)
class StoredSearch:
    """What is kept of a search: cells, its hour, and counts."""

    at: datetime
    origin_cell: int
    destination_cell: int
    considered: int
    feasible: int
    shown: int
    turned_away: Mapping[str, int]
    seats: int
    window_s: int
    walk_m: int | None
    wanted_at: datetime


class PostgresSearchStore(PostgresStore):
    """Searches and their roll-ups on PostgreSQL."""

    _statements = STATISTICS

    async def write(self, rows: Sequence[SearchRow], lost: Sequence[LostSearches]) -> None:
        async with self._connections.transaction() as connection:
            if rows:
                await STATISTICS.run(connection, "write_searches", **_columns(rows))
            if lost:
                await STATISTICS.run(
                    connection,
                    "write_losses",
                    ids=[note.id for note in lost],
                    regions=[note.region for note in lost],
                    at=[note.at for note in lost],
                    searches=[note.searches for note in lost],
                )

    async def mark_booked(self, search_ids: Sequence[UUID]) -> list[UUID]:
        async with self._connections.transaction() as connection:
            known = {row["id"] for row in await STATISTICS.rows(connection, "known_searches", ids=list(search_ids))}
            for marked in await STATISTICS.rows(connection, "mark_booked", ids=sorted(known)):
                # A statement of its own: the roll-up may have been made while the row was waited for.
                if marked["rolled_up"]:
                    await STATISTICS.run(connection, "count_booked", region=marked["region"], at=marked["at"])
        return [search_id for search_id in search_ids if search_id not in known]

    async def add_up(self, now: datetime, kept: timedelta, limit: int = 20_000) -> None:
        """Roll up all rows that have come, `limit` in a transaction, then delete some of those older than `kept`.

        Every instance may call it: while another one is at it there is nothing to do.
        """
        while await self.roll_up(limit=limit) >= limit:
            pass
        await self.forget_searches(now - kept, limit=limit)

    async def between(
        self, region: str, cells: Sequence[int], since: datetime, zone: str
    ) -> list[tuple[int, int, int, int]]:
        """(origin cell, destination cell, local hour that was wanted, searches) of searches among cells asked since
        then."""
        rows = await self._rows("searches_between", region=region, cells=list(cells), since=since, zone=zone)
        return [(row["origin_cell"], row["destination_cell"], row["hour"], row["searches"]) for row in rows]

    async def of_request(self, region: str, request_id: str) -> StoredSearch | None:
        """The latest search under a request id, or None. Raises DatabaseUnavailable."""
        row = await self._row("search_of_request", region=region, request_id=request_id)
        return None if row is None else StoredSearch(**dict(row))

    async def roll_up(self, *, limit: int) -> int:
        """Count up to about `limit` rows in the roll-ups, in one transaction; returns how many, 0 also when another
        instance is at it.

        Rows of one moment are taken together. Raises DatabaseUnavailable.
        """
        try:
            return await self._roll_up(limit, alone=False)
        except DatabaseUnavailable as error:
            if not isinstance(error.__cause__, asyncpg.SerializationError):
                raise
        # A search was noted as booked meanwhile, and on a busy day the next one will be, too: this time those who write
        # wait.
        return await self._roll_up(limit, alone=True)

    async def _roll_up(self, limit: int, *, alone: bool) -> int:
        # One snapshot for all statements: what is summed is what is noted as summed, whatever arrives meanwhile.
        async with self._connections.connection() as connection, connection.transaction(isolation="repeatable_read"):
            if alone:
                await STATISTICS.value(connection, "hold_searches")
            return await _roll_up(connection, limit)

    async def forget_searches(self, before: datetime, *, limit: int) -> int:
        """Drop rows asked before a moment that have been rolled up, at most `limit`; returns how many."""
        return await self._run("forget_searches", before=before, row_limit=limit)


async def _roll_up(connection: Connection, limit: int) -> int:
    if not await STATISTICS.value(connection, "is_alone", key=_LOCK):
        return 0
    between = await STATISTICS.row(connection, "oldest_left", row_limit=limit)
    if between is None or between["begins_at"] is None:
        return 0
    moments = dict(between)
    for sums in await STATISTICS.rows(connection, "sum_left", region=None, **moments, **BUCKETS):
        for span_s in SPANS:
            await _add(connection, sums, span_s)
    await STATISTICS.run(connection, "sum_demand_left", **moments)
    await STATISTICS.run(connection, "sum_wanted_left", **moments)
    return await STATISTICS.run(connection, "set_rolled_up", **moments)


async def _add(connection: Connection, sums: Record, span_s: int) -> None:
    key = {"region": sums["region"], "span_s": span_s, "begins_s": sums["quarter"] // span_s * span_s}
    present = await STATISTICS.row(connection, "find_rollup", **key)
    reasons = dict(present["turned_away"]) if present is not None else {}
    for reason, offers in sums["turned_away"].items():
        reasons[reason] = reasons.get(reason, 0) + offers
    histograms = {
        one.name: added(b"" if present is None else present[one.name], {int(at): n for at, n in sums[one.name].items()})
        for one in MEASURES
    }
    numbers = {name: sums[name] for name in SUMS}
    await STATISTICS.run(
        connection,
        "add_rollup",
        **key,
        **numbers,
        turned_away=reasons,
        **histograms,
        quantiles=quantile_buckets(list(histograms.values())),
    )


def _columns(rows: Sequence[SearchRow]) -> dict[str, list[object]]:
    columns = {field.name: [getattr(row, field.name) for row in rows] for field in fields(SearchRow)}
    return columns | {"turned_away": [json.dumps(dict(row.turned_away), separators=(",", ":")) for row in rows]}
