"""Reads an OpenStreetMap file in one pass: streets, the effects of their nodes, and all names and house numbers."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import osmium
from osmium.filter import KeyFilter

from matcher.domain.errors.tree import RegionFileInvalid
from matcher.progress import Progress
from matcher.roads.network.graph import F64, I32, I64, U8
from matcher.roads.osm.foot import NOT_WALKED, stops_walk, walked
from matcher.roads.osm.tags import NodeEffect, drive, node_effect, street_name

#: The class of a way that cars do not drive.
NO_CARS_CLASS = 255
#: Ways without cars that addresses name as they name streets.
_ADDRESSED = frozenset({"pedestrian"})

#: Only objects with one of these keys reach Python; the rest is passed over in C++.
_KEYS = ("highway", "route", "barrier", "railway", "addr:housenumber", "name")
_REPORT_EVERY = 50_000

_PLACE_RANK = {
    "city": 0,
    "town": 1,
    "village": 2,
    "suburb": 3,
    "borough": 3,
    "quarter": 4,
    "hamlet": 4,
    "neighbourhood": 5,
    "isolated_dwelling": 6,
    "locality": 7,
    "island": 3,
    "square": 5,
}
_POI_RANK: tuple[tuple[str, frozenset[str] | None, int], ...] = (
    ("railway", frozenset({"station", "halt"}), 5),
    ("aeroway", frozenset({"aerodrome", "terminal"}), 5),
    ("amenity", frozenset({"bus_station", "hospital", "university", "college", "townhall", "ferry_terminal"}), 5),
    ("public_transport", frozenset({"station"}), 5),
    ("railway", frozenset({"tram_stop"}), 7),
    ("amenity", None, 7),
    ("tourism", None, 7),
    ("leisure", None, 7),
    ("healthcare", None, 7),
    ("shop", None, 8),
    ("office", None, 8),
)  # (key, values or None for any, rank): the first that fits


@dataclass(frozen=True, slots=True)
class NamedPoint:
    """A place (city … locality) or a point of interest. `category`: the place's kind, None for the latter."""

    name: str
    lat: float
    lon: float
    rank: int
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """A house number and what it belongs to, as mapped."""

    housenumber: str
    street: str
    city: str | None
    lat: float
    lon: float


@dataclass(frozen=True, eq=False)
class RawStreets:
    """w ways with p points. Points of way k are first[k] : first[k + 1], at least two, none like the one before."""

    first: I64  # (w + 1,)
    ref: I64  # (p,) node id
    lat: F64  # (p,) degrees
    lon: F64  # (p,) degrees
    class_code: U8  # (w,) index into ROAD_CLASSES, or NO_CARS_CLASS
    name: I32  # (w,) index into names, -1 when it has none
    has_name: U8  # (w,) 1 when addresses use `name`, 0 when it is only a reference, or a footpath's
    forward_kmh: F64  # (w,) 0 when closed along the way
    backward_kmh: F64  # (w,) 0 when closed against it
    duration_s: F64  # (w,) of the whole way; NaN when not given
    foot: U8  # (w,) NOT_WALKED, WALKED or STEPS (see `foot.py`)
    names: list[str]


@dataclass(frozen=True, eq=False)
class RawExtract:
    """What one file holds that matters here."""

    streets: RawStreets
    node_effects: Mapping[int, NodeEffect]  # on cars, by node id
    closed_to_walkers: frozenset[int]  # node ids that nobody walks through
    named_points: list[NamedPoint]
    addresses: list[Address]
    timestamp: str | None  # of the data, RFC 3339, when the file says so


#: Type codes of the columns of RawStreets while they grow; coordinates are in units of 1e-7 degrees.
_TYPE_CODES = {
    "first": "q",
    "ref": "q",
    "lat": "i",
    "lon": "i",
    "class_code": "B",
    "name": "i",
    "has_name": "B",
    "foot": "B",
    "forward_kmh": "d",
    "backward_kmh": "d",
    "duration_s": "d",
}


def read_extract(path: Path, progress: Progress) -> RawExtract:
    """Read a file in any form that osmium knows by its suffix (.osm.pbf, .osm, .osm.bz2 …).

    Memory: 16 bytes a node of the file for their locations, and the columns of what is kept.
    Raises RegionFileInvalid when the file is missing, truncated, or something else than OpenStreetMap data.
    """
    if not path.is_file():
        raise RegionFileInvalid(f"{path} is not a file")
    reader = _Reader()
    try:
        source = osmium.io.File(str(path))
        timestamp = _timestamp(osmium.io.Reader(source, osmium.osm.NOTHING).header())
        objects = (
            osmium.FileProcessor(source, osmium.osm.NODE | osmium.osm.WAY)
            .with_locations("flex_mem")
            .with_filter(KeyFilter(*_KEYS))
        )
        for count, item in enumerate(objects):
            if count % _REPORT_EVERY == 0:
                progress("reading the map", count)
            tags = dict(item.tags)
            if isinstance(item, osmium.osm.Node):
                reader.take_node(item, tags)
            elif isinstance(item, osmium.osm.Way):
                reader.take_way(item, tags)
    except (RuntimeError, ValueError) as error:
        raise RegionFileInvalid(f"{path.name} is not a whole OpenStreetMap file: {error}") from error
    return reader.result(timestamp)


