"""Road networks for tests: made by hand from streets, drawn by Hypothesis, the bundled region, and Luxembourg."""

from __future__ import annotations

import functools
import importlib.resources
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from matcher.domain.place import RoadPosition
from matcher.roads.engine import RoadEngine
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import ROAD_CLASSES, RoadNetwork, network_from_vectors, pack_names
from matcher.roads.osm.extract import import_extract

LUXEMBOURG = Path(__file__).resolve().parents[2] / "shared" / "data" / "luxembourg"
needs_luxembourg = pytest.mark.skipif(
    not LUXEMBOURG.is_dir(),
    reason="the reference distances of Luxembourg are not beside this checkout (../shared/data)",
)


@dataclass(frozen=True)
class Street:
    """A street from node `start` to `end`. None: may not be driven that way. bends: (lat, lon) between its ends."""

    start: int
    end: int
    forward_ms: int | None
    backward_ms: int | None = None
    length_cm: int = 1000
    bends: tuple[tuple[float, float], ...] = ()
    name: str | None = None


def two_way(start: int, end: int, ms: int, length_cm: int = 1000, name: str | None = None) -> Street:
    """A street that is driven both ways at one pace."""
    return Street(start, end, ms, ms, length_cm, name=name)


def one_way(start: int, end: int, ms: int, length_cm: int = 1000, name: str | None = None) -> Street:
    """A street that is driven from `start` to `end` only."""
    return Street(start, end, ms, None, length_cm, name=name)


def network_of(streets: Sequence[Street], places: Sequence[tuple[float, float]]) -> RoadNetwork:
    """The network of some streets; edge k is streets[k]. places: (lat, lon) of each node."""
    arcs: list[tuple[int, int, int, int]] = []  # tail, head, edge, backward
    for edge, street in enumerate(streets):
        assert street.forward_ms is not None or street.backward_ms is not None
        if street.forward_ms is not None:
            arcs.append((street.start, street.end, edge, 0))
        if street.backward_ms is not None:
            arcs.append((street.end, street.start, edge, 1))
    arcs.sort()
    first_out = np.zeros(len(places) + 1, dtype=np.int32)
    edge_arc = np.full((2, len(streets)), -1, dtype=np.int32)
    for arc, (tail, _, edge, backward) in enumerate(arcs):
        first_out[tail + 1 :] += 1
        edge_arc[backward, edge] = arc
    lines = [(places[s.start], *s.bends, places[s.end]) for s in streets]
    points = np.array([point for line in lines for point in line], dtype=np.float64).reshape(-1, 2)
    names = sorted({street.name for street in streets if street.name is not None})
    blob, name_first = pack_names(names)
    times = [
        (streets[edge].backward_ms if backward else streets[edge].forward_ms) or 0 for _, _, edge, backward in arcs
    ]
    i32 = np.int32
    return RoadNetwork(
        node_lat=np.array([lat for lat, _ in places], dtype=np.float64),
        node_lon=np.array([lon for _, lon in places], dtype=np.float64),
        first_out=first_out,
        arc_tail=np.array([tail for tail, _, _, _ in arcs], dtype=i32),
        arc_head=np.array([head for _, head, _, _ in arcs], dtype=i32),
        arc_time_ms=np.array(times, dtype=i32),
        arc_length_cm=np.array([streets[edge].length_cm for _, _, edge, _ in arcs], dtype=i32),
        arc_edge=np.array([edge for _, _, edge, _ in arcs], dtype=i32),
        arc_forward=np.array([1 - backward for _, _, _, backward in arcs], dtype=np.uint8),
        edge_class=np.full(len(streets), ROAD_CLASSES.index("residential"), dtype=np.uint8),
        edge_name=np.array([-1 if s.name is None else names.index(s.name) for s in streets], dtype=i32),
        edge_forward_arc=edge_arc[0],
        edge_backward_arc=edge_arc[1],
        edge_point_first=np.cumsum([0, *(len(line) for line in lines)], dtype=np.int64),
        point_lat=np.ascontiguousarray(points[:, 0]),
        point_lon=np.ascontiguousarray(points[:, 1]),
        name_blob=blob,
        name_first=name_first,
        edge_public=np.full(len(streets), -1, dtype=i32),
    )


def line_of_places(count: int) -> list[tuple[float, float]]:
    """Nodes 0.001 degrees apart, from west to east on the equator."""
    return [(0.0, 0.001 * k) for k in range(count)]


def an_engine(network: RoadNetwork, node_at_rank: Sequence[int] | None = None, *, shortest: bool = False) -> RoadEngine:
    """An engine under the usual metric, or under length alone. node_at_rank: an order of one's own."""
    order = None if node_at_rank is None else np.array(node_at_rank, dtype=np.int32)
    topology = Topology.build(network, order)
    arc_cost = network.arc_length_cm.astype(np.int64) if shortest else None
    return RoadEngine("test", "fingerprint", network, topology, arc_cost)


