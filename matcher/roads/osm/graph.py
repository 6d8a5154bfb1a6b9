"""From columns of ways to the road network: split at junctions, keep the largest strongly connected part, fold, cost.

Lengths are geodesics on the WGS84 ellipsoid. The time of an arc is its length at the driven speed, plus what its nodes
cost (`tags.py`) and JUNCTION_DELAY_S on entering a node where three or more street pieces meet and neither signal nor
sign says who waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.domain.errors.tree import RegionFileInvalid
from matcher.progress import Progress
from matcher.roads.network.graph import F64, I32, I64, ROAD_CLASSES, RoadNetwork, pack_names
from matcher.roads.osm.kernels import chain_points, chains, largest_component
from matcher.roads.osm.read import NO_CARS_CLASS, RawStreets
from matcher.roads.osm.split import street_points
from matcher.roads.osm.tags import NodeEffect

_LONGEST = np.iinfo(np.int32).max

#: Seconds lost on average on entering a junction, by the class of the street that leads there. Grade-separated classes
#: lose none.
JUNCTION_DELAY_S: dict[str, float] = {
    **dict.fromkeys(("primary", "primary_link", "secondary", "secondary_link"), 1.0),
    **dict.fromkeys(("tertiary", "tertiary_link"), 1.5),
    **dict.fromkeys(("unclassified", "residential", "living_street", "service", "track", "road"), 2.0),
}
_DELAY_OF_CLASS_S = np.array([JUNCTION_DELAY_S.get(name, 0.0) for name in ROAD_CLASSES])


@dataclass(frozen=True)
class Dropped:
    """What lies outside the largest strongly connected part, before folding: nodes are where ways meet or end."""

    nodes: int
    arcs: int
    km: float


@dataclass(frozen=True, eq=False)
class BuiltRoads:
    """A road network, what it lacks, and where its nodes are in OpenStreetMap."""

    network: RoadNetwork
    dropped: Dropped
    node_ref: I64  # (n,) OpenStreetMap id of each node; not unique, where a barrier keeps the ends of streets apart


@dataclass(frozen=True, eq=False)
class _Pieces:
    """k pieces of street between the nodes where ways meet or end."""

    start: I32  # (k,)
    end: I32  # (k,)
    way: I64  # (k,)
    first_point: I64  # (k,)
    last_point: I64  # (k,) included
    length_m: F64  # (k,)
    along_kmh: F64  # (k,) 0 when closed
    against_kmh: F64  # (k,)
    along_delay_s: F64  # (k,)
    against_delay_s: F64  # (k,)

    def select(self, kept: npt.NDArray[np.bool_]) -> _Pieces:
        return _Pieces(*(getattr(self, name)[kept] for name in self.__dataclass_fields__))


def build_network(streets: RawStreets, effects: Mapping[int, NodeEffect], progress: Progress) -> BuiltRoads:
    """The largest strongly connected part of the drivable streets, and what else there was.

    Deterministic. Nodes are numbered by ascending OpenStreetMap id. Raises RegionFileInvalid when there is nothing to
    drive on.
    """
    progress("measuring the streets", 0, 4)
    pieces, node_point, calm = _split(streets, effects)
    if len(pieces.start) == 0:
        raise RegionFileInvalid("the file has no roads open to cars")
    progress("finding the connected part", 1, 4)
    open_along, open_against = pieces.along_kmh > 0, pieces.against_kmh > 0
    tail = np.concatenate([pieces.start[open_along], pieces.end[open_against]])
    head = np.concatenate([pieces.end[open_along], pieces.start[open_against]])
    inside = largest_component(len(node_point), tail, head)
    kept = inside[pieces.start] & inside[pieces.end]
    if not kept.any():
        raise RegionFileInvalid("the file has no roads that form a network for cars")
    dropped = Dropped(
        nodes=int(len(inside) - inside.sum()),
        arcs=int(len(tail) - (inside[tail] & inside[head]).sum()),
        km=round(float(pieces.length_m[~kept].sum()) / 1000.0, 3),
    )
    progress("folding the streets", 2, 4)
    network, node_ref = _fold(streets, pieces.select(kept), node_point, calm)
    progress("folding the streets", 4, 4)
    return BuiltRoads(network, dropped, node_ref)


def _split(streets: RawStreets, effects: Mapping[int, NodeEffect]) -> tuple[_Pieces, I64, npt.NDArray[np.bool_]]:
    """Cut ways wherever another one touches them.

    Returns the pieces, for each node a point where it lies, and for each node whether nothing there says who waits.
    """
    drivable = (streets.class_code != NO_CARS_CLASS) & ((streets.forward_kmh > 0) | (streets.backward_kmh > 0))
    roads = street_points(streets, drivable)
    points, way, node, ids = roads.points, roads.way, roads.node, roads.ids
    effect_ids = np.array(sorted(effects), dtype=np.int64)
    place = np.searchsorted(ids, effect_ids)
    present = place < len(ids)
    present[present] = ids[place[present]] == effect_ids[present]
    blocked = np.zeros(len(ids), dtype=np.bool_)
    delay = np.zeros((2, len(ids)))
    for index, effect_id in zip(place[present].tolist(), effect_ids[present].tolist(), strict=True):
        effect = effects[effect_id]
        blocked[index] = effect.blocked
        delay[:, index] = effect.forward_delay_s, effect.backward_delay_s

    duration_kmh = _kmh_by_duration(streets, way, roads.step_m)
    begin, finish = roads.pieces(roads.shared | blocked[node])

    driven_m = np.cumsum(roads.step_m)
    waits = np.cumsum(delay[:, node], axis=1)
    start, end = node[begin].astype(np.int32), node[finish].astype(np.int32)
    node_point = roads.point_of_node
    # Nobody passes a blocked node: every piece that ends there ends at a node of its own.
    for side, position in ((start, begin), (end, finish)):
        hit = np.flatnonzero(blocked[node[position]])
        side[hit] = len(node_point) + np.arange(len(hit))
        node_point = np.concatenate([node_point, points[position[hit]]])
    calm = np.ones(len(node_point), dtype=np.bool_)
    calm[: len(ids)] = ~(delay > 0).any(axis=0)

    ways = way[begin]
    along = np.where(streets.forward_kmh > 0, np.where(np.isnan(duration_kmh), streets.forward_kmh, duration_kmh), 0.0)
    against = np.where(
        streets.backward_kmh > 0, np.where(np.isnan(duration_kmh), streets.backward_kmh, duration_kmh), 0.0
    )
    # Going along, a piece enters all its nodes but the first; going against, all but the last.
    before_first = waits[1, begin] - delay[1, node[begin]]
    before_last = waits[1, finish] - delay[1, node[finish]]
    pieces = _Pieces(
        start=start,
        end=end,
        way=ways,
        first_point=points[begin],
        last_point=points[finish],
        length_m=np.maximum(driven_m[finish] - driven_m[begin], 0.0),
        along_kmh=along[ways],
        against_kmh=against[ways],
        along_delay_s=waits[0, finish] - waits[0, begin],
        against_delay_s=before_last - before_first,
    )
    used = np.zeros(len(node_point), dtype=np.bool_)
    used[pieces.start] = used[pieces.end] = True
    number = np.cumsum(used, dtype=np.int32) - 1
    pieces.start[:], pieces.end[:] = number[pieces.start], number[pieces.end]
    return pieces, node_point[used], calm[used]


def _kmh_by_duration(streets: RawStreets, way: I64, step_m: F64) -> F64:
    """(w,) km/h of ways that say how long they take, NaN for the others. `step_m` at a way's first point must be 0."""
    length_m = np.bincount(way, weights=step_m, minlength=len(streets.class_code))
    return np.asarray(np.maximum(length_m, 1.0) / streets.duration_s * 3.6)


