"""The table of statistics, the row of a search, and what rows add up to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple, overload
from uuid import UUID

from matcher.domain.cell import Cell
from matcher.domain.clock import between
from matcher.domain.match import MatchAnswer, MatchRequest, TimeWindow

#: Roll-ups begin on whole multiples of this: every offset from UTC in force since 1990 is one.
QUARTER_S = 900
#: The most buckets of a series: a year of hours, with a day to spare.
MAX_BUCKETS = 8_808
#: The longest range of demand by place or hour.
MAX_DEMAND_DAYS = 92


@dataclass(frozen=True, slots=True)
class Statistic:
    """A number that searches are counted by: a column of `search_rollups`, and a member of the answer unless `shown` is
    another.

    `label`: its name in `carpool stats`, empty when it is left out there. `per`: stored units in one shown unit.
    """

    name: str
    about: str
    label: str = ""
    shown: str = ""
    per: int = 1

    @property
    def member(self) -> str:
        return self.shown or self.name


# The table of statistics: the store, the answers, their schema, `carpool stats` and docs/statistics.md derive from it.
#: Summed over searches.
COUNTS: Final = (
    Statistic("searches", "searches that were answered", "searches"),
    Statistic("matched", "those that showed at least one match", "with a match"),
    Statistic("booked", "those of which a match was booked, at any time; counted when the search was made", "booked"),
    Statistic("considered", "offers considered, summed over searches"),
    Statistic("feasible", "offers that could carry the rider, summed over searches"),
    Statistic("shown", "matches shown, summed over searches", "matches shown"),
    Statistic("seats", "seats asked for, summed over searches"),
)
#: Summed, and shown as the mean of a search.
MEANS: Final = (Statistic("window_s", "mean length of the riders' time windows, seconds"),)
#: Histograms of the match ranked first; whole numbers.
OF_BEST: Final = (
    Statistic("detour_s", "detour of the match ranked first, seconds", "detour, s"),
    Statistic("walk_m", "walk of the match ranked first, both ends, metres", "walk, m"),
)
#: Histograms of every search.
OF_SEARCH: Final = (
    Statistic("latency_us", "time to the answer, milliseconds", "latency, ms", shown="latency_ms", per=1000),
)
#: Counted apart, as these searches are in no other number.
LOST: Final = Statistic("lost", "searches in no other number, as too many rows were waiting to be written", "lost")
SUMS: Final = tuple(one.name for one in (*COUNTS, *MEANS))
#: In the order of stored quantiles.
MEASURES: Final = (*OF_BEST, *OF_SEARCH)


@dataclass(frozen=True, slots=True)
class SearchRow:
    """One search that was answered: cells and counts, and nobody's name.

    `detour_s` (whole seconds) and `walk_m` (whole metres, both ends) are those of the match ranked first, None without
    a match.
    """

    id: UUID
    at: datetime
    region: str
    origin_cell: int
    destination_cell: int
    considered: int
    feasible: int
    shown: int
    turned_away: Mapping[str, int]
    detour_s: int | None
    walk_m: int | None
    latency_us: int
    window_s: int
    seats: int
    wanted_at: datetime | None = None  # the full hour in which the middle of the rider's window lies
    request_id: str | None = None  # as the log names the call

    @classmethod
    def of(
        cls, region: str, request: MatchRequest, answer: MatchAnswer, now: datetime, request_id: str | None = None
    ) -> SearchRow:
        assert request.search_id is not None, "a search that is counted has an id"
        best = answer.matches[0] if answer.matches else None
        walk_m = 0.0 if best is None or best.walking is None else best.walking.walk_m
        return cls(
            id=request.search_id,
            at=now,
            region=region,
            origin_cell=Cell.of(request.origin.coordinate).number,
            destination_cell=Cell.of(request.destination.coordinate).number,
            considered=answer.considered,
            feasible=answer.feasible,
            shown=len(answer.matches),
            turned_away={reason.value: count for reason, count in answer.turned_away.items() if count},
            detour_s=None if best is None else max(0, round(best.detour_s)),
            walk_m=None if best is None else max(0, round(walk_m)),
            latency_us=max(0, round(answer.took_ms * 1000)),
            window_s=round(between(request.window.earliest, request.window.latest).total_seconds()),
            seats=request.seats,
            wanted_at=_full_hour(request.window),
            request_id=request_id,
        )


@dataclass(frozen=True, slots=True)
class LostSearches:
    """Searches of one quarter of an hour that left no row; the `id` makes writing idempotent."""

    id: UUID
    region: str
    at: datetime
    searches: int


def _full_hour(window: TimeWindow) -> datetime:
    middle = window.earliest.astimezone(UTC) + between(window.earliest, window.latest) / 2
    return middle.replace(minute=0, second=0, microsecond=0)


class BucketSize(StrEnum):
    """How a range is cut: by hours or by days of a time zone."""

    HOUR = "hour"
    DAY = "day"


class DemandSide(StrEnum):
    """Whether a rider's cell is where they start or where they go to."""

    ORIGIN = "origin"
    DESTINATION = "destination"


