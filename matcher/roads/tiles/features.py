"""What a map of a region shows, as GeoJSON features: roads and names from the region itself, the ground from its
extract.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import osmium
import shapely
from osmium.filter import KeyFilter

from matcher.domain.errors.tree import RegionFileInvalid
from matcher.progress import Progress
from matcher.roads.network.graph import ROAD_CLASSES, RoadNetwork

Feature = dict[str, Any]

#: Class of road -> the zoom from which it is drawn. Links and rare classes are drawn like what they belong to.
_ROAD_ZOOM: Final[Mapping[str, int]] = {
    "motorway": 5,
    "trunk": 6,
    "primary": 7,
    "secondary": 9,
    "tertiary": 10,
    "minor": 12,
    "service": 13,
    "ferry": 8,
}
_DRAWN_AS: Final[Mapping[str, str]] = {
    "unclassified": "minor",
    "residential": "minor",
    "living_street": "minor",
    "road": "minor",
    "track": "service",
}
#: Rank of a place in the gazetteer -> (its class, the zoom from which it is named).
_PLACE_CLASS: Final[Mapping[int, tuple[str, int]]] = {
    0: ("city", 5),
    1: ("town", 7),
    2: ("village", 10),
    3: ("suburb", 11),
    4: ("hamlet", 12),
    5: ("hamlet", 13),
}
#: Key of an area -> its values and the class that they are drawn as.
_GREEN: Final[Mapping[str, frozenset[str]]] = {
    "landuse": frozenset(
        {"forest", "grass", "meadow", "orchard", "vineyard", "cemetery", "recreation_ground", "village_green"}
    ),
    "leisure": frozenset({"park", "garden", "golf_course", "nature_reserve", "pitch"}),
    "natural": frozenset({"wood", "scrub", "heath", "grassland"}),
}
_WATERWAYS: Final[Mapping[str, int]] = {"river": 8, "canal": 10, "stream": 13}
_BOUNDARY_ZOOM: Final[Mapping[str, int]] = {"2": 5, "4": 6, "6": 9, "8": 11}
#: More buildings than this would make the tiles of a city too heavy for a telephone: none is drawn then.
MOST_BUILDINGS: Final = 300_000
_DIGITS: Final = 6
_REPORT_EVERY: Final = 2_000


def road_features(network: RoadNetwork) -> Iterator[Feature]:
    """The streets, pieces of one class and name joined where they touch, so that a name has room along its street."""
    groups: dict[tuple[int, int], list[int]] = {}
    classes, names = network.edge_class[: network.street_count], network.edge_name[: network.street_count]
    for edge, key in enumerate(zip(classes.tolist(), names.tolist(), strict=True)):
        groups.setdefault(key, []).append(edge)
    for (code, _), edges in groups.items():
        kind = ROAD_CLASSES[code].removesuffix("_link")
        kind = _DRAWN_AS.get(kind, kind)
        properties: dict[str, Any] = {"class": kind}
        if (name := network.name(edges[0])) is not None:
            properties["name"] = name
        zoom = _ROAD_ZOOM[kind]
        if ROAD_CLASSES[code].endswith("_link"):
            zoom = max(zoom, 11)
        lines = [shapely.LineString(np.column_stack(network.geometry(edge)[::-1])) for edge in edges]
        joined = shapely.line_merge(shapely.MultiLineString(lines))
        for line in shapely.get_parts(joined):
            yield _feature("roads", zoom, properties, "LineString", shapely.get_coordinates(line))


def place_features(places: Path) -> Iterator[Feature]:
    """The settlements of the gazetteer."""
    with places.open(encoding="utf-8") as rows:
        for line in rows:
            row = json.loads(line)
            shown = _PLACE_CLASS.get(row.get("rank", 99)) if row["kind"] == "place" else None
            if shown is not None:
                kind, zoom = shown
                properties = {"class": kind, "name": row["name"], "rank": row["rank"]}
                yield _feature("places", zoom, properties, "Point", np.array([[row["lon"], row["lat"]]]))


def ground_features(extract: Path, progress: Progress) -> Iterator[Feature]:
    """Water, green, boundaries and, where they are few, buildings.

    Raises RegionFileInvalid for a file that is not whole.
    """
    objects = (
        osmium.FileProcessor(str(extract))
        .with_locations("flex_mem")
        .with_areas(KeyFilter("natural", "waterway", "landuse", "leisure", "building"))
        .with_filter(KeyFilter("natural", "waterway", "landuse", "leisure", "building", "boundary"))
    )
    buildings: list[Feature] = []
    try:
        for count, item in enumerate(objects):
            if count % _REPORT_EVERY == 0:
                progress("drawing the ground", count)
            if isinstance(item, osmium.osm.Way):
                yield from _line_features(item)
            elif isinstance(item, osmium.osm.Area):
                area = _area_feature(item)
                if area is None:
                    continue
                if area["tippecanoe"]["layer"] != "buildings":
                    yield area
                elif len(buildings) <= MOST_BUILDINGS:
                    buildings.append(area)
    except (RuntimeError, ValueError) as error:
        raise RegionFileInvalid(f"{extract.name} is not a whole OpenStreetMap file: {error}") from error
    if len(buildings) <= MOST_BUILDINGS:
        yield from buildings


def _line_features(way: osmium.osm.Way) -> Iterator[Feature]:
    tags = way.tags
    waterway, level = tags.get("waterway") or "", tags.get("admin_level") or ""
    properties: dict[str, Any]
    if waterway in _WATERWAYS:
        layer, zoom, properties = "waterways", _WATERWAYS[waterway], {"class": waterway}
        if "name" in tags:
            properties["name"] = tags["name"]
    elif tags.get("boundary") == "administrative" and level in _BOUNDARY_ZOOM:
        layer, zoom, properties = "boundaries", _BOUNDARY_ZOOM[level], {"level": int(level)}
    else:
        return
    points = [(node.lon, node.lat) for node in way.nodes if node.location.valid()]
    if len(points) > 1:
        yield _feature(layer, zoom, properties, "LineString", np.array(points))


def _area_feature(area: osmium.osm.Area) -> Feature | None:
    tags = area.tags
    properties: dict[str, Any] = {}
    if (
        tags.get("natural") == "water"
        or tags.get("waterway") in {"riverbank", "dock"}
        or tags.get("landuse") == "basin"
    ):
        layer, zoom = "water", 6
        if "name" in tags:
            properties["name"] = tags["name"]
    elif any(tags.get(key) in values for key, values in _GREEN.items()):
        layer, zoom = "green", 9
        wood = tags.get("natural") == "wood" or tags.get("landuse") == "forest"
        properties["class"] = "wood" if wood else "grass"
    elif "building" in tags and tags["building"] != "no":
        layer, zoom = "buildings", 14
    else:
        return None
    polygons = [[_ring(outer), *(_ring(inner) for inner in area.inner_rings(outer))] for outer in area.outer_rings()]
    polygons = [polygon for polygon in polygons if len(polygon[0]) >= 4]
    if not polygons:
        return None
    geometry = {"type": "MultiPolygon", "coordinates": polygons}
    return {"type": "Feature", "tippecanoe": _drawn(layer, zoom), "properties": properties, "geometry": geometry}


def _ring(ring: Iterable[osmium.osm.NodeRef]) -> list[tuple[float, float]]:
    return [(round(node.lon, _DIGITS), round(node.lat, _DIGITS)) for node in ring if node.location.valid()]


def _feature(layer: str, zoom: int, properties: Mapping[str, Any], kind: str, points: Any) -> Feature:
    coordinates = np.round(points, _DIGITS).tolist()
    geometry = {"type": kind, "coordinates": coordinates[0] if kind == "Point" else coordinates}
    return {"type": "Feature", "tippecanoe": _drawn(layer, zoom), "properties": properties, "geometry": geometry}


def _drawn(layer: str, zoom: int) -> dict[str, Any]:
    return {"layer": layer, "minzoom": zoom}
