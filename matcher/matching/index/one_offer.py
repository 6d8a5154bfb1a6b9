"""One offer as a row of an index."""

from __future__ import annotations

import itertools

import numpy as np

from matcher.domain.money import CostRate
from matcher.domain.offer import Offer
from matcher.matching.base.plan import Plan
from matcher.matching.base.positions import I32, AnyArray, fixed_position
from matcher.matching.base.prices import price_step
from matcher.matching.base.reach import Ends, reach_of
from matcher.matching.base.roads import SearchRoads
from matcher.matching.index.rows import stated_by

#: The longest flexibility that a row can hold, in seconds; the domain allows a quarter of it.
MOST_FLEXIBILITY_S = 2**16 - 1


def one_row(
    offer: Offer, roads: SearchRoads, rate: CostRate | None
) -> tuple[dict[str, int], I32, dict[str, AnyArray] | None]:
    """(columns of its row, packed drives, columns of its legs or None) of an OPEN offer, as `Store.add` takes them.

    Raises ValueError when the roads have no way for its drive, or its flexibility is longer than 18 hours.
    """
    if offer.flexibility_s > MOST_FLEXIBILITY_S:
        raise ValueError(f"offer {offer.id} has a flexibility of more than {MOST_FLEXIBILITY_S} s")
    drives = []
    for here, there in itertools.pairwise(offer.stops):
        drive = roads.pack_drive(here.place.position, there.place.position)
        if drive is None:
            raise ValueError(f"offer {offer.id} has no way from its origin to its destination in this region")
        drives.append(drive)
    plan = Plan.of(offer, [drive.cost for drive in drives])
    row = stated_by(offer)
    ends = Ends(*(np.array([row[name]], np.int32) for name in Ends._fields))
    reach = reach_of(roads.edges.together, ends, np.array([plan.cost]), np.array([plan.max_detour_ms], np.int32))
    row |= {
        "base_cost": plan.cost,
        "path_size": len(drives[0].codes) if len(drives) == 1 else 0,
        "leg_count": len(drives),
        "departure_ms": plan.departure_ms,
        "max_detour_ms": plan.max_detour_ms,
        "max_detour_cm": plan.max_detour_cm,
        "seats": max(plan.seats),
        "price": price_step(rate, offer.price, offer.seats_offered, offer.length_cm),
        **{name: int(column[0]) for name, column in reach._asdict().items()},
    }
    if len(drives) == 1:
        return row, drives[0].codes, None
    sizes = np.array([len(drive.codes) for drive in drives], np.int32)
    edge, at = np.array([fixed_position(stop.place.position) for stop in offer.stops], dtype=np.int32).T
    legs = {
        **Ends(edge[:-1], at[:-1], edge[1:], at[1:])._asdict(),
        "base_cost": np.array([drive.cost for drive in drives], np.int64),
        "path_begin": np.cumsum(sizes, dtype=np.int64) - sizes,
        "path_size": sizes,
        "seats": np.array(plan.seats, np.uint8),
        "early_ms": np.array(plan.early_ms, np.int32),
        "late_ms": np.array(plan.late_ms, np.int32),
    }
    return row, np.concatenate([drive.codes for drive in drives]), legs
