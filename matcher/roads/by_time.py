"""The roads of one region at every hour of the week: an engine for each slot of its speed profile."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from matcher.domain.place import Coordinate, RoadPosition
from matcher.roads.engine import RoadEngine
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import RoadNetwork
from matcher.roads.region.slot_clock import SlotClock, zone_at
from matcher.roads.region.speeds import FREE_FLOW_ONLY, SpeedProfile, metrics_for


class RoadEngines:
    """An engine for each slot. Thread-safe.

    A trip is driven in the metric of the slot it departs in. All engines share network, order and
    snapping; each has its own weights: about 340 bytes a node (3 MB for the bundled region, 26 MB for Luxembourg).
    """

    def __init__(self, slots: Sequence[RoadEngine], clock: SlotClock) -> None:
        self.slots = tuple(slots)
        self.slot_of = clock.slot_of
        self.slots_of = clock.slots_of
        # What no metric changes.
        first = slots[0]
        self.name, self.fingerprint = first.name, first.fingerprint
        self.snap, self.locate, self.street = first.snap, first.locate, first.street
        self.public_position, self.is_public_point = first.public_position, first.is_public_point
        self.allowance_ms = first.allowance_ms

    def door_position(self, position: RoadPosition) -> RoadPosition | None:
        """Where a car meets somebody at the door, at whatever hour; see `RoadEngine.door_position`."""
        doors = [slot.door_position(position) for slot in self.slots]
        return None if None in doors else doors[0]

    def at(self, departure: datetime) -> RoadEngine:
        """The roads of the slot that a departure falls in."""
        return self.slots[self.slot_of(departure)]


def roads_by_time(
    name: str, fingerprint: str, network: RoadNetwork, topology: Topology, profile: SpeedProfile, centre: Coordinate
) -> RoadEngines:
    """The roads under a profile, read by the clocks at `centre`. Heavy: customises the hierarchy once a slot.

    fingerprint: that of the network; under a profile other than free flow the roads' own goes on behind a dash, because
    stored drive times depend on it.
    """
    zone = zone_at(centre)
    metrics = list(metrics_for(network, profile).values())
    named = fingerprint_of(fingerprint, profile, zone)
    first = RoadEngine(name, named, network, topology, metrics[0])
    others = [RoadEngine(name, named, network, topology, metric, like=first) for metric in metrics[1:]]
    return RoadEngines([first, *others], SlotClock(profile, zone))


def fingerprint_of(network: str, profile: SpeedProfile, zone: ZoneInfo) -> str:
    """Changes exactly when stored positions or drive times become invalid; names of slots and files do not matter."""
    if profile.slots == FREE_FLOW_ONLY.slots:
        return network
    content = repr(([slot.factors for slot in profile.slots], profile.slot_of_hour, zone.key))
    return f"{network}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"
