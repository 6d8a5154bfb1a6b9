"""Which ways may be walked, and which nodes stop a walk."""

from __future__ import annotations

import pytest

from matcher.roads.network.graph import STREET_CLASSES
from matcher.roads.osm.foot import NOT_WALKED, STEPS, WALKED, stops_walk, walked


@pytest.mark.parametrize(
    ("tags", "how"),
    [
        ({}, NOT_WALKED),
        ({"route": "ferry"}, NOT_WALKED),
        ({"route": "ferry", "foot": "yes"}, NOT_WALKED),
        ({"highway": "construction"}, NOT_WALKED),
        ({"highway": "proposed"}, NOT_WALKED),
        ({"highway": "footway"}, WALKED),
        ({"highway": "path"}, WALKED),
        ({"highway": "pedestrian"}, WALKED),
        ({"highway": "pedestrian", "area": "yes"}, WALKED),
        ({"highway": "steps"}, STEPS),
        ({"highway": "steps", "foot": "no"}, NOT_WALKED),
        ({"highway": "track"}, WALKED),
        ({"highway": "living_street"}, WALKED),
        ({"highway": "residential", "oneway": "yes"}, WALKED),
        ({"highway": "primary"}, WALKED),
        # only where people on foot are let in
        ({"highway": "motorway"}, NOT_WALKED),
        ({"highway": "trunk"}, NOT_WALKED),
        ({"highway": "trunk", "foot": "yes"}, WALKED),
        ({"highway": "trunk", "sidewalk": "both"}, WALKED),
        ({"highway": "trunk_link", "sidewalk:left": "yes"}, WALKED),
        ({"highway": "trunk", "sidewalk": "no"}, NOT_WALKED),
        ({"highway": "trunk", "sidewalk": "separate"}, NOT_WALKED),
        ({"highway": "trunk", "sidewalk": "both", "foot": "no"}, NOT_WALKED),
        ({"highway": "cycleway"}, NOT_WALKED),
        ({"highway": "cycleway", "foot": "designated"}, WALKED),
        ({"highway": "bridleway", "foot": "yes"}, WALKED),
        # access
        ({"highway": "footway", "foot": "no"}, NOT_WALKED),
        ({"highway": "footway", "access": "private"}, NOT_WALKED),
        ({"highway": "footway", "access": "no", "foot": "permissive"}, WALKED),
        ({"highway": "residential", "motor_vehicle": "no"}, WALKED),
        ({"highway": "residential", "access": "destination"}, WALKED),
        ({"highway": "service", "access": "customers;private"}, WALKED),
        ({"highway": "service", "access": "private;forestry"}, NOT_WALKED),
        ({"highway": "secondary", "foot": "use_sidepath"}, NOT_WALKED),
        # mountains
        ({"highway": "path", "sac_scale": "mountain_hiking"}, WALKED),
        ({"highway": "path", "sac_scale": "alpine_hiking"}, NOT_WALKED),
    ],
)
def test_ways(tags: dict[str, str], how: int) -> None:
    assert walked(tags) == how


@pytest.mark.parametrize("road_class", sorted(set(STREET_CLASSES) - {"ferry"}))
def test_every_street_is_walked_but_those_for_fast_traffic(road_class: str) -> None:
    assert (walked({"highway": road_class}) == NOT_WALKED) == road_class.startswith(("motorway", "trunk"))


@pytest.mark.parametrize(
    ("tags", "stops"),
    [
        ({}, False),
        ({"highway": "crossing", "foot": "no"}, False),
        ({"barrier": "bollard"}, False),
        ({"barrier": "gate"}, False),
        ({"barrier": "kissing_gate"}, False),
        ({"barrier": "wall"}, True),
        ({"barrier": "wall", "foot": "yes"}, False),
        ({"barrier": "gate", "access": "private"}, True),
        ({"barrier": "gate", "access": "private", "foot": "yes"}, False),
        ({"barrier": "gate", "foot": "no"}, True),
        ({"barrier": "gate", "locked": "yes"}, True),
        ({"barrier": "gate", "motor_vehicle": "no"}, False),
    ],
)
def test_nodes(tags: dict[str, str], stops: bool) -> None:
    assert stops_walk(tags) is stops
