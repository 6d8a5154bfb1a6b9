"""Which slot of a speed profile a moment belongs to, by the clocks where the roads are."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import tzfpy

from matcher.domain.place import Coordinate
from matcher.roads.network.graph import I64
from matcher.roads.region.speeds import SpeedProfile

#: Offsets of zones are whole quarters of an hour, and clocks change on one: within a quarter (of UTC) a slot does not
#: end.
_QUARTER_MS = 900_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def zone_at(centre: Coordinate) -> ZoneInfo:
    """The time zone of a place; that of the nautical hour at sea."""
    return ZoneInfo(tzfpy.get_tz(centre.lon, centre.lat) or "UTC")


class SlotClock:
    """Which slot of a profile a moment belongs to, by the clocks of a zone. Clock changes are those of the zone: an
    hour that comes twice is in the same slot twice."""

    def __init__(self, profile: SpeedProfile, zone: ZoneInfo) -> None:
        self._profile = profile
        self._zone = zone
        self._of_quarter = functools.lru_cache(maxsize=50_000)(self._look_up)

    def slot_of(self, departure: datetime) -> int:
        """Index into the profile's slots. `departure` is aware."""
        return self._of_quarter((departure - _EPOCH) // timedelta(milliseconds=_QUARTER_MS))

    def slots_of(self, departures_ms: I64) -> I64:
        """The same for (k,) moments in milliseconds since the epoch."""
        quarters, which = np.unique(departures_ms // _QUARTER_MS, return_inverse=True)
        slots = np.array([self._of_quarter(quarter) for quarter in quarters.tolist()], dtype=np.int64)
        return slots[which.reshape(-1)]

    def _look_up(self, quarter: int) -> int:
        local = (_EPOCH + timedelta(milliseconds=quarter * _QUARTER_MS)).astimezone(self._zone)
        return self._profile.slot_of_hour[local.weekday() * 24 + local.hour]
