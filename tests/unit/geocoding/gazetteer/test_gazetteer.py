"""What people type, and the place they mean."""

from __future__ import annotations

import pytest
from geopy.location import Location
from geopy.point import Point

from matcher.domain.errors.tree import AddressNotFound
from matcher.domain.place import Coordinate
from matcher.geocoding.gazetteer.gazetteer import Gazetteer
from tests.unit.geocoding.town import LA_SERENA, a_gazetteer, a_row

BALMACEDA = "Avenida Balmaceda, La Serena"


@pytest.mark.parametrize(
    ("typed", "label", "precision"),
    [
        (BALMACEDA, BALMACEDA, "street"),
        ("AVENIDA BALMACEDA, LA SERENA", BALMACEDA, "street"),
        ("  avenida\tbalmaceda ,  la serena\n", BALMACEDA, "street"),
        ("Av. Balmaceda, La Serena, Chile", BALMACEDA, "street"),
        ("Avda Balmaceda La Serena", BALMACEDA, "street"),
        ("balmaceda avenue, la serena", BALMACEDA, "street"),
        ("Balmaceda (La Serena)", BALMACEDA, "street"),
        ("Balmaceda, 1700000 La Serena", BALMACEDA, "street"),
        ("Avnida Balmaseda", BALMACEDA, "street"),
        ("Avenida Balmaceda, La Sernea", BALMACEDA, "street"),
        ("Avenida Balmaceda, La Serena, Coquimbo", BALMACEDA, "street"),
        ("Balmaceda, La Serena, Coquimbo", BALMACEDA, "street"),
        ("Avenida Francisco de Aguirre, Chile", "Avenida Francisco de Aguirre, La Serena", "street"),
        ("Balmaceda, Coquimbo", "Calle Balmaceda, Coquimbo", "street"),
        ("penuelas norte", "Peñuelas Norte, Coquimbo", "street"),
        ("PEÑUELAS NTE", "Peñuelas Norte, Coquimbo", "street"),
        ("ohiggins", "Bernardo O'Higgins, La Serena", "street"),
        ("Bernardo O Higgins", "Bernardo O'Higgins, La Serena", "street"),
        ("Av. F. de Aguirre", "Avenida Francisco de Aguirre, La Serena", "street"),
        ("Ruta 5", "Ruta 5, La Serena", "street"),
        ("laserena", "La Serena", "place"),
        ("La Serena", "La Serena", "place"),
        ("La Serena, Región de Coquimbo, Chile", "La Serena", "place"),
        ("mall plaza", "Mall Plaza, La Serena", "place"),
        ("Pasaje Ramón y Cajal", "Pasaje Ramón y Cajal, La Serena", "street"),
    ],
)
def test_one_place_is_meant(towns: Gazetteer, typed: str, label: str, precision: str) -> None:
    place = towns.resolve(typed)
    assert (place.label, place.precision) == (label, precision)
    assert place.source == "gazetteer"
    assert 0.0 < place.score <= 1.0


@pytest.mark.parametrize(
    ("typed", "label", "precision", "lat"),
    [
        ("Los Carrera 450", "Los Carrera 450, La Serena", "house", -29.9045),
        ("450 Los Carrera", "Los Carrera 450, La Serena", "house", -29.9045),
        ("Los Carrera N° 450, La Serena", "Los Carrera 450, La Serena", "house", -29.9045),
        ("los carrera #450 depto 12", "Los Carrera 450, La Serena", "house", -29.9045),
        ("Los Carrera, 450, La Serena", "Los Carrera 450, La Serena", "house", -29.9045),
        ("Los Carrera 450-B", "Los Carrera 450B, La Serena", "house", -29.9046),
        ("Los Carrera 450 b la serena", "Los Carrera 450B, La Serena", "house", -29.9046),
        ("Los Carrera 450C", "Los Carrera 450, La Serena", "house", -29.9045),
        ("Los Carrera 425", "Los Carrera 425, La Serena", "interpolated", -29.90424),
        ("Los Carrera 475", "Los Carrera 475, La Serena", "interpolated", -29.90474),
        ("Los Carrera 560", "Los Carrera 560, La Serena", "interpolated", -29.9050),
        ("Los Carrera 5000", "Los Carrera, La Serena", "street", -29.9020),
        ("Balmaceda 450, La Serena", BALMACEDA, "street", -29.9100),
        ("18 de septiembre 120", "Calle 18 de Septiembre, La Serena", "street", -29.9000),
        ("14 High St", "14 High Street, La Serena", "interpolated", -29.8802),
    ],
)
def test_house_numbers(towns: Gazetteer, typed: str, label: str, precision: str, lat: float) -> None:
    place = towns.resolve(typed)
    assert (place.label, place.precision) == (label, precision)
    assert place.coordinate.lat == pytest.approx(lat, abs=1e-5)


