"""OpenStreetMap files become road networks: one small map for each rule."""

from __future__ import annotations

import itertools
from pathlib import Path

import networkx as nx
import numpy as np
import pyproj
import pytest

from matcher.domain.errors.tree import RegionFileInvalid
from matcher.roads.network.graph import ROAD_CLASSES, RoadNetwork
from matcher.roads.osm.extract import ImportedExtract, import_extract
from matcher.roads.region.networkx_view import to_networkx
from tests.osm_files import StreetMap

_GEOD = pyproj.Geod(ellps="WGS84")


def _import(streets: StreetMap, folder: Path) -> ImportedExtract:
    return import_extract(streets.write(folder / "map.osm.pbf"))


def _length_m(streets: StreetMap, *nodes: int) -> float:
    return sum(
        float(_GEOD.inv(streets.lon(a), streets.lat(a), streets.lon(b), streets.lat(b))[2])
        for a, b in itertools.pairwise(nodes)
    )


def _at(network: RoadNetwork, streets: StreetMap, node: int) -> int:
    """The network's node at a point of the map."""
    gaps = np.hypot(network.node_lat - streets.lat(node), network.node_lon - streets.lon(node))
    index = int(np.argmin(gaps))
    assert gaps[index] < 1e-9, f"the network has no node at {node}"
    return index


def _drive(network: RoadNetwork, streets: StreetMap, origin: int, destination: int) -> tuple[float, float] | None:
    """(seconds, metres) of the fastest drive by Dijkstra, or None."""
    graph = to_networkx(network)
    a, b = _at(network, streets, origin), _at(network, streets, destination)
    try:
        path = nx.shortest_path(graph, a, b, weight="travel_time")
    except nx.NetworkXNoPath:
        return None
    hops = [min(graph[u][v].values(), key=lambda edge: edge["travel_time"]) for u, v in itertools.pairwise(path)]
    return sum(edge["travel_time"] for edge in hops), sum(edge["length"] for edge in hops)


def _seconds(metres: float, kmh: float) -> float:
    return metres * 3.6 / kmh


def _check_arrays(network: RoadNetwork) -> None:
    """What RoadNetwork promises of its arrays."""
    arcs = np.arange(network.arc_count)
    assert network.first_out[0] == 0
    assert network.first_out[-1] == network.arc_count
    assert (np.repeat(np.arange(network.node_count), np.diff(network.first_out)) == network.arc_tail).all()
    order = np.lexsort((network.arc_edge, network.arc_head, network.arc_tail))
    assert (order == arcs).all()
    either = np.where(network.arc_forward == 1, network.edge_forward_arc[network.arc_edge], -1)
    either = np.where(network.arc_forward == 0, network.edge_backward_arc[network.arc_edge], either)
    assert (either == arcs).all()
    assert (network.edge_forward_arc >= 0).all()
    assert (network.arc_time_ms >= 1).all()
    starts, ends = network.edge_point_first[:-1], network.edge_point_first[1:] - 1
    assert (ends > starts).all()
    forward = network.edge_forward_arc
    for node, point in ((network.arc_tail[forward], starts), (network.arc_head[forward], ends)):
        assert (network.node_lat[node] == network.point_lat[point]).all()
        assert (network.node_lon[node] == network.point_lon[point]).all()
    for edge in range(network.edge_count):
        lat, lon = network.geometry(edge)
        assert _GEOD.line_length(lon, lat) * 100 == pytest.approx(network.arc_length_cm[forward[edge]], abs=0.51)


# --- shape ----------------------------------------------------------------------------------------------------------


def test_a_street_between_two_junctions_is_one_piece_with_its_geometry(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2, 3], name="Long Street").way([0, 10, 11, 12, 13, 3], name="Way Round")
    streets.way([0, 90]).way([3, 93])
    network = _import(streets, tmp_path).network
    _check_arrays(network)
    assert (network.node_count, network.edge_count, network.arc_count) == (4, 4, 8)
    names = {network.name(edge): len(network.geometry(edge)[0]) for edge in range(network.edge_count)}
    assert names == {"Long Street": 4, "Way Round": 6, None: 2}
    assert _drive(network, streets, 0, 3) == pytest.approx(
        (_seconds(_length_m(streets, 0, 1, 2, 3), 25) + 2, _length_m(streets, 0, 1, 2, 3)), abs=0.02
    )


