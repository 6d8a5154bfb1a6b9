"""What a trip would match if it were published: requests that wait now, and how many searched its way in the last
weeks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from matcher.domain.cell import Cell
from matcher.domain.offer import Offer
from matcher.domain.place import Coordinate
from matcher.search.requests.of_offer import FittingRequest, RequestsOfOffer
from matcher.statistics.search_store import PostgresSearchStore

#: How far back searches are counted.
PAST_DAYS: Final = 28
#: How many waiting requests are described.
_SHOWN: Final = 10
#: Points of a route closer than this are in the same cell, or in one beside it.
_STEP_M: Final = 300.0


@dataclass(frozen=True, slots=True)
class PastSearches:
    """Searches of the last weeks that went the way of a trip, on whatever day. Counts below `least` are left out.

    fitting: those for the hours of the trip. hours: all of them by local hour; origins: by the cell they start in.
    """

    least: int
    fitting: int
    hours: tuple[tuple[int, int], ...]
    origins: tuple[tuple[Cell, int], ...]


@dataclass(frozen=True, slots=True)
class WouldMatch:
    """What a trip, or the trips of a series, would match."""

    best: tuple[FittingRequest, ...]
    fitting: int
    past: PastSearches


class FindWouldMatch:
    """Looks for riders of trips that are not published. Nothing is written, and nobody is notified."""

    def __init__(
        self,
        requests: RequestsOfOffer,
        searches: PostgresSearchStore,
        region: str,
        *,
        zone_of: Callable[[Coordinate], ZoneInfo],
        least: int,
    ) -> None:
        """zone_of: by whose clocks hours are counted at a place; least: fewer searches than this are not disclosed."""
        self._requests = requests
        self._searches = searches
        self._region = region
        self._zone_of = zone_of
        self._least = least

    async def __call__(self, offers: Sequence[Offer], route: Sequence[Coordinate], now: datetime) -> WouldMatch:
        """For trips along one route, the first of which is described; at least one. Raises DatabaseUnavailable."""
        best: dict[object, FittingRequest] = {}
        fitting = set()
        for offer in offers:
            found = await self._requests.fitting(offer, now)
            fitting |= {request.request_id for request in found}
            for request in found[:_SHOWN]:
                best.setdefault(request.request_id, request)
        past = await self._past(offers[0], route, now)
        return WouldMatch(tuple(best.values())[:_SHOWN], len(fitting), past)

    async def _past(self, offer: Offer, route: Sequence[Coordinate], now: datetime) -> PastSearches:
        along, zone = cells_along(route), self._zone_of(offer.origin.coordinate)
        rows = await self._searches.between(self._region, sorted(along), now - timedelta(days=PAST_DAYS), zone.key)
        hours: Counter[int] = Counter()
        origins: Counter[int] = Counter()
        for origin, destination, hour, searches in rows:
            # A rider boards before they alight: somewhere on the way the origin comes before the destination.
            if along[origin][0] < along[destination][1]:
                hours[hour] += searches
                origins[origin] += searches
        driven = sum(hours[hour] for hour in hours_of(offer, zone))
        return PastSearches(
            least=self._least,
            fitting=driven if driven >= self._least else 0,
            hours=tuple((hour, count) for hour, count in sorted(hours.items()) if count >= self._least),
            origins=tuple(
                (Cell.from_number(number), count) for number, count in origins.most_common() if count >= self._least
            ),
        )


def cells_along(route: Sequence[Coordinate]) -> dict[int, tuple[int, int]]:
    """The cells that a route passes and those beside them, by number: its first and last step that is near."""
    near: dict[int, tuple[int, int]] = {}
    step, last = 0, None
    for point in route:
        if last is not None and last.distance_m(point) < _STEP_M and point is not route[-1]:
            continue
        last = point
        middle = Cell.of(point)
        count = 1 << middle.level
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                x, y = middle.x + dx, middle.y + dy
                if 0 <= x < count and 0 <= y < count:
                    number = Cell(middle.level, x, y).number
                    near[number] = (near.get(number, (step, step))[0], step)
        step += 1
    return near


def hours_of(offer: Offer, zone: tzinfo) -> set[int]:
    """The local hours in which a trip may be under way, as early and as late as it may leave."""
    slack = timedelta(seconds=offer.flexibility_s)
    begin, end = offer.departure - slack, offer.arrival + slack
    moment = begin.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    hours: set[int] = set()
    while moment <= end and len(hours) < 24:
        hours.add(moment.hour)
        moment += timedelta(hours=1)
    return hours
