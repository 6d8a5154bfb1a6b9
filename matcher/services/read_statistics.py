"""What searches, offers and bookings add up to, by hour or day of anybody's time zone."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo

import numpy as np

from matcher.domain.buckets import bucket_edges, local
from matcher.domain.cell import Cell
from matcher.domain.errors import Fault, InvalidField, InvalidWindow
from matcher.domain.statistics import (
    MAX_BUCKETS,
    MAX_DEMAND_DAYS,
    QUARTER_S,
    BucketSize,
    Demand,
    DemandCell,
    DemandSide,
    MatchNumbers,
    MatchStatistics,
    Quantiles,
    SupplyNumbers,
    SupplyStatistics,
)
from matcher.services.histograms import HistogramColumn, Ints
from matcher.services.statistics_ports import HistogramRows, SearchStatistics, SpanRows, SupplyRow

_HOUR_S, _DAY_S = 3600, 86_400
#: How many levels coarser what is too few gets, time after time, before it is hidden: in the end 4 x 4 cells.
_COARSER = (0, 1, 1)
_SUMS = ("searches", "matched", "booked", "considered", "feasible", "shown", "seats", "window_s")


class ReadStatistics:
    """Exact counts over any whole quarters of an hour, and quantiles within the error of their histograms."""

    def __init__(self, store: SearchStatistics, region: str, *, least_in_cell: int) -> None:
        """region: the one that is meant when none is named; least_in_cell: cells with fewer searches are merged or hidden."""
        self._store = store
        self._region = region
        self._least = least_in_cell

    async def matches(
        self, begin: datetime, end: datetime, size: BucketSize, zone: tzinfo, region: str | None = None
    ) -> MatchStatistics:
        """Searches asked in [begin, end). Raises InvalidWindow, InvalidField, DatabaseUnavailable."""
        edges = _edges(begin, end, size, zone)
        span_s = next(span for span in (_DAY_S, _HOUR_S, QUARTER_S) if all(edge % span == 0 for edge in edges))
        name = region or self._region
        rows = await self._store.spans(name, begin, end, span_s)
        return await asyncio.to_thread(_match_statistics, name, edges, rows)

    async def demand(self, begin: datetime, end: datetime, side: DemandSide, region: str | None = None) -> Demand:
        """Where searches asked in [begin, end), whole hours of UTC, found nothing. Raises InvalidWindow, InvalidField, DatabaseUnavailable."""
        _require_range(begin, end, _HOUR_S, "hours of UTC")
        if end - begin > timedelta(days=MAX_DEMAND_DAYS):
            raise _fault("/to", f"must be at most {MAX_DEMAND_DAYS} days after `from`", "range_too_long")
        name = region or self._region
        rows = await self._store.demand(name, begin, end, side)
        cells, hidden = merged_cells(((Cell.from_number(cell), asked, none) for cell, asked, none in rows), self._least)
        return Demand(name, begin, end, side, self._least, cells, hidden)

    async def offers(
        self, begin: datetime, end: datetime, size: BucketSize, zone: tzinfo, region: str | None = None
    ) -> SupplyStatistics:
        """Offers that depart in [begin, end), as they are now. Raises InvalidWindow, InvalidField, DatabaseUnavailable."""
        edges = _edges(begin, end, size, zone)
        name = region or self._region
        rows = await self._store.supply(name, begin, end)
        return await asyncio.to_thread(_supply_statistics, name, edges, rows, zone)


def merged_cells(cells: Iterable[tuple[Cell, int, int]], least: int) -> tuple[tuple[DemandCell, ...], int]:
    """Cells in which at least `least` searches found nothing, and how many such searches are in none of the cells.

    What is too few for a cell of its own is counted together with the same of its neighbours, in a cell twice, then four times as
    wide; what is too few even so is hidden.
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
    _require_range(begin, end, QUARTER_S, "quarters of an hour")
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
            raise _fault(pointer, f"must be on whole {what}, by which searches are counted", "not_aligned")


def _fault(pointer: str, detail: str, code: str) -> InvalidField:
    return InvalidField(f"`{pointer.removeprefix('/')}` {detail}", faults=[Fault(pointer, detail, code)])


def _match_statistics(region: str, edges: tuple[int, ...], rows: SpanRows) -> MatchStatistics:
    count = len(edges) - 1
    groups = np.searchsorted(edges, rows.begins, side="right").astype(np.int64) - 1
    series = _match_numbers(rows, groups, count, np.asarray(edges))
    (totals,) = _match_numbers(rows, np.zeros_like(groups), 1, np.asarray((edges[0], edges[-1])))
    return MatchStatistics(region, edges, totals, tuple(series))


def _match_numbers(rows: SpanRows, groups: Ints, count: int, edges: Ints) -> list[MatchNumbers]:
    sums = {}
    for name, column in rows.sums.items():
        sums[name] = np.zeros(count, dtype=np.int64)
        np.add.at(sums[name], groups, column)
    lost = np.zeros(count, dtype=np.int64)
    for at, searches in rows.lost:
        lost[np.searchsorted(edges, at, side="right") - 1] += searches
    turned_away: list[dict[str, int]] = [{} for _ in range(count)]
    for group, reasons in zip(groups.tolist(), rows.turned_away, strict=True):
        total = turned_away[group]
        for reason, offers in reasons.items():
            total[reason] = total.get(reason, 0) + offers
    return [
        MatchNumbers(*numbers)
        for numbers in zip(
            *(sums[name].tolist() for name in _SUMS),
            lost.tolist(),
            turned_away,
            _quantiles(rows.detour_s, groups, count),
            _quantiles(rows.walk_m, groups, count),
            _quantiles(rows.latency_us, groups, count, 1000),
            strict=True,
        )
    ]


def _quantiles(rows: HistogramRows, groups: Ints, count: int, divisor: int = 1) -> list[Quantiles | None]:
    total, found = HistogramColumn(rows.packed, rows.lengths, groups, count).quantiles()
    values = np.round(found / divisor, 4 if divisor > 1 else 2).tolist()
    return [Quantiles(*row) if some else None for some, row in zip(total.tolist(), values, strict=True)]


def _supply_statistics(
    region: str, edges: tuple[int, ...], rows: Sequence[SupplyRow], zone: tzinfo
) -> SupplyStatistics:
    buckets: list[list[SupplyRow]] = [[] for _ in edges[1:]]
    hours: list[list[SupplyRow]] = [[] for _ in range(24)]
    for row in rows:
        buckets[int(np.searchsorted(edges, row.at, side="right")) - 1].append(row)
        hours[local(row.at, zone).hour].append(row)
    return SupplyStatistics(region, edges, _supply(rows), tuple(map(_supply, buckets)), tuple(map(_supply, hours)))


def _supply(rows: Sequence[SupplyRow]) -> SupplyNumbers:
    statuses: Counter[str] = Counter()
    bookings: Counter[str] = Counter()
    for row in rows:
        statuses[row.status] += row.offers
        bookings[row.status] += row.bookings
    return SupplyNumbers(
        offers=statuses.total(),
        by_status=dict(+statuses),
        seats_offered=sum(row.seats_offered for row in rows),
        seats_filled=sum(row.seats_filled for row in rows),
        bookings=dict(+bookings),
    )
