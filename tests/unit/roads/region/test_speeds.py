"""Speeds by the hour: what a profile may say, which slots it makes, and what they do to drive times."""

from __future__ import annotations

import dataclasses
from datetime import time

import numpy as np
import pytest

from matcher.domain.errors.tree import RegionFileInvalid
from matcher.roads.network.graph import ROAD_CLASSES
from matcher.roads.region.speeds import (
    DAYS,
    FREE_FLOW,
    MAX_SLOTS,
    SpeedProfile,
    default_profile,
    metrics_for,
    parse_speeds,
)
from tests.builders_roads import line_of_places, network_of, random_network, two_way

HEADER = "class,hour_from,hour_to,days,factor"


def _parse(*rows: str) -> SpeedProfile:
    return parse_speeds("\n".join((HEADER, *rows)) + "\n", "speeds.csv")


def _factor(profile: SpeedProfile, day: str, hour: int, road_class: str) -> float:
    name = profile.slot_of(time(hour, 59, 59), DAYS.index(day))
    return next(slot for slot in profile.slots if slot.name == name).factors[ROAD_CLASSES.index(road_class)]


def test_hours_without_a_row_are_free_flow() -> None:
    profile = _parse()
    assert [slot.name for slot in profile.slots] == [FREE_FLOW]
    assert {profile.slot_of(time(hour), day) for hour in range(24) for day in range(7)} == {FREE_FLOW}


def test_a_row_is_good_from_its_first_hour_until_its_last_is_over() -> None:
    profile = _parse("primary,7,9,mon-fri,1.5")
    assert [_factor(profile, "mon", hour, "primary") for hour in (6, 7, 8, 9)] == [1.0, 1.5, 1.5, 1.0]
    assert [_factor(profile, day, 8, "primary") for day in DAYS] == [1.5] * 5 + [1.0] * 2
    assert _factor(profile, "mon", 8, "secondary") == 1.0
    assert profile.slot_of(time(8, 59, 59, 999999), 4) == "morning_peak"
    assert profile.slot_of(time(9), 4) == FREE_FLOW


@pytest.mark.parametrize(
    ("days", "wanted"),
    [
        ("all", set(DAYS)),
        ("sun", {"sun"}),
        ("sat+sun", {"sat", "sun"}),
        ("fri-mon", {"fri", "sat", "sun", "mon"}),
        ("MON - wed + sat", {"mon", "tue", "wed", "sat"}),
    ],
)
def test_days(days: str, wanted: set[str]) -> None:
    profile = _parse(f"primary,0,24,{days},1.5")
    assert {day for day in DAYS if _factor(profile, day, 12, "primary") == 1.5} == wanted


def test_a_star_stands_for_the_classes_without_a_row_of_their_own_but_not_for_ferries() -> None:
    profile = _parse("*,7,9,all,1.2", "primary,8,9,all,1.5")
    assert _factor(profile, "mon", 7, "primary") == 1.2
    assert _factor(profile, "mon", 8, "primary") == 1.5
    assert _factor(profile, "mon", 8, "service") == 1.2
    assert _factor(profile, "mon", 8, "ferry") == 1.0
    reordered = _parse("primary,8,9,all,1.5", "*,7,9,all,1.2")
    assert (reordered.slots, reordered.slot_of_hour) == (profile.slots, profile.slot_of_hour)


def test_hours_that_are_driven_alike_share_a_slot() -> None:
    profile = _parse("primary,7,9,mon-fri,1.5", "primary,16,18,mon-fri,1.5", "primary,12,13,sat,1.1")
    assert [slot.name for slot in profile.slots] == [FREE_FLOW, "morning_peak", "midday"]
    assert profile.slot_of(time(17), 0) == "morning_peak"
    assert profile.slot_of(time(12), 5) == "midday"


def test_slots_of_one_part_of_the_day_are_numbered() -> None:
    profile = _parse("primary,6,7,all,1.1", "primary,7,8,all,1.2", "primary,8,9,all,1.3")
    assert [slot.name for slot in profile.slots] == [FREE_FLOW, "morning_peak", "morning_peak_2", "morning_peak_3"]


