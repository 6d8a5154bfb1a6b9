"""Statistics on the wire: ranges and totals."""

from __future__ import annotations

import asyncio
import functools
from datetime import datetime, timedelta
from importlib import resources
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from api.schemas.fields import REGION, Absent, Maybe, Share, Time, WireIn, WireOut
from matcher.domain.clock import later
from matcher.statistics.model import COUNTS, LOST, MEANS, MEASURES, BucketSize, DemandSide

_HOUR_S = 3600
_DEFAULT_DAYS = {BucketSize.HOUR: 1, BucketSize.DAY: 7}
#: Every time zone there is, read when the module is imported.
_ZONES = frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def known_zone(name: str) -> str:
    """The name of a time zone that exists. Raises PydanticCustomError, which is a ValueError."""
    if name not in _ZONES:
        raise PydanticCustomError("unknown_time_zone", "must be an IANA time zone such as America/Santiago")
    return name


@functools.cache
def zone_named(name: str) -> ZoneInfo:
    """A zone that exists. Reads a small file the first time."""
    return ZoneInfo(name)


From = Annotated[
    Time, Field(description="start of the range, inclusive; default: a week before `to`, or a day with hourly buckets")
]
To = Annotated[Time, Field(description="end of the range, exclusive; default: the end of this hour")]
ZoneName = Annotated[
    str,
    Field(max_length=64, description="IANA time zone of the hours and days", examples=["America/Santiago"]),
    AfterValidator(known_zone),
]
RegionName = Annotated[str, Field(pattern=REGION, description="road region; default: the one being served")]


class _RangeQuery(WireIn):
    from_: Absent[From] = Field(None, alias="from")
    to: Absent[To] = None
    region: Absent[RegionName] = None

    def _range(self, now: datetime, days: int) -> tuple[datetime, datetime]:
        hour = now.replace(minute=0, second=0, microsecond=0)
        to = later(hour, timedelta(seconds=_HOUR_S)) if self.to is None else self.to
        return (later(to, timedelta(days=-days)) if self.from_ is None else self.from_), to


class StatsQuery(_RangeQuery):
    """A range in whole quarters of an hour, in buckets of hours or days."""

    bucket: Annotated[Literal["hour", "day"], Field(description="bucket size of the series")] = "day"
    tz: ZoneName = "UTC"

    @property
    def size(self) -> BucketSize:
        return BucketSize(self.bucket)

    async def zone(self) -> ZoneInfo:
        return await asyncio.to_thread(zone_named, self.tz)

    def range(self, now: datetime) -> tuple[datetime, datetime]:
        return self._range(now, _DEFAULT_DAYS[self.size])


class SupplyQuery(StatsQuery):
    """A range in whole quarters of an hour, in buckets of hours or days; by default it lies ahead, as offers do."""

    from_: Absent[
        Annotated[
            Time,
            Field(description="start of the range, inclusive; default: this hour"),
        ]
    ] = Field(None, alias="from")
    to: Absent[
        Annotated[
            Time,
            Field(
                description="end of the range, exclusive; default: a week after `from`, or a day with hourly buckets"
            ),
        ]
    ] = None

    def range(self, now: datetime) -> tuple[datetime, datetime]:
        days = _DEFAULT_DAYS[self.size]
        if self.to is not None:
            return self._range(now, days)
        begin = now.replace(minute=0, second=0, microsecond=0) if self.from_ is None else self.from_
        return begin, later(begin, timedelta(days=days))


class DemandQuery(_RangeQuery):
    """A range of whole hours of UTC."""

    end: Annotated[Literal["origin", "destination"], Field(description="which end of the riders' trips to show")] = (
        "origin"
    )

    @property
    def side(self) -> DemandSide:
        return DemandSide(self.end)

    def range(self, now: datetime) -> tuple[datetime, datetime]:
        return self._range(now, _DEFAULT_DAYS[BucketSize.DAY])


class WantedQuery(_RangeQuery):
    """A range of whole hours of UTC, and the zone whose hours of the day are meant."""

    tz: ZoneName = "UTC"

    async def zone(self) -> ZoneInfo:
        return await asyncio.to_thread(zone_named, self.tz)

    def range(self, now: datetime) -> tuple[datetime, datetime]:
        return self._range(now, _DEFAULT_DAYS[BucketSize.DAY])


