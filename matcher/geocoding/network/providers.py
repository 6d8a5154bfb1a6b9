"""The geocoding services that can be used, in one table: what each needs, what it allows, and how its answers are read.

The names are those of CARPOOL_GEOCODERS and of geopy, which calls the services.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from matcher.domain.place import BoundingBox, Coordinate


class Wish(NamedTuple):
    """Parameters of a search beside its text; each provider takes what it understands."""

    limit: int
    box: BoundingBox | None = None
    near: Coordinate | None = None


class ProviderAnswer(NamedTuple):
    """A provider's raw result, read. `relevance` in [0, 1], None when the provider gives no usable number."""

    precision: str
    relevance: float | None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """One geocoding service."""

    name: str
    public_domain: str | None  # None: operators name a server of their own
    attribution: str  # to be shown wherever its answers are
    options: Callable[[Wish], dict[str, Any]]  # geopy's arguments
    read: Callable[[Mapping[str, Any]], ProviderAnswer]
    takes_key: bool = False
    public_interval_s: float = 0.0  # between calls to the public server, which then takes one at a time
    shapes: tuple[type, ...] = (dict,)  # of a decoded answer


def _corners(box: BoundingBox) -> list[tuple[float, float]]:
    """Two opposite corners as geopy takes them: (lat, lon)."""
    return [(box.south, box.west), (box.north, box.east)]


def _nominatim_options(wish: Wish) -> dict[str, Any]:
    options: dict[str, Any] = {"limit": wish.limit, "addressdetails": True}
    return options if wish.box is None else options | {"viewbox": _corners(wish.box), "bounded": True}


def _photon_options(wish: Wish) -> dict[str, Any]:
    options: dict[str, Any] = {"limit": wish.limit}
    if wish.box is not None:
        options["bbox"] = _corners(wish.box)
    if wish.near is not None:
        options["location_bias"] = (wish.near.lat, wish.near.lon)
    return options


def _pelias_options(wish: Wish) -> dict[str, Any]:
    return {} if wish.box is None else {"boundary_rect": _corners(wish.box)}


def _ban_options(wish: Wish) -> dict[str, Any]:
    return {"limit": wish.limit}


def _read_nominatim(raw: Mapping[str, Any]) -> ProviderAnswer:
    if raw.get("address", {}).get("house_number"):
        return ProviderAnswer("house", None)
    return ProviderAnswer("street" if raw.get("class", raw.get("category")) == "highway" else "place", None)


def _read_photon(raw: Mapping[str, Any]) -> ProviderAnswer:
    told = raw["properties"]
    if told.get("housenumber"):
        label = _joined(f"{told.get('street') or told.get('name', '')} {told['housenumber']}".strip(), told.get("city"))
        return ProviderAnswer("house", None, label)
    precision = "street" if told.get("osm_key") == "highway" or told.get("type") == "street" else "place"
    return ProviderAnswer(precision, None, _joined(told.get("name"), told.get("city"), told.get("country")))


def _read_pelias(raw: Mapping[str, Any]) -> ProviderAnswer:
    told = raw["properties"]
    precision = {"address": "house", "street": "street", "intersection": "crossing"}.get(told.get("layer", ""), "place")
    if told.get("match_type") == "interpolated" or told.get("accuracy") == "interpolated":
        precision = "interpolated"
    return ProviderAnswer(precision, _share(told.get("confidence")), told.get("label"))


def _read_ban(raw: Mapping[str, Any]) -> ProviderAnswer:
    told = raw["properties"]
    precision = {"housenumber": "house", "street": "street"}.get(told.get("type", ""), "place")
    return ProviderAnswer(precision, _share(told.get("score")))


def _share(value: Any) -> float | None:
    return min(1.0, max(0.0, float(value))) if isinstance(value, int | float) else None


def _joined(*parts: str | None) -> str | None:
    return ", ".join(dict.fromkeys(part for part in parts if part)) or None


_OSM = "© OpenStreetMap contributors (ODbL 1.0)"
_TABLE = (
    Provider(
        "nominatim",
        "nominatim.openstreetmap.org",
        _OSM,
        _nominatim_options,
        _read_nominatim,
        public_interval_s=1.0,
        shapes=(dict, list),
    ),
    Provider("photon", "photon.komoot.io", _OSM, _photon_options, _read_photon),
    Provider("pelias", None, "that of the server's data", _pelias_options, _read_pelias, takes_key=True),
    # geopy's own default host is closed.
    Provider(
        "banfrance", "data.geopf.fr/geocodage", "Base Adresse Nationale (Licence Ouverte 2.0)", _ban_options, _read_ban
    ),
)
PROVIDERS = {provider.name: provider for provider in _TABLE}
