"""Chooses the candidate that is meant, and never silently between places that lie apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matcher.domain.errors.tree import AddressAmbiguous, AddressNotFound
from matcher.domain.place import GeocodedPlace
from matcher.geocoding.words.text import clean

#: Scores closer than this are equal.
SAME_SCORE = 0.03
#: Places nearer than this are the same for a trip by car.
APART_M = 500.0
_MAX_SHOWN = 8
_MAX_NAMED = 3
_MAX_SUGGESTED = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """The outcome. `best` None: nothing certain; `rivals`: others that are as good and lie apart."""

    best: GeocodedPlace | None
    rivals: tuple[GeocodedPlace, ...]
    suggestions: tuple[GeocodedPlace, ...]

    def take(self, text: str) -> GeocodedPlace:
        """The one place, or AddressAmbiguous (extra: candidates), or AddressNotFound (extra: suggestions)."""
        if self.best is None:
            raise not_found(text, self.suggestions)
        if self.rivals:
            shown = [self.best, *self.rivals][:_MAX_SHOWN]
            names = "; ".join(place.label for place in shown[:_MAX_NAMED])
            if len(self.rivals) >= _MAX_NAMED:
                names += f"; and {len(self.rivals) + 1 - _MAX_NAMED} more"
            raise AddressAmbiguous(
                f"the address fits {len(self.rivals) + 1} places: {names}. "
                "Add the town, a house number or a crossing street.",
                extra={"candidates": [as_candidate(place) for place in shown]},
            )
        return self.best


def the_one_meant(
    places: Sequence[GeocodedPlace],
    *,
    certain: Sequence[bool] | None = None,
    same: Callable[[int, int], bool] = lambda _, __: False,
) -> Choice:
    """Judge candidates, best first. `certain[i]`: candidate i may be taken at all (default: all may).

    A rival is a certain candidate within SAME_SCORE of the best that lies more than APART_M from it and from the other
    rivals, and is not the `same` thing (asked for two positions in `places`) as one of them, nor as one that is the
    same as them.
    """
    sure = [i for i in range(len(places)) if certain is None or certain[i]]
    if not sure:
        return Choice(None, (), tuple(places[:_MAX_SUGGESTED]))
    best = places[sure[0]]
    groups: list[list[int]] = []
    for i in sure:
        if best.score - places[i].score > SAME_SCORE:
            break
        alike = [group for group in groups if any(_is_near(places[i], places[j]) or same(i, j) for j in group)]
        groups = [group for group in groups if group not in alike]
        # The first of a group, the lowest position, stands for it.
        groups.append(sorted([i, *(j for group in alike for j in group)]))
    groups.sort()
    return Choice(best, tuple(places[group[0]] for group in groups[1:]), ())


def _is_near(a: GeocodedPlace, b: GeocodedPlace) -> bool:
    return a.coordinate.distance_m(b.coordinate) <= APART_M


def not_found(text: str, suggestions: Sequence[GeocodedPlace] = ()) -> AddressNotFound:
    """The error for an unknown address, with suggestions."""
    hint = f" Did you mean {' or '.join(place.label for place in suggestions)}?" if suggestions else ""
    shown = clean(text)
    shown = shown if len(shown) <= 80 else shown[:79] + "…"
    return AddressNotFound(
        f"no place was found for “{shown}”.{hint}",
        extra={"suggestions": [as_candidate(place) for place in suggestions]},
    )


def as_candidate(place: GeocodedPlace) -> dict[str, Any]:
    """A candidate as problem documents show it."""
    return {
        "label": place.label,
        "lat": place.coordinate.lat,
        "lon": place.coordinate.lon,
        "precision": place.precision,
        "score": round(place.score, 4),
    }
