"""Small OpenStreetMap files for tests, written with osmium itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import osmium

#: Node `n` lies at row n // 10, column n % 10 of a grid with this spacing, unless it was placed elsewhere.
STEP_DEG = 0.001
SOUTH, WEST = 47.0, 9.0


@dataclass
class StreetMap:
    """Ways between the points of a grid: node 23 is two rows north and three columns east of node 0."""

    node_tags: dict[int, dict[str, str]] = field(default_factory=dict)
    places: dict[int, tuple[float, float]] = field(default_factory=dict)
    ways: list[tuple[list[int], dict[str, str]]] = field(default_factory=list)
    absent: set[int] = field(default_factory=set)

    def node(self, node: int, *, at: tuple[float, float] | None = None, **tags: str) -> StreetMap:
        """Give a node tags, and (lat, lon) of its own. `__` in a key stands for a colon."""
        self.node_tags.setdefault(node, {}).update(_keys(tags))
        if at is not None:
            self.places[node] = at
        return self

    def way(self, nodes: Sequence[int], highway: str | None = "residential", **tags: str) -> StreetMap:
        """A way along nodes. `__` in a key stands for a colon."""
        kind = {} if highway is None else {"highway": highway}
        self.ways.append((list(nodes), kind | _keys(tags)))
        return self

    def lat(self, node: int) -> float:
        return self.places[node][0] if node in self.places else SOUTH + node // 10 * STEP_DEG

    def lon(self, node: int) -> float:
        return self.places[node][1] if node in self.places else WEST + node % 10 * STEP_DEG

    def write(self, path: Path, timestamp: str | None = None) -> Path:
        """Write it; the suffix chooses the format."""
        header = osmium.io.Header()
        if timestamp is not None:
            header.set("osmosis_replication_timestamp", timestamp)
        used = {node for nodes, _ in self.ways for node in nodes} | set(self.node_tags) | set(self.places)
        with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
            for node in sorted(used - self.absent):
                where = (self.lon(node), self.lat(node))
                tags = self.node_tags.get(node, {})
                writer.add_node(osmium.osm.mutable.Node(id=node + 1, version=1, location=where, tags=tags))
            for number, (nodes, tags) in enumerate(self.ways, start=1):
                refs = [node + 1 for node in nodes]
                writer.add_way(osmium.osm.mutable.Way(id=number, version=1, nodes=refs, tags=tags))
        return path


def _keys(tags: dict[str, str]) -> dict[str, str]:
    return {key.replace("__", ":"): value for key, value in tags.items()}
