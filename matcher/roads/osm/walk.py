"""From columns of ways to the walk network: split where ways touch, keep what leads to the road network, fold, measure.

Lengths are geodesics on the WGS84 ellipsoid, in centimetres; a metre of steps counts as STEPS_FACTOR metres.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.progress import Progress
from matcher.roads.foot.network import WalkNetwork, adjacency
from matcher.roads.foot.stopping import node_stops
from matcher.roads.network.graph import I32, I64, Scalar
from matcher.roads.osm.foot import NOT_WALKED, STEPS
from matcher.roads.osm.graph import BuiltRoads
from matcher.roads.osm.kernels import chain_points, chains, union
from matcher.roads.osm.read import RawStreets
from matcher.roads.osm.split import street_points

#: Stairs are taken at about half the pace of level ground. An assumption, of the size that route planners on foot make.
STEPS_FACTOR = 2.0


@dataclass(frozen=True, eq=False)
class _Edges:
    """e folded edges between nodes that are points of the extract."""

    start: I32
    end: I32
    length_cm: I32
    point_first: I64
    point: I64  # index into the columns of RawStreets
    node_point: I64  # (n,) where each node lies


def build_walk_network(
    streets: RawStreets, closed_nodes: Collection[int], roads: BuiltRoads, progress: Progress
) -> WalkNetwork:
    """Everything that can be walked from some node of the road network. Deterministic; nodes by ascending OpenStreetMap
    id.

    closed_nodes: OpenStreetMap ids of nodes that nobody walks through.
    """
    progress("finding ways to walk", 0, 2)
    edges = _edges(streets, closed_nodes, roads.node_ref)
    progress("finding ways to walk", 1, 2)
    network = _with_stops(streets, edges, closed_nodes, roads)
    progress("finding ways to walk", 2, 2)
    return network


def _edges(streets: RawStreets, closed_nodes: Collection[int], node_ref: I64) -> _Edges:
    ways = street_points(streets, streets.foot != NOT_WALKED)
    node = ways.node
    meets_road = np.isin(ways.ids, node_ref)
    closed = np.isin(ways.ids, np.array(sorted(closed_nodes), dtype=np.int64))
    begin, finish = ways.pieces(ways.shared | meets_road[node] | closed[node])
    start, end = node[begin].astype(np.int32), node[finish].astype(np.int32)
    node_point = ways.point_of_node
    for side, position in ((start, begin), (end, finish)):
        hit = np.flatnonzero(closed[node[position]])
        side[hit] = len(node_point) + np.arange(len(hit))
        node_point = np.concatenate([node_point, ways.points[position[hit]]])
    stays = np.zeros(len(node_point), dtype=np.bool_)
    stays[: len(ways.ids)] = meets_road & ~closed

    part = union(len(node_point), start.astype(np.int64), end.astype(np.int64))
    leads_to_road = np.zeros(len(node_point), dtype=np.bool_)
    leads_to_road[part[stays]] = True
    kept = np.flatnonzero(leads_to_road[part[start]])
    if len(kept) == 0:
        return _nothing()
    begin, finish, start, end = begin[kept], finish[kept], start[kept], end[kept]
    walked_m = np.cumsum(ways.step_m)
    length_m = np.maximum(walked_m[finish] - walked_m[begin], 0.0)
    is_steps = streets.foot[ways.way[begin]] == STEPS
    length_m *= np.where(is_steps, STEPS_FACTOR, 1.0)
    any_way = np.ones(len(start))
    first, piece, turned = chains(stays, start, end, is_steps.astype(np.int64), any_way, any_way)
    point_first, point = chain_points(first, piece, turned, ways.points[begin], ways.points[finish])
    last = first[1:] - 1
    tail = np.where(turned[first[:-1]] == 1, end[piece[first[:-1]]], start[piece[first[:-1]]])
    head = np.where(turned[last] == 1, start[piece[last]], end[piece[last]])
    used = np.zeros(len(node_point), dtype=np.bool_)
    used[tail] = used[head] = True
    number = np.cumsum(used, dtype=np.int32) - 1
    metres = np.add.reduceat(length_m[piece], first[:-1])
    length_cm = np.clip(np.rint(metres * 100), 0, np.iinfo(np.int32).max).astype(np.int32)
    return _Edges(number[tail], number[head], length_cm, point_first, point, node_point[used])


def _nothing() -> _Edges:
    none32, none64 = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64)
    return _Edges(none32, none32, none32, np.zeros(1, dtype=np.int64), none64, none64)


def _with_stops(streets: RawStreets, edges: _Edges, closed_nodes: Collection[int], roads: BuiltRoads) -> WalkNetwork:
    """The network with the road node at each walk node; road nodes at one place get walk nodes of their own."""
    ref = streets.ref[edges.node_point]
    lat, lon = streets.lat[edges.node_point], streets.lon[edges.node_point]
    walk_node, road_node = _coincident(ref, closed_nodes, roads.node_ref)
    first = np.ones(len(walk_node), dtype=np.bool_)
    first[1:] = walk_node[1:] != walk_node[:-1]
    twins = np.flatnonzero(~first)
    own = len(ref) + np.arange(len(twins), dtype=np.int32)
    drive_node = np.full(len(ref) + len(twins), -1, dtype=np.int32)
    drive_node[walk_node[first]] = road_node[first]
    drive_node[own] = road_node[twins]
    beside = walk_node[twins]
    start, end = np.concatenate([edges.start, beside]), np.concatenate([edges.end, own])
    first_out, out_head, out_edge = adjacency(len(drive_node), start, end)
    stops = node_stops(roads.network)
    return WalkNetwork(
        node_lat=np.concatenate([lat, lat[beside]]),
        node_lon=np.concatenate([lon, lon[beside]]),
        drive_node=drive_node,
        stop_edge=_at(stops.stop_edge, drive_node, -1),
        stop_at_end=_at(stops.stop_at_end, drive_node, 0),
        stop_class=_at(stops.stop_class, drive_node, 255),
        corner_a=_at(stops.corner_a, drive_node, -1),
        corner_b=_at(stops.corner_b, drive_node, -1),
        first_out=first_out,
        out_head=out_head,
        out_edge=out_edge,
        edge_start=start,
        edge_end=end,
        edge_length_cm=np.concatenate([edges.length_cm, np.zeros(len(twins), dtype=np.int32)]),
        edge_point_first=np.concatenate(
            [edges.point_first, edges.point_first[-1] + 2 * np.arange(1, len(twins) + 1, dtype=np.int64)]
        ),
        point_lat=np.concatenate([streets.lat[edges.point], np.repeat(lat[beside], 2)]),
        point_lon=np.concatenate([streets.lon[edges.point], np.repeat(lon[beside], 2)]),
    )


def _coincident(ref: I64, closed_nodes: Collection[int], node_ref: I64) -> tuple[I32, I32]:
    """(walk node, road node) for every road node that lies on an open walk node; by walk node, then road node."""
    open_nodes = np.flatnonzero(~np.isin(ref, np.array(sorted(closed_nodes), dtype=np.int64)))
    order = np.argsort(ref[open_nodes], kind="stable")
    ids = ref[open_nodes[order]]
    place = np.searchsorted(ids, node_ref)
    place[place == len(ids)] = 0
    meets = np.flatnonzero(ids[place] == node_ref) if len(ids) else np.zeros(0, dtype=np.int64)
    walk_node = open_nodes[order[place[meets]]]
    by_walk_node = np.lexsort((meets, walk_node))
    return walk_node[by_walk_node].astype(np.int32), meets[by_walk_node].astype(np.int32)


def _at(column: npt.NDArray[Scalar], drive_node: I32, otherwise: int) -> npt.NDArray[Scalar]:
    """A column of the road nodes, for the walk nodes that lie on them."""
    values = column[drive_node]
    values[drive_node < 0] = otherwise
    return values
