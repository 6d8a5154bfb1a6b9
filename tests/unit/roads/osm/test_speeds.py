"""Speed limits and durations as OpenStreetMap writes them."""

from __future__ import annotations

import pytest

from matcher.roads.network.graph import STREET_CLASSES
from matcher.roads.osm.speeds import CLASS_KMH, LIMIT_FACTOR, parse_duration_s, parse_limit, speeds_kmh


@pytest.mark.parametrize(
    ("written", "kmh"),
    [
        ("50", 50),
        ("50 km/h", 50),
        ("50kmh", 50),
        ("30 mph", 48.28032),
        ("30mph", 48.28032),
        ("10 knots", 18.52),
        ("none", 140),
        ("walk", 10),
        ("RO:urban", 50),
        ("ro:trunk", 100),
        ("RU:urban", 60),
        ("DE:rural", 100),
        ("DE:zone:30", 30),
        ("FR:zone30", 30),
        ("GB:nsl_single", 97),
        ("XX:motorway", 130),
        ("80;60", 60),
        ("signals;70", 70),
        ("signals", None),
        ("variable", None),
        ("", None),
        ("0", None),
        ("fast", None),
        ("50 parsecs", None),
        ("160", 160),
        ("500", None),
        ("300 mph", None),
        ("500;50", 50),
        ("9" * 255, None),
    ],
)
def test_limits(written: str, kmh: float | None) -> None:
    assert parse_limit(written) == (None if kmh is None else pytest.approx(kmh))


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("00:25", 1500),
        ("1:05", 3900),
        ("01:05:30", 3930),
        ("25", 1500),
        ("PT1H30M", 5400),
        ("PT45M", 2700),
        ("P1DT2H", 93600),
        ("pt20m", 1200),
        ("0", None),
        ("PT", None),
        ("soon", None),
        ("", None),
    ],
)
def test_durations(written: str, seconds: float | None) -> None:
    assert parse_duration_s(written) == seconds


@pytest.mark.parametrize(
    ("tags", "road_class", "along", "against"),
    [
        ({}, "primary", 65, 65),
        ({"maxspeed": "50"}, "primary", 40, 40),
        ({"maxspeed": "100", "maxspeed:forward": "50"}, "primary", 40, 80),
        ({"maxspeed:backward": "30"}, "primary", 65, 24),
        ({"maxspeed": "50", "maxspeed:motorcar": "30"}, "primary", 24, 24),
        ({"source:maxspeed": "RO:rural"}, "primary", 72, 72),
        ({"maxspeed": "signals", "maxspeed:type": "DE:urban"}, "secondary", 40, 40),
        ({"maxspeed": "none"}, "motorway", 112, 112),
        ({"maxspeed": "50"}, "service", 15, 15),
        ({"maxspeed": "10"}, "service", 8, 8),
        ({"service": "driveway"}, "service", 10, 10),
        ({"surface": "gravel"}, "primary", 40, 40),
        ({"surface": "asphalt"}, "primary", 65, 65),
        ({"maxspeed": "1"}, "residential", 3, 3),
    ],
)
def test_driven_speeds(tags: dict[str, str], road_class: str, along: float, against: float) -> None:
    assert speeds_kmh(tags, road_class) == pytest.approx((along, against))


def test_every_class_has_a_speed_and_limits_are_not_reached() -> None:
    assert set(CLASS_KMH) == set(STREET_CLASSES)
    assert all(speed > 0 for speed in CLASS_KMH.values())
    assert 0 < LIMIT_FACTOR < 1
