"""How well a provider's label answers the words that were typed."""

from __future__ import annotations

from rapidfuzz.distance import OSA

from matcher.geocoding.words.abbreviations import FUNCTION_WORDS, GENERIC, expand
from matcher.geocoding.words.text import words

#: Below this a provider's answer is about something else: some of them never say that they found nothing.
CERTAIN_LIKENESS = 0.5
_MINOR_WEIGHT = 0.3


def likeness(text: str, label: str) -> float:
    """The share of the typed words that the label answers, in [0, 1]: each by its most similar word, numbers only
    exactly.

    Words that name a kind of street, or join others, count less. Text without words is like everything: 1.
    """
    typed, shown = expand(words(text)), expand(words(label))
    whole = answered = 0.0
    for word in typed:
        weight = _MINOR_WEIGHT if word in GENERIC or word in FUNCTION_WORDS else 1.0
        whole += weight
        answered += weight * _best(word, shown)
    return answered / whole if whole > 0.0 else 1.0


def _best(word: str, shown: list[str]) -> float:
    if word in shown:
        return 1.0
    if not word.isalpha():
        return 0.0
    return max((OSA.normalized_similarity(word, other, score_cutoff=0.5) for other in shown), default=0.0)
