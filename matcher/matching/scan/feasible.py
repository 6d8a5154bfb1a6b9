"""What a scan over offers finds: those that can carry the rider, and why the others cannot."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from matcher.domain.match import TurnedAway
from matcher.matching.base.positions import I64

#: The order of the kernels' counters; the first that applies to an offer is the one that is counted.
REASONS = (
    TurnedAway.OWN_OFFER,
    TurnedAway.OUTSIDE_WINDOW,
    TurnedAway.NO_SEATS,
    TurnedAway.PREFERENCES,
    TurnedAway.DETOUR,
    TurnedAway.DETOUR_LENGTH,
)
OWN, WINDOW, SEATS, PREFERENCES, DETOUR, LENGTH = range(len(REASONS))
#: What an insertion is told by: columns of an *outcome*, the form in which kernels hand it over.
DETOUR_MS, DETOUR_CM, TO_PICKUP_MS, SHIFT_MS, RIDE_MS, RIDE_CM, PICKUP_LEG, DROPOFF_LEG = range(8)
PICKUP_CHOICE, DROPOFF_CHOICE, WALK_MS = range(8, 11)
OUTCOME = 11
#: "No offer was turned away for nothing but its detour."
NO_MISS = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Feasible:
    """The offers that can carry the rider, (k,) each, and why the others cannot.

    considered = k + the sum of turned_away. nearest_miss_ms: the least detour beyond its budget among the offers that were
    turned away for nothing but their detour, or None.
    """

    rows: I64
    detour_ms: I64
    detour_cm: I64
    to_pickup_ms: I64  # drive from the driver's origin to the pickup
    shift_ms: I64  # how much later than planned the driver leaves, negative for earlier; as little as the window allows
    ride_ms: I64
    ride_cm: I64
    pickup_leg: I64  # which leg of the itinerary, from 0, the pickup is inserted in
    dropoff_leg: I64
    pickup_choice: I64  # which of the query's pickups; 0 is the door
    dropoff_choice: I64
    walk_ms: I64  # both walks together
    considered: int
    turned_away: dict[TurnedAway, int]
    nearest_miss_ms: int | None

    @classmethod
    def of(cls, rows: I64, outcomes: I64, considered: int, counts: I64, miss: int) -> Feasible:
        """What a kernel found: (k,) rows with their (k, OUTCOME) outcomes, and a count for each of REASONS."""
        return cls(
            rows=rows,
            detour_ms=outcomes[:, DETOUR_MS],
            detour_cm=outcomes[:, DETOUR_CM],
            to_pickup_ms=outcomes[:, TO_PICKUP_MS],
            shift_ms=outcomes[:, SHIFT_MS],
            ride_ms=outcomes[:, RIDE_MS],
            ride_cm=outcomes[:, RIDE_CM],
            pickup_leg=outcomes[:, PICKUP_LEG],
            dropoff_leg=outcomes[:, DROPOFF_LEG],
            pickup_choice=outcomes[:, PICKUP_CHOICE],
            dropoff_choice=outcomes[:, DROPOFF_CHOICE],
            walk_ms=outcomes[:, WALK_MS],
            considered=int(considered),
            turned_away={reason: int(count) for reason, count in zip(REASONS, counts, strict=True) if count},
            nearest_miss_ms=None if miss == NO_MISS else int(miss),
        )

    def __len__(self) -> int:
        return len(self.rows)

    def missed_by(self, nearest_miss_ms: int | None) -> Feasible:
        """The same with another nearest miss."""
        return replace(self, nearest_miss_ms=nearest_miss_ms)

    def joined(self, other: Feasible) -> Feasible:
        """This and the findings of another scan over other offers."""
        misses = [miss for miss in (self.nearest_miss_ms, other.nearest_miss_ms) if miss is not None]
        reasons = [reason for reason in REASONS if reason in self.turned_away or reason in other.turned_away]
        return Feasible(
            rows=np.concatenate([self.rows, other.rows]),
            detour_ms=np.concatenate([self.detour_ms, other.detour_ms]),
            detour_cm=np.concatenate([self.detour_cm, other.detour_cm]),
            to_pickup_ms=np.concatenate([self.to_pickup_ms, other.to_pickup_ms]),
            shift_ms=np.concatenate([self.shift_ms, other.shift_ms]),
            ride_ms=np.concatenate([self.ride_ms, other.ride_ms]),
            ride_cm=np.concatenate([self.ride_cm, other.ride_cm]),
            pickup_leg=np.concatenate([self.pickup_leg, other.pickup_leg]),
            dropoff_leg=np.concatenate([self.dropoff_leg, other.dropoff_leg]),
            pickup_choice=np.concatenate([self.pickup_choice, other.pickup_choice]),
            dropoff_choice=np.concatenate([self.dropoff_choice, other.dropoff_choice]),
            walk_ms=np.concatenate([self.walk_ms, other.walk_ms]),
            considered=self.considered + other.considered,
            turned_away={r: self.turned_away.get(r, 0) + other.turned_away.get(r, 0) for r in reasons},
            nearest_miss_ms=min(misses, default=None),
        )
