"""From an OpenStreetMap file to everything a region holds, in one call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matcher.roads.network import RoadNetwork
from matcher.roads.osm_graph import Dropped, build_network
from matcher.roads.osm_places import place_rows
from matcher.roads.osm_read import Progress, read_extract


@dataclass(frozen=True, eq=False)
class ImportedExtract:
    """A road network, the rows of its gazetteer, what was left out, and the age of the data where the file tells it."""

    network: RoadNetwork
    places: list[dict[str, Any]]
    dropped: Dropped
    source_timestamp: str | None


def import_extract(path: Path, progress: Progress | None = None) -> ImportedExtract:
    """Read a file and build its network and its gazetteer. The same file gives the same arrays and rows.

    Raises RegionFileInvalid when the file is truncated, is not OpenStreetMap data, or holds no drivable roads.
    """
    report = progress or _silent
    extract = read_extract(path, report)
    network, dropped = build_network(extract.streets, extract.node_effects, report)
    return ImportedExtract(network, list(place_rows(extract, report)), dropped, extract.timestamp)


def _silent(phase: str, done: int, total: int | None) -> None:
    """For callers who watch nothing."""