class QuantilesOut(WireOut):
    """50th, 95th and 99th percentile, each within 2 % of the true value."""

    p50: float
    p95: float
    p99: float


_MAYBE: Any = Maybe  # mypy takes no alias with a parameter as a value


class MatchNumbersOut(WireOut):
    """Totals of searches."""

    # The fields of the table of statistics; those below follow.
    __annotations__ = {
        **{one.member: Annotated[int, Field(ge=0, description=one.about)] for one in (*COUNTS, LOST)},
        **{one.member: Annotated[_MAYBE[float], Field(default=None, ge=0, description=one.about)] for one in MEANS},
        **{one.member: Annotated[_MAYBE[QuantilesOut], Field(default=None, description=one.about)] for one in MEASURES},
    }
    match_rate: Maybe[Annotated[Share, Field(description="matched / searches; absent without searches")]] = None
    turned_away: dict[str, int] = Field(
        description="offers turned away by reason, all searches together",
        examples=[{"outside_window": 1502, "detour": 311}],
    )


class MatchBucketOut(MatchNumbersOut):
    """One hour or day; the first and last may be cut off by the range."""

    from_: datetime = Field(alias="from")
    to: datetime


class MatchStatsOut(WireOut):
    """Match statistics of a range."""

    region: str
    from_: datetime = Field(alias="from")
    to: datetime
    bucket: Literal["hour", "day"]
    tz: str
    totals: MatchNumbersOut
    series: list[MatchBucketOut]


class SupplyNumbersOut(WireOut):
    """Totals of the offers that depart in a period, as they are now."""

    offers: Annotated[int, Field(ge=0)]
    by_status: dict[str, int] = Field(description="offers by status", examples=[{"OPEN": 12, "PAST": 340}])
    seats_offered: Annotated[int, Field(ge=0, description="seats of offers that were not cancelled")]
    seats_filled: Annotated[int, Field(ge=0, description="seats taken on the fullest leg of each offer")]
    bookings: dict[str, int] = Field(description="bookings of these offers, by status", examples=[{"VALIDATED": 211}])


class SupplyBucketOut(SupplyNumbersOut):
    """One hour or day."""

    from_: datetime = Field(alias="from")
    to: datetime


class SupplyHourOut(SupplyNumbersOut):
    """One hour of the day, over all days of the range."""

    hour: Annotated[int, Field(ge=0, le=23, description="in the requested time zone")]


class SupplyStatsOut(WireOut):
    """Statistics of offers that depart in a range."""

    region: str
    from_: datetime = Field(alias="from")
    to: datetime
    bucket: Literal["hour", "day"]
    tz: str
    totals: SupplyNumbersOut
    series: list[SupplyBucketOut]
    by_hour: list[SupplyHourOut]


class WantedHourOut(WireOut):
    """One hour of the day."""

    hour: Annotated[int, Field(ge=0, le=23, description="in the requested time zone")]
    asked: Annotated[int, Field(ge=0, description="searches whose time window has its middle in this hour")]
    unmatched: Annotated[int, Field(ge=0, description="those without a match")]


class WantedOut(WireOut):
    """For which hours of the day riders searched, over all days of the range."""

    region: str
    from_: datetime = Field(alias="from")
    to: datetime
    tz: str
    by_hour: list[WantedHourOut]


class PolygonOut(WireOut):
    """A square on the map, as GeoJSON (RFC 7946): longitude before latitude."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: list[list[tuple[float, float]]]


class DemandPropertiesOut(WireOut):
    """Searches, and how many of them found nothing."""

    asked: int = Field(description="searches from (or to) the cell")
    unmatched: int = Field(description="searches without a match")
    merged: bool = Field(description="a coarser cell that adds up smaller ones with too few searches to be shown")


class DemandFeatureOut(WireOut):
    """A cell."""

    type: Literal["Feature"] = "Feature"
    id: str = Field(description="level/x/y of the map tile", examples=["15/9890/19230"])
    geometry: PolygonOut
    properties: DemandPropertiesOut


class DemandOut(WireOut):
    """Where riders found nothing, as a GeoJSON FeatureCollection, most searches first."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[DemandFeatureOut]
    region: str
    from_: datetime = Field(alias="from")
    to: datetime
    end: Literal["origin", "destination"]
    least: int = Field(description="cells with fewer searches without a match are merged or hidden")
    hidden: int = Field(description="searches without a match that are in no cell")
