"""The roads of one region at every hour of the week: an engine for each slot of its speed profile."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import tzfpy

from matcher.domain.place import Coordinate, RoadPosition
from matcher.roads.customisation import Metric
from matcher.roads.engine import RoadEngine
from matcher.roads.network import I64, RoadNetwork
from matcher.roads.speed_profiles import FREE_FLOW_ONLY, SpeedProfile, metrics_for
from matcher.roads.topology import Topology
from matcher.services.ports import SnappedPosition

#: Offsets of zones are whole quarters of an hour, and clocks change on one: within a quarter (of UTC) a slot does not end.
_QUARTER_MS = 900_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def zone_at(centre: Coordinate) -> ZoneInfo:
    """The time zone of a place; that of the nautical hour at sea."""
    return ZoneInfo(tzfpy.get_tz(centre.lon, centre.lat) or "UTC")


class SlotClock:
    """Which slot of a profile a moment belongs to, by the clocks of a zone. Clock changes are those of the zone: an hour that comes twice is
    in the same slot twice."""

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


class RoadsByTime:
    """An engine for each slot. Thread-safe; implements `services.ports.RoadsByTime` and `matching.roads.SearchRoadsByTime`.

    Whoever departs in a slot drives in its metric to the end of the trip. All engines share network, order and snapping; each has its
    own weights: about 40 bytes a hierarchy arc (10 MB for 76,000 nodes).
    """

    def __init__(self, slots: Sequence[RoadEngine], clock: SlotClock) -> None:
        self.slots = tuple(slots)
        self.slot_of = clock.slot_of
        self.slots_of = clock.slots_of
        self.name = slots[0].name
        self.fingerprint = slots[0].fingerprint

    def snap(self, coordinate: Coordinate, *, limit_m: float) -> SnappedPosition | None:
        """The nearest drivable road within `limit_m` metres (inclusive), or None. Ties go to the lowest edge."""
        return self.slots[0].snap(coordinate, limit_m=limit_m)

    def locate(self, position: RoadPosition) -> Coordinate:
        """Where a road position is."""
        return self.slots[0].locate(position)

    def street(self, position: RoadPosition) -> str | None:
        """The name of the street a position is on."""
        return self.slots[0].street(position)

    def at(self, departure: datetime) -> RoadEngine:
        """The roads of the slot that a departure falls in."""
        return self.slots[self.slot_of(departure)]


def roads_by_time(
    name: str, fingerprint: str, network: RoadNetwork, topology: Topology, profile: SpeedProfile, centre: Coordinate
) -> RoadsByTime:
    """The roads under a profile, read by the clocks at `centre`. Heavy: customises the hierarchy once a slot.

    fingerprint: that of the network; under a profile other than free flow the roads' own goes on behind a dash, because stored drive
    times depend on it.
    """
    zone = zone_at(centre)
    metrics = list(metrics_for(network, profile).values())
    named = fingerprint_of(fingerprint, profile, zone)
    first = RoadEngine(name, named, network, topology, Metric.customise(topology, metrics[0]))
    others = [
        RoadEngine(name, named, network, topology, Metric.customise(topology, metric), like=first)
        for metric in metrics[1:]
    ]
    return RoadsByTime([first, *others], SlotClock(profile, zone))


def fingerprint_of(network: str, profile: SpeedProfile, zone: ZoneInfo) -> str:
    """What changes exactly when stored positions or drive times stop being good: the names of slots and files do not matter."""
    if profile.slots == FREE_FLOW_ONLY.slots:
        return network
    content = repr(([slot.factors for slot in profile.slots], profile.slot_of_hour, zone.key))
    return f"{network}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"
