"""An offer's itinerary in the numbers that kernels take: seats, promises and what is left of the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from matcher.domain.itinerary import seats_by_leg
from matcher.domain.offer import Offer
from matcher.matching.base.positions import split_cost

#: max_detour_cm of an offer without a limit in metres.
NO_LIMIT = int(np.iinfo(np.int32).max)
#: early_ms and late_ms of a stop at which nobody was promised a time.
ANY_TIME = int(np.iinfo(np.int32).max)


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows from an offer and the packed costs of its legs. Milliseconds (since the epoch for moments) and
    centimetres.

    seats, early_ms, late_ms: one a leg, as in `index.Legs`. max_detour_ms, max_detour_cm: the driver's limits less what
    the stops of bookings have used; below 0 when a new road network has made a booked trip longer than its limit.
    """

    cost: int
    departure_ms: int
    leaves_from_ms: int
    leaves_by_ms: int
    max_detour_ms: int
    max_detour_cm: int
    seats: tuple[int, ...]
    early_ms: tuple[int, ...]
    late_ms: tuple[int, ...]

    @classmethod
    def of(cls, offer: Offer, leg_costs: Sequence[int]) -> Plan:
        """The plan of an offer. Raises InvalidField when its bookings do not add up (see `seats_by_leg`)."""
        cost = sum(leg_costs)
        time_ms, length_cm = split_cost(cost)
        used_ms = time_ms - offer.duration_ms if offer.booked_stops else 0
        used_cm = length_cm - offer.length_cm if offer.booked_stops else 0
        published_ms = to_ms(offer.departure)
        reached_ms = departure_ms = published_ms + offer.departure_shift_ms
        early: list[int] = []
        late: list[int] = []
        for stop, leg_cost in zip(offer.stops[1:], leg_costs, strict=True):
            reached_ms += split_cost(leg_cost)[0]
            early.append(ANY_TIME if stop.earliest is None else reached_ms - to_ms(stop.earliest))
            late.append(ANY_TIME if stop.latest is None else to_ms(stop.latest) - reached_ms)
        return cls(
            cost=cost,
            departure_ms=departure_ms,
            leaves_from_ms=published_ms - offer.flexibility_s * 1000,
            leaves_by_ms=published_ms + offer.flexibility_s * 1000,
            max_detour_ms=offer.max_detour_s * 1000 - used_ms,
            max_detour_cm=NO_LIMIT if offer.max_detour_m is None else offer.max_detour_m * 100 - used_cm,
            seats=seats_by_leg(offer.stops, offer.seats_offered)
            if offer.booked_stops
            else (offer.seats_left,) * len(leg_costs),
            early_ms=tuple(early),
            late_ms=tuple(late),
        )


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware datetime, rounded to the nearest."""
    return round(moment.timestamp() * 1000)
