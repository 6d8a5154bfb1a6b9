"""What the demo publishes and searches: tomorrow morning's drives between the sample region's zones."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import tzfpy

from matcher.domain.place import Coordinate
from matcher.roads.region.store import sample_zones

Json = dict[str, Any]

OFFERS = 48
#: Searches of the drawn day.
SEARCHES = 160
#: How many of the morning's drivers offer the way back, too.
_COME_BACK = 0.7
_SHORTEST_M = 3_000.0
#: People live around the centre of their zone: standard deviation in degrees (about 400 m).
_SPREAD_DEG = 0.0035
#: Most leave around half past seven; two in three within half an hour of it.
_PEAK = time(7, 30)
_PEAK_SPREAD_MIN = 30.0
_EARLIEST, _LATEST = time(6, 0), time(9, 30)
_FIVE_MIN = timedelta(minutes=5)
#: Where many people work, shop and study, as a driver would type it.
_BUSY_PLACES = (
    "Av. Francisco de Aguirre & Balmaceda, La Serena",
    "Aldunate & Videla, Coquimbo",
    "Avenida La Cantera, Coquimbo",
    "Av. Cuatro Esquinas & Balmaceda, La Serena",
)


@dataclass(frozen=True, slots=True)
class RiderSearch:
    """One rider's search: what it shows, and the body to send."""

    title: str
    body: Json


def zone_of_region(zones: list[tuple[Coordinate, int]]) -> ZoneInfo:
    """The time zone at the first of the region's zones."""
    here = zones[0][0]
    return ZoneInfo(tzfpy.get_tz(here.lon, here.lat))


def tomorrow(now: datetime, zone: ZoneInfo) -> date:
    """The next day where the cars drive."""
    return now.astimezone(zone).date() + timedelta(days=1)


def offers(day: date, zone: ZoneInfo) -> Iterator[Json]:
    """Endless bodies for POST /v1/offers, the same for the same day. Some begin too far from a road to be accepted.

    Both ends are drawn by where people live; half of them head for a busy place, given by its address.
    """
    draw = random.Random(day.toordinal())  # noqa: S311  # a made-up morning, not a secret
    zones = sample_zones()
    weights = [people for _, people in zones]
    while True:
        origin, destination = (centre for centre, _ in draw.choices(zones, weights, k=2))
        busy = draw.random() < 0.5
        if not busy and origin.distance_m(destination) < _SHORTEST_M:
            continue
        yield {
            "origin": _near(origin, draw),
            "destination": {"address": draw.choice(_BUSY_PLACES)} if busy else _near(destination, draw),
            "departure": _departure(day, zone, draw).isoformat(),
            "flexibility_s": draw.choice((600, 900, 1200)),
            "max_detour_s": draw.choice((420, 600, 900)),
            "seats": draw.choice((1, 2, 3, 3, 4)),
            "preferences": {"smoking": False} if draw.random() < 0.5 else {"music": True},
            "instant_booking": draw.random() < 0.5,
        }


def searches(day: date, zone: ZoneInfo) -> list[RiderSearch]:
    """Riders of that morning; the last one asks for what nobody offers, to show what is answered then."""

    def between(first: str, last: str) -> Json:
        return {"earliest": _at(day, first, zone), "latest": _at(day, last, zone)}

    def search(title: str, origin: str, destination: str, **rest: Any) -> RiderSearch:
        return RiderSearch(title, {"origin": {"address": origin}, "destination": {"address": destination}, **rest})

    south, centre = "Los Copihues & Los Clarines, Coquimbo", "Balmaceda & Brasil, La Serena"
    return [
        search("To work in the centre", south, centre, departure=between("07:00", "08:15"), limit=5),
        search(
            "Be there before nine", "Aldunate con Videla, Coquimbo", "Juan Cisternas & Cuatro Esquinas, La Serena",
            arrival=between("08:00", "08:50"), limit=3,
        ),
        search(
            "Two friends, music welcome", "Avenida Colo Colo, La Serena", "avenida la cantera, coquimbo",
            departure=between("07:00", "08:30"), seats=2, preferences={"music": True}, limit=3,
        ),
        search(
            "A typing slip: Huanhuali", "Larrain Alcalde & Huanhualli", "Aldunate & Videla, Coquimbo",
            departure=between("06:45", "08:30"), limit=3,
        ),
        search("In the middle of the night", south, centre, departure=between("03:00", "03:30"), limit=3),
    ]  # fmt: skip


def ways_home(morning: Iterable[Json], day: date) -> list[Json]:
    """The way back of most drivers of a morning, after a day's work. The same for the same day."""
    draw = random.Random(day.toordinal() + 2)  # noqa: S311  # a made-up evening, not a secret
    back: list[Json] = []
    for body in morning:
        at_work = timedelta(hours=min(12.0, max(8.0, draw.gauss(10.5, 0.7))))
        if draw.random() < _COME_BACK:
            leaves = datetime.fromisoformat(body["departure"]) + round(at_work / _FIVE_MIN) * _FIVE_MIN
            ends = {"origin": body["destination"], "destination": body["origin"]}
            back.append(body | ends | {"departure": leaves.isoformat()})
    return back


def day_of_searches(day: date, zone: ZoneInfo) -> list[Json]:
    """What riders of a whole day ask, for the statistics: by where people live, most about the two peaks.

    The same for the same day.
    """
    draw = random.Random(day.toordinal() + 1)  # noqa: S311  # a made-up day, not a secret
    zones = sample_zones()
    weights = [people for _, people in zones]
    asked: list[Json] = []
    while len(asked) < SEARCHES:
        origin, destination = (centre for centre, _ in draw.choices(zones, weights, k=2))
        if origin.distance_m(destination) < _SHORTEST_M:
            continue
        peak, spread = draw.choice(((7.5, 0.7), (7.5, 0.7), (18.0, 1.2), (13.0, 3.0)))
        leaves = timedelta(hours=min(22.0, max(5.0, draw.gauss(peak, spread))))
        earliest = datetime.combine(day, time(), zone) + round(leaves / _FIVE_MIN) * _FIVE_MIN
        asked.append(
            {
                "origin": _near(origin, draw),
                "destination": _near(destination, draw),
                "departure": {
                    "earliest": earliest.isoformat(),
                    "latest": (earliest + timedelta(minutes=draw.choice((20, 30, 45)))).isoformat(),
                },
                "seats": draw.choice((1, 1, 1, 2)),
                "max_walk_m": draw.choice((0, 300, 600, 1000)),
                "limit": 3,
            }
        )
    return asked


def _near(centre: Coordinate, draw: random.Random) -> Json:
    return {"lat": round(draw.gauss(centre.lat, _SPREAD_DEG), 5), "lon": round(draw.gauss(centre.lon, _SPREAD_DEG), 5)}


def _departure(day: date, zone: ZoneInfo, draw: random.Random) -> datetime:
    """Around the morning peak, on a full five minutes."""
    midnight = datetime.combine(day, time(), zone)
    peak = datetime.combine(day, _PEAK, zone)
    wished = peak + timedelta(minutes=draw.gauss(0.0, _PEAK_SPREAD_MIN))
    earliest, latest = (datetime.combine(day, end, zone) for end in (_EARLIEST, _LATEST))
    kept = min(latest, max(earliest, wished))
    return midnight + round((kept - midnight) / _FIVE_MIN) * _FIVE_MIN


def _at(day: date, clock: str, zone: ZoneInfo) -> str:
    return datetime.combine(day, time.fromisoformat(clock), zone).isoformat()
