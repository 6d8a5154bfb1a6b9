"""Imports an OpenStreetMap file: everything a region holds, in one call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matcher.progress import Progress, no_progress
from matcher.roads.foot.network import WalkNetwork
from matcher.roads.network.graph import RoadNetwork
from matcher.roads.network.public_points import (
    PublicSpacing,
    choose_public_points,
    with_public_points,
)
from matcher.roads.osm.graph import Dropped, build_network
from matcher.roads.osm.places import place_rows
from matcher.roads.osm.read import read_extract
from matcher.roads.osm.walk import build_walk_network


@dataclass(frozen=True, eq=False)
class ImportedExtract:
    """The networks and gazetteer rows of a region, what was left out, and the age of the data if the file tells it."""

    network: RoadNetwork
    walk_network: WalkNetwork
    places: list[dict[str, Any]]
    dropped: Dropped
    source_timestamp: str | None
    public_spacing_m: float


def import_extract(path: Path, progress: Progress = no_progress, public_spacing_m: float = 0.0) -> ImportedExtract:
    """Read a file and build its networks and its gazetteer. The same file gives the same arrays and rows.

    public_spacing_m: least distance between two public points; 0 for none.

    Raises RegionFileInvalid when the file is truncated, is not OpenStreetMap data, or holds no drivable roads.
    """
    extract = read_extract(path, progress)
    roads = build_network(extract.streets, extract.node_effects, progress)
    walk_network = build_walk_network(extract.streets, extract.closed_to_walkers, roads, progress)
    places = list(place_rows(extract, progress))
    network = roads.network
    if public_spacing_m > 0:
        progress("choosing the public points")
        spacing = PublicSpacing(apart_m=public_spacing_m)
        network = with_public_points(network, choose_public_points(network, spacing), spacing)
    return ImportedExtract(network, walk_network, places, roads.dropped, extract.timestamp, public_spacing_m)