class Quantiles(NamedTuple):
    """50th, 95th and 99th percentile, each within the error of its histogram."""

    p50: float
    p95: float
    p99: float


#: p50, p95 and p99 of many spans; -1 where nothing was measured.
QuantileColumns = tuple[Sequence[float], Sequence[float], Sequence[float]]


@dataclass(frozen=True, slots=True)
class MatchNumbers:
    """Sums over the searches of a span; quantiles are None where nothing was measured.

    `detours_s` and `walks_m` are of the match ranked first, `latency_ms` of every search. `lost` searches are in no
    other number.
    """

    searches: int
    matched: int
    booked: int
    considered: int
    feasible: int
    shown: int
    seats: int
    window_s: int
    lost: int
    turned_away: Mapping[str, int]
    detour_s: Quantiles | None
    walk_m: Quantiles | None
    latency_ms: Quantiles | None


@dataclass(frozen=True, slots=True, eq=False)
class MatchSeries(Sequence[MatchNumbers]):
    """MatchNumbers of many spans, kept by column: a year has nine thousand hours.

    `counts` by SUMS and `lost`; `turned_away`: JSON objects as text; `quantiles` by the names of MEASURES, in shown
    units.
    """

    counts: Mapping[str, Sequence[int]]
    turned_away: Sequence[str]
    quantiles: Mapping[str, QuantileColumns]

    def __len__(self) -> int:
        return len(self.turned_away)

    @overload
    def __getitem__(self, at: int) -> MatchNumbers: ...
    @overload
    def __getitem__(self, at: slice) -> list[MatchNumbers]: ...
    def __getitem__(self, at: int | slice) -> MatchNumbers | list[MatchNumbers]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        members: dict[str, Any] = {name: column[at] for name, column in self.counts.items()}
        members |= {one.member: self._quantiles(one.name, at) for one in MEASURES}
        return MatchNumbers(**members, turned_away=json.loads(self.turned_away[at]))

    def _quantiles(self, name: str, at: int) -> Quantiles | None:
        p50, p95, p99 = (column[at] for column in self.quantiles[name])
        return None if p50 < 0 else Quantiles(p50, p95, p99)


@dataclass(frozen=True, slots=True)
class MatchStatistics:
    """Totals of a range, as a series of one, and the same by bucket: `edges` are seconds since 1970, one more than
    there are buckets."""

    region: str
    edges: tuple[int, ...]
    totals: MatchSeries
    series: MatchSeries


@dataclass(frozen=True, slots=True)
class DemandCell:
    """A cell from (or to) which `unmatched` of `asked` searches found nothing.

    A `merged` cell is a coarser one that counts those of its cells that are too few to be shown themselves.
    """

    cell: Cell
    asked: int
    unmatched: int
    merged: bool


@dataclass(frozen=True, slots=True)
class Demand:
    """Cells with at least `least` searches that found nothing, most first; `hidden` such searches are in no cell."""

    region: str
    begin: datetime
    end: datetime
    side: DemandSide
    least: int
    cells: tuple[DemandCell, ...]
    hidden: int


@dataclass(frozen=True, slots=True)
class WantedHour:
    """Searches for one hour of the day, and those of them that found nothing."""

    asked: int
    unmatched: int


@dataclass(frozen=True, slots=True)
class WantedHours:
    """Searches asked in a range by the hour of the day that they were for, 0 to 23, in the zone asked for."""

    region: str
    begin: datetime
    end: datetime
    by_hour: tuple[WantedHour, ...]


@dataclass(frozen=True, slots=True)
class SupplyNumbers:
    """Offers that depart in a span.

    `by_status` counts offers. Seats are those of offers that were not cancelled: `seats_filled` on each offer's fullest
    leg. `bookings` counts bookings of these offers by status.
    """

    offers: int
    by_status: Mapping[str, int]
    seats_offered: int
    seats_filled: int
    bookings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SupplyStatistics:
    """Totals of a range, the same by bucket (`edges` as in MatchStatistics), and by hour of the day, 0 to 23, in the
    zone asked for."""

    region: str
    edges: tuple[int, ...]
    totals: SupplyNumbers
    series: tuple[SupplyNumbers, ...]
    by_hour: tuple[SupplyNumbers, ...]
