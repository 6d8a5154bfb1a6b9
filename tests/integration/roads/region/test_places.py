"""The rows that the offline gazetteer is built from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from matcher.geocoding.entries.rows import PlaceKind, parse_row
from matcher.roads.osm.extract import import_extract
from tests.osm_files import StreetMap


def _rows(streets: StreetMap, folder: Path, kind: str) -> list[dict[str, Any]]:
    rows = import_extract(streets.write(folder / "map.osm.pbf")).places
    assert [row.kind for row in map(parse_row, rows)] == [PlaceKind[row["kind"].upper()] for row in rows]
    return [row for row in rows if row["kind"] == kind]


def _far(row: int, column: int) -> tuple[float, float]:
    """A place some kilometres from the grid."""
    return 47.0 + row * 0.05, 9.0 + column * 0.05


def test_a_street_is_one_row_however_often_it_is_cut(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1], name="Elm Street").way([1, 2], "tertiary", name="Elm Street")
    streets.way([2, 3], name="Elm Street").way([1, 11], name="Oak Lane").way([3, 13], ref="K 7")
    rows = _rows(streets, tmp_path, "street")
    assert [row["name"] for row in rows] == ["Elm Street", "Oak Lane"]
    assert (rows[0]["lat"], rows[0]["lon"]) in {(47.0, 9.001), (47.0, 9.002)}
    assert "city" not in rows[0]


def test_streets_of_one_name_that_lie_apart_are_two_rows(tmp_path: Path) -> None:
    streets = StreetMap().node(90, at=_far(1, 0)).node(91, at=_far(1, 1)).node(92, at=_far(1, 2))
    streets.way([0, 1], name="High Street").way([1, 90], name="Road").way([90, 91], name="High Street")
    streets.way([91, 92], name="High Street")
    rows = _rows(streets, tmp_path, "street")
    assert sorted(row["lat"] for row in rows if row["name"] == "High Street") == [47.0, 47.05]


def test_carriageways_that_do_not_touch_are_one_street(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2], name="Avenue", oneway="yes").way([12, 11, 10], name="Avenue", oneway="yes")
    streets.way([10, 0], name="A").way([2, 12], name="B")
    assert [row["name"] for row in _rows(streets, tmp_path, "street")] == ["A", "Avenue", "B"]


@pytest.mark.parametrize(("north", "east"), [(1, 0), (0, 1), (1, 1), (1, -1)])
def test_pieces_a_few_hundred_metres_apart_are_one_street(tmp_path: Path, north: int, east: int) -> None:
    step_lat, step_lon = 0.0026, 0.0026 / 0.682  # just under 300 m each way, at 47 degrees north
    streets = StreetMap().node(1, at=(47.0001, 9.0)).way([0, 1], name="Elm Street").way([1, 60, 61], name="Link")
    streets.node(60, at=(47.0 + north * step_lat, 9.0 + east * step_lon))
    streets.node(61, at=(47.0001 + north * step_lat, 9.0 + east * step_lon)).way([60, 61], name="Elm Street")
    assert [row["name"] for row in _rows(streets, tmp_path, "street")] == ["Elm Street", "Link"]


def test_crossings_are_shared_points_told_from_both_sides(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2], name="Main").way([1, 11], name="North").way([2, 12], name="East")
    streets.way([2, 3]).way([11, 12], "service", ref="K 7")
    rows = {row["name"]: row for row in _rows(streets, tmp_path, "street")}
    assert rows["Main"]["crossings"] == [("East", 47.0, 9.002), ("North", 47.0, 9.001)]
    assert rows["North"]["crossings"] == [("Main", 47.0, 9.001)]


def test_two_streets_that_meet_twice_cross_twice_unless_it_is_one_place(tmp_path: Path) -> None:
    # They share the points at 47.000, 47.001 (111 m on) and 47.004.
    streets = StreetMap().way([0, 10, 20, 30, 40], name="Straight").way([0, 1, 11, 10], name="Bow")
    streets.way([11, 31, 40], name="Bow")
    rows = {row["name"]: row for row in _rows(streets, tmp_path, "street")}
    assert rows["Straight"]["crossings"] == [("Bow", 47.0, 9.0), ("Bow", 47.004, 9.0)]


def test_pedestrian_streets_are_named_though_not_driven(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1], name="Road").way([1, 11], "pedestrian", name="Market")
    rows = {row["name"]: row for row in _rows(streets, tmp_path, "street")}
    assert rows["Market"]["crossings"] == [("Road", 47.0, 9.001)]
    streets.way([0, 10], "footway", name="Path")
    assert {row["name"] for row in _rows(streets, tmp_path, "street")} == {"Road", "Market"}


def test_a_street_belongs_to_the_settlement_that_reaches_it(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1], name="Road").way([1, 2], name="Street")
    streets.node(80, at=(47.01, 9.0), place="village", name="Near Village")  # 1.1 km of 1.5
    streets.node(81, at=(47.05, 9.0), place="city", name="Big City")  # 5.6 km of 8
    rows = _rows(streets, tmp_path, "street")
    assert {row["city"] for row in rows} == {"Big City"}
    streets.node(80, at=(47.005, 9.0))
    assert {row["city"] for row in _rows(streets, tmp_path, "street")} == {"Near Village"}
    streets.places[80] = streets.places[81] = (48.0, 9.0)
    assert all("city" not in row for row in _rows(streets, tmp_path, "street"))


def test_addresses_lend_their_city_to_their_street(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1], name="Road").node(81, at=(47.01, 9.0), place="town", name="Town")
    for node in (50, 51):
        streets.node(node, at=(47.0005, 9.0005), addr__street="Road", addr__housenumber=str(node), addr__city="Parish")
    assert _rows(streets, tmp_path, "street")[0]["city"] == "Parish"


def test_addresses_come_from_points_and_from_the_middle_of_buildings(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1], name="Road").node(81, at=(47.01, 9.0), place="town", name="Town")
    streets.node(50, at=(47.0005, 9.0005), addr__street="Road", addr__housenumber="7b", addr__city="Parish")
    streets.way([20, 21, 31, 30], None, building="yes", addr__place="Hamlet", addr__housenumber="3")
    streets.node(51, at=(47.0006, 9.0005), addr__housenumber="8")  # of no street
    rows = _rows(streets, tmp_path, "address")
    assert [(row["street"], row["housenumber"], row["city"]) for row in rows] == [
        ("Road", "7b", "Parish"),
        ("Hamlet", "3", "Town"),
    ]
    assert (rows[1]["lat"], rows[1]["lon"]) == pytest.approx((47.0025, 9.0005))


def test_places_and_points_of_interest_are_ranked(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1], name="Road")
    streets.node(60, place="city", name="City").node(61, place="hamlet", name="Hamlet")
    streets.node(62, railway="station", name="Station").node(63, shop="bakery", name="Bread")
    streets.node(64, amenity="cafe", name="Coffee").node(65, amenity="bench").node(66, natural="tree", name="Old Oak")
    streets.way([20, 21, 31, 30], None, building="yes", amenity="school", name="School")
    places = {row["name"]: row for row in _rows(streets, tmp_path, "place")}
    pois = {row["name"]: row for row in _rows(streets, tmp_path, "poi")}
    assert places["City"]["rank"] == 0
    assert places["City"]["rank"] < places["Hamlet"]["rank"] < pois["Station"]["rank"] < pois["Bread"]["rank"]
    assert set(places) == {"City", "Hamlet"}
    assert set(pois) == {"Station", "Bread", "Coffee", "School"}
    assert "city" not in places["City"]
    assert pois["Station"]["city"] in {"City", "Hamlet"}
