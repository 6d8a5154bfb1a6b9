"""What a scan over offers finds: those that can carry the rider, and why the others cannot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numba
import numpy as np

from matcher.domain.match import TurnedAway
from matcher.matching.base.positions import I64, LENGTH_MASK, AnyArray, Int
from matcher.matching.scan.reasons import REASONS, by_reason

#: An offer that can carry the rider: its row, and the insertion. All int64.
FOUND = np.dtype(
    [
        (name, np.int64)
        for name in (
            "row",
            "detour_ms",
            "detour_cm",
            "to_pickup_ms",  # drive from the driver's origin to the pickup
            "shift_ms",  # how much later than planned the driver leaves, negative for earlier; as little as possible
            "ride_ms",
            "ride_cm",
            "pickup_leg",  # which leg of the itinerary, from 0, the pickup is inserted in
            "dropoff_leg",
            "pickup_choice",  # which of the query's pickups; 0 is the door
            "dropoff_choice",
            "walk_ms",  # both walks together
        )
    ]
)
#: "No offer was turned away for nothing but its detour."
NO_MISS = np.iinfo(np.int64).max


class Insertion(NamedTuple):
    """How a rider fits best in one offer, as kernels hand it over; `how_far` and `miss_ms` as in `insertion`."""

    how_far: Int
    miss_ms: Int
    detour_ms: Int
    detour_cm: Int
    to_pickup_ms: Int
    shift_ms: Int
    ride: Int  # packed
    pickup_leg: Int
    dropoff_leg: Int


class Harvest(NamedTuple):
    """What a kernel has found so far: the first `size` of `found`, (room,) FOUND, and the nearest miss in ms."""

    found: AnyArray
    size: Int
    miss_ms: Int


@numba.njit(cache=True, nogil=True)
def with_room(harvest, more):
    """The same with room for so many more, at least."""
    found, size = harvest.found, harvest.size
    if size + more > len(found):
        found = np.empty(2 * (size + more), FOUND)
        found[:size] = harvest.found[:size]
    return Harvest(found, size, harvest.miss_ms)


@numba.njit(cache=True, nogil=True, inline="always")
def note(found, row, insertion):
    """Write an insertion at the doors into a FOUND."""
    found.row = row
    found.detour_ms, found.detour_cm = insertion.detour_ms, insertion.detour_cm
    found.to_pickup_ms, found.shift_ms = insertion.to_pickup_ms, insertion.shift_ms
    found.ride_ms, found.ride_cm = insertion.ride >> 32, insertion.ride & LENGTH_MASK
    found.pickup_leg, found.dropoff_leg = insertion.pickup_leg, insertion.dropoff_leg
    found.pickup_choice = found.dropoff_choice = found.walk_ms = 0


@dataclass(frozen=True, eq=False)
class Feasible:
    """The offers that can carry the rider, (k,) FOUND, and why the others cannot.

    considered = k + the sum of turned_away. nearest_miss_ms: the least detour beyond its budget among the offers that
    were turned away for nothing but their detour, or None.
    """

    found: AnyArray
    considered: int
    turned_away: dict[TurnedAway, int]
    nearest_miss_ms: int | None

    @classmethod
    def of(cls, found: AnyArray, considered: int, counts: AnyArray, miss_ms: int) -> Feasible:
        """What a kernel found; counts: (1,) COUNTS."""
        return cls(found, int(considered), by_reason(counts), None if miss_ms == NO_MISS else int(miss_ms))

    def __len__(self) -> int:
        return len(self.found)

    @property
    def rows(self) -> I64:
        """(k,) rows of the offers."""
        rows: I64 = self.found["row"]
        return rows

    def missed_by(self, nearest_miss_ms: int | None) -> Feasible:
        """The same with another nearest miss."""
        return replace(self, nearest_miss_ms=nearest_miss_ms)

    def joined(self, other: Feasible) -> Feasible:
        """This and the findings of another scan over other offers."""
        misses = [miss for miss in (self.nearest_miss_ms, other.nearest_miss_ms) if miss is not None]
        counts = {r.name: self.turned_away.get(r.name, 0) + other.turned_away.get(r.name, 0) for r in REASONS}
        return Feasible(
            np.concatenate([self.found, other.found]),
            self.considered + other.considered,
            {reason: count for reason, count in counts.items() if count},
            min(misses, default=None),
        )
