"""Labels such as "Avenida Balmaceda 450, La Serena"."""

from __future__ import annotations

import numpy as np

from matcher.geocoding.entries.rows import PlaceKind
from matcher.geocoding.entries.table import Entries, core_of, name_tokens
from matcher.geocoding.words.abbreviations import number_comes_first


class Labels:
    """Labels of entries. Streets that share name and town are told apart by a street they cross."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        # Equal (kind of name, town) pairs would print the same label for two different streets.
        pair = entries.key_id.astype(np.int64) * (len(entries.cities) + 2) + entries.city + 1
        _, inverse, counts = np.unique(pair, return_inverse=True, return_counts=True)
        self._shared = counts[inverse] > 1 if len(entries) else np.empty(0, np.bool_)

    def of(self, entry: int, number: str | None = None, *, hint: bool = False) -> str:
        """The label of an entry, with its house number if given. `hint` always names a crossed street."""
        name = self._entries.names[entry]
        if number is not None:
            first = number_comes_first(self._entries.keys[entry].split(" "))
            name = f"{number} {name}" if first else f"{name} {number}"
        return self._with_town(name, entry, hint=number is None and (hint or bool(self._shared[entry])))

    def of_crossing(self, entry: int, other: int) -> str:
        return self._with_town(f"{self._entries.names[entry]} & {self._entries.names[other]}", entry, hint=False)

    def near(self, entry: int, other_name: str) -> str:
        return self._with_town(f"{self._entries.names[entry]}, near {other_name}", entry, hint=False)

    def _with_town(self, name: str, entry: int, *, hint: bool) -> str:
        city = self._entries.city_name(entry)
        if city is not None and not (self._entries.kind[entry] == PlaceKind.PLACE and city == name):
            name = f"{name}, {city}"
        crossed = self._crossed(entry) if hint else None
        return name if crossed is None else f"{name} (near {crossed})"

    def _crossed(self, entry: int) -> str | None:
        rows = range(int(self._entries.crossings.first[entry]), int(self._entries.crossings.first[entry + 1]))
        own = core_of(self._entries.keys[entry])
        # A side street that carries the same name would not tell anything apart.
        crossed = [self._entries.crossings.other_name[row] for row in rows]
        telling = (name for name in crossed if own not in " ".join(name_tokens(name)))
        return next(telling, next((name for name in crossed if name != self._entries.names[entry]), None))
