"""Whatever is typed, the answer is places or one of two errors."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from matcher.domain.errors.tree import AddressAmbiguous, AddressNotFound
from matcher.domain.place import GeocodedPlace
from matcher.geocoding.entries.rows import parse_row
from matcher.geocoding.gazetteer.gazetteer import Gazetteer
from matcher.geocoding.network.geocoder import decide
from matcher.geocoding.words.text import MAX_QUERY_CHARS, clean, fold, words
from matcher.geocoding.words.understanding import understand
from tests.examples import examples
from tests.unit.geocoding.town import ROWS, a_row

#: Pieces of addresses glued together at random reach further into the readings than random letters do.
PIECES = st.sampled_from(
    [
        "balmaceda",
        "los",
        "carrera",
        "450",
        "450b",
        "-",
        ",",
        "&",
        "/",
        "con",
        "esquina",
        "y",
        "de",
        "la",
        "serena",
        "coquimbo",
        "av.",
        "st",
        "n°",
        "#",
        "c/",
        "corner of",
        "depto 3",
        "1700000",
        "(near",
        ")",
        "near",
        "\x00",
        "🚗",
        "ñ",
        "ß",
        "ﬁ",
        "İ",
        "́",
        "\u202e",
        "�",
        "1/2",
        "x",
        "'",
    ]
)
TYPED = st.one_of(
    st.text(max_size=250), st.lists(PIECES, max_size=40).map(" ".join), st.lists(PIECES, max_size=40).map("".join)
)
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Co", "Cn")), min_size=1, max_size=40).filter(clean)


@settings(max_examples=examples(80))
@given(text=TYPED)
@example("c/")
@example("&" * 200)
@example("1 " * 100)
@example("a, " * 66)
@example("450, , , 12")
@example("12 12 12 bis 12-14 ter")
@example("y con y con y")
def test_nothing_typed_breaks_a_look_up(towns: Gazetteer, text: str) -> None:
    for place in towns.candidates(text, limit=5):
        assert 0.0 <= place.score <= 1.0
        assert place.precision in {"house", "interpolated", "street", "crossing", "place"}
        assert place.label == clean(place.label)
    outcome = resolved(towns, text)
    if isinstance(outcome, AddressAmbiguous):
        assert len(outcome.extra["candidates"]) >= 2
    elif isinstance(outcome, AddressNotFound):
        assert outcome.detail.isprintable()
    else:
        assert len(text) <= MAX_QUERY_CHARS


def resolved(gazetteer: Gazetteer, text: str) -> GeocodedPlace | AddressAmbiguous | AddressNotFound:
    try:
        return gazetteer.resolve(text)
    except (AddressAmbiguous, AddressNotFound) as error:
        return error


@given(text=TYPED)
def test_understanding_gives_few_readings_and_each_has_a_name(text: str) -> None:
    meanings = understand(text)
    assert len(meanings) <= 10
    assert all(meaning.name and all(meaning.name) for meaning in meanings)
    assert bool(meanings) is bool(clean(text))


@given(text=st.text(max_size=100))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert clean(clean(text)) == clean(text)
    assert words(fold(text)) == words(text)


@given(text=st.text(max_size=100))
def test_case_and_accents_do_not_matter(text: str) -> None:
    # Where Unicode itself keeps two capitals apart (ẞ and SS, dotted İ), a fold of the capital is enough.
    assert words(text.casefold()) == words(text)


@settings(max_examples=examples(50))
@given(names=st.lists(NAMES, min_size=1, max_size=12, unique=True), city=st.one_of(st.none(), NAMES))
@example(["12"], "3")
@example(["a, b & c 12"], None)
@example(["near x"], "y")
@example(["·", "··"], None)
def test_every_entry_finds_itself(names: list[str], city: str | None) -> None:
    rows = [a_row("street", name, 10.0 + i, 20.0, city) for i, name in enumerate(names)]
    gazetteer = Gazetteer(map(parse_row, rows))
    for i, name in enumerate(names):
        hits = gazetteer.search(clean(name))
        best = [hit for hit in hits if hits[0].score - hit.score < 1e-6]
        assert any(round(hit.coordinate.lat - 10.0) == i and hit.certain for hit in best), (name, hits)


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] != "address"], ids=lambda row: str(row["name"]))
def test_every_row_of_the_towns_finds_itself(towns: Gazetteer, row: dict[str, object]) -> None:
    text = f"{row['name']}, {row['city']}" if "city" in row else str(row["name"])
    places = towns.candidates(text, limit=2)
    assert any((p.coordinate.lat, p.coordinate.lon) == (row["lat"], row["lon"]) for p in places)


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] == "address"], ids=lambda row: str(row["name"]))
def test_every_house_of_the_towns_finds_itself(towns: Gazetteer, row: dict[str, object]) -> None:
    place = towns.resolve(f"{row['name']}, {row['city']}")
    assert place.precision == "house"
    assert (place.coordinate.lat, place.coordinate.lon) == (row["lat"], row["lon"])


def test_too_long_is_refused_whatever_it_says() -> None:
    with pytest.raises(AddressNotFound):
        decide("a" * 201, [])
