"""Regions on disk: added whole or not at all, refused when damaged, kept through crashes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import shapely

from matcher.domain.errors.tree import InvalidField, RegionFileInvalid, RegionFormatTooNew, RegionNotFound
from matcher.geocoding.entries.rows import read_rows
from matcher.roads.foot.network import WalkNetwork
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import RoadNetwork
from matcher.roads.region.files import FORMAT_VERSION, MANIFEST
from matcher.roads.region.networkx_view import save_graphml, to_networkx
from matcher.roads.region.store import Region, RegionStore, ensure_sample, name_from_file
from tests.osm_files import StreetMap


@pytest.fixture
def store(tmp_path: Path) -> RegionStore:
    return RegionStore(tmp_path / "data")


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    streets = StreetMap().way([0, 1, 2], name="Ärger Straße").way([1, 11, 12, 2], name="B").way([12, 13], "service")
    return streets.write(tmp_path / "Tiny-latest.osm.pbf", "2026-05-04T20:21:22Z")


@pytest.fixture
def other_extract(tmp_path: Path) -> Path:
    return StreetMap().way([0, 1, 2]).way([1, 11]).write(tmp_path / "other.osm.pbf")


def test_what_was_added_can_be_opened(store: RegionStore, extract: Path) -> None:
    manifest = store.add(extract)
    region = store.get("tiny")
    assert store.list_names() == ["tiny"]
    assert store.get_manifest("tiny") == manifest == region.manifest
    assert (manifest.name, manifest.source_file, manifest.format_version) == ("tiny", extract.name, FORMAT_VERSION)
    assert (manifest.nodes, manifest.arcs, manifest.edges) == (5, 10, 5)
    # One public point, with its stub.
    assert (manifest.public_points, manifest.public_spacing_m) == (1, 500.0)
    assert (region.network.node_count, region.network.arc_count, region.network.edge_count) == (6, 12, 6)
    assert (manifest.walk_nodes, manifest.walk_edges) == (5, 5)
    assert (region.walk_network.node_count, region.walk_network.edge_count) == (5, 5)
    assert manifest.walk_km == pytest.approx(manifest.road_km)
    assert manifest.source_timestamp == "2026-05-04T20:21:22+00:00"
    assert (manifest.bbox.south, manifest.bbox.west) == (47.0, 9.0)
    assert {region.network.name(edge) for edge in range(region.network.street_count)} == {"Ärger Straße", "B", None}
    assert [row.name for row in read_rows(region.places_path)] == ["B", "Ärger Straße"]


def test_public_points_can_be_left_out_and_keep_positions_apart(store: RegionStore, extract: Path) -> None:
    first = store.add(extract)
    off = store.add(extract, public_spacing_m=0)
    assert (off.public_points, off.public_spacing_m) == (0, 0)
    assert store.get("tiny").network.edge_count == off.edges == first.edges
    assert (store.get("tiny").network.edge_public == -1).all()
    assert off.fingerprint != first.fingerprint
    assert (off.nodes, off.arcs, off.road_km, off.bbox) == (first.nodes, first.arcs, first.road_km, first.bbox)


def test_the_bundled_region_follows_the_spacing_asked_for(store: RegionStore) -> None:
    assert ensure_sample(store, public_spacing_m=0).public_points == 0
    wide = ensure_sample(store, public_spacing_m=2000)
    assert 1 < wide.public_points < 60
    assert ensure_sample(store, public_spacing_m=2000) == wide


def test_arrays_are_mapped_and_cannot_be_written(store: RegionStore, extract: Path) -> None:
    store.add(extract)
    region = store.get("tiny")
    network = region.network
    for kind, record in ((RoadNetwork, network), (WalkNetwork, region.walk_network)):
        for name in kind.__dataclass_fields__:
            base = getattr(record, name).base
            while base is not None and not isinstance(base, np.memmap):
                base = base.base
            assert isinstance(base, np.memmap), name
    with pytest.raises(ValueError, match="read-only"):
        network.arc_time_ms[0] = 1


def test_the_stored_topology_is_that_of_the_network(store: RegionStore, extract: Path) -> None:
    store.add(extract)
    region = store.get("tiny")
    built = Topology.build(region.network)
    for name in Topology.__dataclass_fields__:
        assert np.array_equal(getattr(region.topology, name), getattr(built, name)), name


def test_the_fingerprint_follows_the_network_and_nothing_else(
    store: RegionStore, extract: Path, other_extract: Path
) -> None:
    first = store.add(extract, "a")
    again = store.add(extract, "b")
    other = store.add(other_extract, "a")
    assert first.fingerprint == again.fingerprint
    assert other.fingerprint != first.fingerprint


def test_a_new_shop_does_not_move_road_positions(store: RegionStore, tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2]).way([1, 11])
    before = store.add(streets.write(tmp_path / "r.osm.pbf"))
    after = store.add(streets.node(50, shop="bakery", name="Bread").write(tmp_path / "r.osm.pbf"))
    assert after.places == before.places + 1
    assert after.fingerprint == before.fingerprint


def test_a_footpath_does_not_move_road_positions(store: RegionStore, tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2], name="A").way([1, 11], name="B")
    before = store.add(streets.write(tmp_path / "r.osm.pbf"))
    streets.ways.insert(0, ([0, 10, 11], {"highway": "footway", "name": "B"}))
    after = store.add(streets.write(tmp_path / "r.osm.pbf"))
    assert after.walk_km > before.walk_km
    assert after.fingerprint == before.fingerprint


def test_a_region_where_nobody_walks_can_be_opened(store: RegionStore, tmp_path: Path) -> None:
    motorway = StreetMap().way([0, 1], "motorway").way([1, 11, 10, 0], "motorway")
    assert store.add(motorway.write(tmp_path / "r.osm.pbf")).walk_edges == 0
    assert store.get("r").walk_network.node_count == 0


def test_absent_regions(store: RegionStore, extract: Path) -> None:
    assert store.list_names() == []
    assert store.find("tiny") is None
    store.add(extract)
    with pytest.raises(RegionNotFound, match=r"region other .*known: tiny"):
        store.get("other")


@pytest.mark.parametrize("name", ["", "A", "a b", "../a", "a/b", ".versions", "-a", "a" * 64, "a.b", "ä"])
def test_names_that_cannot_be_used(store: RegionStore, extract: Path, name: str) -> None:
    with pytest.raises(InvalidField):
        store.add(extract, name)
    with pytest.raises(InvalidField):
        store.get(name)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("luxembourg-latest.osm.pbf", "luxembourg"),
        ("Luxembourg-260101.osm.pbf", "luxembourg"),
        ("map.osm", "map"),
        ("map.osm.bz2", "map"),
        ("Île de France.osm.pbf", "le-de-france"),
        ("rhode-island.osm.pbf", "rhode-island"),
    ],
)
def test_names_from_files(file: str, name: str) -> None:
    assert name_from_file(Path(file)) == name


def test_a_bad_file_leaves_the_region_in_use(store: RegionStore, extract: Path, tmp_path: Path) -> None:
    before = store.add(extract)
    for content in (extract.read_bytes()[:40], b"<!doctype html>", b""):
        bad = tmp_path / "bad.osm.pbf"
        bad.write_bytes(content)
        with pytest.raises(RegionFileInvalid, match=r"bad\.osm\.pbf"):
            store.add(bad, "tiny")
    assert store.get("tiny").manifest == before
    assert len(_versions(store, "tiny")) == 1


def test_an_opened_region_outlives_its_replacement(store: RegionStore, extract: Path, other_extract: Path) -> None:
    store.add(extract, "r")
    opened = store.get("r")
    before = opened.network.arc_time_ms.tolist()
    for _ in range(3):
        store.add(other_extract, "r")
    assert opened.network.arc_time_ms.tolist() == before
    assert store.get("r").network.arc_time_ms.tolist() != before
    assert len(_versions(store, "r")) == 2  # the one in use, and the one before it for those who are just opening it


def test_an_existing_region_is_kept_when_asked(store: RegionStore, extract: Path, other_extract: Path) -> None:
    first = store.add(extract, "r")
    assert store.add(other_extract, "r", keep_existing=True) == first
    _damage(store.get("r").folder / "network_arc_head.npy")
    assert store.add(other_extract, "r", keep_existing=True).fingerprint != first.fingerprint


def test_damage_is_noticed_in_every_file(store: RegionStore, extract: Path) -> None:
    store.add(extract)
    folder = store.get("tiny").folder
    names = sorted(path.name for path in folder.iterdir())
    arrays = [len(kind.__dataclass_fields__) for kind in (RoadNetwork, WalkNetwork, Topology)]
    assert len(names) == sum(arrays) + len(("manifest", "places"))
    for name in names:
        path = folder / name
        content = path.read_bytes()
        for damaged in (None, b"", content[:-1], content[:-1] + bytes([content[-1] ^ 1])):
            if damaged is None:
                path.unlink()
            else:
                path.write_bytes(damaged)
            if name == MANIFEST and damaged == content[:-1]:
                continue  # that is only the last line's end
            with pytest.raises(RegionFileInvalid, match="missing or damaged"):
                store.get("tiny")
        path.write_bytes(content)
    assert store.get("tiny").name == "tiny"


def test_newer_and_older_formats_are_refused(store: RegionStore, extract: Path) -> None:
    store.add(extract)
    path = store.get("tiny").folder / MANIFEST
    content = json.loads(path.read_text())
    # A newer format may hold members that this version has never heard of.
    path.write_text(json.dumps(content | {"format_version": FORMAT_VERSION + 1, "surprise": True}))
    with pytest.raises(RegionFormatTooNew, match=f"format {FORMAT_VERSION + 1}"):
        store.get("tiny")
    path.write_text(json.dumps(content | {"format_version": FORMAT_VERSION - 1}))
    with pytest.raises(RegionFileInvalid, match=r"older than .*`carpool region add` with its extract again"):
        store.get("tiny")
    assert store.list_names() == ["tiny"]


def test_a_link_to_nothing_is_a_damaged_region(store: RegionStore, extract: Path) -> None:
    store.add(extract)
    folder = store.get("tiny").folder
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(RegionFileInvalid, match="gone"):
        store.get("tiny")


@pytest.mark.parametrize(
    "moment",
    [
        "patch(osm_import, 'build_network')",
        "patch(regions, 'save_rows')",
        "patch(regions, 'sync_tree')",
        "patch(pathlib.Path, 'replace')",
        "patch(pathlib.Path, 'symlink_to')",
    ],
)
def test_a_kill_in_the_middle_leaves_the_old_region(
    store: RegionStore, extract: Path, other_extract: Path, tmp_path: Path, moment: str
) -> None:
    before = store.add(extract, "r")
    script = f"""
        import os, pathlib, signal
        from matcher.roads.region import store as regions
        from matcher.roads.osm import extract as osm_import
        def patch(owner, name):
            setattr(owner, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        {moment}
        regions.RegionStore(pathlib.Path({str(tmp_path / "data")!r})).add(pathlib.Path({str(other_extract)!r}), "r")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert store.get("r").manifest == before
    assert len(_versions(store, "r")) == 2
    after = store.add(other_extract, "r")
    assert store.get("r").manifest == after != before
    assert len(_versions(store, "r")) == 2  # what the crash left is gone


def test_graphml_comes_back_as_it_went(store: RegionStore, extract: Path, tmp_path: Path) -> None:
    store.add(extract)
    network = store.get("tiny").network
    path = tmp_path / "tiny.graphml"
    save_graphml(network, path)
    graph = to_networkx(network)
    read: Any = nx.read_graphml(path, node_type=int, force_multigraph=True)
    assert read.graph["crs"] == graph.graph["crs"]
    assert dict(read.nodes.items()) == dict(graph.nodes.items())
    assert set(read.edges(keys=True)) == set(graph.edges(keys=True))
    for edge, attributes in graph.edges.items():
        found = dict(read.edges[edge])
        if "geometry" in found:
            found["geometry"] = shapely.from_wkt(found["geometry"])
        assert found == attributes
    assert any("geometry" in attributes for attributes in graph.edges.values())


def _versions(store: RegionStore, name: str) -> list[Path]:
    region: Region = store.get(name)
    return [path for path in region.folder.parent.iterdir() if path.is_dir() and not path.is_symlink()]


def _damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
