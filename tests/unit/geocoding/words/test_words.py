"""Text, abbreviations and readings."""

from __future__ import annotations

import pytest

from matcher.geocoding.words.abbreviations import CANONICAL, FUNCTION_WORDS, GENERIC, expand, number_comes_first
from matcher.geocoding.words.text import clean, fold, words
from matcher.geocoding.words.understanding import Meaning, understand
from matcher.geocoding.words.vocabulary import Vocabulary, edits_allowed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ñuñoa", ["nunoa"]),
        ("GRÜNE STRAßE", ["grune", "strasse"]),
        ("Łódź", ["lodz"]),
        ("O'Higgins", ["ohiggins"]),
        ("O\u2019Higgins", ["ohiggins"]),  # the typographic apostrophe that phones type
        ("l'Église", ["l", "eglise"]),
        ("450-B", ["450", "b"]),
        ("\uff21\uff56\uff45\uff0e \uff11\uff12", ["ave", "12"]),  # full-width forms
        ("ÇAĞLAYAN", ["caglayan"]),
        ("улица Ленина", ["улица", "ленина"]),
        ("🚗", []),
    ],
)
def test_words_are_folded(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_clean_leaves_nothing_invisible() -> None:
    assert clean("\x00a\u202eb\u200bc\ud800  d\n") == "a b c d"
    assert fold("ABC") == "abc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Av. Gral. Bulnes", "avenida general bulnes"),
        ("avda pdte Kennedy", "avenida presidente kennedy"),
        ("Pje. Los Olivos", "pasaje los olivos"),
        ("c Mayor", "calle mayor"),
        ("Calle C", "calle c"),
        ("St Andrews St", "saint andrews street"),
        ("St. Pauli", "saint pauli"),
        ("Sankt Gallen", "saint gallen"),
        ("Dr. Beck Dr.", "doctor beck drive"),
        ("Hauptstr.", "hauptstrasse"),
        ("Haupt Str.", "haupt strasse"),
        ("Bd Voltaire", "boulevard voltaire"),
        ("Rte de Lyon", "ruta de lyon"),
        ("5th Ave", "5th avenida"),
        ("Sta. Rosa", "santa rosa"),
    ],
)
def test_abbreviations_depend_on_where_they_stand(text: str, expected: str) -> None:
    assert " ".join(expand(words(text))) == expected


def test_the_tables_contradict_neither_themselves_nor_each_other() -> None:
    assert not set(CANONICAL) & GENERIC
    assert not GENERIC & FUNCTION_WORDS
    assert all(CANONICAL.get(word, word) == word for word in CANONICAL.values())


@pytest.mark.parametrize(
    ("name", "first"), [("high street", True), ("rue pasteur", True), ("los carrera", False), ("street", False)]
)
def test_where_the_house_number_goes(name: str, first: bool) -> None:
    assert number_comes_first(name.split()) is first


def readings(text: str) -> set[tuple[str, tuple[int, str] | None, str, tuple[str, ...]]]:
    return {
        (" ".join(m.name), m.number, " ".join(m.other), tuple(" ".join(q) for q in m.qualifiers))
        for m in understand(text)
    }


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("Los Carrera 450", ("los carrera", (450, ""), "", ())),
        ("450 Los Carrera", ("los carrera", (450, ""), "", ())),
        ("Los Carrera 450-B, La Serena", ("los carrera", (450, "b"), "", ("la serena",))),
        ("Los Carrera 450B", ("los carrera", (450, "b"), "", ())),
        ("12 bis rue Pasteur", ("rue pasteur", (12, "bis"), "", ())),
        ("Los Carrera Nº 450 depto 31", ("los carrera", (450, ""), "", ())),
        ("Landstrasse 3-7, Schaan", ("landstrasse", (3, ""), "", ("schaan",))),
        ("Calle Mayor, 12, Madrid", ("calle mayor", (12, ""), "", ("madrid",))),
        ("12, High St, London", ("high street", (12, ""), "", ("london",))),
        ("Weg 76, 76a, 76b, Ort", ("weg", (76, ""), "", ("ort",))),
        ("21 de Mayo 450", ("21 de mayo", (450, ""), "", ())),
        ("21 de Mayo", ("21 de mayo", None, "", ())),
        ("A. Prat & Colón, Centro", ("a prat", None, "colon", ("centro",))),
        ("Ecke Bahnhofstr. / Ringstr.", ("bahnhofstrasse", None, "ringstrasse", ())),
        ("Los Pinos, Coquimbo (near Las Dalias)", ("los pinos", None, "las dalias", ("coquimbo",))),
        ("Balmaceda - La Serena", ("balmaceda", None, "", ("la serena",))),
    ],
)
def test_readings_contain_the_right_one(
    text: str, reading: tuple[str, tuple[int, str] | None, str, tuple[str, ...]]
) -> None:
    assert reading in readings(text)


def test_a_number_is_not_a_street_that_crosses() -> None:
    assert all(not meaning.other for meaning in understand("Los Carrera 450/2"))
    assert all(not meaning.other for meaning in understand("c/ Mayor"))


def test_only_the_last_word_may_be_unfinished() -> None:
    assert understand("los pin") == [Meaning(name=("los", "pin"), unfinished=True)]
    assert [meaning.name for meaning in understand("los carr")] == [("los", "carretera"), ("los", "carr")]
    assert not any(meaning.unfinished for meaning in understand("Los Carrera, La Serena") if meaning.qualifiers)


@pytest.mark.parametrize(("length", "edits"), [(3, 0), (4, 1), (6, 1), (7, 2), (10, 2), (11, 3)])
def test_short_words_may_have_fewer_slips(length: int, edits: int) -> None:
    assert edits_allowed(length) == edits


def test_corrections_are_the_nearest_words_and_never_numbers() -> None:
    vocabulary = Vocabulary(["1850", "balmaceda", "carrera", "carreras", "cerrada", "mar"], [1, 1, 1, 1, 1, 1])
    found = {vocabulary.tokens[reading.token]: reading.similarity for reading in vocabulary.corrections("carera")}
    assert found == {"carrera": pytest.approx(6 / 7)}
    assert vocabulary.corrections("1851") == ()
    assert vocabulary.corrections("mer") == ()
    assert vocabulary.splits("marcarrera") == [("mar", "carrera")]
    assert [vocabulary.tokens[r.token] for r in vocabulary.completions("carr")] == ["carrera", "carreras"]
