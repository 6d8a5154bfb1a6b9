"""What the matching core needs of the road network, which it may not import; `RoadEngine` implements it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from matcher.domain.place import RoadPosition
from matcher.matching.base.positions import I32, I64, U8, EdgeTable


@dataclass(frozen=True, eq=False)
class PackedDrive:
    """The fastest drive between two road positions, and the hierarchy's few dozen codes that it unpacks from.

    `codes` is int32: [first arc, last arc, direction codes between them…]. The drive starts `origin_at` of the way
    along its first arc's edge and ends within its last arc. A drive that never leaves its first arc has the one element
    [arc].
    """

    cost: int  # packed
    codes: I32


class PathTable(NamedTuple):
    """Packed drives, one a row. Row r's codes are codes[begin[r] : begin[r] + size[r]]."""

    codes: I32
    begin: I64
    size: I32
    origin_at: I32  # fixed-point fraction of the origin's edge
    destination_at: I32  # fixed-point fraction of the destination's edge


class Settles(Protocol):
    """Distances for those who need few of them; good while the context that gave them lasts."""

    def settled(self, edges: I32) -> I64:
        """(n, columns) packed, true in the rows of both ends of `edges` and of all that were asked for before.

        Other rows hold anything but negative numbers.
        """


class SearchRoads(Protocol):
    """Exact distances between road positions. Thread-safe, deterministic."""

    @property
    def edges(self) -> EdgeTable:
        """Ends and costs of every edge."""

    def pack_drive(self, origin: RoadPosition, destination: RoadPosition) -> PackedDrive | None:
        """The fastest drive, or None when there is no way."""

    def pack_drives(
        self, origin_edge: I32, origin_at: I32, destination_edge: I32, destination_at: I32
    ) -> tuple[I64, I32, I64, I32]:
        """(cost, codes, begin, size) of k drives between positions in fixed point, (k,) each.

        Drive i has the packed cost cost[i], INFINITE when there is no way, and is packed in codes[begin[i] : begin[i] +
        size[i]].
        """

    def sweep(self, target: RoadPosition, source: RoadPosition) -> AbstractContextManager[I64]:
        """(n, 2) packed: the cost of driving from each node to `target`, and from `source` to each node.

        The array is the caller's until the context ends, then it is used again.
        """

    def sweep_both(self, pickup: RoadPosition, dropoff: RoadPosition) -> AbstractContextManager[I64]:
        """(n, 4) packed, for trips with stops: `sweep(pickup, dropoff)`, then `sweep(dropoff, pickup)`."""

    def some_drives(
        self, pickup: RoadPosition, dropoff: RoadPosition, *, both: bool
    ) -> AbstractContextManager[Settles]:
        """The columns of `sweep_both`, or those of `sweep`."""

    @property
    def few_offers(self) -> int:
        """For how many offers, at most, `some_drives` is cheaper than a sweep."""

    def columns(self, edge: I64, at: I64, *, to: bool) -> AbstractContextManager[Any]:
        """`Settles` with a column for each of k positions that are driven to (or from), (k,) each in fixed point."""

    def costs_between(self, sources: Any, targets: Any) -> I64:
        """(s, t) packed, from each position of one `columns` to each of another; INFINITE without a way."""

    def sweep_least(self, pairs: Sequence[tuple[Any, I64, Any, I64]]) -> AbstractContextManager[I64]:
        """(n, 2 p) packed for p pairs, one or three.

        A pair is `columns` of targets, an extra for each of them, `columns` of sources, an extra for each of them.
        Column 0 is the least over targets k of driving from each node to it plus its extra, column 1 the least over
        sources c of its extra plus driving from it to each node; columns 2 and 3 are of the second pair, and so on.
        Extras are packed, at least 0, at most 2**60.

        The array is the caller's until the context ends, then it is used again.
        """

    def some_least(self, pairs: Sequence[tuple[Any, I64, Any, I64]]) -> AbstractContextManager[Settles]:
        """The columns of `sweep_least`."""

    def shared_lengths(
        self, rider: PackedDrive, rider_ends: tuple[int, int], legs: PathTable, leg_begin: I64, leg_count: U8
    ) -> I64:
        """(k,) int64: centimetres of the rider's road that each of k routes runs along.

        Route i is leg_count[i] legs from leg_begin[i] on. rider_ends: the rider's two positions as fixed-point
        fractions of their edges. Arc by arc: the two directions of a street are different roads; of an arc that both
        use in part only the common piece counts; no piece counts twice.
        """


class SearchRoadsByTime(Protocol):
    """The roads under a metric for each slot of the week. A trip is driven in the slot it departs in."""

    @property
    def slots(self) -> Sequence[SearchRoads]:
        """The roads of each slot, one at least. They share edges and positions; costs are each one's own."""

    def slot_of(self, departure: datetime) -> int:
        """Which of `slots` an aware moment belongs to."""

    def slots_of(self, departures_ms: I64) -> I64:
        """The same for (k,) moments in milliseconds since the epoch."""