def test_more_slots_than_a_region_carries_are_refused() -> None:
    rows = [f"primary,{hour},{hour + 1},all,{1.1 + hour / 100:.2f}" for hour in range(MAX_SLOTS)]
    assert len(_parse(*rows[:-1]).slots) == MAX_SLOTS
    with pytest.raises(RegionFileInvalid, match=f"{MAX_SLOTS + 1} different slots"):
        _parse(*rows)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("avenue,7,9,all,1.5", "'avenue' is no class"),
        ("primary,7,9,all", "4 columns"),
        ("primary,9,7,all,1.5", "hour_from before hour_to"),
        ("primary,22,25,all,1.5", "0 to 24"),
        ("primary,-1,3,all,1.5", "whole"),
        ("primary,7.5,9,all,1.5", "whole"),
        ("primary,7,9,weekdays,1.5", "days must be like"),
        ("primary,7,9,mon-,1.5", "days must be like"),
        ("primary,7,9,,1.5", "days must be like"),
        ("primary,7,9,all,fast", "factor must be"),
        ("primary,7,9,all,0.1", "factor must be"),
        ("primary,7,9,all,11", "factor must be"),
        ("primary,7,9,all,nan", "factor must be"),
        ("primary,7,9,all,1.5\nprimary,8,10,mon,1.2", "line 3 has the same class and hours"),
        ("*,7,9,all,1.5\n*,8,10,mon,1.2", "line 3 has the same class and hours"),
    ],
)
def test_faults_are_told_with_their_line(row: str, reason: str) -> None:
    with pytest.raises(RegionFileInvalid) as refused:
        _parse("# a comment", *row.split("\n"))
    assert reason in refused.value.detail
    last = 2 + len(row.split("\n"))
    assert [fault.pointer for fault in refused.value.faults] == [f"/{last}"]
    assert f"line {last}: " in refused.value.detail


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(RegionFileInvalid) as refused:
        _parse("avenue,7,9,all,1.5", "primary,7,9,all,1.5", "primary,9,7,all,1.5")
    assert [fault.pointer for fault in refused.value.faults] == ["/2", "/4"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "class;hour_from;hour_to;days;factor\n", "class,factor\n"])
def test_what_is_no_profile_is_refused(text: str) -> None:
    with pytest.raises(RegionFileInvalid, match="the columns must be"):
        parse_speeds(text, "speeds.csv")


def test_the_default_is_free_at_night_and_slow_in_both_peaks() -> None:
    profile = default_profile()
    assert [slot.name for slot in profile.slots] == [FREE_FLOW, "morning_peak", "evening_peak"]
    assert profile.slot_of(time(3), 0) == profile.slot_of(time(8), 6) == FREE_FLOW
    for hour in (8, 17):
        assert _factor(profile, "tue", hour, "primary") > _factor(profile, "tue", hour, "motorway") > 1.0
        assert _factor(profile, "tue", hour, "primary") > _factor(profile, "tue", hour, "residential") > 1.0
        assert _factor(profile, "tue", hour, "ferry") == 1.0


def test_metrics_multiply_times_and_leave_lengths() -> None:
    network = network_of([two_way(0, 1, 1001, 500), two_way(1, 2, 0, 70)], line_of_places(3))
    codes = np.array([ROAD_CLASSES.index("primary"), ROAD_CLASSES.index("residential")], dtype=np.uint8)
    network = dataclasses.replace(network, edge_class=codes)
    metrics = metrics_for(network, _parse("primary,7,9,all,1.5"))
    assert list(metrics) == [FREE_FLOW, "morning_peak"]
    slow = metrics["morning_peak"]
    assert slow.dtype == np.int64
    assert dict(zip((slow >> 32).tolist(), (slow & 0xFFFFFFFF).tolist(), strict=True)) == {1502: 500, 0: 70}


def test_free_flow_is_the_metric_of_the_network() -> None:
    network = random_network(2, nodes=30, streets=80)
    assert np.array_equal(metrics_for(network, default_profile())[FREE_FLOW], network.packed_cost)


def test_times_stay_within_what_a_packed_cost_holds() -> None:
    network = network_of([two_way(0, 1, 2**31 - 2, 500)], line_of_places(2))
    slow = metrics_for(network, _parse("*,0,24,all,10"))
    assert {int(cost) >> 32 for metric in slow.values() for cost in metric} == {2**31 - 1}
