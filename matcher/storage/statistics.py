"""Statistics read from the database: sums and what is not summed yet, from one snapshot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from matcher.domain.statistics import DemandSide
from matcher.services.histograms import pack
from matcher.services.statistics_ports import HistogramRows, SpanRows, SupplyRow
from matcher.storage.pool import Connections
from matcher.storage.search_store import BUCKETS, HISTOGRAMS, STATISTICS, SUMS

if TYPE_CHECKING:
    from matcher.storage.statements import Record

_INSTANT = timedelta(microseconds=1)


class PostgresStatistics:
    """The SearchStatistics of `matcher.services.statistics_ports` on PostgreSQL."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def spans(self, region: str, begin: datetime, end: datetime, span_s: int) -> SpanRows:
        """Searches asked in [begin, end), both whole multiples of `span_s`, each counted exactly once."""
        where = {"region": region, "begins_at": begin, "ends_at": end}
        async with self._connections.snapshot() as connection:
            rolled_up = await STATISTICS.row(connection, "read_rollups", span_s=span_s, **where)
            lost = await STATISTICS.rows(connection, "read_losses", **where)
            left = await STATISTICS.rows(connection, "sum_left", **(where | {"ends_at": end - _INSTANT}), **BUCKETS)
        assert rolled_up is not None, "an aggregate without groups is one row"
        # A year of hours is some ten megabytes of text and bytes.
        return await asyncio.to_thread(_span_rows, rolled_up, left, [(row["at"], row["searches"]) for row in lost])

    async def demand(
        self, region: str, begin: datetime, end: datetime, side: DemandSide
    ) -> Sequence[tuple[int, int, int]]:
        """(cell number, asked, unmatched) of searches asked in [begin, end), whole hours."""
        async with self._connections.snapshot() as connection:
            rows = await STATISTICS.rows(
                connection, "read_demand", region=region, begins_at=begin, ends_at=end, side=side.value
            )
        return [(row["cell"], row["asked"], row["unmatched"]) for row in rows]

    async def supply(self, region: str, begin: datetime, end: datetime) -> Sequence[SupplyRow]:
        """Offers that depart in [begin, end), and their bookings, by quarter of an hour and status."""
        where = {"region": region, "begins_at": begin, "ends_at": end}
        async with self._connections.snapshot() as connection:
            offers = await STATISTICS.rows(connection, "read_offers", **where)
            bookings = await STATISTICS.rows(connection, "read_offer_bookings", **where)
        return [
            *(
                SupplyRow(row["at"], row["status"], row["offers"], row["seats_offered"], row["seats_filled"], 0)
                for row in offers
            ),
            *(SupplyRow(row["at"], row["status"], 0, 0, 0, row["bookings"]) for row in bookings),
        ]


def _span_rows(rolled_up: Record, left: Sequence[Record], lost: Sequence[tuple[int, int]]) -> SpanRows:
    histograms = {}
    for name in HISTOGRAMS:
        more = [pack({int(at): count for at, count in row[name].items()}) for row in left]
        lengths = [*rolled_up[f"{name}_lengths"], *map(len, more)]
        histograms[name] = HistogramRows(b"".join((rolled_up[name], *more)), np.asarray(lengths, dtype=np.int64))
    return SpanRows(
        begins=np.asarray([*rolled_up["begins"], *(row["quarter"] for row in left)], dtype=np.int64),
        sums={name: np.asarray([*rolled_up[name], *(row[name] for row in left)], dtype=np.int64) for name in SUMS},
        turned_away=[*json.loads(rolled_up["turned_away"]), *(row["turned_away"] for row in left)],
        detour_s=histograms["detour_s"],
        walk_m=histograms["walk_m"],
        latency_us=histograms["latency_us"],
        lost=lost,
    )
