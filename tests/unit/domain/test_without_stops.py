"""Lines that do not show where the car stops for others."""

from __future__ import annotations

from matcher.domain.place import Coordinate
from matcher.domain.polyline import without_stops


def line(text: str) -> list[Coordinate]:
    """A point for each letter."""
    return [Coordinate(lat=0.0, lon=ord(letter) / 1000) for letter in text]


def test_a_dead_end_that_was_driven_into_and_back_is_cut() -> None:
    assert without_stops(line("abcdxxdcefg"), line("x")) == line("abcefg")
    assert without_stops(line("abxba"), line("x")) == line("a")
    assert without_stops(line("abxbcdydce"), line("xy")) == line("abce")


def test_a_stop_on_the_way_is_no_point_of_the_line() -> None:
    assert without_stops(line("abxxcd"), line("x")) == line("abcd")


def test_ends_stay_also_where_they_are_stops() -> None:
    assert without_stops(line("xabx"), line("x")) == line("xabx")
    assert without_stops(line("abc"), []) == line("abc")
    assert without_stops([], line("x")) == []


def test_a_way_round_is_no_dead_end() -> None:
    assert without_stops(line("abcdab"), line("c")) == line("abdab")