@pytest.mark.parametrize(
    "typed",
    [
        "Balmaceda & Los Carrera",
        "Balmaceda con Los Carrera",
        "Av. Balmaceda / Los Carrera",
        "Balmaceda esquina Los Carrera, La Serena",
        "Balmaceda esq. los carrera",
        "corner of Balmaceda and Los Carrera",
        "Balmaceda und Los Carrera",
        "balmaceda y los carrera",
        "esquina de balmaceda con los carrera",
        "Balmaseda & Los Carera",
    ],
)
def test_crossings_lie_at_the_shared_junction(towns: Gazetteer, typed: str) -> None:
    place = towns.resolve(typed)
    assert (place.label, place.precision) == ("Avenida Balmaceda & Los Carrera, La Serena", "crossing")
    assert place.coordinate == Coordinate(lat=-29.9012, lon=-71.2510)


def test_a_junction_listed_under_the_other_street_only_is_found(towns: Gazetteer) -> None:
    place = towns.resolve("Francisco de Aguirre con Balmaceda")
    assert place.precision == "crossing"
    assert place.coordinate == Coordinate(lat=-29.9075, lon=-71.2540)


def test_streets_that_almost_meet_cross_at_the_nearest_points(towns: Gazetteer) -> None:
    place = towns.resolve("Las Gaviotas & Los Pelícanos")
    assert place.precision == "crossing"
    exact = towns.resolve("Balmaceda & Los Carrera")
    assert place.score < exact.score
    assert place.coordinate.distance_m(Coordinate(lat=-29.9600, lon=-71.3300)) < 60


def test_streets_that_do_not_meet_are_no_crossing(towns: Gazetteer) -> None:
    with pytest.raises(AddressNotFound):
        towns.resolve("Las Gaviotas & Los Carrera")


def test_a_slip_that_makes_another_known_word_is_seen_through() -> None:
    towns = a_gazetteer(
        a_row("street", "Laguna Verde", -29.91, -71.21), a_row("street", "Pasaje Verda", -29.99, -71.39)
    )
    assert towns.resolve("laguna verda").label == "Laguna Verde, La Serena"
    assert towns.resolve("verda").label == "Pasaje Verda, La Serena"


def test_a_whole_towns_name_is_no_beginning_of_another_towns() -> None:
    towns = a_gazetteer(
        a_row("street", "Landstrasse", -29.91, -71.21, "Triesen"),
        a_row("street", "Landstrasse", -29.99, -71.39, "Triesenberg"),
    )
    for typed in ("Landstrasse, Triesen", "landstrasse triesen"):
        assert towns.resolve(typed).label == "Landstrasse, Triesen"
    assert towns.candidates("Landstrasse, Triesenb", limit=1)[0].label == "Landstrasse, Triesenberg"


@pytest.mark.parametrize("typed", ["xyzzy", "", "   ", "🚗🚗", "\x00\x1f", ",,,", "12", "&", "a" * 201])
def test_what_is_unknown_is_not_found(towns: Gazetteer, typed: str) -> None:
    with pytest.raises(AddressNotFound):
        towns.resolve(typed)


@pytest.mark.parametrize(
    ("typed", "suggestion"),
    [
        ("Balmaceda, Santiago", BALMACEDA),
        ("Francisco de Aguirre, Antofagasta", "Avenida Francisco de Aguirre, La Serena"),
        ("Peñuelas Occidental", "Peñuelas Norte, Coquimbo"),
    ],
)
def test_not_found_suggests_what_comes_near(towns: Gazetteer, typed: str, suggestion: str) -> None:
    with pytest.raises(AddressNotFound) as caught:
        towns.resolve(typed)
    suggestions = [one["label"] for one in caught.value.extra["suggestions"]]
    assert suggestion in suggestions
    assert f"Did you mean {suggestions[0]}" in caught.value.detail


