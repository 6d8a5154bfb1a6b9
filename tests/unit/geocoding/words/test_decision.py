"""Never a silent pick between places that lie apart."""

from __future__ import annotations

import pytest

from matcher.domain.errors.tree import AddressAmbiguous, AddressNotFound
from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.geocoding.gazetteer.gazetteer import Gazetteer
from matcher.geocoding.words.decision import the_one_meant
from tests.unit.geocoding.town import a_gazetteer, a_row, an_address

METRE = 1 / 111_195.0  # of latitude, in degrees


def a_place(north_m: float, score: float, label: str = "x") -> GeocodedPlace:
    return GeocodedPlace(Coordinate(lat=north_m * METRE, lon=0.0), label, "street", score, "test")


def test_equal_scores_far_apart_are_ambiguous_with_all_candidates(towns: Gazetteer) -> None:
    with pytest.raises(AddressAmbiguous) as caught:
        towns.resolve("balmaceda")
    candidates = caught.value.extra["candidates"]
    assert [one["label"] for one in candidates] == ["Avenida Balmaceda, La Serena", "Calle Balmaceda, Coquimbo"]
    assert set(candidates[0]) == {"label", "lat", "lon", "precision", "score"}
    assert (candidates[0]["lat"], candidates[0]["lon"]) == (-29.9100, -71.2500)
    assert "Avenida Balmaceda, La Serena; Calle Balmaceda, Coquimbo" in caught.value.detail


def test_a_candidates_label_typed_back_is_not_ambiguous(towns: Gazetteer) -> None:
    with pytest.raises(AddressAmbiguous) as caught:
        towns.resolve("Los Pinos, Coquimbo")
    labels = [one["label"] for one in caught.value.extra["candidates"]]
    assert sorted(labels) == ["Los Pinos, Coquimbo (near Las Dalias)", "Los Pinos, Coquimbo (near Los Castaños)"]
    for label, lat in (("Las Dalias", -29.9900), ("Los Castaños", -29.9600)):
        place = towns.resolve(f"Los Pinos, Coquimbo (near {label})")
        assert place.precision == "crossing"
        assert place.coordinate.lat == pytest.approx(lat, abs=1e-9)


def test_the_detail_counts_those_it_does_not_name() -> None:
    with pytest.raises(AddressAmbiguous) as caught:
        the_one_meant([a_place(1000 * i, 0.9, f"Prat, Town {i}") for i in range(5)]).take("Prat")
    assert "fits 5 places: Prat, Town 0; Prat, Town 1; Prat, Town 2; and 2 more. Add" in caught.value.detail


def test_the_kind_of_street_decides_when_it_is_typed(towns: Gazetteer) -> None:
    assert towns.resolve("Calle Balmaceda").label == "Calle Balmaceda, Coquimbo"
    assert towns.resolve("Avenida Balmaceda").label == "Avenida Balmaceda, La Serena"


def test_two_stretches_of_one_street_are_one_street(towns: Gazetteer) -> None:
    assert towns.resolve("Avenida del Mar").precision == "street"


def test_the_same_door_number_in_two_towns_is_ambiguous() -> None:
    towns = a_gazetteer(
        an_address("Prat", "7", -29.90, -71.25, "La Serena"), an_address("Prat", "7", -29.95, -71.34, "Coquimbo")
    )
    with pytest.raises(AddressAmbiguous):
        towns.resolve("Prat 7")
    assert towns.resolve("Prat 7, Coquimbo").coordinate == Coordinate(lat=-29.95, lon=-71.34)


def test_a_town_is_meant_before_a_street_of_its_name() -> None:
    towns = a_gazetteer(a_row("street", "Coquimbo", -29.99, -71.25))
    assert towns.resolve("Coquimbo").precision == "place"
    assert towns.resolve("Coquimbo, La Serena").precision == "street"


def a_street_and_an_avenue_of_one_name() -> Gazetteer:
    junctions = [[f"Cross Street {i}", -29.90 + i * 1e-3, -71.25] for i in range(40)]
    return a_gazetteer(
        a_row("street", "Avenida Los Clarines", -29.88, -71.25, crossings=junctions),
        a_row("street", "Los Clarines", -29.98, -71.25, crossings=[["Cross Street 99", -29.98, -71.25]]),
    )


def test_a_street_called_just_what_was_typed_does_not_lose_to_a_longer_one() -> None:
    with pytest.raises(AddressAmbiguous) as caught:
        a_street_and_an_avenue_of_one_name().resolve("Los Clarines, La Serena")
    assert [one["label"] for one in caught.value.extra["candidates"]] == [
        "Avenida Los Clarines, La Serena (near Cross Street 0)",
        "Los Clarines, La Serena (near Cross Street 99)",
    ]


def test_labels_of_rivals_that_differ_by_the_kind_of_street_can_be_typed_back() -> None:
    towns = a_gazetteer(
        a_row("street", "Los Clarines", -29.98, -71.25, crossings=[["Avenida del Mar", -29.98, -71.25]]),
        a_row("street", "Avenida Los Clarines", -29.88, -71.25, crossings=[["Las Dalias", -29.88, -71.25]]),
    )
    with pytest.raises(AddressAmbiguous) as caught:
        towns.resolve("Los Clarines, La Serena")
    for candidate in caught.value.extra["candidates"]:
        place = towns.resolve(candidate["label"])
        assert (place.coordinate.lat, place.coordinate.lon) == (candidate["lat"], candidate["lon"])


def test_the_long_street_is_meant_before_a_stray_piece_of_its_name() -> None:
    junctions = [[f"Cross Street {i}", -29.90 + i * 1e-3, -71.25] for i in range(30)]
    towns = a_gazetteer(
        a_row("street", "Costanera", -29.885, -71.25, crossings=junctions), a_row("street", "Costanera", -30.2, -71.25)
    )
    assert towns.resolve("Costanera").coordinate.lat == -29.885


@pytest.mark.parametrize(
    ("north_m", "score", "ambiguous"),
    [(600.0, 0.90, True), (600.0, 0.871, True), (600.0, 0.869, False), (499.0, 0.90, False), (501.0, 0.90, True)],
)
def test_rivals_are_as_good_and_lie_apart(north_m: float, score: float, ambiguous: bool) -> None:
    verdict = the_one_meant([a_place(0.0, 0.90), a_place(north_m, score)])
    assert bool(verdict.rivals) is ambiguous
    if ambiguous:
        with pytest.raises(AddressAmbiguous):
            verdict.take("x")
    else:
        assert verdict.take("x") == a_place(0.0, 0.90)


def test_places_in_a_row_a_few_metres_apart_are_one_place() -> None:
    verdict = the_one_meant([a_place(i * 400.0, 0.9) for i in range(6)])
    assert verdict.rivals == ()


def test_uncertain_candidates_are_suggestions_never_rivals() -> None:
    places = [a_place(0.0, 0.9, "a"), a_place(5_000.0, 0.9, "b")]
    assert the_one_meant(places, certain=[True, False]).take("x").label == "a"
    assert the_one_meant(places, certain=[False, True]).take("x").label == "b"
    with pytest.raises(AddressNotFound) as caught:
        the_one_meant(places, certain=[False, False]).take("x")
    assert [one["label"] for one in caught.value.extra["suggestions"]] == ["a", "b"]


def test_long_text_is_cut_in_the_message() -> None:
    with pytest.raises(AddressNotFound) as caught:
        the_one_meant([]).take("y" * 500)
    assert "y" * 79 + "…" in caught.value.detail
    assert len(caught.value.detail) < 150
