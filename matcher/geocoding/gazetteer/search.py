"""A look-up in the gazetteer, step by step: understand, gather, score, place, rank."""

from __future__ import annotations

from collections.abc import Iterator

from matcher.domain.place import Coordinate
from matcher.geocoding.entries.crossings import MAX_GAP_M, CrossingFound
from matcher.geocoding.entries.labels import Labels
from matcher.geocoding.entries.rows import PlaceKind
from matcher.geocoding.entries.table import Entries
from matcher.geocoding.gazetteer.names import SHORTLIST, NameMatcher, Scored
from matcher.geocoding.gazetteer.scoring import WEIGHTS, Hit, total
from matcher.geocoding.words.understanding import Meaning, understand

#: With an answer this good, known words are not suspected of being misspelled.
_GOOD_WORDS = 0.9
#: Streets a side between which the nearest corner is looked for, when no junction is known.
_NEAR_MISSES = 8


class PlaceSearch:
    """Look-ups in one region's entries. Built in about a second per 100,000 entries; read-only then: thread-safe."""

    def __init__(self, entries: Entries, labels: Labels) -> None:
        self._entries = entries
        self._names = NameMatcher(entries)
        self._labels = labels
        self._kinds: list[int] = entries.kind.tolist()

    def find(self, text: str, *, near: Coordinate | None = None) -> list[Hit]:
        """Every place the text may mean, best first; ties in the order of label, then entry."""
        found: dict[tuple[int, int, Coordinate | None], Hit] = {}
        meanings = [meaning for meaning in understand(text) if self._names.is_worth_trying(meaning)]
        for correct in (False, True):
            for meaning in meanings:
                for hit in self._answer(meaning, near, correct=correct):
                    # One entry may answer several readings: the best one stays. Junctions of one pair of streets stay
                    # apart.
                    where = hit.coordinate if hit.other >= 0 else None
                    known = found.get((hit.entry, hit.other, where))
                    if known is None or known.score < hit.score:
                        found[hit.entry, hit.other, where] = hit
                if any(_is_perfect(hit) for hit in found.values()):
                    break
            if any(hit.certain and hit.parts["words"] >= _GOOD_WORDS for hit in found.values()):
                break
        best = sorted(found.values(), key=lambda hit: (-round(hit.score, 9), hit.entry, hit.other))[:SHORTLIST]
        labelled = [hit._replace(label=self._label(hit)) for hit in best]
        return sorted(labelled, key=lambda hit: (-round(hit.score, 9), hit.label, hit.entry))

    def _label(self, hit: Hit) -> str:
        if hit.other >= 0:
            return self._labels.of_crossing(hit.entry, hit.other)
        return self._labels.of(hit.entry, hit.label or None)

    def _answer(self, meaning: Meaning, near: Coordinate | None, *, correct: bool) -> Iterator[Hit]:
        if meaning.other:
            yield from self._crossings(meaning, near, correct=correct)
            return
        for scored in self._names.answer(meaning.name, meaning, near, correct=correct):
            yield self._placed(scored, meaning.number)

    def _placed(self, scored: Scored, number: tuple[int, str] | None) -> Hit:
        """The hit of an entry: at its house when a number was asked and is known, else at its own point.

        `label` holds the house number alone until the ranking is done: most hits are never shown.
        """
        entry, parts = scored.entry, scored.parts
        precision = "street" if self._kinds[entry] == PlaceKind.STREET.value else "place"
        found = None
        if number is not None:
            found = self._entries.houses.locate(entry, *number)
            # The right street without its number is still half an answer to the number: the door is on it.
            parts = {**parts, "number": 0.4 if found is None else found.certainty}
        where = self._entries.at(entry) if found is None else found.coordinate
        return Hit(
            entry=entry,
            other=-1,
            coordinate=where,
            label="" if found is None else found.shown,
            precision=precision if found is None else found.precision,
            score=total(parts),
            parts=parts,
            certain=scored.certain,
        )

    def _crossings(self, meaning: Meaning, near: Coordinate | None, *, correct: bool) -> Iterator[Hit]:
        """Junctions of streets that answer the two names; where none share one, the corner where two come nearest."""
        plain = Meaning(name=meaning.name, qualifiers=meaning.qualifiers)
        left = [s for s in self._names.answer(meaning.name, plain, near, correct=correct) if self._is_street(s)]
        right = [s for s in self._names.answer(meaning.other, meaning, near, correct=correct) if self._is_street(s)]
        if not left or not right:
            return
        # A map may list a junction under one of its streets only, so the second name is asked where the first is
        # silent.
        corners = list(self._shared_corners(left, right)) or list(self._shared_corners(right, left))
        yield from corners
        if corners:
            return
        for a in left[:_NEAR_MISSES]:
            for b in right[:_NEAR_MISSES]:
                gap = self._entries.crossings.nearest_pair(a.entry, b.entry, self._entries.lat, self._entries.lon)
                if gap is not None and self._entries.key_id[a.entry] != self._entries.key_id[b.entry]:
                    yield self._corner(a, b, gap)

    def _shared_corners(self, left: list[Scored], right: list[Scored]) -> Iterator[Hit]:
        by_key: dict[int, Scored] = {}
        for scored in right:
            by_key.setdefault(int(self._entries.key_id[scored.entry]), scored)
        for scored in left:
            own = int(self._entries.key_id[scored.entry])
            others = {key: other.entry for key, other in by_key.items() if key != own}
            for crossing in self._entries.crossings.shared(scored.entry, others):
                yield self._corner(scored, by_key[int(self._entries.key_id[crossing.other])], crossing)

    def _corner(self, left: Scored, right: Scored, crossing: CrossingFound) -> Hit:
        # A crossing is only as sure as the less sure of its two names, but one of them is enough to say where it lies:
        # streets that mark a town's limit are filed under either side.
        parts = {}
        for name in WEIGHTS:
            values = [scored.parts[name] for scored in (left, right) if name in scored.parts]
            if values:
                parts[name] = max(values) if name == "city" else min(values)
        parts["crossing"] = 1.0 - 0.5 * crossing.gap_m / MAX_GAP_M - (0.3 if crossing.gap_m > 0 else 0.0)
        return Hit(
            entry=crossing.entry,
            other=crossing.other,
            coordinate=crossing.coordinate,
            label="",
            precision="crossing",
            score=total(parts),
            parts=parts,
            certain=left.known and right.known and not (left.elsewhere and right.elsewhere),
        )

    def _is_street(self, scored: Scored) -> bool:
        return self._kinds[scored.entry] == PlaceKind.STREET.value


def _is_perfect(hit: Hit) -> bool:
    return hit.certain and all(hit.parts.get(name, 1.0) >= 0.9999 for name in ("words", "fullness", "spelling", "city"))
