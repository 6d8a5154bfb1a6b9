"""Walk networks for tests: by hand, random, and by Hypothesis; and an oracle that shares nothing with the kernels."""

from __future__ import annotations

import functools
import importlib.resources
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from hypothesis import strategies as st

from matcher.domain.place import Coordinate
from matcher.roads.foot.network import WalkNetwork, adjacency
from matcher.roads.foot.walking import Foothold
from matcher.roads.osm.extract import import_extract

WHOLE = 2**30


@dataclass(frozen=True)
class Way:
    """A way to walk between two nodes; bends: (lat, lon) between its ends."""

    start: int
    end: int
    length_cm: int
    bends: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Corner:
    """A walk node where a car can stop: at an end of a road edge, whose class is `road_class`."""

    drive_node: int
    edge: int
    at_end: int = 0
    road_class: int = 11  # residential


def walk_network_of(
    ways: Sequence[Way], places: Sequence[tuple[float, float]], corners: dict[int, Corner] | None = None
) -> WalkNetwork:
    """The walk network of some ways; edge k is ways[k]. places: (lat, lon) of each node."""
    n, i32 = len(places), np.int32
    start = np.array([way.start for way in ways], dtype=i32)
    end = np.array([way.end for way in ways], dtype=i32)
    first_out, out_head, out_edge = adjacency(n, start, end)
    lines = [(places[way.start], *way.bends, places[way.end]) for way in ways]
    points = np.array([point for line in lines for point in line], dtype=np.float64).reshape(-1, 2)
    stops = [(corners or {}).get(node) for node in range(n)]
    none = np.full(n, -1, dtype=i32)
    return WalkNetwork(
        node_lat=np.array([lat for lat, _ in places], dtype=np.float64),
        node_lon=np.array([lon for _, lon in places], dtype=np.float64),
        drive_node=np.array([-1 if stop is None else stop.drive_node for stop in stops], dtype=i32),
        stop_edge=np.array([-1 if stop is None else stop.edge for stop in stops], dtype=i32),
        stop_at_end=np.array([0 if stop is None else stop.at_end for stop in stops], dtype=np.uint8),
        stop_class=np.array([255 if stop is None else stop.road_class for stop in stops], dtype=np.uint8),
        corner_a=none,
        corner_b=none,
        first_out=first_out,
        out_head=out_head,
        out_edge=out_edge,
        edge_start=start,
        edge_end=end,
        edge_length_cm=np.array([way.length_cm for way in ways], dtype=i32),
        edge_point_first=np.cumsum([0, *(len(line) for line in lines)], dtype=np.int64),
        point_lat=np.ascontiguousarray(points[:, 0]),
        point_lon=np.ascontiguousarray(points[:, 1]),
    )


@st.composite
def walk_networks(draw: st.DrawFn) -> WalkNetwork:
    """Small random networks: parallel ways, loops, bends, ways of no length, parts that hang on nothing."""
    nodes = draw(st.integers(1, 9))
    node, cm = st.integers(0, nodes - 1), st.one_of(st.integers(0, 3), st.integers(0, 30_000))
    bends = st.lists(st.tuples(st.floats(0.0, 0.02), st.floats(0.0, 0.02)), max_size=2).map(tuple)
    ways = draw(st.lists(st.builds(Way, node, node, cm, bends), min_size=1, max_size=16))
    places = [(0.001 * (k % 3), 0.001 * (k // 3)) for k in range(nodes)]
    stops = draw(st.lists(node, max_size=nodes, unique=True))
    return walk_network_of(ways, places, {k: Corner(k, k, k % 2, 4 + k % 8) for k in stops})


def random_walk_network(seed: int, nodes: int, ways: int) -> WalkNetwork:
    """A larger random network, nearly planar; most nodes are corners."""
    dice = random.Random(seed)
    places = [(47.0 + dice.uniform(0, 0.02), 9.0 + dice.uniform(0, 0.02)) for _ in range(nodes)]
    drawn = []
    for _ in range(ways):
        start = dice.randrange(nodes)
        end = (start + dice.choice([0, 1, 1, 1, 2, 3, dice.randrange(nodes)])) % nodes
        bends = tuple(
            (47.0 + dice.uniform(0, 0.02), 9.0 + dice.uniform(0, 0.02)) for _ in range(dice.choice([0, 0, 2]))
        )
        drawn.append(Way(start, end, dice.choice([0, 1, dice.randint(0, 40_000)]), bends))
    stops = {k: Corner(k, k, k % 2, dice.randrange(4, 13)) for k in range(nodes) if dice.random() < 0.8}
    return walk_network_of(drawn, places, stops)


class WalkOracle:
    """Lengths of walks by networkx' Dijkstra, in whole centimetres."""

    def __init__(self, network: WalkNetwork) -> None:
        self._network = network
        self._graph: nx.MultiGraph[int | str] = nx.MultiGraph()
        self._graph.add_nodes_from(range(network.node_count))
        ends = zip(network.edge_start.tolist(), network.edge_end.tolist(), strict=True)
        for edge, (start, end) in enumerate(ends):
            self._graph.add_edge(start, end, weight=int(network.edge_length_cm[edge]))

    def lengths(self, *holds: Foothold) -> dict[int | str, int]:
        """The walk from the first place to every node; the others are "place 1", "place 2" …"""
        graph = self._graph.copy()
        for k, hold in enumerate(holds):
            to_start = self._part(hold)
            whole = int(self._network.edge_length_cm[hold.edge])
            graph.add_edge(f"place {k}", f"way {k}", weight=hold.access_cm)
            graph.add_edge(f"way {k}", int(self._network.edge_start[hold.edge]), weight=to_start)
            graph.add_edge(f"way {k}", int(self._network.edge_end[hold.edge]), weight=whole - to_start)
            for other, there in enumerate(holds[:k]):
                if there.edge == hold.edge:
                    graph.add_edge(f"way {k}", f"way {other}", weight=abs(to_start - self._part(there)))
        found = nx.single_source_dijkstra_path_length(graph, "place 0")
        return {node: int(cm) for node, cm in found.items() if not str(node).startswith("way")}

    def _part(self, hold: Foothold) -> int:
        """Centimetres from the start of its edge, halves up."""
        return (2 * int(self._network.edge_length_cm[hold.edge]) * hold.at + WHOLE) // (2 * WHOLE)


def line_length_m(line: Sequence[Coordinate]) -> float:
    """Along a line of coordinates."""
    return sum(a.distance_m(b) for a, b in itertools.pairwise(line))


@functools.cache
def sample_walk_network() -> WalkNetwork:
    """What can be walked in the bundled region, imported once a run."""
    resource = importlib.resources.files("matcher.roads") / "sample" / "coquimbo.osm.pbf"
    with importlib.resources.as_file(resource) as path:
        return import_extract(path).walk_network
