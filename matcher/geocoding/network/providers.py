"""The geocoding services that can be used, through geopy: how each is called and how its answers are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from geopy.geocoders import BANFrance, Nominatim, Pelias, Photon

from matcher.domain.place import Coordinate
from matcher.geocoding.network.http_client import BoundedAdapter

BAN_DOMAIN = "data.geopf.fr/geocodage"  # the host that geopy knows is closed
NOMINATIM_DOMAIN = "nominatim.openstreetmap.org"
PHOTON_DOMAIN = "photon.komoot.io"


class Box(NamedTuple):
    """A bounding box in degrees."""

    south: float
    west: float
    north: float
    east: float

    def contains(self, where: Coordinate) -> bool:
        """Whether a coordinate lies in the box, its border included."""
        return self.south <= where.lat <= self.north and self.west <= where.lon <= self.east

    def corners(self) -> list[tuple[float, float]]:
        """Two opposite corners as geopy takes them: (lat, lon)."""
        return [(self.south, self.west), (self.north, self.east)]


class Wish(NamedTuple):
    """What is asked beside the text; each provider takes what it understands. `countries`: ISO 3166-1 alpha-2 codes."""

    limit: int
    box: Box | None = None
    near: Coordinate | None = None
    countries: tuple[str, ...] = ()


class Answer(NamedTuple):
    """What a provider's raw result says. `relevance` in [0, 1], None when the provider gives no usable number."""

    precision: str
    relevance: float | None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """A geopy geocoder with the arguments this kind of service understands."""

    kind: str
    geocoder: Any  # a geopy geocoder; geopy ships no types
    options: Callable[[Wish], dict[str, Any]]
    read: Callable[[Mapping[str, Any]], Answer]

    def search(self, text: str, wish: Wish) -> Awaitable[Any]:
        """Ask for candidates: an awaitable of a list of geopy Locations, or of None."""
        found: Awaitable[Any] = self.geocoder.geocode(text, exactly_one=False, **self.options(wish))
        return found

    def reverse(self, where: Coordinate) -> Awaitable[Any]:
        """Ask what is at a coordinate: an awaitable of a geopy Location, or of None."""
        found: Awaitable[Any] = self.geocoder.reverse((where.lat, where.lon), exactly_one=True)
        return found


def make_provider(
    kind: str, *, domain: str | None, scheme: str, timeout_s: float, user_agent: str, api_key: str | None
) -> Provider:
    """A provider by kind: nominatim, photon, pelias or banfrance. Raises ValueError for another kind, or a missing domain."""
    common: dict[str, Any] = {
        "scheme": scheme,
        "timeout": timeout_s,
        "user_agent": user_agent,
        "adapter_factory": partial(BoundedAdapter, shape=(dict, list) if kind == "nominatim" else (dict,)),
    }
    if kind == "nominatim":
        return Provider(
            kind, Nominatim(domain=domain or NOMINATIM_DOMAIN, **common), _nominatim_options, _read_nominatim
        )
    if kind == "photon":
        return Provider(kind, Photon(domain=domain or PHOTON_DOMAIN, **common), _photon_options, _read_photon)
    if kind == "banfrance":
        return Provider(kind, BANFrance(domain=domain or BAN_DOMAIN, **common), _ban_options, _read_ban)
    if kind == "pelias":
        if domain is None:
            raise ValueError("a Pelias geocoder needs the domain of its server")
        return Provider(kind, Pelias(domain, api_key, **common), _pelias_options, _read_pelias)
    raise ValueError(f"unknown geocoder {kind!r}: use nominatim, photon, pelias or banfrance")


def _nominatim_options(wish: Wish) -> dict[str, Any]:
    options: dict[str, Any] = {"limit": wish.limit, "addressdetails": True, "country_codes": list(wish.countries)}
    return options if wish.box is None else options | {"viewbox": wish.box.corners(), "bounded": True}


def _photon_options(wish: Wish) -> dict[str, Any]:
    options: dict[str, Any] = {"limit": wish.limit}
    if wish.box is not None:
        options["bbox"] = wish.box.corners()
    if wish.near is not None:
        options["location_bias"] = (wish.near.lat, wish.near.lon)
    return options


def _pelias_options(wish: Wish) -> dict[str, Any]:
    options: dict[str, Any] = {"countries": list(wish.countries)} if wish.countries else {}
    return options if wish.box is None else options | {"boundary_rect": wish.box.corners()}


def _ban_options(wish: Wish) -> dict[str, Any]:
    return {"limit": wish.limit}


def _read_nominatim(raw: Mapping[str, Any]) -> Answer:
    if raw.get("address", {}).get("house_number"):
        return Answer("house", None)
    return Answer("street" if raw.get("class", raw.get("category")) == "highway" else "place", None)


def _read_photon(raw: Mapping[str, Any]) -> Answer:
    told = raw["properties"]
    if told.get("housenumber"):
        label = _joined(f"{told.get('street') or told.get('name', '')} {told['housenumber']}".strip(), told.get("city"))
        return Answer("house", None, label)
    precision = "street" if told.get("osm_key") == "highway" or told.get("type") == "street" else "place"
    return Answer(precision, None, _joined(told.get("name"), told.get("city"), told.get("country")))


def _read_pelias(raw: Mapping[str, Any]) -> Answer:
    told = raw["properties"]
    precision = {"address": "house", "street": "street", "intersection": "crossing"}.get(told.get("layer", ""), "place")
    if told.get("match_type") == "interpolated" or told.get("accuracy") == "interpolated":
        precision = "interpolated"
    return Answer(precision, _share(told.get("confidence")), told.get("label"))


def _read_ban(raw: Mapping[str, Any]) -> Answer:
    told = raw["properties"]
    precision = {"housenumber": "house", "street": "street"}.get(told.get("type", ""), "place")
    return Answer(precision, _share(told.get("score")))


def _share(value: Any) -> float | None:
    return min(1.0, max(0.0, float(value))) if isinstance(value, int | float) else None


def _joined(*parts: str | None) -> str | None:
    return ", ".join(dict.fromkeys(part for part in parts if part)) or None
