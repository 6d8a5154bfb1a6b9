"""The words of a region's names, with completions and corrections of typed words."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from matcher.geocoding.words.abbreviations import ALIASES_FOR_COMPLETION

#: How many readings of one word are followed at most.
MAX_READINGS = 24
_CORRECTIONS_KEPT = 4096
_COMPLETIONS_KEPT = 64


class WordReading(NamedTuple):
    """A word of the vocabulary that a typed word may stand for; `similarity` in (0, 1], 1 for the very word."""

    token: int
    similarity: float


def edits_allowed(length: int) -> int:
    """How many edits (optimal string alignment) still make it the same word: short words have too many neighbours."""
    return 0 if length <= 3 else 1 if length <= 6 else 2 if length <= 10 else 3


class Vocabulary:
    """n words, ascending; the number of a word is its place. Look-ups never change it, so threads may share it."""

    def __init__(self, tokens: Sequence[str], frequency: Sequence[int]) -> None:
        self.tokens = list(tokens)
        self._frequency = frequency
        self._number = {token: i for i, token in enumerate(self.tokens)}
        self._by_length: dict[int, list[str]] = {}
        for token in self.tokens:
            if not _has_digit(token):
                self._by_length.setdefault(len(token), []).append(token)
        # lru_cache on the bound function: one cache for each region, gone with it.
        self.corrections = lru_cache(maxsize=_CORRECTIONS_KEPT)(self._corrections)

    def number(self, token: str) -> int | None:
        return self._number.get(token)

    def completions(self, beginning: str) -> list[WordReading]:
        """Longer words that begin so, the commonest when there are many. Synonyms count: avenu → avenida."""
        start = bisect_left(self.tokens, beginning)
        end = bisect_left(self.tokens, beginning + "\U0010ffff", lo=start)
        numbers = [i for i in range(start, end) if len(self.tokens[i]) > len(beginning)]
        if len(numbers) > _COMPLETIONS_KEPT:
            numbers = sorted(numbers, key=lambda i: (-self._frequency[i], i))[:_COMPLETIONS_KEPT]
        found = {i: _completion_similarity(len(beginning), len(self.tokens[i])) for i in numbers}
        if len(beginning) >= 4:
            for alias, word in ALIASES_FOR_COMPLETION:
                number = self._number.get(word) if alias.startswith(beginning) else None
                if number is not None:
                    found.setdefault(number, _completion_similarity(len(beginning), len(alias)))
        return [WordReading(i, similarity) for i, similarity in found.items()]

    def splits(self, token: str) -> list[tuple[str, str]]:
        """Two known words that were typed as one (laserena → la serena), longest second word first."""
        return [
            (token[:cut], token[cut:])
            for cut in range(2, len(token) - 2)
            if token[:cut] in self._number and token[cut:] in self._number
        ]

    def _corrections(self, token: str) -> tuple[WordReading, ...]:
        """Words within the allowed edits, best first, the typed word itself left out; numbers are never "corrected"."""
        allowed = edits_allowed(len(token))
        if allowed == 0 or _has_digit(token):
            return ()
        found: list[WordReading] = []
        for length in range(len(token) - allowed, len(token) + allowed + 1):
            bucket = self._by_length.get(length, [])
            for word, edits, _ in extract(token, bucket, scorer=OSA.distance, score_cutoff=allowed, limit=MAX_READINGS):
                if edits > 0:
                    found.append(WordReading(self._number[word], 1.0 - edits / max(len(token), length)))
        found.sort(key=lambda reading: (-reading.similarity, reading.token))
        return tuple(found[:MAX_READINGS])


def _completion_similarity(typed: int, whole: int) -> float:
    return 0.75 + 0.2 * typed / whole


def _has_digit(token: str) -> bool:
    return not token.isalpha() and any(c.isdigit() for c in token)
