"""Reading the places file of a region."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from matcher.domain.errors.tree import RegionFileInvalid
from matcher.geocoding.entries.rows import PlaceKind, PlaceRow, read_rows
from matcher.geocoding.gazetteer.gazetteer import Gazetteer

GOOD: dict[str, Any] = {
    "kind": "street",
    "name": "Prat",
    "city": "A",
    "lat": 1.5,
    "lon": 2,
    "crossings": [["Colón", 1, 2]],
}


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_rows_are_read_as_written(tmp_path: Path) -> None:
    path = write(tmp_path / "places.jsonl", json.dumps(GOOD), "", json.dumps(GOOD, ensure_ascii=False))
    expected = PlaceRow(
        kind=PlaceKind.STREET, name="Prat", lat=1.5, lon=2.0, city="A", crossings=(("Colón", 1.0, 2.0),)
    )
    assert list(read_rows(path)) == [expected, expected]
    assert Gazetteer.open(path).candidates("prat", limit=1)[0].label == "Prat, A (near Colón)"


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "null",
        '"x"',
        json.dumps(GOOD | {"kind": "river"}),
        json.dumps(GOOD | {"kind": 1}),
        json.dumps(GOOD | {"lat": 91}),
        json.dumps(GOOD | {"lon": "NaN"}),
        json.dumps(GOOD | {"lat": None}),
        json.dumps(GOOD | {"name": 5}),
        json.dumps(GOOD | {"rank": "high"}),
        json.dumps(GOOD | {"crossings": [["Colón", 1]]}),
        json.dumps({key: value for key, value in GOOD.items() if key != "name"}),
    ],
)
def test_a_damaged_line_is_refused_and_named(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "places.jsonl", json.dumps(GOOD), line)
    with pytest.raises(RegionFileInvalid, match=r"places\.jsonl, line 2"):
        Gazetteer.open(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "places.jsonl"
    path.write_bytes(b'{"kind": "street", "name": "\xff\xfe", "lat": 1, "lon": 2}')
    with pytest.raises(RegionFileInvalid, match="line 1"):
        list(read_rows(path))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegionFileInvalid, match="cannot be read"):
        Gazetteer.open(tmp_path / "absent.jsonl")


def test_an_empty_gazetteer_knows_nothing(tmp_path: Path) -> None:
    gazetteer = Gazetteer.open(write(tmp_path / "places.jsonl", ""))
    assert len(gazetteer) == 0
    assert gazetteer.candidates("prat & colón, a 12", limit=5) == []
    assert gazetteer.reverse((1.0, 2.0)) is None
