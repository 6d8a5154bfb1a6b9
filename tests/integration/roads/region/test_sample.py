"""The regions at hand: the bundled sample, and Liechtenstein where it is."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from matcher.domain.place import Coordinate
from matcher.geocoding.entries.rows import PlaceKind, read_rows
from matcher.roads.foot.stopping import node_stops
from matcher.roads.network.graph import ROAD_CLASSES, RoadNetwork
from matcher.roads.region.files import FORMAT_VERSION, MANIFEST
from matcher.roads.region.networkx_view import to_networkx
from matcher.roads.region.store import SAMPLE_NAME, Region, RegionStore, ensure_sample, sample_zones

LIECHTENSTEIN = Path(__file__).resolve().parents[4] / "shared" / "data" / "liechtenstein.osm.pbf"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RegionStore:
    return RegionStore(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def sample(store: RegionStore) -> Region:
    ensure_sample(store)
    return store.get(SAMPLE_NAME)


@pytest.fixture(scope="module")
def liechtenstein(store: RegionStore) -> Region:
    if not LIECHTENSTEIN.is_file():
        pytest.skip("../shared/data/liechtenstein.osm.pbf is not here")
    store.add(LIECHTENSTEIN)
    return store.get("liechtenstein")


def _km_by_class(network: RoadNetwork) -> dict[str, float]:
    forward = network.edge_forward_arc[: network.street_count]
    road_class = network.edge_class[: network.street_count]
    metres = np.bincount(road_class, weights=network.arc_length_cm[forward] / 100, minlength=len(ROAD_CLASSES))
    return {name: metres[code] / 1000 for code, name in enumerate(ROAD_CLASSES) if metres[code] > 0}


def _drive(network: RoadNetwork, origin: Coordinate, destination: Coordinate) -> tuple[float, float]:
    """(minutes, kilometres) of the fastest drive between the nodes nearest to two places."""
    graph = to_networkx(network)
    ends = []
    for place in (origin, destination):
        across = (network.node_lon - place.lon) * np.cos(np.radians(place.lat))
        ends.append(int(np.argmin(np.hypot(network.node_lat - place.lat, across))))
    path = nx.shortest_path(graph, ends[0], ends[1], weight="travel_time")
    hops = [min(graph[u][v].values(), key=lambda edge: edge["travel_time"]) for u, v in itertools.pairwise(path)]
    return sum(edge["travel_time"] for edge in hops) / 60, sum(edge["length"] for edge in hops) / 1000


def test_the_sample_holds_what_its_notice_says(sample: Region) -> None:
    manifest = sample.manifest
    # 1,468.4 km of links in the source; what is not connected is left out.
    assert manifest.road_km + manifest.dropped_km == pytest.approx(1468.4, rel=0.002)
    assert manifest.dropped_km < 25
    assert 8_500 < manifest.nodes < 9_500
    assert 22_000 < manifest.arcs < 24_000
    box = manifest.bbox
    assert -30.1 < box.south < -30.0 < -29.9 < box.north < -29.8
    assert -71.4 < box.west < -71.3 < -71.2 < box.east < -71.1
    assert set(_km_by_class(sample.network)) == {
        "motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential", "living_street",
    }  # fmt: skip


def test_the_sample_is_one_strongly_connected_graph(sample: Region) -> None:
    assert nx.is_strongly_connected(to_networkx(sample.network))


def _check_walks_lead_to_roads(region: Region) -> None:
    """Every part of the walk network touches a road node; nearly every corner where cars may stop can be walked to."""
    walk, roads = region.walk_network, region.network
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(walk.node_count))
    graph.add_edges_from(zip(walk.edge_start.tolist(), walk.edge_end.tolist(), strict=True))
    for part in nx.connected_components(graph):
        assert (walk.drive_node[list(part)] >= 0).any()
    stoppable = set(np.flatnonzero(node_stops(roads).stop_edge >= 0).tolist())
    met = set(walk.drive_node[walk.stop_edge >= 0].tolist())
    assert met <= stoppable
    assert len(met) > 0.99 * len(stoppable)


def test_the_sample_is_walked_along_its_streets(sample: Region) -> None:
    """It holds no footpaths, only streets: neither those of fast traffic nor those that cars cannot leave."""
    fast_km = sum(km for name, km in _km_by_class(sample.network).items() if name in ("motorway", "trunk"))
    manifest = sample.manifest
    assert manifest.walk_km == pytest.approx(manifest.road_km - fast_km, rel=0.01)
    assert manifest.walk_nodes == sample.walk_network.node_count
    _check_walks_lead_to_roads(sample)


def test_liechtenstein_is_walked_on_more_than_its_streets(liechtenstein: Region) -> None:
    assert liechtenstein.manifest.walk_km > 2 * liechtenstein.manifest.road_km
    _check_walks_lead_to_roads(liechtenstein)


def test_streets_of_the_sample_can_be_found_by_name(sample: Region) -> None:
    rows = list(read_rows(sample.places_path))
    streets = [row for row in rows if row.kind is PlaceKind.STREET]
    assert len({row.name for row in streets}) == 2146
    assert {row.city for row in streets} == {"Coquimbo", "La Serena"}
    assert sum(len(row.crossings) for row in streets) > 10_000
    cantera = [row for row in streets if row.name == "Avenida La Cantera"]
    assert [row.city for row in cantera] == ["Coquimbo"]
    assert "Avenida José Manuel Balmaceda" in {other for other, _, _ in cantera[0].crossings}


def test_the_zones_of_the_sample_are_where_its_roads_are(sample: Region) -> None:
    zones, network = sample_zones(), sample.network
    assert (len(zones), sum(population for _, population in zones)) == (133, 451_895)
    assert all(population > 0 for _, population in zones)
    gaps_m = []
    for place, _ in zones:
        across = (network.point_lon - place.lon) * np.cos(np.radians(place.lat))
        gaps_m.append(float(np.hypot(network.point_lat - place.lat, across).min()) * 111_195)
    # One zone lives on a street that is not connected to the rest.
    assert sorted(gaps_m)[-2] < 1
    assert max(gaps_m) < 500


def test_driving_across_the_sample_takes_a_plausible_time(sample: Region) -> None:
    """From the main square of Coquimbo to that of La Serena: about 13 km, a quarter of an hour."""
    minutes, km = _drive(sample.network, Coordinate(lat=-29.9533, lon=-71.3395), Coordinate(lat=-29.9027, lon=-71.2520))
    assert 12 < km < 15
    assert 9 < minutes < 20


def test_the_sample_is_imported_once(store: RegionStore, sample: Region) -> None:
    assert ensure_sample(store) == sample.manifest
    (sample.folder / "network_arc_head.npy").unlink()
    repaired = ensure_sample(store)
    assert repaired.fingerprint == sample.fingerprint
    assert store.get(SAMPLE_NAME).folder != sample.folder


def test_a_sample_of_an_older_format_is_imported_anew(tmp_path: Path) -> None:
    store = RegionStore(tmp_path)
    fresh = ensure_sample(store)
    path = store.get(SAMPLE_NAME).folder / MANIFEST
    # As the first format was: without the walk network.
    content = {key: value for key, value in json.loads(path.read_text()).items() if not key.startswith("walk_")}
    path.write_text(json.dumps(content | {"format_version": 1}))
    assert ensure_sample(store).walk_edges == fresh.walk_edges
    assert store.get(SAMPLE_NAME).manifest.format_version == FORMAT_VERSION


def test_liechtenstein_is_imported_whole(liechtenstein: Region) -> None:
    manifest = liechtenstein.manifest
    assert manifest.source_timestamp == "2015-07-27T21:14:01+00:00"
    assert 400 < manifest.road_km < 450
    assert manifest.dropped_km / manifest.road_km < 0.02
    assert nx.is_strongly_connected(to_networkx(liechtenstein.network))
    kinds = Counter(row.kind for row in read_rows(liechtenstein.places_path))
    assert kinds[PlaceKind.STREET] > 700
    assert kinds[PlaceKind.ADDRESS] > 900
    assert kinds[PlaceKind.PLACE] > 30
    assert kinds[PlaceKind.POI] > 250


@pytest.mark.parametrize(
    ("origin", "destination", "km", "minutes"),
    [
        # Balzers to Ruggell, Vaduz to Schaan, Vaduz to Malbun
        ((47.0662, 9.5030), (47.2400, 9.5260), (20, 24), (22, 36)),
        ((47.1393, 9.5228), (47.1653, 9.5096), (3, 4), (4, 9)),
        ((47.1393, 9.5228), (47.1040, 9.6100), (12, 15), (15, 25)),
    ],
)
def test_driving_in_liechtenstein_takes_a_plausible_time(
    liechtenstein: Region,
    origin: tuple[float, float],
    destination: tuple[float, float],
    km: tuple[float, float],
    minutes: tuple[float, float],
) -> None:
    places = [Coordinate(lat=lat, lon=lon) for lat, lon in (origin, destination)]
    found_minutes, found_km = _drive(liechtenstein.network, *places)
    assert km[0] < found_km < km[1]
    assert minutes[0] < found_minutes < minutes[1]