def random_network(
    seed: int, nodes: int, streets: int, *, longest_cm: int = 60_000, slowest_ms: int = 60_000
) -> RoadNetwork:
    """A random network of all that is legal: one-way, parallel, looping, bent, free streets; parts may be cut off."""
    dice = random.Random(seed)
    places = [(47.0 + dice.uniform(0, 0.05), 9.0 + dice.uniform(0, 0.05)) for _ in range(nodes)]
    drawn = []
    for _ in range(streets):
        # Neighbours in number, mostly: roads are nearly planar, and ties and detours need short ways round.
        start = dice.randrange(nodes)
        end = (start + dice.choice([0, 1, 1, 1, 2, 2, 3, 7, dice.randrange(nodes)])) % nodes
        paces = [dice.choice([0, 1, dice.randint(1, 9) * 1000, dice.randint(0, slowest_ms)]) for _ in range(2)]
        forward, backward = dice.choice(
            [(paces[0], paces[0]), (paces[0], paces[1]), (paces[0], None), (None, paces[1])]
        )
        bends = tuple(_near(dice, places[start]) for _ in range(dice.choice([0, 0, 1, 4])))
        drawn.append(Street(start, end, forward, backward, dice.choice([0, 1, dice.randint(0, longest_cm)]), bends))
    return network_of(drawn, places)


def _near(dice: random.Random, place: tuple[float, float]) -> tuple[float, float]:
    return place[0] + dice.uniform(-0.01, 0.01), place[1] + dice.uniform(-0.01, 0.01)


@st.composite
def networks(draw: st.DrawFn, longest_cm: int = 60_000) -> RoadNetwork:
    """Random small networks; as `random_network`, and shrinking to few streets."""
    nodes = draw(st.integers(1, 12))
    node = st.integers(0, nodes - 1)
    ms = st.one_of(st.integers(0, 3), st.integers(0, 5).map(lambda s: s * 1000), st.integers(0, 100_000))
    ways = st.one_of(ms.map(lambda t: (t, t)), st.tuples(ms, ms), st.tuples(ms, st.none()), st.tuples(st.none(), ms))
    length = st.one_of(st.integers(0, 2), st.integers(0, longest_cm))
    bend = st.tuples(st.floats(0.0, 0.02), st.floats(0.0, 0.02))
    bends = st.lists(bend, max_size=2).map(tuple)
    street = st.builds(
        lambda start, end, way, cm, points: Street(start, end, way[0], way[1], cm, points),
        node,
        node,
        ways,
        length,
        bends,
    )
    streets = draw(st.lists(street, min_size=1, max_size=24))
    return network_of(streets, [(0.001 * (k % 4), 0.001 * (k // 4)) for k in range(nodes)])


def positions(network: RoadNetwork) -> st.SearchStrategy[RoadPosition]:
    """Positions on a network; ends, middles and everything between."""
    fraction = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0.0, 1.0))
    return st.builds(RoadPosition, edge=st.integers(0, network.edge_count - 1), fraction=fraction)


def random_positions(network: RoadNetwork, count: int, seed: int) -> list[RoadPosition]:
    """`count` positions, the same for the same seed."""
    dice = random.Random(seed)
    return [
        RoadPosition(dice.randrange(network.edge_count), dice.choice([0.0, 1.0, dice.random()])) for _ in range(count)
    ]


@functools.cache
def sample_network() -> RoadNetwork:
    """The bundled region's network, imported once a run."""
    resource = importlib.resources.files("matcher.roads") / "sample" / "coquimbo.osm.pbf"
    with importlib.resources.as_file(resource) as path:
        return import_extract(path).network


@functools.cache
def sample_engine() -> RoadEngine:
    """An engine on the bundled region."""
    return an_engine(sample_network())


def luxembourg_vector(name: str, dtype: type[np.generic] = np.uint32) -> np.ndarray[tuple[int], np.dtype[np.generic]]:
    """One of the vectors of the reference data, as it is on disk."""
    return np.fromfile(LUXEMBOURG / f"luxembourg_{name}", dtype=dtype)


@functools.cache
def luxembourg_network() -> RoadNetwork:
    """Luxembourg, 76,595 nodes."""
    return network_from_vectors(
        luxembourg_vector("first_out").astype(np.int32),
        luxembourg_vector("head").astype(np.int32),
        luxembourg_vector("travel_time").astype(np.int32),
        luxembourg_vector("geo_distance").astype(np.int32) * 100,
        luxembourg_vector("latitude", np.float32).astype(np.float64),
        luxembourg_vector("longitude", np.float32).astype(np.float64),
    )
