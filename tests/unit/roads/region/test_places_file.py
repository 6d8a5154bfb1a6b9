"""Lists of carpool places as they are published: the schema, deviations from it, and rows that cannot be used."""

from __future__ import annotations

import pytest

from matcher.domain.errors.tree import RegionFileInvalid
from matcher.domain.place import Coordinate
from matcher.roads.region.places_file import PlacesList, parse_places

HEADER = (
    "id_lieu,id_local,nom_lieu,ad_lieu,com_lieu,insee,type,date_maj,ouvert,source,"
    "Xlong,Ylat,nbre_pl,nbre_pmr,duree,horaires,proprio,lumiere,comm"
)
ROW = (
    '35238-C-001,24,Les Romains,"3, rue de la Gare",Rennes,35238,Parking,2019-06-25,true,225300011,1.452323,46.59698,'
    "42,3,60,Mo-Fr 08:00-20:00,Région,false,"
)


def _parse(*lines: str) -> PlacesList:
    return parse_places("\n".join(lines) + "\n", "list.csv")


def _short(*rows: str, separator: str = ",") -> PlacesList:
    header = separator.join(("id_lieu", "nom_lieu", "type", "ouvert", "Xlong", "Ylat"))
    return _parse(header, *rows)


def _faults(found: PlacesList) -> list[tuple[int, str]]:
    return [(fault.line, fault.code) for fault in found.faults]


def test_a_row_of_the_schema() -> None:
    found = _parse(HEADER, ROW)
    assert (found.faults, found.warnings) == ([], [])
    [place] = found.places
    assert (place.line, place.id, place.name, place.kind) == (2, "35238-C-001", "Les Romains", "Parking")
    assert place.coordinate == Coordinate(lat=46.59698, lon=1.452323)
    assert place.open is True


def test_semicolons_decimal_commas_and_columns_in_any_order_and_case() -> None:
    found = _parse("YLAT;xlong;Nom_Lieu;ID_LIEU", "46,5;1,25;Les Romains;35238-C-001")
    assert [place.coordinate for place in found.places] == [Coordinate(lat=46.5, lon=1.25)]
    # Without the column `ouvert` and `type`.
    assert [(place.open, place.kind) for place in found.places] == [(True, "")]


def test_a_quoted_decimal_comma() -> None:
    assert _short('a,A,Parking,true,"1,25","46,5"').places[0].coordinate == Coordinate(lat=46.5, lon=1.25)


def test_an_unquoted_decimal_comma_shifts_columns_and_is_refused() -> None:
    assert _faults(_short("a,A,Parking,true,1,25,46,5")) == [(2, "columns")]


@pytest.mark.parametrize(
    ("word", "opened"),
    [
        *((word, True) for word in ("true", "TRUE", "VRAI", "1", "oui", "")),
        *((word, False) for word in ("false", "Faux", "0", "non")),
    ],
)
def test_open_and_closed(word: str, opened: bool) -> None:
    assert [place.open for place in _short(f"a,A,Parking,{word},1.0,46.0").places] == [opened]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (",A,Parking,true,1.0,46.0", "no_id"),
        ("a,,Parking,true,1.0,46.0", "no_name"),
        ("a,A,Parking,perhaps,1.0,46.0", "bad_open"),
        ("a,A,Parking,true,,46.0", "no_coordinates"),
        ("a,A,Parking,true,1.0, ", "no_coordinates"),
        ("a,A,Parking,true,east,46.0", "bad_coordinates"),
        ("a,A,Parking,true,nan,46.0", "bad_coordinates"),
        ("a,A,Parking,true,1e1,46.0", "bad_coordinates"),
        ("a,A,Parking,true,1.0,91.0", "bad_coordinates"),
        ("a,A,Parking,true,1.0", "columns"),
        ("a,A,Parking,true,1.0,46.0,more", "columns"),
        ('a,"A"B,Parking,true,1.0,46.0', "unreadable"),
        ('a,"A,Parking,true,1.0,46.0', "unreadable"),
    ],
)
def test_bad_rows_are_told_with_their_line_and_good_ones_kept(row: str, code: str) -> None:
    found = _short("x,X,Parking,true,1.0,46.0", row, "y,Y,Parking,true,1.0,46.0")
    assert [(place.id, place.line) for place in found.places] == [("x", 2), ("y", 4)]
    assert _faults(found) == [(3, code)]
    assert found.faults[0].reason


def test_an_id_counts_once_and_the_first_row_has_it() -> None:
    found = _short("a,First,,,1.0,46.0", "a,Second,,,1.0,46.0", "b,B,,,1.0,46.0")
    assert [place.name for place in found.places] == ["First", "B"]
    assert [(fault.place_id, fault.code) for fault in found.faults] == [("a", "duplicate_id")]
    assert "line 2" in found.faults[0].reason


def test_a_row_that_is_refused_does_not_take_its_id() -> None:
    found = _short("a,Bad,,,east,46.0", "a,Good,,,1.0,46.0")
    assert [place.name for place in found.places] == ["Good"]


def test_the_local_id_stands_in_and_the_address_names_what_has_no_name() -> None:
    found = _parse("id_lieu,id_local,nom_lieu,ad_lieu,Xlong,Ylat", ",24,,Gare,1.0,46.0")
    assert [(place.id, place.name) for place in found.places] == [("24", "Gare")]


def test_lines_are_counted_over_blank_lines_and_cells_of_several_lines() -> None:
    found = _short('a,"A\nwith two lines",,,1.0,46.0', "", ",,,,,", "b,B,,,east,46.0")
    assert [place.name for place in found.places] == ["A with two lines"]
    assert _faults(found) == [(6, "bad_coordinates")]


def test_a_quote_that_swallows_rows_spoils_its_own_row_only() -> None:
    found = _short('a,"A,,,1.0,46.0', "b,B,,,1.0,46.0", 'c,"C",,,1.0,46.0', "d,D,,,1.0,46.0")
    assert [place.id for place in found.places] == ["b", "c", "d"]
    assert [fault.line for fault in found.faults] == [2]


def test_text_is_made_fit_for_one_line() -> None:
    assert _short('a,"  P+R\t\x1b[31m Nord  ",,,1.0,46.0').places[0].name == "P+R [31m Nord"


@pytest.mark.parametrize("content", ["", "\n", "<!doctype html>\n", "id_lieu,nom_lieu,type\n", "nom_lieu,Xlong,Ylat\n"])
def test_what_is_no_such_list_is_refused(content: str) -> None:
    with pytest.raises(RegionFileInvalid, match=r"list\.csv is not a list of carpool places.*no column"):
        parse_places(content, "list.csv")


def test_a_column_that_comes_twice_is_refused() -> None:
    with pytest.raises(RegionFileInvalid, match="nom_lieu twice"):
        parse_places("id_lieu,nom_lieu,nom_lieu,Xlong,Ylat\n", "list.csv")
