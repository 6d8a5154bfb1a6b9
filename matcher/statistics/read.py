"""What searches, offers and bookings add up to, by hour or day of any time zone."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

import numpy as np

from matcher.domain.booking import BookingStatus
from matcher.domain.cell import Cell
from matcher.domain.errors.tree import Fault, InvalidField, InvalidWindow
from matcher.domain.offer import OfferStatus
from matcher.statistics.buckets import bucket_edges, local
from matcher.statistics.histograms import MIDDLES, NO_BUCKET, QUANTILES, HistogramColumn, Ints
from matcher.statistics.model import (
    MAX_BUCKETS,
    MAX_DEMAND_DAYS,
    MEASURES,
    QUARTER_S,
    SUMS,
    BucketSize,
    Demand,
    DemandCell,
    DemandSide,
    MatchSeries,
    MatchStatistics,
    QuantileColumns,
    Statistic,
    SupplyNumbers,
    SupplyStatistics,
    WantedHour,
    WantedHours,
)
from matcher.statistics.store import HistogramRows, PostgresStatistics, SpanRows, SupplyRow

_HOUR_S, _DAY_S = 3600, 86_400
#: How many levels coarser what is too few gets, time after time, before it is hidden: in the end 4 x 4 cells.
_COARSER = (0, 1, 1)


class ReadStatistics:
    """Exact counts over any whole quarters of an hour, and quantiles within the error of their histograms."""

    def __init__(self, store: PostgresStatistics, region: str, *, least_in_cell: int) -> None:
        """region: the one that is meant when none is named; least_in_cell: cells with fewer searches are merged or
        hidden."""
        self._store = store
        self._region = region
        self._least = least_in_cell

    async def matches(
        self, begin: datetime, end: datetime, size: BucketSize, zone: tzinfo, region: str | None = None
    ) -> MatchStatistics:
        """Searches asked in [begin, end). Raises InvalidWindow, InvalidField, DatabaseUnavailable."""
        edges = _edges(begin, end, size, zone)
        moments = np.asarray(edges, dtype=np.int64)
        span_s = next(span for span in (_DAY_S, _HOUR_S, QUARTER_S) if not np.any(moments % span))
        apart = bool(np.all(np.diff(moments) == span_s))
        name = region or self._region
        rows = await self._store.spans(name, begin, end, span_s, apart=apart)
        return await asyncio.to_thread(_match_statistics, name, edges, rows)

    async def demand(self, begin: datetime, end: datetime, side: DemandSide, region: str | None = None) -> Demand:
        """Where searches asked in [begin, end), whole hours of UTC, found nothing.

        Raises InvalidWindow, InvalidField, DatabaseUnavailable.
        """
        _require_season(begin, end)
        name = region or self._region
        rows = await self._store.demand(name, begin, end, side)
        cells, hidden = merged_cells(((Cell.from_number(cell), asked, none) for cell, asked, none in rows), self._least)
        return Demand(name, begin, end, side, self._least, cells, hidden)

    async def wanted(self, begin: datetime, end: datetime, zone: tzinfo, region: str | None = None) -> WantedHours:
        """For which hours of the day searches asked in [begin, end), whole hours of UTC, were.

        Raises InvalidWindow, InvalidField, DatabaseUnavailable.
        """
        _require_season(begin, end)
        name = region or self._region
        asked, unmatched = [0] * 24, [0] * 24
        for at, searches, none in await self._store.wanted(name, begin, end):
            hour = local(at, zone).hour
            asked[hour] += searches
            unmatched[hour] += none
        return WantedHours(name, begin, end, tuple(map(WantedHour, asked, unmatched)))

    async def offers(
        self, begin: datetime, end: datetime, size: BucketSize, zone: tzinfo, region: str | None = None
    ) -> SupplyStatistics:
        """Offers that depart in [begin, end), as they are now.

        Raises InvalidWindow, InvalidField, DatabaseUnavailable.
        """
        edges = _edges(begin, end, size, zone)
        name = region or self._region
        rows = await self._store.supply(name, begin, end)
        return await asyncio.to_thread(_supply_statistics, name, edges, rows, zone)


def merged_cells(cells: Iterable[tuple[Cell, int, int]], least: int) -> tuple[tuple[DemandCell, ...], int]:
    """Cells in which at least `least` searches found nothing, and how many such searches are in none of the cells.

    What is too few for a cell of its own is counted together with the same of its neighbours, in a cell twice, then
    four times as wide; what is too few even so is hidden.
    """
    few = {cell: (asked, unmatched) for cell, asked, unmatched in cells if unmatched > 0}
    shown: list[DemandCell] = []
    for turn, coarser in enumerate(_COARSER):
        together: dict[Cell, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for cell, (asked, unmatched) in few.items():
            before = together[cell.parent(coarser)]
            together[cell.parent(coarser)] = (before[0] + asked, before[1] + unmatched)
        enough = {cell for cell, (_, unmatched) in together.items() if unmatched >= least}
        shown += [DemandCell(cell, *together[cell], merged=turn > 0) for cell in enough]
        few = {cell: numbers for cell, numbers in together.items() if cell not in enough}
    shown.sort(key=lambda found: (-found.unmatched, found.cell))
    return tuple(shown), sum(unmatched for _, unmatched in few.values())


def _edges(begin: datetime, end: datetime, size: BucketSize, zone: tzinfo) -> tuple[int, ...]:
    _require_range(begin, end, QUARTER_S, "quarter of an hour")
    most = timedelta(seconds=(_HOUR_S if size is BucketSize.HOUR else _DAY_S) * MAX_BUCKETS)
    # A clock change may add a bucket: the bound is on the length of the range, so that it is the same everywhere.
    if end - begin > most:
        raise _fault("/to", f"must be at most {most.days:,} days after `from` by {size.value}", "too_many_buckets")
    return bucket_edges(begin, end, size, zone)


def _require_range(begin: datetime, end: datetime, step_s: int, what: str) -> None:
    if end <= begin:
        raise InvalidWindow(
            "`to` must be after `from`", faults=[Fault("/to", "must be after `from`", InvalidWindow.code)]
        )
    for pointer, moment in (("/from", begin), ("/to", end)):
        if moment.timestamp() % step_s:
            raise _fault(pointer, f"must be on a whole {what}", "not_aligned")


def _require_season(begin: datetime, end: datetime) -> None:
    _require_range(begin, end, _HOUR_S, "hour of UTC")
    if end - begin > timedelta(days=MAX_DEMAND_DAYS):
        raise _fault("/to", f"must be at most {MAX_DEMAND_DAYS} days after `from`", "range_too_long")


def _fault(pointer: str, detail: str, code: str) -> InvalidField:
    return InvalidField(f"`{pointer.removeprefix('/')}` {detail}", faults=[Fault(pointer, detail, code)])


def _match_statistics(region: str, edges: tuple[int, ...], rows: SpanRows) -> MatchStatistics:
    count = len(edges) - 1
    moments = np.asarray(edges, dtype=np.int64)
    groups = _groups(moments, rows.begins)
    # Most of a long series has one row for each bucket, and nothing to be added.
    apart = bool(np.all(groups[1:] > groups[:-1]))
    counts = {name: _summed(groups, rows.sums[name], count, apart=apart) for name in SUMS}
    counts["lost"] = np.zeros(count, dtype=np.int64)
    for at, searches in rows.lost:
        counts["lost"][_groups(moments, np.asarray([at]))] += searches
    turned_away = _turned_away(groups, rows.turned_away, count)
    series = MatchSeries(
        {name: column.tolist() for name, column in counts.items()},
        turned_away,
        {
            one.name: _quantiles(one, _series_buckets(number, rows, groups, moments))
            for number, one in enumerate(MEASURES)
        },
    )
    none = np.zeros_like(rows.whole.begins)
    totals = MatchSeries(
        {name: [int(column.sum())] for name, column in counts.items()},
        _turned_away(none, rows.whole.turned_away, 1),
        {one.name: _quantiles(one, _buckets(rows.whole, one.name, none, 1)) for one in MEASURES},
    )
    return MatchStatistics(region, edges, totals, series)


def _groups(edges: Ints, moments: Ints) -> Ints:
    return np.searchsorted(edges, moments, side="right").astype(np.int64) - 1


def _summed(groups: Ints, amounts: Ints, count: int, *, apart: bool) -> Ints:
    summed = np.zeros(count, dtype=np.int64)
    if apart:
        summed[groups] = amounts
    else:
        np.add.at(summed, groups, amounts)
    return summed


def _turned_away(groups: Ints, rows: Sequence[str], count: int) -> list[str]:
    """Objects of one group, added up; one alone stays the text that it is, which is most of a long series."""
    if np.array_equal(groups, np.arange(count)):
        return list(rows)
    found = ["{}"] * count
    sums: dict[int, dict[str, int]] = {group: {} for group in np.flatnonzero(np.bincount(groups) > 1).tolist()}
    added: list[tuple[dict[str, int], str]] = []
    for group, text in zip(groups.tolist(), rows, strict=True):
        if group in sums:
            added.append((sums[group], text))
        else:
            found[group] = text
    # Read as one text: a call for each is most of the time otherwise.
    for (reasons, _), more in zip(added, json.loads(f"[{','.join(text for _, text in added)}]"), strict=True):
        for reason, offers in more.items():
            reasons[reason] = reasons.get(reason, 0) + offers
    for group, reasons in sums.items():
        found[group] = json.dumps(reasons)
    return found


def _series_buckets(number: int, rows: SpanRows, groups: Ints, edges: Ints) -> Ints:
    """The quantiles that were stored, but for buckets that have histograms to be added up."""
    count = len(edges) - 1
    found = np.full((count, len(QUANTILES)), NO_BUCKET, dtype=np.int64)
    found[groups[: len(rows.quantiles)]] = rows.quantiles[:, number]
    several = _groups(edges, rows.histograms.begins)
    if several.size:
        summed = _buckets(rows.histograms, MEASURES[number].name, several, count)
        some = np.unique(several)
        found[some] = summed[some]
    return found


def _buckets(rows: HistogramRows, name: str, groups: Ints, count: int) -> Ints:
    return HistogramColumn(rows.packed[name], rows.lengths[name], groups, count).quantiles()


def _quantiles(measure: Statistic, buckets: Ints) -> QuantileColumns:
    middles = np.append(np.round(MIDDLES / measure.per, 4), -1.0)
    p50, p95, p99 = middles[np.where(buckets == NO_BUCKET, -1, buckets)].T.tolist()
    return p50, p95, p99


def _supply_statistics(
    region: str, edges: tuple[int, ...], rows: Sequence[SupplyRow], zone: tzinfo
) -> SupplyStatistics:
    buckets: list[list[SupplyRow]] = [[] for _ in edges[1:]]
    hours: list[list[SupplyRow]] = [[] for _ in range(24)]
    for row in rows:
        buckets[int(np.searchsorted(edges, row.at, side="right")) - 1].append(row)
        hours[local(row.at, zone).hour].append(row)
    return SupplyStatistics(
        region, edges, supply_numbers(rows), tuple(map(supply_numbers, buckets)), tuple(map(supply_numbers, hours))
    )


def supply_numbers(rows: Sequence[SupplyRow]) -> SupplyNumbers:
    """The sums of `rows`: statuses that occur, in the order of a life."""
    statuses: Counter[str] = Counter()
    bookings: Counter[str] = Counter()
    for row in rows:
        statuses[row.status] += row.offers
        bookings[row.status] += row.bookings
    return SupplyNumbers(
        offers=statuses.total(),
        by_status=_in_order(OfferStatus, statuses),
        seats_offered=sum(row.seats_offered for row in rows),
        seats_filled=sum(row.seats_filled for row in rows),
        bookings=_in_order(BookingStatus, bookings),
    )


def _in_order(statuses: type[StrEnum], counts: Counter[str]) -> dict[str, int]:
    """Counts above 0 in the order of a life, so that the same numbers read the same whichever hour they come from
    first."""
    return {status.value: counts[status] for status in statuses if counts[status]}
