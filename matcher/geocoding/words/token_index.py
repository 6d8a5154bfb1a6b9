"""Inverted index: which entries contain a word, and how much telling a word is worth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.geocoding.words.abbreviations import FUNCTION_WORDS, GENERIC
from matcher.geocoding.words.vocabulary import MAX_READINGS, Vocabulary, WordReading

#: A word that only says what kind of street it is, or joins others, counts this much of what its rarity says.
MINOR_SHARE = 0.25

#: Fewer letters than this are not completed: they begin half the words of a region.
MIN_COMPLETION = 2


@dataclass(frozen=True, slots=True)
class WordHits:
    """What one typed word found: entries (ascending, unique) with the similarity of the best reading in each.

    `weight` is what the word is worth in the query; `worth[i]` what the word found is worth in entry i's name, 0 for
    words of street kind: a name that lacks them is whole without.
    """

    weight: float
    entries: npt.NDArray[np.int32]  # (hits,)
    similarity: npt.NDArray[np.float32]  # (hits,) in (0, 1]
    worth: npt.NDArray[np.float32]  # (hits,)


_NOTHING = (np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.float32))


class TokenIndex:
    """Entries by word. Postings of word t are rows first[t] : first[t + 1] of `postings`, ascending.

    Weight of a word: ln(1 + n / entries with it) (inverse document frequency), a quarter of it for minor words.
    """

    def __init__(self, token_lists: Iterable[Sequence[str]]) -> None:
        numbers: dict[str, int] = {}
        flat: list[int] = []
        owner: list[int] = []
        size = 0
        for entry, tokens in enumerate(token_lists):
            size = entry + 1
            for token in dict.fromkeys(tokens):
                flat.append(numbers.setdefault(token, len(numbers)))
                owner.append(entry)
        ordered = sorted(numbers)
        place = np.empty(len(numbers), dtype=np.int64)
        place[[numbers[token] for token in ordered]] = np.arange(len(ordered))
        token_of = place[np.array(flat, dtype=np.int64)] if flat else np.empty(0, np.int64)
        counts = np.bincount(token_of, minlength=len(ordered))
        self._first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._postings = np.array(owner, dtype=np.int32)[np.argsort(token_of, kind="stable")]
        idf = np.log1p(size / np.maximum(counts, 1)).astype(np.float32)
        generic = np.array([token in GENERIC for token in ordered], dtype=np.bool_)
        minor = generic | np.array([token in FUNCTION_WORDS for token in ordered], dtype=np.bool_)
        self._weight = np.where(minor, MINOR_SHARE * idf, idf).astype(np.float32)
        self._worth = np.where(generic, 0.0, self._weight).astype(np.float32)
        self._unknown = float(np.log1p(size))
        self.vocabulary = Vocabulary(ordered, counts.tolist())
        #: Sum of the worth of an entry's words: what a full match of its name would gather.
        worth_of = np.bincount(np.array(owner, dtype=np.int64), weights=self._worth[token_of], minlength=size)
        self.worth_of = worth_of.astype(np.float32)

    def hits(self, token: str, *, complete: bool, correct: bool) -> WordHits:
        """The entries a typed word finds: the word itself, what it begins (`complete`), what it may be a slip of
        (`correct`).

        A word that is not in the vocabulary is always corrected.
        """
        exact = self.vocabulary.number(token)
        readings = [] if exact is None else [WordReading(exact, 1.0)]
        if complete and len(token) >= MIN_COMPLETION:
            readings.extend(self.vocabulary.completions(token))
        if correct or exact is None:
            readings.extend(self.vocabulary.corrections(token))
        if not readings:
            # An initial ("F. de Aguirre") says too little to speak against a name that lacks it.
            initial = len(token) == 1 and token.isalpha()
            return WordHits(self._unknown * (MINOR_SHARE if initial else 1.0), *_NOTHING)
        best = max(readings, key=lambda reading: reading.similarity)
        if exact is None and len(readings) > MAX_READINGS:
            readings = sorted(readings, key=lambda r: -r.similarity)[: 3 * MAX_READINGS]
        return WordHits(float(self._weight[best.token]), *self._gather(readings))

    def _gather(
        self, readings: Sequence[WordReading]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        if len(readings) == 1:
            token, value = readings[0]
            rows = self._postings[self._first[token] : self._first[token + 1]]
            return rows, np.full(len(rows), value, np.float32), np.full(len(rows), self._worth[token], np.float32)
        # Worst reading first: where an entry contains two readings, the later write, the better one, stays.
        ascending = sorted(readings, key=lambda reading: reading.similarity)
        spans = [self._postings[self._first[t] : self._first[t + 1]] for t, _ in ascending]
        lengths = [len(span) for span in spans]
        entries = np.concatenate(spans)
        similarity = np.repeat(np.array([s for _, s in ascending], np.float32), lengths)
        worth = np.repeat(self._worth[[t for t, _ in ascending]], lengths)
        unique, last = np.unique(entries[::-1], return_index=True)
        keep = len(entries) - 1 - last
        return unique, similarity[keep], worth[keep]