def test_pieces_are_joined_across_ways_but_not_where_name_or_class_changes(tmp_path: Path) -> None:
    streets = StreetMap().way([1, 0], name="A").way([1, 2], name="A").way([2, 3], name="B")
    streets.way([3, 4], "tertiary", name="B")
    network = _import(streets, tmp_path).network
    _check_arrays(network)
    found = {
        (network.name(edge), ROAD_CLASSES[int(network.edge_class[edge])], len(network.geometry(edge)[0]))
        for edge in range(network.edge_count)
    }
    assert found == {("A", "residential", 3), ("B", "residential", 2), ("B", "tertiary", 2)}


def test_a_class_is_kept_apart_even_where_the_speed_is_the_same(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1], "residential", maxspeed="50").way([1, 2], "tertiary", maxspeed="50")
    assert _import(streets, tmp_path).network.edge_count == 2


def test_a_point_that_is_listed_twice_in_a_row_counts_once(tmp_path: Path) -> None:
    network = _import(StreetMap().way([0, 1, 1, 2, 2]).way([5, 5]), tmp_path).network
    assert (network.node_count, network.edge_count, len(network.point_lat)) == (2, 1, 3)


def test_loops_and_parallel_streets_are_kept(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1]).way([1, 11, 12, 2, 1]).way([0, 10, 20, 21, 22, 23, 13, 3, 0]).way([0, 30, 1])
    network = _import(streets, tmp_path).network
    _check_arrays(network)
    pairs = sorted((int(a), int(b)) for a, b in zip(network.arc_tail, network.arc_head, strict=True))
    assert (pairs.count((0, 0)), pairs.count((1, 1)), pairs.count((0, 1))) == (2, 2, 2)


def test_a_map_that_is_one_ring_keeps_one_node(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2], oneway="yes").way([2, 12, 11, 10, 0], oneway="yes")
    network = _import(streets, tmp_path).network
    _check_arrays(network)
    assert (network.node_count, network.edge_count, network.arc_count) == (1, 1, 1)
    assert network.arc_length_cm[0] == pytest.approx(100 * _length_m(streets, 0, 1, 2, 12, 11, 10, 0), abs=1)


def test_a_way_is_cut_where_the_extract_lacks_a_node(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2, 3, 4]).way([0, 10, 14, 4])
    streets.absent.add(2)
    network = _import(streets, tmp_path).network
    _check_arrays(network)
    points = set(zip(network.point_lat.tolist(), network.point_lon.tolist(), strict=True))
    assert (streets.lat(2), streets.lon(2)) not in points
    assert _drive(network, streets, 1, 3) == pytest.approx(
        (_seconds(_length_m(streets, 1, 0, 10, 14, 4, 3), 25), _length_m(streets, 1, 0, 10, 14, 4, 3)), abs=0.02
    )


# --- direction ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "kmh_there", "kmh_back"),
    [
        ({}, 25, 25),
        ({"oneway": "yes"}, 25, None),
        ({"oneway": "-1"}, None, 25),
        ({"junction": "roundabout"}, 25, None),
        ({"highway": "motorway"}, 90, None),
        ({"access": "private"}, None, None),
        ({"maxspeed": "30 mph"}, 38.624, 38.624),
        ({"maxspeed:backward": "100", "maxspeed": "50"}, 40, 80),
    ],
)
def test_directions_and_speeds(
    tmp_path: Path, tags: dict[str, str], kmh_there: float | None, kmh_back: float | None
) -> None:
    """Street 1 -> 2 under test; 1 - 0 - 30 - 33 - 3 - 2 is the way round at 25 km/h."""
    streets = StreetMap().way([1, 0, 30, 33, 3, 2], name="round").way([1, 10]).way([2, 20])
    streets.ways.append(([1, 2], {"highway": "residential", "name": "test", **tags}))
    network = _import(streets, tmp_path).network
    _check_arrays(network)
    round_m, short_m = _length_m(streets, 1, 0, 30, 33, 3, 2), _length_m(streets, 1, 2)
    for origin, destination, kmh in ((1, 2, kmh_there), (2, 1, kmh_back)):
        metres = round_m if kmh is None else short_m
        junction_s = 0.0 if tags.get("highway") == "motorway" and kmh is not None else 2.0
        if kmh_there is None and kmh_back is None:
            junction_s = 0.0  # without the closed street nothing meets at its ends
        expected = (_seconds(metres, 25 if kmh is None else kmh) + junction_s, metres)
        assert _drive(network, streets, origin, destination) == pytest.approx(expected, abs=0.02)