def _fold(
    streets: RawStreets, pieces: _Pieces, node_point: I64, calm: npt.NDArray[np.bool_]
) -> tuple[RoadNetwork, I64]:
    group = streets.class_code[pieces.way].astype(np.int64) * (len(streets.names) + 1) + streets.name[pieces.way] + 1
    stays = np.zeros(len(node_point), dtype=np.bool_)
    chain_first, piece, turned = chains(stays, pieces.start, pieces.end, group, pieces.along_kmh, pieces.against_kmh)
    point_first, point = chain_points(chain_first, piece, turned, pieces.first_point, pieces.last_point)
    begin = chain_first[:-1]
    length_m = np.add.reduceat(pieces.length_m[piece], begin)
    first_piece, last_piece = piece[begin], piece[chain_first[1:] - 1]
    tail = np.where(turned[begin] == 1, pieces.end[first_piece], pieces.start[first_piece])
    head = np.where(turned[chain_first[1:] - 1] == 1, pieces.start[last_piece], pieces.end[last_piece])
    edge_class = streets.class_code[pieces.way[first_piece]]

    used = np.zeros(len(node_point), dtype=np.bool_)
    used[tail] = used[head] = True
    number = np.cumsum(used, dtype=np.int32) - 1
    ends_meeting = np.bincount(tail, minlength=len(used)) + np.bincount(head, minlength=len(used))
    junction = (ends_meeting >= 3) & calm
    forward_s = _seconds(pieces, piece, turned == 1, begin) + _DELAY_OF_CLASS_S[edge_class] * junction[head]
    backward_s = _seconds(pieces, piece, turned == 0, begin) + _DELAY_OF_CLASS_S[edge_class] * junction[tail]
    tail, head, node_point = number[tail], number[head], node_point[used]

    forward, backward = np.flatnonzero(np.isfinite(forward_s)), np.flatnonzero(np.isfinite(backward_s))
    arc_tail = np.concatenate([tail[forward], head[backward]])
    arc_head = np.concatenate([head[forward], tail[backward]])
    arc_edge = np.concatenate([forward, backward]).astype(np.int32)
    arc_forward = np.repeat(np.array([1, 0], dtype=np.uint8), [len(forward), len(backward)])
    arc_s = np.concatenate([forward_s[forward], backward_s[backward]])
    order = np.lexsort((1 - arc_forward, arc_edge, arc_head, arc_tail))
    edge_arc = np.full((2, len(edge_class)), -1, dtype=np.int32)
    edge_arc[arc_forward[order], arc_edge[order]] = np.arange(len(order), dtype=np.int32)
    first_out = np.zeros(len(node_point) + 1, dtype=np.int32)
    np.cumsum(np.bincount(arc_tail, minlength=len(node_point)), out=first_out[1:])
    length_cm = np.clip(np.rint(length_m * 100), 0, _LONGEST).astype(np.int32)
    edge_name, names = _used_names(streets, streets.name[pieces.way[first_piece]])
    name_blob, name_first = pack_names(names)
    network = RoadNetwork(
        node_lat=streets.lat[node_point],
        node_lon=streets.lon[node_point],
        first_out=first_out,
        arc_tail=arc_tail[order].astype(np.int32),
        arc_head=arc_head[order].astype(np.int32),
        arc_time_ms=np.clip(np.rint(arc_s[order] * 1000), 1, _LONGEST).astype(np.int32),
        arc_length_cm=length_cm[arc_edge[order]],
        arc_edge=arc_edge[order],
        arc_forward=arc_forward[order],
        edge_class=edge_class,
        edge_name=edge_name,
        edge_forward_arc=edge_arc[1],
        edge_backward_arc=edge_arc[0],
        edge_point_first=point_first,
        point_lat=streets.lat[point],
        point_lon=streets.lon[point],
        name_blob=name_blob,
        name_first=name_first,
        edge_public=np.full(len(edge_class), -1, dtype=np.int32),
    )
    return network, streets.ref[node_point]


