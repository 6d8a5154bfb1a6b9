"""Statistics read from PostgreSQL: roll-ups, and rows not in them yet, from one snapshot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from matcher.postgres.pool import Connections
from matcher.statistics.histograms import QUANTILES, Ints, pack
from matcher.statistics.model import MEASURES, SUMS, DemandSide
from matcher.statistics.search_store import BUCKETS, SPANS, STATISTICS

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection, Record

_INSTANT = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: PostgreSQL counts microseconds from 2000.
_US, _POSTGRES_EPOCH_S = 1_000_000, int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True)
class HistogramRows:
    """Stored histograms by what they measure, joined, with the bytes of each; `begins` is when the span of each begins.

    `turned_away` of the same rows: JSON objects as text, as in SpanRows.
    """

    begins: Ints
    packed: Mapping[str, bytes]
    lengths: Mapping[str, Ints]
    turned_away: Sequence[str]


@dataclass(frozen=True, slots=True)
class SpanRows:
    """Sums of searches over spans, one entry a row; a span may have several rows.

    `turned_away`: offers by reason, a JSON object as text. `sums` by the names of SUMS. `quantiles`: buckets by row,
    measure and quantile, NO_BUCKET for none. `histograms`: of all rows of the spans asked for; `whole`: of the whole
    range, in any spans. `lost`: (when, how many).
    """

    begins: Ints
    sums: Mapping[str, Ints]
    turned_away: Sequence[str]
    quantiles: Ints
    histograms: HistogramRows
    whole: HistogramRows
    lost: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class SupplyRow:
    """Offers of one status that depart in one quarter of an hour (`bookings` 0), or their bookings (`offers` 0)."""

    at: int
    status: str
    offers: int
    seats_offered: int
    seats_filled: int
    bookings: int


class PostgresStatistics:
    """What searches, offers and bookings add up to. Every method reads one snapshot. Raises DatabaseUnavailable."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def spans(self, region: str, begin: datetime, end: datetime, span_s: int, *, apart: bool) -> SpanRows:
        """Searches asked in [begin, end), both whole multiples of `span_s`, each counted exactly once.

        `apart`: spans are not added to each other, so histograms are given only of spans with several rows. Else of
        all.
        """
        where = {"region": region, "begins_at": begin, "ends_at": end}
        async with self._connections.snapshot() as connection:
            rolled_up = await STATISTICS.row(connection, "read_rollups", span_s=span_s, **where)
            lost = await STATISTICS.rows(connection, "read_losses", **where)
            left = await STATISTICS.rows(connection, "sum_left", **(where | {"ends_at": end - _INSTANT}), **BUCKETS)
            only = sorted({row["quarter"] // span_s * span_s for row in left}) if apart else None
            some = await _some(connection, region, begin, end, span_s, only)
            whole = await _whole(connection, region, begin, end)
        assert rolled_up is not None, "an aggregate without groups is one row"
        losses = [(row["at"], row["searches"]) for row in lost]
        # A year of days of some zone has megabytes of histograms.
        return await asyncio.to_thread(_span_rows, rolled_up, left, losses, some, whole)

    async def demand(
        self, region: str, begin: datetime, end: datetime, side: DemandSide
    ) -> Sequence[tuple[int, int, int]]:
        """(cell number, asked, unmatched) of searches asked in [begin, end), whole hours."""
        async with self._connections.snapshot() as connection:
            rows = await STATISTICS.rows(
                connection, "read_demand", region=region, begins_at=begin, ends_at=end, side=side.value
            )
        return [(row["cell"], row["asked"], row["unmatched"]) for row in rows]

    async def wanted(self, region: str, begin: datetime, end: datetime) -> Sequence[tuple[int, int, int]]:
        """(hour wanted, seconds since 1970, asked, unmatched) of searches asked in [begin, end), whole hours."""
        async with self._connections.snapshot() as connection:
            rows = await STATISTICS.rows(connection, "read_wanted", region=region, begins_at=begin, ends_at=end)
        return [(row["at"], row["asked"], row["unmatched"]) for row in rows]

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


async def _some(
    connection: Connection, region: str, begin: datetime, end: datetime, span_s: int, only: Sequence[int] | None
) -> list[Record]:
    """The histograms of a range, or of those of its spans that begin at `only`, ascending."""
    if only is not None:
        if not only:
            return []
        # They are mostly the latest ones: what lies before is not looked at.
        begin, end = (datetime.fromtimestamp(moment, UTC) for moment in (only[0], only[-1] + span_s))
    row = await STATISTICS.row(
        connection, "read_histograms", region=region, span_s=span_s, begins_at=begin, ends_at=end, only=only
    )
    assert row is not None, "an aggregate without groups is one row"
    return [row]


async def _whole(connection: Connection, region: str, begin: datetime, end: datetime) -> list[Record]:
    """The histograms of a range from the fewest roll-ups: whole days, the hours around them, the quarters around
    those."""
    found: list[Record] = []
    gaps = [(begin, end)]
    for span_s in reversed(SPANS):
        span, beside = timedelta(seconds=span_s), []
        for first, last in gaps:
            low, high = first + -(first - _EPOCH) % span, last - (last - _EPOCH) % span
            if low >= high:
                beside.append((first, last))
                continue
            row = await STATISTICS.row(
                connection, "read_histograms", region=region, span_s=span_s, begins_at=low, ends_at=high, only=None
            )
            assert row is not None, "an aggregate without groups is one row"
            found.append(row)
            beside += [(first, low), (high, last)]
        gaps = [(first, last) for first, last in beside if first < last]
    return found


def _span_rows(
    rolled_up: Record,
    left: Sequence[Record],
    lost: Sequence[tuple[int, int]],
    some: Sequence[Record],
    whole: Sequence[Record],
) -> SpanRows:
    quantiles = np.frombuffer(rolled_up["quantiles"], dtype="<u2").astype(np.int64)
    return SpanRows(
        begins=np.append(
            _numbers(rolled_up["begins"]) // _US + _POSTGRES_EPOCH_S, _ints([row["quarter"] for row in left])
        ),
        sums={name: np.append(_numbers(rolled_up[name]), _ints([row[name] for row in left])) for name in SUMS},
        turned_away=[*rolled_up["turned_away"], *_texts(left)],
        quantiles=quantiles.reshape(-1, len(MEASURES), len(QUANTILES)),
        histograms=_histogram_rows(some, left),
        whole=_histogram_rows(whole, left),
        lost=lost,
    )


def _histogram_rows(stored: Sequence[Record], left: Sequence[Record]) -> HistogramRows:
    packed, lengths = {}, {}
    for name in (one.name for one in MEASURES):
        more = [pack({int(bucket): count for bucket, count in row[name].items()}) for row in left]
        packed[name] = b"".join([*(row[name] for row in stored), *more])
        lengths[name] = _ints([*(length for row in stored for length in row[f"{name}_lengths"]), *map(len, more)])
    reasons = [*(text for row in stored for text in row["turned_away"]), *_texts(left)]
    begins = [*(begin for row in stored for begin in row["begins"]), *(row["quarter"] for row in left)]
    return HistogramRows(_ints(begins), packed, lengths, reasons)


def _texts(left: Sequence[Record]) -> list[str]:
    return [json.dumps(row["turned_away"]) for row in left]


def _numbers(packed: bytes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """bigint or timestamptz in PostgreSQL's binary form, joined."""
    return np.frombuffer(packed, dtype=">i8").astype(np.int64)


def _ints(values: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.asarray(values, dtype=np.int64)
