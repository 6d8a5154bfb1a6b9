"""House numbers along a street."""

from __future__ import annotations

import pytest

from matcher.domain.place import Coordinate
from matcher.geocoding.entries.rows import parse_row
from matcher.geocoding.gazetteer.gazetteer import Gazetteer
from matcher.geocoding.words.houses import HouseNumbers, parse_number
from tests.unit.geocoding.town import an_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("450", (450, "")),
        ("450-B", (450, "b")),
        ("450b", (450, "b")),
        ("12 bis", (12, "bis")),
        ("3-7", (3, "")),
        ("s/n", None),
        ("", None),
    ],
)
def test_numbers_are_read(text: str, expected: tuple[int, str] | None) -> None:
    assert parse_number(text) == expected


@pytest.fixture
def numbers() -> HouseNumbers:
    """Entry 1 has odd numbers along lat 1 and even ones along lat 2; the longitude grows with the number."""
    rows = [
        (
            1,
            n,
            "",
            1.0 + (n % 2 == 0),
            n / 1000,
        )
        for n in (11, 13, 41, 10, 20, 60)
    ]
    return HouseNumbers.build(3, [*rows, (2, 5, "b", 3.0, 3.0), (2, 5, "c", 3.1, 3.1)])


@pytest.mark.parametrize(
    ("number", "lat", "lon", "precision", "certainty"),
    [
        (13, 1.0, 0.013, "house", 1.0),
        (27, 1.0, 0.027, "interpolated", 0.8),  # between 13 and 41, on the odd side
        (40, 2.0, 0.040, "interpolated", 0.8),  # between 20 and 60, on the even side
        (51, None, 0.051, "interpolated", 0.8),  # past the last odd number: between 41 and 60
        (99, 2.0, 0.060, "interpolated", 0.6),  # past all of them: the nearest
        (1, 2.0, 0.010, "interpolated", 0.6),
    ],
)
def test_where_a_number_lies(
    numbers: HouseNumbers, number: int, lat: float | None, lon: float, precision: str, certainty: float
) -> None:
    found = numbers.locate(1, number, "")
    assert found is not None
    assert (found.precision, found.certainty, found.shown) == (precision, certainty, str(number))
    assert found.coordinate.lon == pytest.approx(lon)
    if lat is not None:
        assert found.coordinate.lat == pytest.approx(lat)


def test_numbers_that_tell_nothing(numbers: HouseNumbers) -> None:
    assert numbers.locate(0, 1, "") is None
    assert numbers.locate(1, 161, "") is None
    assert numbers.locate(1, 160, "") is not None


def test_another_letter_is_the_same_door(numbers: HouseNumbers) -> None:
    exact, other = numbers.locate(2, 5, "c"), numbers.locate(2, 5, "z")
    assert exact is not None
    assert other is not None
    assert (exact.shown, exact.certainty, exact.coordinate) == ("5C", 1.0, Coordinate(lat=3.1, lon=3.1))
    assert (other.shown, other.precision) == ("5B", "house")
    assert other.certainty < 1.0


def test_between_two_numbers_across_the_antimeridian() -> None:
    houses = HouseNumbers.build(1, [(0, 1, "", 0.0, 179.99), (0, 3, "", 0.0, -179.97)])
    found = houses.locate(0, 2, "")
    assert found is not None
    assert found.coordinate.lon == pytest.approx(-179.99)


def test_an_address_belongs_to_the_street_of_its_town() -> None:
    gazetteer = Gazetteer(
        map(
            parse_row,
            [
                an_address("Prat", "1", 0.0, 0.0, "A"),
                an_address("Prat", "3", 0.001, 0.0, "A"),
                an_address("Prat", "5", 0.0, 1.0, "B"),
                an_address("Prat", "s/n", 0.0, 1.0, "B"),
            ],
        )
    )
    assert len(gazetteer) == 2
    assert gazetteer.resolve("Prat 3, A").coordinate == Coordinate(lat=0.001, lon=0.0)
    assert gazetteer.resolve("Prat 5, B").coordinate == Coordinate(lat=0.0, lon=1.0)
    assert gazetteer.resolve("Prat 2, A").precision == "interpolated"
