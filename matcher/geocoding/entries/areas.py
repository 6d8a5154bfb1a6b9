"""Towns and quarters as qualifiers: which entries lie where a query says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from matcher.geocoding.entries.countries import COUNTRY_WORDS
from matcher.geocoding.entries.rows import PlaceKind
from matcher.geocoding.entries.table import Entries, name_tokens
from matcher.geocoding.words.geometry import EARTH_RADIUS_M
from matcher.geocoding.words.token_index import TokenIndex, WordHits

#: Town limits are not surveyed here: a street this far outside still counts a little as inside.
FRINGE_M = 3_000.0
FRINGE_VALUE = 0.6
#: The name of an area must be answered to this share before a qualifier counts as that area.
_RECOGNISED = 0.7
#: A second qualifier is usually the larger unit: it says less.
_LATER_QUALIFIER = 0.5
#: A town's box leaves out its farthest entries: a few are always filed under the wrong town.
_TRIM = (0.02, 0.98)


class Areas:
    """The towns of the entries, then the entries of kind place; each has a box and is found by its words.

    Areas 0 … c - 1 are the cities of `entries`, the rest its places in order.
    """

    def __init__(self, entries: Entries) -> None:
        places = np.flatnonzero(entries.kind == PlaceKind.PLACE)
        self._city = entries.city
        self.city_count = len(entries.cities)
        names = [*entries.cities, *(entries.names[i] for i in places)]
        self.index = TokenIndex(name_tokens(name) for name in names)
        south, north, west, east = (np.empty(len(names)) for _ in range(4))
        for city in range(self.city_count):
            inside = entries.city == city
            south[city], north[city] = np.quantile(entries.lat[inside], _TRIM)
            west[city], east[city] = np.quantile(entries.lon[inside], _TRIM)
        south[self.city_count :] = north[self.city_count :] = entries.lat[places]
        west[self.city_count :] = east[self.city_count :] = entries.lon[places]
        self._box = np.stack([south, west, north, east])

    def __len__(self) -> int:
        return int(self._box.shape[1])

    def word_similarity(self, token: str, *, complete: bool) -> npt.NDArray[np.float32]:
        """(cities + 1,) how well a word fits each city's name; the last slot, for "no city", is 0."""
        dense = np.zeros(self.city_count + 1, np.float32)
        hits = self._hits(token, complete=complete)
        cities = hits.entries < self.city_count
        dense[hits.entries[cities]] = hits.similarity[cities]
        return dense

    def recognise(self, qualifiers: Sequence[Sequence[str]]) -> npt.NDArray[np.float32] | None:
        """(areas,) how well each area answers the qualifiers, 0 where it does not.

        None when there is nothing to recognise: no areas, or only postcodes and countries. All zero means that the
        query speaks of a place outside this region.
        """
        if not len(self):
            return None
        value = np.zeros(len(self), np.float32)
        share = 1.0
        told = False
        for qualifier in qualifiers:
            found = self._answered([word for word in qualifier if not word.isdigit()])
            # A country may share its name with a town (Luxembourg), so it is only passed over when no area answers.
            told = told or bool(found.any()) or not all(word.isdigit() or word in COUNTRY_WORDS for word in qualifier)
            if found.any():
                value = np.maximum(value, share * found)
                share *= _LATER_QUALIFIER
        return value if told else None

    def inside(
        self,
        value: npt.NDArray[np.float32],
        entries: npt.NDArray[np.int64],
        lat: npt.NDArray[np.float64],
        lon: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.float32]:
        """(len(entries),) in [0, 1]: full value within a recognised town, less on its fringe, 0 beyond."""
        by_city = np.append(value[: self.city_count], np.float32(0.0))
        best = by_city[self._city[entries]]
        for area in np.flatnonzero(value):
            south, west, north, east = self._box[:, area]
            up = np.maximum(0.0, np.maximum(south - lat, lat - north))
            aside = np.maximum(0.0, np.maximum(west - lon, lon - east)) * np.cos(np.radians(lat))
            gap = np.radians(np.hypot(up, aside)) * EARTH_RADIUS_M
            best = np.maximum(best, FRINGE_VALUE * value[area] * np.clip(1.0 - gap / FRINGE_M, 0.0, 1.0))
        return np.asarray(best, dtype=np.float32)

    def _hits(self, token: str, *, complete: bool) -> WordHits:
        # Triesen is a town and so is Triesenberg: a whole word is no beginning of another.
        whole = self.index.vocabulary.number(token) is not None
        return self.index.hits(token, complete=complete and not whole, correct=False)

    def _answered(self, words: Sequence[str]) -> npt.NDArray[np.float32]:
        weight_sum = 0.0
        answered, filled = np.zeros(len(self), np.float32), np.zeros(len(self), np.float32)
        for position, word in enumerate(words):
            hits = self._hits(word, complete=position == len(words) - 1)
            weight_sum += hits.weight
            answered[hits.entries] += hits.weight * hits.similarity
            filled[hits.entries] += hits.worth * hits.similarity
        answered /= max(weight_sum, 1e-6)
        whole = np.minimum(1.0, filled / np.maximum(self.index.worth_of, 1e-6))
        return np.where((answered >= _RECOGNISED) & (whole >= 0.5), answered, 0.0).astype(np.float32)
