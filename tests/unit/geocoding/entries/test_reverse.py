"""Coordinates to names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.place import Coordinate
from matcher.geocoding.gazetteer.gazetteer import Gazetteer
from tests.unit.geocoding.town import ROWS, a_gazetteer, a_row


def test_at_a_door_the_house_is_named(towns: Gazetteer) -> None:
    place = towns.describe(Coordinate(lat=-29.90451, lon=-71.25101))
    assert place is not None
    assert (place.label, place.precision) == ("Los Carrera 450, La Serena", "house")


def test_away_from_doors_it_is_only_roughly_there(towns: Gazetteer) -> None:
    place = towns.describe(Coordinate(lat=-29.8790, lon=-71.2400))
    assert place is not None
    assert (place.label, place.precision) == ("≈ 12 High Street, La Serena", "street")


def test_at_a_junction_both_streets_are_named(towns: Gazetteer) -> None:
    place = towns.describe(Coordinate(lat=-29.9074, lon=-71.2541))
    assert place is not None
    assert place.label == "≈ Avenida Balmaceda, near Avenida Francisco de Aguirre, La Serena"
    assert place.precision == "street"


def test_a_named_spot_one_stands_at_comes_before_a_street(towns: Gazetteer) -> None:
    place = towns.describe(Coordinate(lat=-29.9151, lon=-71.2600))
    assert place is not None
    assert place.label == "Mall Plaza, La Serena"


def test_a_street_comes_before_the_town_it_is_in(towns: Gazetteer) -> None:
    here = Coordinate(lat=-29.9029, lon=-71.2519)
    assert here.distance_m(Coordinate(lat=-29.9027, lon=-71.2519)) < 30
    place = towns.describe(here)
    assert place is not None
    assert "Los Carrera" in place.label


def test_in_the_middle_of_nowhere_there_is_nothing(towns: Gazetteer) -> None:
    assert towns.describe(Coordinate(lat=-29.5, lon=-71.25)) is None
    assert towns.describe(Coordinate(lat=0.0, lon=0.0)) is None
    assert towns.describe(Coordinate(lat=90.0, lon=0.0)) is None


def test_nearness_is_scored(towns: Gazetteer) -> None:
    near, far = (towns.describe(Coordinate(lat=lat, lon=-71.25)) for lat in (-29.9101, -29.9120))
    assert near is not None
    assert far is not None
    assert 1.0 >= near.score > far.score > 0.0


@pytest.mark.parametrize("lon", [179.9999, -179.9999])
def test_the_antimeridian_is_no_wall(lon: float) -> None:
    fiji = a_gazetteer()
    assert fiji.describe(Coordinate(lat=-16.8, lon=lon)) is None
    fiji = Gazetteer([])
    assert fiji.describe(Coordinate(lat=-16.8, lon=lon)) is None
    from matcher.geocoding.entries.rows import parse_row

    fiji = Gazetteer(
        map(parse_row, [a_row("street", "Kings Road", -16.8, 179.9995), a_row("street", "Queens Road", -16.8, -179.98)])
    )
    place = fiji.describe(Coordinate(lat=-16.8, lon=lon))
    assert place is not None
    assert place.label == "≈ Kings Road, La Serena"


def test_far_north_east_and_west_are_not_closer_than_they_are() -> None:
    from matcher.geocoding.entries.rows import parse_row

    # At 70° a degree of longitude is a third of a degree of latitude: the plane must not be fooled, not even by many.
    crowd = [a_row("street", f"North {i}", 70.008 + i * 1e-6, 25.0, None) for i in range(60)]
    north = Gazetteer(map(parse_row, [*crowd, a_row("street", "East", 70.0, 25.02, None)]))
    place = north.describe(Coordinate(lat=70.0, lon=25.0))
    assert place is not None
    assert place.label == "≈ East"


_POINTS = [Coordinate(lat=row["lat"], lon=row["lon"]) for row in ROWS if row["kind"] in {"street", "address"}] + [
    Coordinate(lat=c[1], lon=c[2]) for row in ROWS for c in row.get("crossings", ())
]


@given(lat=st.floats(-30.02, -29.86), lon=st.floats(-71.38, -71.20))
def test_no_street_is_nearer_than_the_one_that_is_named(towns: Gazetteer, lat: float, lon: float) -> None:
    here = Coordinate(lat=lat, lon=lon)
    place = towns.describe(here)
    nearest_m = min(here.distance_m(point) for point in _POINTS)
    if place is None:
        assert nearest_m > 1_999.0
    elif place.precision in {"street", "house"}:
        assert here.distance_m(place.coordinate) == pytest.approx(nearest_m, rel=1e-3, abs=0.01)
