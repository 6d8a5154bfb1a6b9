"""Make the bundled sample region from the Coquimbo reference project inside an AequilibraE wheel.

Usage: python scripts/make_sample_region.py aequilibrae-1.7.2-….whl [TARGET_FOLDER]

Run once, by hand; its output is committed in matcher/roads/sample/. The same input gives the same bytes. AequilibraE is
not needed to run this: the project is an SQLite file, read with the standard library, whose geometries are SpatiaLite
blobs (https://www.gaia-gis.it/gaia-sins/BLOB-Geometry.html).
"""

from __future__ import annotations

import csv
import io
import itertools
import math
import sqlite3
import struct
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import osmium

INNER_ZIP = "aequilibrae/reference_files/coquimbo.zip"
DATABASE = "project_database.sqlite"
TARGET = Path(__file__).resolve().parent.parent / "matcher" / "roads" / "sample"

_LINESTRING, _MULTIPOLYGON = 2, 6
_HEADER_BYTES = 39  # start, byte order, srid, four doubles of bounding box, 0x7C
_DEGREE = 10_000_000  # OpenStreetMap keeps seven decimals

Point = tuple[int, int]  # (lon, lat) in units of 1e-7 degrees, as OpenStreetMap keeps them

#: The extract holds streets only. Its two cities are added by hand, so that an address may name its city.
CITIES = (("Coquimbo", -29.9533, -71.3395), ("La Serena", -29.9027, -71.2520))


def main(arguments: list[str]) -> int:
    """Write coquimbo.osm.pbf and coquimbo_zones.csv. Returns the exit code: 0, or 2 for wrong arguments."""
    if len(arguments) not in (1, 2):
        sys.stderr.write(__doc__ or "")
        return 2
    target = Path(arguments[1]) if len(arguments) == 2 else TARGET
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        database = Path(scratch) / DATABASE
        database.write_bytes(read_database(Path(arguments[0])))
        connection = sqlite3.connect(database)
        try:
            ways = write_streets(connection, target / "coquimbo.osm.pbf")
            zones = write_zones(connection, target / "coquimbo_zones.csv")
        finally:
            connection.close()
    sys.stdout.write(f"{ways} streets and {zones} zones written to {target}\n")
    return 0


def read_database(source: Path) -> bytes:
    """The project's database, from the wheel or from the coquimbo.zip inside it."""
    with zipfile.ZipFile(source) as outer:
        if DATABASE in outer.namelist():
            return outer.read(DATABASE)
        with zipfile.ZipFile(io.BytesIO(outer.read(INNER_ZIP))) as inner:
            return inner.read(DATABASE)


def write_streets(connection: sqlite3.Connection, path: Path) -> int:
    """One way per link, nodes shared by coordinates (the source cuts links wherever streets meet, so this keeps the
    topology).

    Links of one OpenStreetMap way share its id, so ways are numbered anew and carry the original id as a tag.
    """
    links = connection.execute(
        "SELECT osm_id, direction, link_type, name, geometry FROM links"
        " WHERE link_type <> 'centroid_connector' ORDER BY osm_id, link_id"
    ).fetchall()
    node_ids: dict[Point, int] = {}
    ways = []
    for way_id, (osm_id, direction, link_type, name, geometry) in enumerate(links, start=1):
        points = list(without_repeats(read_line(geometry)))
        refs = [node_ids.setdefault(point, len(node_ids) + 1) for point in points]
        if direction == -1:
            refs.reverse()
        tags = {"highway": link_type, "oneway": "no" if direction == 0 else "yes", "source:osm_way": str(osm_id)}
        if name:
            tags["name"] = name
        ways.append(osmium.osm.mutable.Way(id=way_id, version=1, nodes=refs, tags=dict(sorted(tags.items()))))
    header = osmium.io.Header()
    header.set("generator", "carpool-matcher make_sample_region")
    with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
        for point, node_id in node_ids.items():
            location = (point[0] / _DEGREE, point[1] / _DEGREE)
            writer.add_node(osmium.osm.mutable.Node(id=node_id, version=1, location=location))
        for offset, (name, lat, lon) in enumerate(CITIES, start=1):
            tags = {"name": name, "place": "city"}
            writer.add_node(
                osmium.osm.mutable.Node(id=len(node_ids) + offset, version=1, location=(lon, lat), tags=tags)
            )
        for way in ways:
            writer.add_way(way)
    return len(ways)


