"""The world of a benchmark: a road network, places, offers and riders. The same seed gives the same world."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from matcher.domain.offer import NO_PREFERENCES, Offer, OfferStatus, default_max_detour_s
from matcher.domain.place import Coordinate, Place, RoadPosition
from matcher.matching.base.positions import split_cost
from matcher.matching.scan.query import Query
from matcher.roads.engine import RoadEngine
from matcher.roads.hierarchy.customisation import customise
from matcher.roads.hierarchy.order import nested_dissection
from matcher.roads.hierarchy.topology import Topology
from matcher.roads.network.graph import RoadNetwork, network_from_vectors
from matcher.roads.region.store import SAMPLE_NAME, RegionStore, ensure_sample, sample_zones

MORNING = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
#: Offers leave within this many minutes of MORNING, all in the future of every search.
RUSH_MIN = 120
#: Standard deviation of where people live around the centre of their zone.
ZONE_SPREAD_M = 500.0
_METRES_A_DEGREE = 111_195.0


@dataclass
class World:
    """An engine and a way to draw positions where people are."""

    name: str
    engine: RoadEngine
    draw: Callable[[np.random.Generator], RoadPosition]
    spent_s: dict[str, float] = field(default_factory=dict)


@contextmanager
def timed(spent_s: dict[str, float], step: str) -> Iterator[None]:
    """Note how long a step takes."""
    begin = time.perf_counter()
    yield
    spent_s[step] = round(time.perf_counter() - begin, 4)


def sample_world() -> World:
    """The bundled region, imported afresh from its extract; people live where its zones say."""
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="carpool-bench-") as folder:
        store = RegionStore(Path(folder))
        with timed(spent, "import_s"):  # with the order and the topology, which are a part of every region
            ensure_sample(store)
        region = store.get(SAMPLE_NAME)
        engine = prepare(SAMPLE_NAME, region.network, spent)
    zones = sample_zones()
    people = np.array([population for _, population in zones], dtype=np.float64)
    return World(
        SAMPLE_NAME, engine, _near_zones(engine, [centre for centre, _ in zones], people / people.sum()), spent
    )


def region_world(data_dir: Path, name: str) -> World:
    """An imported region; people are anywhere on its roads."""
    spent: dict[str, float] = {}
    with timed(spent, "import_s"):
        region = RegionStore(data_dir).get(name)
    engine = prepare(name, region.network, spent)
    return World(name, engine, on_edges(np.arange(region.network.street_count)), spent)


def vectors_world(folder: Path) -> World:
    """Bare adjacency vectors as RoutingKit's test data; people are anywhere in the largest strongly connected part."""
    spent: dict[str, float] = {}
    prefix = next(iter(sorted(folder.glob("*_first_out")))).name.removesuffix("_first_out")

    def vector(name: str, dtype: type[np.generic]) -> npt.NDArray[np.generic]:
        return np.fromfile(folder / f"{prefix}_{name}", dtype=dtype)

    with timed(spent, "import_s"):
        network = network_from_vectors(
            vector("first_out", np.uint32).astype(np.int32),
            vector("head", np.uint32).astype(np.int32),
            vector("travel_time", np.uint32).astype(np.int32),
            vector("geo_distance", np.uint32).astype(np.int32),
            vector("latitude", np.float32).astype(np.float64),
            vector("longitude", np.float32).astype(np.float64),
        )
    engine = prepare(prefix, network, spent)
    n = network.node_count
    arcs = csr_array((np.ones(network.arc_count), (network.arc_tail, network.arc_head)), shape=(n, n))
    _, part = connected_components(arcs, connection="strong")
    largest = part == np.bincount(part).argmax()
    inside = np.flatnonzero(largest[network.arc_tail] & largest[network.arc_head])
    return World(prefix, engine, on_edges(network.arc_edge[inside]), spent)


