"""What the use cases of statistics need from storage, as Protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from matcher.statistics.histograms import Ints
from matcher.statistics.model import DemandSide, SearchRow


@dataclass(frozen=True, slots=True)
class LostSearches:
    """Searches of one quarter of an hour that left no row; `id` makes the note of them safe to write again."""

    id: UUID
    region: str
    at: datetime
    searches: int


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

    `turned_away`: offers by reason, a JSON object as text. `sums` by name: searches, matched, booked, considered, feasible, shown, seats, window_s. `quantiles`: buckets by row, measure and quantile,
    NO_BUCKET for none. `histograms` are those of the spans asked for, of every row of theirs; `whole` are those of the whole range, in any spans. `lost`
    is (when, how many).
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
    """Offers of one status that depart in one quarter of an hour (`bookings` 0); or bookings, of one status, of such offers (`offers` 0)."""

    at: int
    status: str
    offers: int
    seats_offered: int
    seats_filled: int
    bookings: int


class SearchStore(Protocol):
    """Where rows of searches are written."""

    async def write(self, rows: Sequence[SearchRow], lost: Sequence[LostSearches]) -> None:
        """Write all in one transaction; what is there already is not written again. Raises DatabaseUnavailable."""

    async def mark_booked(self, search_ids: Sequence[UUID]) -> list[UUID]:
        """Count searches as booked, each at most once; returns the ids without a row. Raises DatabaseUnavailable."""


class SearchStatistics(Protocol):
    """What searches, offers and bookings add up to. Every method reads one moment. Raises DatabaseUnavailable."""

    async def spans(self, region: str, begin: datetime, end: datetime, span_s: int, *, apart: bool) -> SpanRows:
        """Searches asked in [begin, end), both whole multiples of `span_s`, each counted exactly once.

        `apart`: spans are not added to each other, so histograms are given only of spans with several rows. Else of all.
        """

    async def demand(
        self, region: str, begin: datetime, end: datetime, side: DemandSide
    ) -> Sequence[tuple[int, int, int]]:
        """(cell number, asked, unmatched) of searches asked in [begin, end), whole hours."""

    async def supply(self, region: str, begin: datetime, end: datetime) -> Sequence[SupplyRow]:
        """Offers that depart in [begin, end), and their bookings, by quarter of an hour and status."""
