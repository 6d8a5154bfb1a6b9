"""The offline geocoder: addresses of one region, from the names on its own map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from geopy.adapters import BaseSyncAdapter
from geopy.exc import GeocoderServiceError
from geopy.geocoders.base import DEFAULT_SENTINEL
from geopy.geocoders.base import Geocoder as GeopyGeocoder
from geopy.location import Location
from geopy.point import Point

from matcher.domain.errors.tree import AddressNotFound
from matcher.domain.place import Coordinate, GeocodedPlace
from matcher.geocoding.entries.labels import Labels
from matcher.geocoding.entries.nearest import NearestNames
from matcher.geocoding.entries.rows import PlaceRow, read_rows
from matcher.geocoding.entries.table import EntriesBuilder, core_of
from matcher.geocoding.gazetteer.scoring import Hit
from matcher.geocoding.gazetteer.search import PlaceSearch
from matcher.geocoding.words.decision import Choice, the_one_meant
from matcher.geocoding.words.text import MAX_QUERY_CHARS

SOURCE = "gazetteer"
DEFAULT_LIMIT = 10


class _NoNetwork(BaseSyncAdapter):  # type: ignore[misc]  # geopy ships no types
    """geopy requires an HTTP adapter of every geocoder; this one is never used."""

    def get_json(self, *_: Any, **__: Any) -> NoReturn:
        raise GeocoderServiceError("the gazetteer never goes to the network")

    get_text = get_json


class Gazetteer(GeopyGeocoder):  # type: ignore[misc]  # geopy ships no types
    """A geopy geocoder over the named things of one region, forward and reverse, without any network.

    Synchronous CPU work of a few milliseconds at 100,000 rows; read-only once built, so threads may share it.
    `Location.raw` carries precision, score, the parts the score is made of, and whether the answer was certain.
    """

    def __init__(self, rows: Iterable[PlaceRow]) -> None:
        super().__init__(adapter_factory=_NoNetwork)
        entries = EntriesBuilder(rows).build()
        self._entries = entries
        self._labels = Labels(entries)
        self._search = PlaceSearch(entries, self._labels)
        self._nearest = NearestNames(entries, self._labels)

    def __len__(self) -> int:
        """How many streets, places and points of interest can be found by name."""
        return len(self._entries)

    @classmethod
    def open(cls, path: Path) -> Gazetteer:
        """The gazetteer of a region's `places.jsonl`. Raises RegionFileInvalid."""
        return cls(read_rows(path))

    def geocode(
        self,
        query: str,
        *,
        exactly_one: bool = True,
        timeout: Any = DEFAULT_SENTINEL,  # noqa: ARG002  geopy's signature; nothing here can time out
        limit: int | None = None,
        location_bias: Any = None,
    ) -> Location | list[Location] | None:
        """Location, a list of them, or None, as every geopy geocoder.

        With `exactly_one` the best answer is returned even when another rivals it; `raw["rivals"]` then names the
        others. Callers that must not guess use `resolve`.
        """
        near = None if location_bias is None else _coordinate(location_bias)
        hits = self.search(query, near=near)
        if not hits:
            return None
        if not exactly_one:
            return [_location(hit) for hit in hits[: DEFAULT_LIMIT if limit is None else limit]]
        verdict = self._judge(hits)
        return _location(hits[0], rivals=[place.label for place in verdict.rivals])

    def reverse(
        self,
        query: Any,
        *,
        exactly_one: bool = True,
        timeout: Any = DEFAULT_SENTINEL,  # noqa: ARG002  geopy's signature; nothing here can time out
        limit: int | None = None,
    ) -> Location | list[Location] | None:
        """The named thing nearest to a point in any form that geopy takes, a list of them, or None."""
        found = self._nearest.at(_coordinate(query), limit=1 if exactly_one else (limit or DEFAULT_LIMIT))
        locations = [
            Location(near.label, _point(near.coordinate), {"precision": near.precision, "distance_m": near.distance_m})
            for near in found
        ]
        if exactly_one:
            return locations[0] if locations else None
        return locations or None

    def search(self, text: str, *, near: Coordinate | None = None) -> list[Hit]:
        """Every place the text may mean, best first, uncertain ones included. Empty over 200 characters."""
        return [] if len(text) > MAX_QUERY_CHARS else self._search.find(text, near=near)

    def candidates(self, text: str, *, limit: int, near: Coordinate | None = None) -> list[GeocodedPlace]:
        """The first `limit` of `search` as places."""
        return _places(self.search(text, near=near)[:limit])

    def resolve(self, text: str, *, near: Coordinate | None = None) -> GeocodedPlace:
        """The one place meant. Raises AddressAmbiguous (with candidates), AddressNotFound (with suggestions)."""
        if len(text) > MAX_QUERY_CHARS:
            raise AddressNotFound(f"an address has at most {MAX_QUERY_CHARS} characters, this one has {len(text)}")
        hits = self.search(text, near=near)
        verdict = self._judge(hits)
        if verdict.rivals:
            verdict = self._judge(self._told_apart(hits))
        return verdict.take(text)

    def _told_apart(self, hits: list[Hit]) -> list[Hit]:
        """The hits with unambiguous labels: Arauco and Avenida Arauco of one town need a crossed street."""

        def name_and_town(hit: Hit) -> tuple[str, int]:
            return core_of(self._entries.keys[hit.entry]), int(self._entries.city[hit.entry])

        bearers = Counter(name_and_town(hit) for hit in hits if hit.precision == "street")
        return [
            hit._replace(label=self._labels.of(hit.entry, hint=True))
            if hit.precision == "street" and bearers[name_and_town(hit)] > 1
            else hit
            for hit in hits
        ]

    def _judge(self, hits: list[Hit]) -> Choice:
        def same(i: int, j: int) -> bool:
            a, b = hits[i], hits[j]
            # Two houses, or two corners, of one street are different places; two stretches of it are not.
            return a.precision == b.precision == "street" and self._entries.is_same_street(a.entry, b.entry)

        return the_one_meant(_places(hits), certain=[hit.certain for hit in hits], same=same)

    def describe(self, coordinate: Coordinate) -> GeocodedPlace | None:
        """The named thing nearest to a coordinate, or None when there is none within 2 km."""
        for near in self._nearest.at(coordinate):
            # Only closeness counts: 1 on the spot, a third at a kilometre.
            score = 1.0 / (1.0 + near.distance_m / 500.0)
            return GeocodedPlace(near.coordinate, near.label, near.precision, score, SOURCE)
        return None


def _places(hits: list[Hit]) -> list[GeocodedPlace]:
    return [GeocodedPlace(hit.coordinate, hit.label, hit.precision, hit.score, SOURCE) for hit in hits]


def _location(hit: Hit, *, rivals: list[str] | None = None) -> Location:
    raw: dict[str, Any] = {
        "precision": hit.precision,
        "score": hit.score,
        "parts": hit.explain(),
        "certain": hit.certain,
    }
    if rivals is not None:
        raw["rivals"] = rivals
    return Location(hit.label, _point(hit.coordinate), raw)


def _coordinate(point: Any) -> Coordinate:
    if isinstance(point, Coordinate):
        return point
    point = point if isinstance(point, Point) else Point(point)
    return Coordinate(lat=point.latitude, lon=point.longitude)


def _point(coordinate: Coordinate) -> Point:
    return Point(coordinate.lat, coordinate.lon)
