"""The road graph as arrays: nodes, directed arcs, and the undirected street pieces (edges) that arcs run along."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

#: Drivable classes, in the order of `edge_class` codes. Codes are part of the region format: append only.
ROAD_CLASSES = (
    "motorway",
    "motorway_link",
    "trunk",
    "trunk_link",
    "primary",
    "primary_link",
    "secondary",
    "secondary_link",
    "tertiary",
    "tertiary_link",
    "unclassified",
    "residential",
    "living_street",
    "service",
    "track",
    "road",
    "ferry",
    "stub",  # no street: stands for the doors around a public point (public_points.py)
)

#: Class of the stubs of public points. No street: nothing snaps to it, nobody walks or stops on it, and it takes the
#: same time at every hour.
STUB_CLASS = ROAD_CLASSES.index("stub")
STREET_CLASSES = tuple(name for name in ROAD_CLASSES if name != "stub")

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

Scalar = TypeVar("Scalar", bound=np.generic)


def read_only(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """A C-contiguous view that nobody can write through, without a copy where the array has that layout.

    To a kernel, writable and read-only arrays are two types, each compiled on its own. Arrays of a network are memory
    maps in a service and fresh in an import or a test: held like this, they are one type, and one compilation serves
    all.
    """
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def hold_read_only(record: object) -> None:
    """Make every array of a frozen dataclass `read_only`; for its __post_init__."""
    for field in dataclasses.fields(record):  # type: ignore[arg-type]  # any dataclass will do
        object.__setattr__(record, field.name, read_only(getattr(record, field.name)))


@dataclass(frozen=True, eq=False)
class RoadNetwork:
    """A strongly connected road graph. All arrays are C-contiguous and read-only, memory maps or not.

    n nodes, m arcs, e edges, g geometry points. Arcs are sorted by tail, then head, then edge. Parallel arcs and
    self-loops are legal. An edge is a street piece between two nodes with one class, one name and one geometry; it has
    an arc for each direction that may be driven (-1 where it may not).
    """

    node_lat: F64  # (n,) degrees
    node_lon: F64  # (n,) degrees
    first_out: I32  # (n + 1,) arcs of node v are first_out[v] : first_out[v + 1]
    arc_tail: I32  # (m,)
    arc_head: I32  # (m,)
    arc_time_ms: I32  # (m,) free-flow drive time, >= 0
    arc_length_cm: I32  # (m,) >= 0; equals the length of its edge
    arc_edge: I32  # (m,) the edge it runs along
    arc_forward: U8  # (m,) 1 when it runs from the geometry's first point to its last, else 0
    edge_class: U8  # (e,) index into ROAD_CLASSES
    edge_name: I32  # (e,) index into names, -1 when it has none
    edge_forward_arc: I32  # (e,) -1 when it may not be driven forward
    edge_backward_arc: I32  # (e,) -1 when it may not be driven backward
    edge_point_first: I64  # (e + 1,) edge k's points, ends included: edge_point_first[k] : edge_point_first[k + 1]
    point_lat: F64  # (g,) degrees
    point_lon: F64  # (g,) degrees
    name_blob: U8  # UTF-8 bytes of all names, one after another
    name_first: I64  # (names + 1,) offsets into name_blob
    edge_public: I32  # (e,) the stub that stands for the doors along an edge; -1 where doors stand for themselves

    def __post_init__(self) -> None:
        hold_read_only(self)

    @property
    def node_count(self) -> int:
        """n."""
        return len(self.node_lat)

    @property
    def arc_count(self) -> int:
        """m."""
        return len(self.arc_head)

    @property
    def edge_count(self) -> int:
        """e, stubs included."""
        return len(self.edge_class)

    @functools.cached_property
    def stub_count(self) -> int:
        """How many public points there are. Their stubs are the last edges, and the ends of these the last nodes."""
        return int(np.count_nonzero(self.edge_class == STUB_CLASS))

    @property
    def street_count(self) -> int:
        """Edges that are streets: the first ones."""
        return self.edge_count - self.stub_count

    @functools.cached_property
    def packed_cost(self) -> I64:
        """(m,) int64: time_ms << 32 | length_cm, so that one comparison means "faster, or as fast and shorter"."""
        return (self.arc_time_ms.astype(np.int64) << 32) | self.arc_length_cm.astype(np.int64)

    def name(self, edge: int) -> str | None:
        """The street name of an edge, or None."""
        index = int(self.edge_name[edge])
        if index < 0:
            return None
        begin, end = int(self.name_first[index]), int(self.name_first[index + 1])
        return bytes(self.name_blob[begin:end]).decode("utf-8")

    def geometry(self, edge: int) -> tuple[F64, F64]:
        """(lats, lons) of an edge, in degrees, both ends included."""
        begin, end = int(self.edge_point_first[edge]), int(self.edge_point_first[edge + 1])
        return self.point_lat[begin:end], self.point_lon[begin:end]


def pack_names(names: list[str]) -> tuple[U8, I64]:
    """(name_blob, name_first) for a list of names."""
    encoded = [name.encode("utf-8") for name in names]
    first = np.zeros(len(names) + 1, dtype=np.int64)
    np.cumsum([len(part) for part in encoded], out=first[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8).copy(), first


def network_from_vectors(
    first_out: I32, head: I32, time_ms: I32, length_cm: I32, latitude: F64, longitude: F64
) -> RoadNetwork:
    """A network from bare adjacency vectors (as in RoutingKit's test data).

    Each arc is its own straight edge without a name. Arcs are re-sorted by (tail, head). Costs are kept as they are,
    zeros included.
    """
    tail = np.repeat(np.arange(len(first_out) - 1, dtype=np.int32), np.diff(first_out))
    order = np.lexsort((head, tail))
    tail, head = tail[order].astype(np.int32), head[order].astype(np.int32)
    arcs = np.arange(len(head), dtype=np.int32)
    ends = np.stack([tail, head], axis=1).ravel()
    blob, first = pack_names([])
    return RoadNetwork(
        node_lat=latitude.astype(np.float64),
        node_lon=longitude.astype(np.float64),
        first_out=first_out.astype(np.int32),
        arc_tail=tail,
        arc_head=head,
        arc_time_ms=time_ms[order].astype(np.int32),
        arc_length_cm=length_cm[order].astype(np.int32),
        arc_edge=arcs,
        arc_forward=np.ones(len(head), dtype=np.uint8),
        edge_class=np.full(len(head), ROAD_CLASSES.index("road"), dtype=np.uint8),
        edge_name=np.full(len(head), -1, dtype=np.int32),
        edge_forward_arc=arcs,
        edge_backward_arc=np.full(len(head), -1, dtype=np.int32),
        edge_point_first=np.arange(0, 2 * len(head) + 1, 2, dtype=np.int64),
        point_lat=latitude.astype(np.float64)[ends],
        point_lon=longitude.astype(np.float64)[ends],
        name_blob=blob,
        name_first=first,
        edge_public=np.full(len(head), -1, dtype=np.int32),
    )