# --- what nodes do --------------------------------------------------------------------------------------------------


def test_a_bollard_cuts_the_street_and_a_cattle_grid_does_not(tmp_path: Path) -> None:
    def metres(**tags: str) -> float:
        streets = (
            StreetMap().way([1, 2, 3], name="test").way([1, 0, 30, 34, 4, 3], name="round").node(2, at=None, **tags)
        )
        network = _import(streets, tmp_path).network
        _check_arrays(network)
        # The ends of the street survive as nodes: its name differs from that of the way round.
        found = _drive(network, streets, 1, 3)
        assert found is not None
        return found[1]

    assert metres(barrier="bollard") > 3 * metres(barrier="cattle_grid")
    assert metres(barrier="gate", access="private") == metres(barrier="bollard")
    assert metres(barrier="gate") == metres(barrier="cattle_grid")


def test_a_bollard_at_a_junction_cuts_every_street_there(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2]).way([1, 11]).way([0, 20, 22, 2]).node(1, barrier="bollard")
    network = _import(streets, tmp_path).network
    _check_arrays(network)
    # 1 - 11 hangs on nothing; 0 - 1 and 2 - 1 are two dead ends of the ring that remains.
    assert network.arc_length_cm[network.arc_forward == 1].sum() == pytest.approx(
        100 * (_length_m(streets, 0, 1, 2) + _length_m(streets, 0, 20, 22, 2)), abs=2
    )
    assert not (network.point_lat == streets.lat(11)).any()


@pytest.mark.parametrize(
    ("tags", "there", "back"),
    [
        ({}, 0, 0),
        ({"highway": "traffic_signals"}, 8, 8),
        ({"highway": "traffic_signals", "traffic_signals__direction": "forward"}, 8, 0),
        ({"highway": "stop", "direction": "backward"}, 0, 5),
        ({"railway": "level_crossing"}, 4, 4),
        ({"barrier": "toll_booth"}, 15, 15),
    ],
)
def test_nodes_cost_time_in_the_direction_they_face(
    tmp_path: Path, tags: dict[str, str], there: float, back: float
) -> None:
    streets = StreetMap().way([0, 1, 2, 3], name="test").way([3, 4]).node(2, at=None, **tags)
    network = _import(streets, tmp_path).network
    metres = _length_m(streets, 0, 1, 2, 3)
    assert _drive(network, streets, 0, 3) == pytest.approx((_seconds(metres, 25) + there, metres), abs=0.02)
    assert _drive(network, streets, 3, 0) == pytest.approx((_seconds(metres, 25) + back, metres), abs=0.02)


def test_a_signal_at_a_junction_costs_those_who_enter_it_and_not_those_who_leave(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2]).way([1, 11]).node(1, highway="traffic_signals")
    network = _import(streets, tmp_path).network
    for end in (0, 2, 11):
        metres = _length_m(streets, end, 1)
        assert _drive(network, streets, end, 1) == pytest.approx((_seconds(metres, 25) + 8, metres), abs=0.02)
        assert _drive(network, streets, 1, end) == pytest.approx((_seconds(metres, 25), metres), abs=0.02)


def test_entering_a_junction_costs_time_unless_a_signal_says_who_waits(tmp_path: Path) -> None:
    def seconds(kind: str, **tags: str) -> float:
        streets = StreetMap().way([0, 1, 2], kind).way([1, 11], kind).node(1, at=None, **tags)
        network = _import(streets, tmp_path).network
        found = _drive(network, streets, 0, 1)
        assert found is not None
        return found[0] - float(network.arc_length_cm[0]) / 100 * 3.6 / {"residential": 25, "trunk": 85}[kind]

    assert seconds("residential") == pytest.approx(2.0, abs=0.01)
    assert seconds("trunk") == pytest.approx(0.0, abs=0.01)
    assert seconds("residential", highway="traffic_signals") == pytest.approx(8.0, abs=0.01)


