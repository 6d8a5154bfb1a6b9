"""Scores entries by how well their names answer the words typed, all candidates at once in arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz

from matcher.domain.place import Coordinate
from matcher.geocoding.entries.areas import Areas
from matcher.geocoding.entries.rows import PlaceKind
from matcher.geocoding.entries.table import Entries, core_of
from matcher.geocoding.gazetteer.scoring import CERTAIN_FULLNESS, CERTAIN_WORDS, LEAST_WORDS, NEAR_M, WEIGHTS
from matcher.geocoding.words.geometry import distances_m
from matcher.geocoding.words.token_index import TokenIndex, WordHits
from matcher.geocoding.words.understanding import Meaning

F32 = npt.NDArray[np.float32]

#: Entries that are scored to the end, for one reading of a query.
SHORTLIST = 60
#: The worth of a qualifier that can be neither confirmed nor denied.
_PERHAPS_INSIDE = 0.1
#: Factor for names that match but for a kind of street nobody typed.
_UNTYPED_KIND = 0.85


class Scored(NamedTuple):
    """An entry with the parts its name earns in one reading.

    `known`: the name answers enough of the words to be meant; `elsewhere`: it does not lie where the query says.
    """

    entry: int
    parts: dict[str, float]
    known: bool
    elsewhere: bool

    @property
    def certain(self) -> bool:
        """Whether it may be taken for the place meant."""
        return self.known and not self.elsewhere


class NameMatcher:
    """The names of one region's entries, ready for comparison. Read-only once built: thread-safe."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self._index = TokenIndex(key.split(" ") for key in entries.keys)
        self._areas = Areas(entries)
        self._keys = frozenset(entries.keys)

    def is_worth_trying(self, meaning: Meaning) -> bool:
        """False for readings that cannot answer: a number as part of a name where no name has it, or the comma as part
        of a name that no entry bears."""
        if meaning.joined and " ".join(meaning.name) not in self._keys:
            return False
        if meaning.number is not None or meaning.other:
            return True
        known, numbers = self._index.vocabulary, filter(str.isdigit, meaning.name)
        return all(known.number(word) is not None or known.completions(word) for word in numbers)

    def answer(
        self, name: tuple[str, ...], meaning: Meaning, near: Coordinate | None, *, correct: bool
    ) -> list[Scored]:
        """The entries whose names answer the words best, with their parts; at most SHORTLIST."""
        last = len(name) - 1
        hits = [
            self._index.hits(word, complete=meaning.unfinished and position == last, correct=correct)
            for position, word in enumerate(name)
        ]
        name, hits = self._respell(name, hits)
        in_city = self._city_words(name, meaning)
        pool = self._candidates(hits, in_city)
        if not len(pool):
            return []
        similarity, worth = self._spread(hits, pool)
        city_fit = in_city[:, self._entries.city[pool]] if len(in_city) else np.zeros_like(similarity)
        as_city = city_fit > similarity
        named = np.where(as_city, np.float32(0.0), similarity)
        weight = np.array([h.weight for h in hits], np.float32)
        words = weight @ named / np.maximum(weight @ ~as_city, 1e-6)
        own = self._index.worth_of[pool]
        fullness = np.where(own > 0, np.minimum(1.0, (named * worth).sum(axis=0) / np.maximum(own, 1e-6)), 1.0)
        rough: npt.NDArray[np.floating[Any]] = WEIGHTS["words"] * words + WEIGHTS["fullness"] * fullness
        rough = rough + WEIGHTS["importance"] * self._entries.importance[pool]
        value = self._areas.recognise(meaning.qualifiers) if meaning.qualifiers else None
        if value is not None:
            rough += WEIGHTS["city"] * np.append(value[: self._areas.city_count], 0.0)[self._entries.city[pool]]
        if near is not None:
            rough += WEIGHTS["near"] * self._closeness(pool, near)
        best = _largest(rough, np.flatnonzero(words >= LEAST_WORDS), SHORTLIST)
        chosen = pool[best]
        inside = (
            None
            if value is None
            else self._areas.inside(value, chosen, self._entries.lat[chosen], self._entries.lon[chosen])
        )
        closeness = None if near is None else self._closeness(chosen, near)
        return [
            self._score(
                int(pool[column]),
                tuple(word for word, city in zip(name, as_city[:, column], strict=True) if not city),
                words=float(words[column]),
                fullness=float(fullness[column]),
                inside=None if inside is None else float(inside[i]),
                city_fit=float(city_fit[as_city[:, column], column].mean()) if as_city[:, column].any() else None,
                closeness=None if closeness is None else float(closeness[i]),
            )
            for i, column in enumerate(best)
        ]

    def _score(
        self,
        entry: int,
        typed: tuple[str, ...],
        *,
        words: float,
        fullness: float,
        inside: float | None,
        city_fit: float | None,
        closeness: float | None,
    ) -> Scored:
        """The parts of one entry. `typed`: the words not taken for its town; None: a part that does not apply."""
        parts = {
            "words": words,
            "fullness": fullness,
            "spelling": _spelling(" ".join(typed), self._entries.keys[entry]),
            "importance": float(self._entries.importance[entry]),
        }
        elsewhere = inside is not None and inside <= 0.0
        if elsewhere and self._entries.kind[entry] == PlaceKind.PLACE and self._entries.city[entry] < 0:
            # A town that lies in no other one: its qualifier is a province, of which the gazetteer knows nothing.
            inside, elsewhere = _PERHAPS_INSIDE, False
        city = inside if inside is not None else city_fit
        if city is not None:
            parts["city"] = city
        if closeness is not None:
            parts["near"] = closeness
        known = words >= CERTAIN_WORDS and fullness >= CERTAIN_FULLNESS
        return Scored(entry, parts, known, elsewhere)

    def _respell(self, name: tuple[str, ...], hits: list[WordHits]) -> tuple[tuple[str, ...], list[WordHits]]:
        """Splits or joins unknown words where that gives known ones (laserena, haupt strasse)."""
        vocabulary = self._index.vocabulary
        for position, word in enumerate(name):
            if vocabulary.number(word) is not None:
                continue
            start, end = position, position + 1
            pieces: tuple[str, ...] = next(iter(vocabulary.splits(word)), ())
            for left in (position - 1, position):
                if 0 <= left < len(name) - 1 and vocabulary.number(name[left] + name[left + 1]) is not None:
                    start, end, pieces = left, left + 2, (name[left] + name[left + 1],)
                    break
            if pieces:
                fresh = [self._index.hits(piece, complete=False, correct=False) for piece in pieces]
                return (*name[:start], *pieces, *name[end:]), [*hits[:start], *fresh, *hits[end:]]
        return name, hits

    def _city_words(self, name: tuple[str, ...], meaning: Meaning) -> F32:
        """(words, cities + 1) how well each word fits each town; empty where the query names the town after a comma."""
        if meaning.qualifiers or not self._areas.city_count or len(name) < 2:
            return np.empty((0, 0), np.float32)
        last = len(name) - 1
        return np.stack(
            [
                self._areas.word_similarity(word, complete=meaning.unfinished and position == last)
                for position, word in enumerate(name)
            ]
        )

    def _candidates(self, hits: list[WordHits], in_city: F32) -> npt.NDArray[np.int64]:
        """The entries that can answer enough of the words, and some that cannot; ascending.

        Words are left out, the commonest first, as long as all of them together stay below LEAST_WORDS of what is
        asked. This loses nothing: an entry with left-out words only answers at most their weight, and is asked at least
        that of the others which no town's name can absorb.
        """
        firm = [h.weight if not len(in_city) or not in_city[i].any() else 0.0 for i, h in enumerate(hits)]
        by_size = sorted(range(len(hits)), key=lambda i: -len(hits[i].entries))
        left_out, others = 0.0, sum(firm)
        taken = list(by_size)
        for i in by_size:
            left_out, others = left_out + hits[i].weight, others - firm[i]
            if left_out >= LEAST_WORDS * (left_out + others):
                break
            taken.remove(i)
        here = np.zeros(len(self._entries), np.bool_)
        for i in taken:
            here[hits[i].entries] = True
        return np.flatnonzero(here)

    def _spread(self, hits: list[WordHits], pool: npt.NDArray[np.int64]) -> tuple[F32, F32]:
        """(words, pool) similarity and worth of each word in each candidate, 0 where it is absent."""
        shape = (len(hits), len(pool))
        similarity, worth = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        dense = np.zeros((2, len(self._entries)), np.float32)
        for row, hit in enumerate(hits):
            if len(hit.entries):
                dense[0, hit.entries], dense[1, hit.entries] = hit.similarity, hit.worth
                similarity[row], worth[row] = dense[0, pool], dense[1, pool]
                dense[:, hit.entries] = 0.0
        return similarity, worth

    def _closeness(self, entries: npt.NDArray[np.int64], near: Coordinate) -> F32:
        gap = distances_m(self._entries.lat[entries], self._entries.lon[entries], near.lat, near.lon)
        return np.exp(-gap / NEAR_M).astype(np.float32)


def _spelling(typed: str, key: str) -> float:
    """Likeness of letters and order in [0, 1].

    The kind of street counts when it was typed: Pasaje Estadio is not Avenida Estadio. When it was not, it is left out,
    at a small price: a street that is called just what was typed must not lose to a longer one with "Avenida" before
    it.
    """
    if typed == key:
        return 1.0
    core = core_of(typed)
    if core != typed:
        return fuzz.ratio(typed, key) / 100.0
    return _UNTYPED_KIND * fuzz.ratio(core, core_of(key)) / 100.0


def _largest(values: npt.NDArray[np.floating[Any]], among: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """The positions of the largest values, largest first; equal values in the order of position."""
    if len(among) > 4 * count:
        floor = np.partition(values[among], len(among) - count)[len(among) - count]
        among = among[values[among] >= floor]
    return among[np.argsort(-values[among], kind="stable")[:count]]
