"""The gazetteer over the real streets of the bundled region."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest

from matcher.domain.errors.tree import AddressAmbiguous
from matcher.domain.place import Coordinate
from matcher.geocoding.entries.table import name_tokens
from matcher.geocoding.gazetteer.gazetteer import Gazetteer
from matcher.roads.osm.extract import import_extract


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    with as_file(files("matcher.roads") / "sample" / "coquimbo.osm.pbf") as extract:
        return list(import_extract(extract).places)


@pytest.fixture(scope="module")
def coquimbo(rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Gazetteer:
    path: Path = tmp_path_factory.mktemp("region") / "places.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return Gazetteer.open(path)


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("Avenida La Cantera, Coquimbo", "Avenida La Cantera, Coquimbo"),
        ("av la cantera", "Avenida La Cantera, Coquimbo"),
        ("Avenida del Mar, La Serena (near Alicia Amanda Velásquez Velásquez)", "Avenida del Mar &"),
        ("avda francisco de aguirre la serena", "Avenida Francisco de Aguirre, La Serena"),
        ("La Serena", "La Serena"),
        ("Coquimbo", "Coquimbo"),
        ("Cordoves & Balmaceda, La Serena", "Balmaceda, La Serena"),
    ],
)
def test_addresses_of_the_region(coquimbo: Gazetteer, typed: str, label: str) -> None:
    assert label in coquimbo.resolve(typed).label


def test_every_street_finds_itself_or_its_rivals(coquimbo: Gazetteer, rows: list[dict[str, Any]]) -> None:
    lost = []
    ambiguous = 0
    same_name: dict[str, list[Coordinate]] = {}
    for row in rows:
        same_name.setdefault(" ".join(name_tokens(row["name"])), []).append(Coordinate(lat=row["lat"], lon=row["lon"]))
    for row in rows:
        text = f"{row['name']}, {row['city']}" if "city" in row else row["name"]
        here = Coordinate(lat=row["lat"], lon=row["lon"])
        try:
            found = [coquimbo.resolve(text).coordinate]
        except AddressAmbiguous as error:
            ambiguous += 1
            found = [Coordinate(lat=one["lat"], lon=one["lon"]) for one in error.extra["candidates"]]
        # A name that several stretches share may stand for any of them, but for no other street.
        same = same_name[" ".join(name_tokens(row["name"]))]
        if not any(place.distance_m(other) < 700 for place in found for other in (here, *same)):
            lost.append((text, found))
    assert lost == []
    # Some names do exist several times in one town; most do not.
    assert ambiguous < 0.15 * len(rows)


def test_candidates_that_are_shown_can_be_typed_back(coquimbo: Gazetteer, rows: list[dict[str, Any]]) -> None:
    asked = stuck = 0
    for name in sorted({row["name"] for row in rows})[::7]:
        try:
            coquimbo.resolve(name)
        except AddressAmbiguous as error:
            for candidate in error.extra["candidates"]:
                asked += 1
                try:
                    coquimbo.resolve(candidate["label"])
                except AddressAmbiguous:
                    stuck += 1
    assert asked > 50
    assert stuck < 0.1 * asked


def test_every_junction_that_is_listed_is_found(coquimbo: Gazetteer, rows: list[dict[str, Any]]) -> None:
    asked = missed = 0
    for row in rows[::25]:
        for other, lat, lon in row.get("crossings", ())[:2]:
            asked += 1
            typed = f"{row['name']} & {other}, {row['city']}"
            hits = coquimbo.search(typed)
            here = Coordinate(lat=lat, lon=lon)
            best = [hit for hit in hits if hits[0].score - hit.score < 0.03]
            missed += not any(hit.coordinate.distance_m(here) < 150 for hit in best)
    assert asked > 100
    assert missed <= 0.03 * asked


def test_reverse_names_the_street_one_stands_on(coquimbo: Gazetteer, rows: list[dict[str, Any]]) -> None:
    wrong = []
    streets = [row for row in rows if row["kind"] == "street"][::20]
    for row in streets:
        place = coquimbo.describe(Coordinate(lat=row["lat"], lon=row["lon"]))
        if place is None or row["name"] not in place.label:
            wrong.append((row["name"], place))
    assert len(wrong) <= 0.02 * len(streets), wrong