@pytest.mark.parametrize("typed", ["aven", "balma", "Av. Balmac", "Avenida Balmaceda, La Ser", "los c", "boulev"])
def test_unfinished_words_have_candidates(typed: str) -> None:
    towns = a_gazetteer(a_row("street", "Boulevard Colón", -29.93, -71.25))
    expected = {"los c": "Los Carrera", "boulev": "Boulevard Colón"}.get(typed, "Avenida Balmaceda")
    labels = [place.label for place in towns.candidates(typed, limit=10)]
    assert f"{expected}, La Serena" in labels


def test_every_letter_typed_keeps_the_street_among_the_candidates(towns: Gazetteer) -> None:
    text = "Avenida Francisco de Aguirre, La Serena"
    for length in range(10, len(text) + 1):
        labels = [place.label for place in towns.candidates(text[:length], limit=5)]
        assert text in labels, text[:length]


def test_candidates_are_ranked_and_limited(towns: Gazetteer) -> None:
    places = towns.candidates("balmaceda", limit=2)
    assert [place.label for place in places] == [BALMACEDA, "Calle Balmaceda, Coquimbo"]
    assert towns.candidates("balmaceda", limit=1) == places[:1]


def test_nearness_prefers_the_closer_of_two(towns: Gazetteer) -> None:
    in_coquimbo = Coordinate(lat=-29.951, lon=-71.341)
    assert towns.candidates("balmaceda", limit=1, near=in_coquimbo)[0].label == "Calle Balmaceda, Coquimbo"
    assert towns.resolve("balmaceda", near=in_coquimbo).label == "Calle Balmaceda, Coquimbo"


def test_the_best_reading_of_a_word_counts_in_a_name_that_has_several() -> None:
    towns = a_gazetteer(a_row("street", "Carreras Carrera Carrero", -29.91, -71.21))
    hit = next(hit for hit in towns.search("carrera") if hit.label.startswith("Carreras"))
    assert hit.explain()["words"]["value"] == 1.0


def test_a_score_explains_itself(towns: Gazetteer) -> None:
    for hit in towns.search("Avnida Balmaceda 12, La Serena"):
        parts = hit.explain()
        assert sum(part["weight"] for part in parts.values()) == pytest.approx(1.0, abs=1e-3)
        assert sum(part["weight"] * part["value"] for part in parts.values()) == pytest.approx(hit.score, abs=1e-3)
        assert all(0.0 <= part["value"] <= 1.0 for part in parts.values())
    best = towns.search("Avnida Balmaceda 12, La Serena")[0]
    assert best.explain().keys() == {"words", "fullness", "spelling", "city", "number", "importance"}


def test_the_order_of_rows_changes_nothing() -> None:
    from matcher.geocoding.entries.rows import parse_row
    from tests.unit.geocoding.town import ROWS

    turned = Gazetteer(map(parse_row, reversed(ROWS)))
    for text in ("balmaceda", "los pinos", "Los Carrera 450", "la serena", "carrera con balmaceda"):
        assert turned.candidates(text, limit=20) == a_gazetteer().candidates(text, limit=20)


def test_geopy_callers_get_locations(towns: Gazetteer) -> None:
    location = towns.geocode("Los Carrera 450")
    assert isinstance(location, Location)
    assert location.address == "Los Carrera 450, La Serena"
    assert (location.latitude, location.longitude) == (-29.9045, -71.2510)
    assert location.raw["precision"] == "house"
    assert location.raw["rivals"] == []
    assert towns.geocode("xyzzy") is None
    assert towns.geocode("xyzzy", exactly_one=False) is None


def test_geopy_callers_are_told_of_rivals(towns: Gazetteer) -> None:
    location = towns.geocode("balmaceda")
    assert isinstance(location, Location)
    assert location.raw["rivals"] == ["Calle Balmaceda, Coquimbo"]
    several = towns.geocode("balmaceda", exactly_one=False, limit=2)
    assert isinstance(several, list)
    assert [one.address for one in several] == [BALMACEDA, "Calle Balmaceda, Coquimbo"]


def test_geopy_reverse_takes_what_geopy_takes(towns: Gazetteer) -> None:
    for point in (Point(-29.90451, -71.2510), (-29.90451, -71.2510), "-29.90451, -71.2510"):
        location = towns.reverse(point)
        assert isinstance(location, Location)
        assert location.address == "Los Carrera 450, La Serena"
    several = towns.reverse(LA_SERENA, exactly_one=False, limit=3)
    assert isinstance(several, list)
    assert len(several) == 3
    assert towns.reverse((0.0, 0.0)) is None
    assert towns.reverse((0.0, 0.0), exactly_one=False) is None
