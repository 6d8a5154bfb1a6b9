"""The things that can be looked up by name: streets, places and points of interest, in columns."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.domain.place import Coordinate
from matcher.geocoding.entries.crossings import Crossings
from matcher.geocoding.entries.rows import PlaceKind, PlaceRow
from matcher.geocoding.words.abbreviations import GENERIC, expand
from matcher.geocoding.words.geometry import distances_m
from matcher.geocoding.words.houses import HouseNumbers, parse_number
from matcher.geocoding.words.text import signs, words

#: An address names its street by text; of several of that name it belongs to the nearest, if not farther than this from
#: the street's own point: in the same town, and across a town's limit.
_SAME_STREET_M = 5_000.0
_SAME_STREET_ACROSS_M = 1_000.0

#: Stretches of one name closer than this are one street.
PIECES_APART_M = 700.0

#: A street with this many junctions is as well known as streets get.
_WELL_KNOWN_JUNCTIONS = 40
#: Steps of rank (0 a city … 7 a locality or a shop) until a place counts for nothing.
_RANKS = 10.0


@dataclass(frozen=True, slots=True)
class Entries:
    """n entries; `first`-style groups inside `houses` and `crossings` are by entry number.

    Key: the words of a name, folded and expanded, joined by blanks; entries with equal keys have equal `key_id`.
    """

    kind: npt.NDArray[np.int8]  # (n,) PlaceKind
    names: list[str]  # (n,)
    keys: list[str]  # (n,)
    key_id: npt.NDArray[np.int32]  # (n,)
    city: npt.NDArray[np.int32]  # (n,) index into cities, -1 when unknown
    cities: list[str]
    lat: npt.NDArray[np.float64]  # (n,) degrees
    lon: npt.NDArray[np.float64]  # (n,) degrees
    importance: npt.NDArray[np.float32]  # (n,) in [0, 1]
    houses: HouseNumbers
    crossings: Crossings

    def __len__(self) -> int:
        return len(self.names)

    def at(self, entry: int) -> Coordinate:
        """The point that stands for an entry."""
        return Coordinate(lat=float(self.lat[entry]), lon=float(self.lon[entry]))

    def is_same_street(self, a: int, b: int) -> bool:
        """Whether two entries of one name are pieces of one street: maps leave stretches of a street unnamed."""
        if self.key_id[a] != self.key_id[b]:
            return False
        return self.crossings.closest(a, b, self.lat, self.lon)[1] <= PIECES_APART_M

    def city_name(self, entry: int) -> str | None:
        """The town an entry belongs to, or None."""
        city = int(self.city[entry])
        return None if city < 0 else self.cities[city]


def name_tokens(name: str) -> list[str]:
    """The words a name is indexed under. A name of signs alone is indexed as it is written, so that it can be found."""
    return expand(words(name)) or signs(name)


def core_of(key: str) -> str:
    """A key without the words that only say what kind of street it is; the key itself when nothing else is left."""
    return " ".join([word for word in key.split(" ") if word not in GENERIC]) or key


class EntriesBuilder:
    """Collects rows into Entries. Rows may come in any order; those without a name are left out."""

    def __init__(self, rows: Iterable[PlaceRow]) -> None:
        self._rows: list[PlaceRow] = []
        self._addresses: list[PlaceRow] = []
        self._key = functools.cache(lambda name: " ".join(name_tokens(name)))
        for row in rows:
            if row.kind is PlaceKind.ADDRESS and row.street is not None and row.housenumber is not None:
                self._addresses.append(row)
            elif row.name:
                self._rows.append(row)

    def build(self) -> Entries:
        """Attach addresses to streets and lay everything out in columns."""
        houses = self._attach_addresses()
        keys = [self._key(row.name) for row in self._rows]
        key_ids: dict[str, int] = {}
        key_id = np.array([key_ids.setdefault(key, len(key_ids)) for key in keys], dtype=np.int32)
        cities: dict[str, str] = {}  # by key, each as it is first written
        for row in self._rows:
            if row.city is not None:
                cities.setdefault(self._key(row.city), row.city)
        number = {key: index for index, key in enumerate(cities)}
        city = [-1 if row.city is None else number[self._key(row.city)] for row in self._rows]
        junctions = [
            (entry, key_ids.get(self._key(other), -1), other, lat, lon)
            for entry, row in enumerate(self._rows)
            for other, lat, lon in row.crossings
        ]
        return Entries(
            kind=np.array([row.kind for row in self._rows], dtype=np.int8),
            names=[row.name for row in self._rows],
            keys=keys,
            key_id=key_id,
            city=np.array(city, dtype=np.int32),
            cities=list(cities.values()),
            lat=np.array([row.lat for row in self._rows], dtype=np.float64),
            lon=np.array([row.lon for row in self._rows], dtype=np.float64),
            importance=np.array([_importance(row) for row in self._rows], dtype=np.float32),
            houses=HouseNumbers.build(len(keys), houses),
            crossings=Crossings.build(len(keys), junctions),
        )

    def _attach_addresses(self) -> list[tuple[int, int, str, float, float]]:
        """(entry, number, suffix, lat, lon) of every house; streets known only from addresses become entries."""
        streets: dict[str, list[int]] = {}
        for entry, row in enumerate(self._rows):
            if row.kind is PlaceKind.STREET:
                streets.setdefault(self._key(row.name), []).append(entry)
        houses: list[tuple[int, int, str, float, float]] = []
        for row in self._addresses:
            number = parse_number(row.housenumber or "")
            if number is None or row.street is None:
                continue
            same_name = streets.setdefault(self._key(row.street), [])
            street = self._street_of(row, same_name)
            if street is None:
                street = len(self._rows)
                same_name.append(street)
                self._rows.append(PlaceRow(PlaceKind.STREET, row.street, row.lat, row.lon, city=row.city))
            houses.append((street, number[0], number[1], row.lat, row.lon))
        return houses

    def _street_of(self, address: PlaceRow, same_name: list[int]) -> int | None:
        """The street an address stands in: of its own town if there is one, else the nearest of that name."""
        if not same_name:
            return None
        rows = [self._rows[entry] for entry in same_name]
        gaps = distances_m(
            np.array([row.lat for row in rows]), np.array([row.lon for row in rows]), address.lat, address.lon
        )
        city = None if address.city is None else self._key(address.city)
        apart = [city is not None and row.city is not None and self._key(row.city) != city for row in rows]
        best = min(range(len(rows)), key=lambda i: (apart[i], float(gaps[i])))
        limit = _SAME_STREET_ACROSS_M if apart[best] else _SAME_STREET_M
        return same_name[best] if gaps[best] <= limit else None


def _importance(row: PlaceRow) -> float:
    """Prior likelihood among entries of one name: towns before long streets before lanes and shops."""
    if row.kind is PlaceKind.STREET:
        return 0.3 + 0.4 * min(1.0, math.log1p(len(row.crossings)) / math.log1p(_WELL_KNOWN_JUNCTIONS))
    best = 1.0 if row.kind is PlaceKind.PLACE else 0.6
    return max(0.0, best - (row.rank or 0) / _RANKS)
