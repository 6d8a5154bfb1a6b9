"""The speeds a departure is driven at: local hours, clock changes, midnight; and what the slots share."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from matcher.domain.place import Coordinate, RoadPosition, same_positions
from matcher.matching.base.plan import to_ms
from matcher.roads.by_time import RoadEngines, fingerprint_of, roads_by_time
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.region.slot_clock import SlotClock, zone_at
from matcher.roads.region.speeds import FREE_FLOW_ONLY, SpeedProfile, parse_speeds
from tests.builders import Street, a_network, a_ring

PARIS = Coordinate(lat=48.85, lon=2.35)
PEAK = parse_speeds("class,hour_from,hour_to,days,factor\n*,7,9,mon-fri,2\n", "test")


def _roads(profile: SpeedProfile, centre: Coordinate = PARIS) -> RoadEngines:
    network = a_network([*a_ring(), Street(0, 3, 90_000, 50_000, 50_000)])
    return roads_by_time("test", "abc", network, Topology.build(network), profile, centre)


@pytest.mark.parametrize(
    ("moment", "slot"),
    [
        ("2026-12-01T06:59:59.999+01:00", "free_flow"),
        ("2026-12-01T07:00:00+01:00", "morning_peak"),
        ("2026-12-01T06:00:00+00:00", "morning_peak"),  # the same moment, told in another offset
        ("2026-12-01T08:59:59.999+01:00", "morning_peak"),
        ("2026-12-01T09:00:00+01:00", "free_flow"),
        ("2026-12-05T08:00:00+01:00", "free_flow"),  # a Saturday
        ("2026-11-30T23:30:00-08:00", "morning_peak"),  # Tuesday already where the roads are
        ("2026-07-01T05:00:00+00:00", "morning_peak"),  # summer time
        ("2026-07-01T07:00:00+00:00", "free_flow"),
    ],
)
def test_a_departure_is_in_the_slot_of_the_local_hour(moment: str, slot: str) -> None:
    clock = SlotClock(PEAK, zone_at(PARIS))
    at = datetime.fromisoformat(moment)
    assert PEAK.slots[clock.slot_of(at)].name == slot
    assert clock.slots_of(np.array([to_ms(at)])).tolist() == [clock.slot_of(at)]


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/Santiago", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_every_hour_of_a_year_is_that_of_the_clocks_of_the_place(zone: str) -> None:
    """Through both clock changes, in zones an hour, 45 and 30 minutes off; the repeated hour is one slot twice."""
    hours = tuple(hour % 5 for hour in range(7 * 24))
    profile = replace(PEAK, slots=tuple(replace(PEAK.slots[0], name=str(k)) for k in range(5)), slot_of_hour=hours)
    clock = SlotClock(profile, ZoneInfo(zone))
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [begin + timedelta(minutes=7 * k) for k in range(365 * 206)][::13]
    local = [moment.astimezone(ZoneInfo(zone)) for moment in moments]
    expected = [hours[24 * at.weekday() + at.hour] for at in local]
    assert clock.slots_of(np.array([to_ms(moment) for moment in moments])).tolist() == expected
    assert [clock.slot_of(at) for at in local] == expected


def test_the_zone_is_that_of_the_place() -> None:
    assert zone_at(PARIS).key == "Europe/Paris"
    assert zone_at(Coordinate(lat=-29.93, lon=-71.27)).key == "America/Santiago"
    at_sea = zone_at(Coordinate(lat=0.0, lon=-30.0))
    assert at_sea.utcoffset(datetime(2026, 1, 1)) == timedelta(hours=-2)  # noqa: DTZ001


def test_each_slot_drives_at_its_own_speeds_on_the_same_streets() -> None:
    roads = _roads(PEAK)
    tuesday = datetime(2026, 12, 1, tzinfo=ZoneInfo("Europe/Paris"))
    free, peak = roads.at(tuesday), roads.at(tuesday + timedelta(hours=8))
    assert roads.slots == (free, peak)
    stops = [RoadPosition(0, 0.25), RoadPosition(3, 0.5)]
    quick, slow = free.drive(stops), peak.drive(stops)
    assert quick is not None
    assert slow is not None
    assert (slow.duration_ms, slow.length_cm) == (2 * quick.duration_ms, quick.length_cm)
    assert free.network is peak.network
    assert free.topology is peak.topology
    assert free._snapper is peak._snapper
    assert free._scratch is peak._scratch


def test_at_free_flow_there_is_one_slot_and_the_fingerprint_of_the_network() -> None:
    roads = _roads(FREE_FLOW_ONLY)
    assert len(roads.slots) == 1
    assert roads.fingerprint == "abc"
    assert np.array_equal(roads.slots[0].arc_cost, roads.slots[0].network.packed_cost)


def test_the_fingerprint_changes_with_speeds_and_clocks_and_with_nothing_else() -> None:
    paris, santiago = ZoneInfo("Europe/Paris"), ZoneInfo("America/Santiago")
    named = fingerprint_of("abc", PEAK, paris)
    assert same_positions(named, "abc")
    assert not same_positions(named, "abd")
    renamed = replace(PEAK, source="other", slots=tuple(replace(slot, name=f"{slot.name}!") for slot in PEAK.slots))
    assert fingerprint_of("abc", renamed, paris) == named
    faster = parse_speeds("class,hour_from,hour_to,days,factor\n*,7,9,mon-fri,1.9\n", "test")
    longer = parse_speeds("class,hour_from,hour_to,days,factor\n*,7,10,mon-fri,2\n", "test")
    others = [fingerprint_of("abc", other, paris) for other in (faster, longer)]
    assert len({named, *others, fingerprint_of("abc", PEAK, santiago), fingerprint_of("abd", PEAK, paris), "abc"}) == 6
