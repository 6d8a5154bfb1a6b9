"""Tiles of a region: drawn from its roads and its extract, cut by the real tippecanoe, read back."""

from __future__ import annotations

import gzip
import json
import math
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from matcher.domain.errors.tree import RegionFileInvalid
from matcher.progress import no_progress
from matcher.roads.region.store import RegionStore
from matcher.roads.tiles.archive import FILE, ZOOMS, TileArchive
from matcher.roads.tiles.build import build_tiles, ensure_tiles
from matcher.roads.tiles.features import ground_features, place_features, road_features
from tests.osm_files import StreetMap


def a_town() -> StreetMap:
    """Two crossing streets, one of them in two pieces, a pond, a wood, a stream, a house and a border."""
    town = StreetMap()
    town.way([0, 1], name="Long Street").way([1, 2], name="Long Street").way([1, 11], "primary", name="High Street")
    town.way([2, 12, 11], "tertiary_link")
    town.way([40, 41, 51, 50, 40], None, natural="water", name="Mill Pond")
    town.way([43, 44, 54, 53, 43], None, natural="wood")
    town.way([46, 47, 57, 56, 46], None, building="house")
    town.way([60, 61, 62], None, waterway="stream", name="Mill Brook")
    town.way([70, 71], None, boundary="administrative", admin_level="8")
    town.node(22, place="village", name="Milltown")
    return town


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    return a_town().write(tmp_path / "town.osm.pbf")


@pytest.fixture
def store(tmp_path: Path, extract: Path) -> RegionStore:
    store = RegionStore(tmp_path / "data")
    store.add(extract, "town")
    return store


def tile_of_town(archive: TileArchive, zoom: int = 14) -> bytes | None:
    """The tile around the town's first node."""
    west, south, east, north = (float(edge) for edge in archive.metadata["bounds"].split(","))
    lat = math.radians((south + north) / 2)
    column = int(((west + east) / 2 + 180) / 360 * 2**zoom)
    row = int((1 - math.asinh(math.tan(lat)) / math.pi) / 2 * 2**zoom)
    return archive.read(zoom, column, row)


def test_streets_are_joined_and_classed(store: RegionStore) -> None:
    region = store.get("town")
    roads = list(road_features(region.network))
    assert all(road["tippecanoe"]["layer"] == "roads" for road in roads)
    long_street = [road for road in roads if road["properties"].get("name") == "Long Street"]
    assert [len(road["geometry"]["coordinates"]) for road in long_street] == [3]
    assert long_street[0]["properties"]["class"] == "minor"
    zooms = {road["properties"]["class"]: road["tippecanoe"]["minzoom"] for road in roads}
    assert zooms == {"minor": 12, "primary": 7, "tertiary": 11}
    (village,) = place_features(region.places_path)
    assert village["properties"] == {"class": "village", "name": "Milltown", "rank": 2}
    assert village["geometry"]["coordinates"] == [9.002, 47.002]


def test_the_ground_is_what_the_extract_holds(extract: Path) -> None:
    features = list(ground_features(extract, no_progress))
    assert Counter(feature["tippecanoe"]["layer"] for feature in features) == {
        "water": 1, "green": 1, "buildings": 1, "waterways": 1, "boundaries": 1,
    }  # fmt: skip
    by_layer = {feature["tippecanoe"]["layer"]: feature for feature in features}
    assert by_layer["water"]["properties"] == {"name": "Mill Pond"}
    assert by_layer["green"]["properties"] == {"class": "wood"}
    assert by_layer["boundaries"]["properties"] == {"level": 8}


def test_too_many_buildings_are_left_out(extract: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matcher.roads.tiles.features.MOST_BUILDINGS", 0)
    layers = {feature["tippecanoe"]["layer"] for feature in ground_features(extract, no_progress)}
    assert "buildings" not in layers
    assert "water" in layers


def test_tiles_are_built_with_progress_and_read_back(store: RegionStore, extract: Path) -> None:
    steps: list[tuple[str, float]] = []
    archive = build_tiles(store, "town", lambda step, done=0, total=None: steps.append((step, done)), extract)
    assert {step for step, _ in steps} == {"drawing the ground", "drawing the roads", "cutting the map into tiles"}
    layers = {layer["id"] for layer in json.loads(archive.metadata["json"])["vector_layers"]}
    assert layers == {"roads", "places", "water", "green", "buildings", "waterways", "boundaries"}
    assert archive.source == store.get_manifest("town").source_sha256
    tile = tile_of_town(archive)
    assert tile is not None
    plain = gzip.decompress(tile)
    assert b"Long Street" in plain
    assert b"Mill Pond" in plain
    assert archive.read(ZOOMS[1], 0, 0) is None
    assert [path.name for path in store.beside("town").iterdir() if path.name.startswith("tiles-")] == []


def test_without_its_extract_a_region_has_its_roads(store: RegionStore) -> None:
    archive = build_tiles(store, "town", no_progress)
    layers = {layer["id"] for layer in json.loads(archive.metadata["json"])["vector_layers"]}
    assert layers == {"roads", "places"}


def test_a_downloaded_extract_is_found_again(store: RegionStore, extract: Path) -> None:
    store.downloads.mkdir(parents=True)
    (store.downloads / "town.osm.pbf").write_bytes(extract.read_bytes())
    archive = build_tiles(store, "town", no_progress)
    assert "water" in {layer["id"] for layer in json.loads(archive.metadata["json"])["vector_layers"]}


def test_another_extract_is_refused(store: RegionStore, tmp_path: Path) -> None:
    other = StreetMap().way([0, 1]).write(tmp_path / "other.osm.pbf")
    with pytest.raises(RegionFileInvalid, match="not the extract"):
        build_tiles(store, "town", no_progress, other)


def test_tiles_of_an_older_import_are_not_used(store: RegionStore, tmp_path: Path) -> None:
    first = ensure_tiles(store, "town", no_progress)
    assert ensure_tiles(store, "town", no_progress).stamp == first.stamp
    store.add(a_town().way([2, 3], name="New Street").write(tmp_path / "newer.osm.pbf"), "town")
    assert TileArchive.find(store, "town") is None
    second = ensure_tiles(store, "town", no_progress)
    assert second.stamp != first.stamp
    tile = tile_of_town(second)
    assert tile is not None
    assert b"New Street" in gzip.decompress(tile)


def test_a_damaged_file_is_built_anew(store: RegionStore) -> None:
    ensure_tiles(store, "town", no_progress)
    (store.beside("town") / FILE).write_bytes(b"not a database")
    assert TileArchive.find(store, "town") is None
    assert ensure_tiles(store, "town", no_progress).source is not None


def test_two_processes_build_once(store: RegionStore) -> None:
    cuts = 0
    counting = threading.Lock()

    def report(step: str, done: float = 0, total: float | None = None, /) -> None:
        nonlocal cuts
        if step == "drawing the roads":
            with counting:
                cuts += 1

    with ThreadPoolExecutor(2) as threads:
        stamps = list(threads.map(lambda _: ensure_tiles(store, "town", report).stamp, range(2)))
    assert cuts == 1
    assert len(set(stamps)) == 1


def test_whatever_ends_the_progress_ends_tippecanoe(store: RegionStore) -> None:
    def stop(step: str, done: float = 0, total: float | None = None, /) -> None:
        if step == "cutting the map into tiles":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_tiles(store, "town", stop)
    assert TileArchive.find(store, "town") is None
    assert [path.name for path in store.beside("town").iterdir() if path.name.startswith("tiles-")] == []