def _seconds(pieces: _Pieces, piece: I32, against: npt.NDArray[np.bool_], begin: I64) -> F64:
    """(c,) seconds along each chain; `against`: pieces driven against their drawing. Infinite when closed."""
    kmh = np.where(against, pieces.against_kmh[piece], pieces.along_kmh[piece])
    delay = np.where(against, pieces.against_delay_s[piece], pieces.along_delay_s[piece])
    with np.errstate(divide="ignore"):
        driving = np.where(kmh > 0, pieces.length_m[piece] * 3.6 / kmh, np.inf)
    return np.asarray(np.add.reduceat(driving + delay, begin))


def _used_names(streets: RawStreets, edge_name: I32) -> tuple[I32, list[str]]:
    """Names of edges, numbered in the order in which streets first have them, so that footpaths change nothing."""
    is_street = (streets.class_code != NO_CARS_CLASS) | (streets.has_name == 1)
    met, first_way = np.unique(streets.name[is_street], return_index=True)
    used = met[np.argsort(first_way)]
    used = used[np.isin(used, edge_name[edge_name >= 0])]
    number = np.full(len(streets.names) + 1, -1, dtype=np.int32)  # the last one answers for -1
    number[used] = np.arange(len(used), dtype=np.int32)
    return number[edge_name], [streets.names[index] for index in used.tolist()]