class _Reader:
    def __init__(self) -> None:
        self._columns: dict[str, array[Any]] = {name: array(code) for name, code in _TYPE_CODES.items()}
        self._columns["first"].append(0)
        self._names: dict[str, int] = {}
        self._effects: dict[int, NodeEffect] = {}
        self._closed_to_walkers: set[int] = set()
        self._points: list[NamedPoint] = []
        self._addresses: list[Address] = []

    def take_node(self, node: osmium.osm.Node, tags: dict[str, str]) -> None:
        effect = node_effect(tags)
        if effect is not None:
            self._effects[node.id] = effect
        if stops_walk(tags):
            self._closed_to_walkers.add(node.id)
        if "name" in tags or "addr:housenumber" in tags:
            self._take_labels(tags, node.lat, node.lon, is_node=True)

    def take_way(self, way: osmium.osm.Way, tags: dict[str, str]) -> None:
        how, foot = drive(tags), walked(tags)
        addressed = "name" in tags and (how is not None or tags.get("highway") in _ADDRESSED)
        if how is None and not addressed:
            self._take_outline(way, tags)
            if foot == NOT_WALKED:
                return
        label = street_name(tags)
        runs = _runs(way)
        # The duration is that of the whole way: of a part of it nothing is known.
        duration = how.duration_s if how is not None and len(runs) == 1 else None
        values = {
            "class_code": NO_CARS_CLASS if how is None else how.class_code,
            "name": -1 if label is None else self._names.setdefault(label, len(self._names)),
            "has_name": addressed,
            "foot": foot,
            "forward_kmh": 0.0 if how is None else how.forward_kmh,
            "backward_kmh": 0.0 if how is None else how.backward_kmh,
            "duration_s": math.nan if duration is None else duration,
        }
        for run in runs:
            for name, points in zip(("ref", "lon", "lat"), zip(*run, strict=True), strict=True):
                self._columns[name].extend(points)
            self._columns["first"].append(len(self._columns["ref"]))
            for name, value in values.items():
                self._columns[name].append(value)

    def _take_outline(self, way: osmium.osm.Way, tags: dict[str, str]) -> None:
        """What is drawn as an area is labelled at the middle of its points."""
        if "addr:housenumber" in tags or ("name" in tags and "highway" not in tags):
            points = [(n.x, n.y) for n in way.nodes if n.location.valid()]
            if points:
                count = len(points) * 1e7
                lat, lon = sum(y for _, y in points) / count, sum(x for x, _ in points) / count
                self._take_labels(tags, lat, lon, is_node=False)

    def _take_labels(self, tags: dict[str, str], lat: float, lon: float, *, is_node: bool) -> None:
        street = tags.get("addr:street", tags.get("addr:place"))
        if street and tags.get("addr:housenumber"):
            self._addresses.append(Address(tags["addr:housenumber"], street, tags.get("addr:city"), lat, lon))
        name = tags.get("name")
        if not name:
            return
        category = tags.get("place") if is_node or tags.get("place") == "square" else None
        if category in _PLACE_RANK:
            self._points.append(NamedPoint(name, lat, lon, _PLACE_RANK[category], category))
            return
        for key, values, rank in _POI_RANK:
            value = tags.get(key)
            if value is not None and (values is None or value in values):
                self._points.append(NamedPoint(name, lat, lon, rank))
                return

    def result(self, timestamp: str | None) -> RawExtract:
        columns = {name: np.array(column) for name, column in self._columns.items()}
        columns |= {"lat": columns["lat"] / 1e7, "lon": columns["lon"] / 1e7}
        streets = RawStreets(**columns, names=list(self._names))
        closed_to_walkers = frozenset(self._closed_to_walkers)
        return RawExtract(streets, self._effects, closed_to_walkers, self._points, self._addresses, timestamp)


def _runs(way: osmium.osm.Way) -> list[list[tuple[int, int, int]]]:
    """(node id, x, y) of the way, cut where the extract lacks a node, without nodes that repeat the one before."""
    runs: list[list[tuple[int, int, int]]] = [[]]
    for node in way.nodes:
        if not node.location.valid():
            runs.append([])
        elif not runs[-1] or runs[-1][-1][0] != node.ref:
            runs[-1].append((node.ref, node.x, node.y))
    return [run for run in runs if len(run) > 1]


def _timestamp(header: osmium.io.Header) -> str | None:
    text = header.get("osmosis_replication_timestamp") or header.get("timestamp")
    try:
        return datetime.fromisoformat(text).isoformat() if text else None
    except ValueError:
        return None
