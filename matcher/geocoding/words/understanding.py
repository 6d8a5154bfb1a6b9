"""The readings of a typed address: a name, a name with a house number, a crossing; each with its towns."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from matcher.geocoding.words.abbreviations import expand
from matcher.geocoding.words.houses import parse_number
from matcher.geocoding.words.text import clean, fold, signs, words

#: A name of more words than this is cut: the longest street names on Earth have fewer.
MAX_WORDS = 24
_MAX_CROSSING_READINGS = 3
#: An abbreviation this long may as well be the beginning of another word.
_SHORTEST_BEGINNING = 3

_SEGMENTS = re.compile(r"\s*[,;()\n]\s*|\s+[-\u2013\u2014]\s+")
_NUMBER = re.compile(r"\d{1,5}[a-z]?")
_NUMBER_MARKS = frozenset({"n", "no", "nro", "num", "numero", "nr", "number", "nº"})
_NUMBER_SUFFIX = re.compile(r"[a-z]|bis|ter|quater")
_UNIT_WORDS = """
depto dpto departamento apt apto apartment appt appartement flat unit suite piso oficina of local etage
stock block torre
"""
_UNITS = frozenset(_UNIT_WORDS.split())
_NEAR = frozenset({"near", "cerca", "bei", "nahe", "pres"})
_RANGE = re.compile(r"\d\s*[-\u2013]\s*\d")
_CALLE = re.compile(r"^c/\s*")
_CORNER_OF = re.compile(
    r"^(?:the\s+)?(?:(?:street\s+)?corner(?:\s+of)?|esquina(?:\s+de)?|esq\.?|cruce(?:\s+de)?|interseccion(?:\s+de)?"
    r"|intersection(?:\s+(?:of|de))?|junction(?:\s+of)?|angle(?:\s+de)?|croisement(?:\s+de)?|ecke|kreuzung)\s+"
)
_CROSSING = re.compile(
    r"\s*[&/@+\u00d7]\s*|\s+(?:con|esquina(?:\s+con)?|esq\.?(?:\s+con)?|y|e|and|und|et|with|at|x|mit|ecke|angle"
    r"|corner(?:\s+of)?|cruce(?:\s+con)?)\s+"
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """One reading of a query. Words are folded and expanded.

    `other` names the second street of a crossing. `qualifiers` are the parts after the first comma, in order.
    `unfinished`: the last word of `name` (of `other` for a crossing) is also the last one typed, so it may be a
    beginning only.
    """

    name: tuple[str, ...]
    qualifiers: tuple[tuple[str, ...], ...] = ()
    number: tuple[int, str] | None = None
    other: tuple[str, ...] = ()
    unfinished: bool = False
    joined: bool = False  # the commas of the query were read as part of the name


def understand(text: str) -> list[Meaning]:
    """The readings of a query, the plainest first; empty when nothing can be seen of it. At most ten."""
    visible = signs(text)
    text = fold(clean(text))
    whole = words(text)
    if not whole:
        return [Meaning(name=tuple(visible))] if visible else []
    first, qualifiers = _segments(text)
    head = words(first)
    beside = next((i for i, told in enumerate(qualifiers) if len(told) > 1 and told[0] in _NEAR), None)
    if beside is not None and head:
        # Our own labels tell streets of one name apart as "Los Pinos, Coquimbo (near Los Castaños)".
        other, rest = qualifiers[beside][1:], qualifiers[:beside] + qualifiers[beside + 1 :]
        return [Meaning(name=_name(head), other=other, qualifiers=rest)]
    meanings = [Meaning(name=_name(whole), unfinished=True, joined=bool(qualifiers))]
    if not qualifiers and (raw := whole[-1]) != meanings[0].name[-1] and len(raw) >= _SHORTEST_BEGINNING:
        # "los carr" abbreviates Carretera, or begins Carrera.
        meanings.append(replace(meanings[0], name=(*meanings[0].name[:-1], raw)))
    if qualifiers and head:
        meanings.append(Meaning(name=_name(head), qualifiers=qualifiers))
    meanings.extend(_with_number(first, head, qualifiers))
    meanings.extend(_as_crossing(first, qualifiers))
    return list(dict.fromkeys(meanings))


def _name(parts: list[str]) -> tuple[str, ...]:
    return tuple(expand(parts[:MAX_WORDS]))


def _segments(text: str) -> tuple[str, tuple[tuple[str, ...], ...]]:
    """The part before the first comma, and the words of each later part; a lone number joins the street beside it."""
    parts = [part for part in _SEGMENTS.split(text) if words(part)]
    if not parts:
        return text, ()
    ends_in_number = _NUMBER.fullmatch(words(parts[0])[-1]) is not None
    if len(parts) > 1 and (_is_number(parts[0]) or (_is_number(parts[1]) and not ends_in_number)):
        parts[:2] = [f"{parts[0]} {parts[1]}"]
    # Further numbers ("76, 76a, 76b") are doors of the same house.
    while len(parts) > 1 and _is_number(parts[1]):
        del parts[1]
    return parts[0], tuple(_name(words(part)) for part in parts[1:])


def _is_number(part: str) -> bool:
    tokens = [token for token in words(part) if token not in _NUMBER_MARKS]
    return len(tokens) == 1 and _NUMBER.fullmatch(tokens[0]) is not None


def _with_number(text: str, tokens: list[str], qualifiers: tuple[tuple[str, ...], ...]) -> list[Meaning]:
    """Readings with the first or last number as the house's. "21 de Mayo 450": 21 or 450, the names decide."""
    numeric = [i for i, token in enumerate(tokens) if _NUMBER.fullmatch(token)]
    if not numeric:
        return []
    tail = next((i for i, token in enumerate(tokens) if token in _UNITS and i > numeric[0]), len(tokens))
    tokens = tokens[:tail]
    numeric = [i for i in numeric if i < tail]
    places = {numeric[-1]}
    if numeric[0] == 0:
        places.add(0)
    if len(numeric) > 1 and numeric[-2] == numeric[-1] - 1 and _RANGE.search(text):
        places = {numeric[-2]}
    meanings = []
    for at in sorted(places, reverse=True):
        number, suffix = parse_number(tokens[at]) or (0, "")
        before, after = tokens[:at], tokens[at + 1 :]
        while before and before[-1] in _NUMBER_MARKS:
            before.pop()
        if after and not suffix and _NUMBER_SUFFIX.fullmatch(after[0]):
            # "450 B" and "450 B Street": the letter may be the house's or the street's, so both are read.
            unfinished = not qualifiers and len(after) > 1
            meanings.append(_numbered(before + after[1:], qualifiers, number, after[0], unfinished))
        if len(numeric) > 1 and after and _NUMBER.fullmatch(after[0]):
            after = after[1:]
        meanings.append(_numbered(before + after, qualifiers, number, suffix, not qualifiers and bool(after)))
    return [meaning for meaning in meanings if meaning.name]


def _numbered(
    tokens: list[str], qualifiers: tuple[tuple[str, ...], ...], number: int, suffix: str, unfinished: bool
) -> Meaning:
    return Meaning(name=_name(tokens), qualifiers=qualifiers, number=(number, suffix), unfinished=unfinished)


def _as_crossing(text: str, qualifiers: tuple[tuple[str, ...], ...]) -> list[Meaning]:
    """Readings as two streets that meet: every sign or word that can join two names is tried as the joint."""
    text = _CORNER_OF.sub("", _CALLE.sub("calle ", text))
    meanings = []
    for joint in _CROSSING.finditer(text):
        left, right = words(text[: joint.start()]), words(_CALLE.sub("calle ", text[joint.end() :]))
        if any(map(str.isalpha, left)) and any(map(str.isalpha, right)):
            meanings.append(Meaning(_name(left), qualifiers, other=_name(right), unfinished=not qualifiers))
    return meanings[:_MAX_CROSSING_READINGS]