def prepare(name: str, network: RoadNetwork, spent: dict[str, float]) -> RoadEngine:
    """An engine under the usual metric, and how long its parts take."""
    with timed(spent, "order_s"):
        order = nested_dissection(network)
    with timed(spent, "topology_s"):
        topology = Topology.build(network, order)
    with timed(spent, "customisation_s"):
        customise(topology, network.packed_cost)
    with timed(spent, "engine_s"):  # which customises once more
        return RoadEngine(name, "benchmark", network, topology)


def on_edges(edges: npt.NDArray[np.integer[Any]]) -> Callable[[np.random.Generator], RoadPosition]:
    """Anywhere along some edges, whatever their length."""
    return lambda rng: RoadPosition(int(edges[rng.integers(len(edges))]), float(rng.random()))


def _near_zones(
    engine: RoadEngine, centres: list[Coordinate], share: npt.NDArray[np.float64]
) -> Callable[[np.random.Generator], RoadPosition]:
    def draw(rng: np.random.Generator) -> RoadPosition:
        while True:
            centre = centres[int(rng.choice(len(centres), p=share))]
            north, east = rng.normal(0.0, ZONE_SPREAD_M, 2) / _METRES_A_DEGREE
            home = Coordinate(lat=centre.lat + north, lon=centre.lon + east / np.cos(np.radians(centre.lat)))
            found = engine.snap(home, limit_m=500.0)
            if found is not None:
                return found.position

    return draw


def draw_offers(world: World, count: int, seed: int) -> list[Offer]:
    """Offers of one leg with the product's default limits."""
    rng = np.random.default_rng([seed, 1])
    offers: list[Offer] = []
    while len(offers) < count:
        origin, destination = world.draw(rng), world.draw(rng)
        cost = world.engine.cost(origin, destination)
        if cost is None:
            continue
        duration_ms, length_cm = split_cost(cost)
        offers.append(
            Offer(
                id=UUID(int=int(rng.integers(2**63)) << 64 | len(offers)),
                driver_id=f"driver-{len(offers)}",
                region=world.name,
                region_fingerprint="benchmark",
                status=OfferStatus.OPEN,
                version=1,
                origin=place_at(origin),
                destination=place_at(destination),
                via=(),
                departure=MORNING + timedelta(seconds=int(rng.integers(60 * RUSH_MIN))),
                flexibility_s=900,
                seats_offered=3,
                seats_left=int(rng.integers(1, 4)),
                max_detour_s=default_max_detour_s(duration_ms),
                max_detour_m=None,
                preferences=NO_PREFERENCES,
                comment="",
                duration_ms=duration_ms,
                length_cm=length_cm,
                created_at=MORNING,
                updated_at=MORNING,
            )
        )
    return offers


def draw_queries(world: World, count: int, seed: int, *, window_min: int | None) -> list[Query]:
    """Riders for one seat. window_min: length of their window within the rush; None: all of it, so no offer is out."""
    rng = np.random.default_rng([seed, 2, window_min or 0])
    now_ms = round((MORNING - timedelta(hours=1)).timestamp() * 1000)
    rush_ms = round(MORNING.timestamp() * 1000)
    queries: list[Query] = []
    while len(queries) < count:
        pickup, dropoff = world.draw(rng), world.draw(rng)
        if pickup.edge == dropoff.edge or world.engine.cost(pickup, dropoff) is None:
            continue
        earliest_ms, latest_ms = rush_ms - 3_600_000, rush_ms + 6 * 3_600_000
        if window_min is not None:
            earliest_ms = rush_ms + int(rng.integers(60_000 * RUSH_MIN))
            latest_ms = earliest_ms + 60_000 * window_min
        queries.append(Query(pickup, dropoff, 1, earliest_ms, latest_ms, False, now_ms, 0, 0))
    return queries


def place_at(position: RoadPosition) -> Place:
    """A place of which nothing but its position matters."""
    return Place(Coordinate(lat=0.0, lon=0.0), "", position, 0.0)