def write_zones(connection: sqlite3.Connection, path: Path) -> int:
    """Write lat, lon and population of each zone. Returns the number of zones.

    The point is the one on the zone's residential streets that is nearest to their centre: the centroid of a zone is
    often on a hillside kilometres from any house. A zone without streets gets the street point nearest to the centre
    of its outline.
    """
    homes = _street_points(connection, "link_type = 'residential'")
    streets = _street_points(connection, "link_type <> 'centroid_connector'")
    rows = connection.execute("SELECT geometry, population FROM zones ORDER BY zone_id").fetchall()
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["lat", "lon", "population"])
        for geometry, population in rows:
            rings = read_rings(geometry)
            lived_in = inside(homes, rings) or inside(streets, rings)
            lon, lat = middle(lived_in, lived_in) if lived_in else middle(rings[0], streets)
            writer.writerow([f"{lat / _DEGREE:.7f}", f"{lon / _DEGREE:.7f}", round(population)])
    return len(rows)


def read_line(blob: bytes) -> list[Point]:
    """The points of a SpatiaLite LINESTRING, rounded to OpenStreetMap's precision."""
    kind, count = _unpack(blob, "2I", _HEADER_BYTES)
    if kind != _LINESTRING:
        raise ValueError(f"expected a LINESTRING, found geometry class {kind}")
    flat = _unpack(blob, f"{2 * count}d", _HEADER_BYTES + 8)
    return [(round(lon * _DEGREE), round(lat * _DEGREE)) for lon, lat in zip(flat[::2], flat[1::2], strict=True)]


def read_rings(blob: bytes) -> list[list[Point]]:
    """All rings, outer and inner, of a SpatiaLite MULTIPOLYGON."""
    kind, polygons = _unpack(blob, "2I", _HEADER_BYTES)
    if kind != _MULTIPOLYGON:
        raise ValueError(f"expected a MULTIPOLYGON, found geometry class {kind}")
    offset, rings = _HEADER_BYTES + 8, []
    for _ in range(polygons):
        (ring_count,) = _unpack(blob, "I", offset + 5)  # after 0x69 and the class of the member
        offset += 9
        for _ in range(ring_count):
            (count,) = _unpack(blob, "I", offset)
            flat = _unpack(blob, f"{2 * count}d", offset + 4)
            offset += 4 + 16 * count
            rings.append([(round(x * _DEGREE), round(y * _DEGREE)) for x, y in zip(flat[::2], flat[1::2], strict=True)])
    return rings


def inside(points: list[Point], rings: list[list[Point]]) -> list[Point]:
    """The points inside a polygon with holes (even-odd rule over all its rings)."""
    west, south = (min(point[axis] for ring in rings for point in ring) for axis in (0, 1))
    east, north = (max(point[axis] for ring in rings for point in ring) for axis in (0, 1))
    near = [(x, y) for x, y in points if west <= x <= east and south <= y <= north]
    return [point for point in near if sum(_crossings(point, ring) for ring in rings) % 2 == 1]


def middle(points: list[Point], among: list[Point]) -> Point:
    """The point of `among` nearest to the mean of `points`; ties go to the westernmost, then the southernmost."""
    mean_x, mean_y = (sum(point[axis] for point in points) / len(points) for axis in (0, 1))
    shrink = math.cos(math.radians(mean_y / _DEGREE))
    return min(among, key=lambda point: (math.hypot((point[0] - mean_x) * shrink, point[1] - mean_y), point))


def without_repeats(points: list[Point]) -> Iterator[Point]:
    """The points without consecutive duplicates."""
    previous = None
    for point in points:
        if point != previous:
            yield point
        previous = point


def _street_points(connection: sqlite3.Connection, condition: str) -> list[Point]:
    links = connection.execute(f"SELECT geometry FROM links WHERE {condition}")  # noqa: S608  # constants above
    return [point for (geometry,) in links for point in read_line(geometry)]


def _crossings(point: Point, ring: list[Point]) -> int:
    """How often a ray from the point to the east crosses the ring."""
    x, y = point
    return sum(
        (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax
        for (ax, ay), (bx, by) in itertools.pairwise(ring)
    )


def _unpack(blob: bytes, layout: str, offset: int) -> tuple[Any, ...]:
    order = "<" if blob[1] == 1 else ">"
    return struct.unpack_from(order + layout, blob, offset)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