# --- ferries --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "seconds"),
    [
        ({"duration": "00:20"}, 1200.0),
        ({"duration": "PT20M", "maxspeed": "5"}, 1200.0),
        ({}, None),
        ({"maxspeed": "25"}, None),
    ],
)
def test_ferries_take_their_duration_or_go_slowly(tmp_path: Path, tags: dict[str, str], seconds: float | None) -> None:
    streets = StreetMap().way([0, 1]).way([1, 2, 3, 4, 5], None, route="ferry", name="F", **tags).way([5, 6])
    network = _import(streets, tmp_path).network
    metres = _length_m(streets, 1, 5)
    expected = _seconds(metres, 20.0 if "maxspeed" in tags else 10.0) if seconds is None else seconds
    assert _drive(network, streets, 1, 5) == pytest.approx((expected, metres), abs=0.02)
    assert ROAD_CLASSES.index("ferry") in network.edge_class


# --- the connected part ---------------------------------------------------------------------------------------------


def test_what_cannot_be_reached_and_left_again_is_dropped_and_counted(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2]).way([1, 11])
    streets.way([2, 3], oneway="yes", name="trap")  # can be entered and never left
    streets.way([70, 71, 72], name="island")
    result = _import(streets, tmp_path)
    _check_arrays(result.network)
    assert result.network.node_count == 4
    assert (result.dropped.nodes, result.dropped.arcs) == (3, 3)
    assert result.dropped.km == pytest.approx((_length_m(streets, 2, 3) + _length_m(streets, 70, 72)) / 1000, abs=0.001)
    names = {result.network.name(edge) for edge in range(result.network.edge_count)}
    assert names == {None}


# --- the file -------------------------------------------------------------------------------------------------------


def test_the_same_file_gives_the_same_network(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2, 12, 11, 1], name="A").way([2, 3, 13], name="B").way([13, 12], "service")
    first, second = _import(streets, tmp_path), _import(streets, tmp_path)
    for name in RoadNetwork.__dataclass_fields__:
        assert np.array_equal(getattr(first.network, name), getattr(second.network, name)), name
    assert first.places == second.places


def test_the_age_of_the_data_is_kept(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1])
    dated = import_extract(streets.write(tmp_path / "dated.osm.pbf", "2026-05-04T20:21:22Z"))
    assert dated.source_timestamp == "2026-05-04T20:21:22+00:00"
    assert import_extract(streets.write(tmp_path / "undated.osm.pbf")).source_timestamp is None


def test_xml_is_read_like_pbf(tmp_path: Path) -> None:
    streets = StreetMap().way([0, 1, 2], name="A").way([1, 11])
    xml, pbf = import_extract(streets.write(tmp_path / "map.osm")), _import(streets, tmp_path)
    assert np.array_equal(xml.network.arc_time_ms, pbf.network.arc_time_ms)


def test_files_without_roads_are_refused(tmp_path: Path) -> None:
    for streets in (
        StreetMap().way([0, 1], "footway"),
        StreetMap().node(1, place="city", name="Nowhere"),
        StreetMap().way([0, 1], oneway="yes"),
    ):
        with pytest.raises(RegionFileInvalid, match="no road"):
            _import(streets, tmp_path)


def test_files_that_are_cut_short_or_foreign_are_refused(tmp_path: Path) -> None:
    whole = StreetMap().way([0, 1, 2]).write(tmp_path / "whole.osm.pbf").read_bytes()
    for name, content in (
        ("cut.osm.pbf", whole[: len(whole) // 2]),
        ("end.osm.pbf", whole[:-3]),
        ("web.osm.pbf", b"<!doctype html><title>404</title>"),
        ("text.osm", b"these are not the streets you are looking for"),
        ("noise.osm.pbf", bytes(range(256)) * 64),
        ("empty.osm.pbf", b""),
        ("picture.png", whole),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(RegionFileInvalid, match=name):
            import_extract(path)
    with pytest.raises(RegionFileInvalid, match="not a file"):
        import_extract(tmp_path / "absent.osm.pbf")
