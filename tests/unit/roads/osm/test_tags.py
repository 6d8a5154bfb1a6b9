"""Which ways a car may drive, in which direction, and what nodes do to it."""

from __future__ import annotations

import pytest

from matcher.roads.network.graph import ROAD_CLASSES
from matcher.roads.osm.tags import NodeEffect, drive, node_effect, street_name

BOTH, ALONG, AGAINST, CLOSED = "both", "along", "against", "closed"


def _directions(tags: dict[str, str]) -> str:
    how = drive(tags)
    if how is None:
        return CLOSED
    return {(True, True): BOTH, (True, False): ALONG, (False, True): AGAINST}[how.forward_kmh > 0, how.backward_kmh > 0]


@pytest.mark.parametrize(
    ("tags", "directions"),
    [
        ({"highway": "residential"}, BOTH),
        ({"highway": "footway"}, CLOSED),
        ({"highway": "pedestrian"}, CLOSED),
        ({"highway": "construction"}, CLOSED),
        ({"highway": "ferry"}, CLOSED),
        ({"name": "no highway at all"}, CLOSED),
        ({"highway": "residential", "area": "yes"}, CLOSED),
        ({"highway": "service", "service": "emergency_access"}, CLOSED),
        ({"highway": "track"}, CLOSED),
        ({"highway": "track", "motor_vehicle": "yes"}, BOTH),
        ({"highway": "track", "motor_vehicle": "forestry"}, CLOSED),
        ({"highway": "road", "access": "permissive"}, BOTH),
        ({"highway": "tertiary", "ice_road": "yes"}, CLOSED),
        # one way
        ({"highway": "residential", "oneway": "yes"}, ALONG),
        ({"highway": "residential", "oneway": "1"}, ALONG),
        ({"highway": "residential", "oneway": "-1"}, AGAINST),
        ({"highway": "residential", "oneway": "reversible"}, CLOSED),
        ({"highway": "residential", "oneway": "alternating"}, BOTH),
        ({"highway": "residential", "oneway": "whatever"}, BOTH),
        ({"highway": "tertiary", "junction": "roundabout"}, ALONG),
        ({"highway": "tertiary", "junction": "roundabout", "oneway": "-1"}, AGAINST),
        ({"highway": "tertiary", "junction": "circular"}, ALONG),
        ({"highway": "motorway"}, ALONG),
        ({"highway": "motorway", "oneway": "no"}, BOTH),
        ({"highway": "motorway_link"}, BOTH),
        ({"highway": "residential", "oneway": "yes", "oneway:motor_vehicle": "no"}, BOTH),
        ({"highway": "residential", "oneway": "no", "oneway:motorcar": "-1"}, AGAINST),
        ({"highway": "residential", "oneway": "yes", "oneway:bicycle": "no"}, ALONG),
        # access
        ({"highway": "residential", "access": "private"}, CLOSED),
        ({"highway": "residential", "access": "no", "motor_vehicle": "yes"}, BOTH),
        ({"highway": "residential", "access": "yes", "motorcar": "no"}, CLOSED),
        ({"highway": "residential", "vehicle": "no", "motor_vehicle": "permissive"}, BOTH),
        ({"highway": "residential", "motor_vehicle": "agricultural;forestry"}, CLOSED),
        ({"highway": "residential", "motor_vehicle": "agricultural;destination"}, BOTH),
        ({"highway": "residential", "motor_vehicle:backward": "no"}, ALONG),
        ({"highway": "residential", "motor_vehicle": "no", "motor_vehicle:forward": "yes"}, ALONG),
        ({"highway": "residential", "bicycle": "no"}, BOTH),
        # ferries
        ({"route": "ferry"}, BOTH),
        ({"route": "ferry", "foot": "yes"}, CLOSED),
        ({"route": "ferry", "foot": "yes", "motorcar": "yes"}, BOTH),
        ({"route": "ferry", "motor_vehicle": "no"}, CLOSED),
        ({"route": "shuttle_train"}, BOTH),
        ({"route": "bus"}, CLOSED),
    ],
)
def test_directions(tags: dict[str, str], directions: str) -> None:
    assert _directions(tags) == directions


def test_a_street_for_its_residents_is_open_and_slow() -> None:
    through, residents = drive({"highway": "residential"}), drive({"highway": "residential", "access": "destination"})
    assert through is not None
    assert residents is not None
    assert residents.forward_kmh == through.forward_kmh / 2


def test_a_ferry_keeps_its_duration_and_a_street_does_not() -> None:
    ferry = drive({"route": "ferry", "duration": "00:20"})
    street = drive({"highway": "primary", "duration": "00:20"})
    assert ferry is not None
    assert street is not None
    assert (ROAD_CLASSES[ferry.class_code], ferry.duration_s) == ("ferry", 1200)
    assert (ROAD_CLASSES[street.class_code], street.duration_s) == ("primary", None)


@pytest.mark.parametrize(
    ("tags", "effect"),
    [
        ({}, None),
        ({"highway": "crossing"}, None),
        ({"highway": "traffic_signals"}, NodeEffect(False, 8, 8)),
        ({"highway": "traffic_signals", "traffic_signals:direction": "forward"}, NodeEffect(False, 8, 0)),
        ({"highway": "stop", "direction": "backward"}, NodeEffect(False, 0, 5)),
        ({"highway": "give_way"}, NodeEffect(False, 2, 2)),
        ({"railway": "level_crossing"}, NodeEffect(False, 4, 4)),
        ({"barrier": "bollard"}, NodeEffect(True, 0, 0)),
        ({"barrier": "bollard", "bollard": "rising"}, None),
        ({"barrier": "bollard", "motor_vehicle": "yes"}, None),
        ({"barrier": "gate"}, NodeEffect(False, 15, 15)),
        ({"barrier": "gate", "access": "private"}, NodeEffect(True, 0, 0)),
        ({"barrier": "gate", "access": "private", "motorcar": "yes"}, NodeEffect(False, 15, 15)),
        ({"barrier": "gate", "locked": "yes"}, NodeEffect(True, 0, 0)),
        ({"barrier": "toll_booth"}, NodeEffect(False, 15, 15)),
        ({"barrier": "cattle_grid"}, None),
        ({"barrier": "block"}, NodeEffect(True, 0, 0)),
    ],
)
def test_nodes(tags: dict[str, str], effect: NodeEffect | None) -> None:
    assert node_effect(tags) == effect


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ({"name": " Calle  Los\tCarrera ", "ref": "D-43"}, "Calle Los Carrera"),
        ({"ref": "D-43"}, "D-43"),
        ({"name": " "}, None),
        ({}, None),
    ],
)
def test_street_names(tags: dict[str, str], name: str | None) -> None:
    assert street_name(tags) == name
