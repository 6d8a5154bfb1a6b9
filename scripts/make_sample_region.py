"""Make the bundled sample region from the Coquimbo reference project inside an AequilibraE wheel.

Usage: python scripts/make_sample_region.py aequilibrae-1.7.2-….whl [TARGET_FOLDER]

Run once, by hand; its output is committed in matcher/roads/sample/. The same input gives the same bytes. AequilibraE is not
needed to run this: the project is an SQLite file, read with the standard library, whose geometries are SpatiaLite blobs
(https://www.gaia-gis.it/gaia-sins/BLOB-Geometry.html).
"""

from __future__ import annotations

import csv
import io
import itertools
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
    """Write coquimbo.osm.pbf and coquimbo_zones.csv; 0 when done, 2 when called wrongly."""
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
    """One way per link, nodes shared by coordinates (the source cuts links wherever streets meet, so this keeps the topology).

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
    """The centre (of area) of each zone and how many people live there, as CSV: lat, lon, population."""
    rows = connection.execute("SELECT geometry, population FROM zones ORDER BY zone_id").fetchall()
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["lat", "lon", "population"])
        for geometry, population in rows:
            lon, lat = centroid(read_rings(geometry))
            writer.writerow([f"{lat:.6f}", f"{lon:.6f}", round(population)])
    return len(rows)


def read_line(blob: bytes) -> list[Point]:
    """The points of a SpatiaLite LINESTRING, rounded to OpenStreetMap's precision."""
    kind, count = _unpack(blob, "2I", _HEADER_BYTES)
    if kind != _LINESTRING:
        raise ValueError(f"expected a LINESTRING, found geometry class {kind}")
    flat = _unpack(blob, f"{2 * count}d", _HEADER_BYTES + 8)
    return [(round(lon * _DEGREE), round(lat * _DEGREE)) for lon, lat in zip(flat[::2], flat[1::2], strict=True)]


def read_rings(blob: bytes) -> list[list[tuple[float, float]]]:
    """All rings, outer and inner, of a SpatiaLite MULTIPOLYGON, as (lon, lat) in degrees."""
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
            rings.append(list(zip(flat[::2], flat[1::2], strict=True)))
    return rings


def centroid(rings: list[list[tuple[float, float]]]) -> tuple[float, float]:
    """The centre of area of a polygon with holes (shoelace formula; holes wind the other way or are subtracted by size)."""
    total = moment_x = moment_y = 0.0
    origin_x, origin_y = rings[0][0]
    for index, ring in enumerate(rings):
        area = part_x = part_y = 0.0
        for (ax, ay), (bx, by) in itertools.pairwise(ring):
            cross = (ax - origin_x) * (by - origin_y) - (bx - origin_x) * (ay - origin_y)
            area += cross / 2
            part_x += (ax + bx - 2 * origin_x) * cross / 6
            part_y += (ay + by - 2 * origin_y) * cross / 6
        sign = 1.0 if area >= 0 else -1.0
        if index > 0 and _inside(ring[0], rings[0]):
            sign = -sign
        total, moment_x, moment_y = total + sign * area, moment_x + sign * part_x, moment_y + sign * part_y
    return origin_x + moment_x / total, origin_y + moment_y / total


def without_repeats(points: list[Point]) -> Iterator[Point]:
    """The points, without those that repeat the one before."""
    previous = None
    for point in points:
        if point != previous:
            yield point
        previous = point


def _inside(point: tuple[float, float], ring: list[tuple[float, float]]) -> bool:
    x, y = point
    crossings = 0
    for (ax, ay), (bx, by) in itertools.pairwise(ring):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            crossings += 1
    return crossings % 2 == 1


def _unpack(blob: bytes, layout: str, offset: int) -> tuple[Any, ...]:
    order = "<" if blob[1] == 1 else ">"
    return struct.unpack_from(order + layout, blob, offset)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
