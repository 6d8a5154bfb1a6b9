"""An offer as a row: what the columns of an index hold of it."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from matcher.domain.money import CostRate
from matcher.domain.offer import PREFERENCE_KEYS, Offer
from matcher.matching.base.plan import Plan
from matcher.matching.base.positions import I32, I64, U32, EdgeTable, fixed_position
from matcher.matching.base.prices import price_step
from matcher.matching.base.reach import reach_columns
from matcher.matching.base.roads import SearchRoads
from matcher.matching.index.zones import DRIVER_IS_WOMAN, WOMEN_ONLY

#: The longest flexibility that a row can hold, in seconds; the domain allows a quarter of it.
MOST_FLEXIBILITY_S = 2**16 - 1


def driver_digest(driver_id: str) -> int:
    """What stands for a driver where ids of any length would be in the way: the first 8 bytes of their SHA-256, as an integer.

    Among a million drivers two have the same in one case of 37 million.
    """
    return int.from_bytes(hashlib.sha256(driver_id.encode()).digest()[:8])


def halves(offer_id: UUID) -> tuple[int, int]:
    """The upper and the lower 64 bits of an id."""
    return offer_id.int >> 64, offer_id.int & (2**64 - 1)


def preference_masks(preferences: Mapping[str, bool]) -> tuple[int, int]:
    """(stated, welcome): bit k stands for PREFERENCE_KEYS[k]; welcome is a part of stated."""
    stated = welcome = 0
    for k, key in enumerate(PREFERENCE_KEYS):
        if key in preferences:
            stated |= 1 << k
            welcome |= int(preferences[key]) << k
    return stated, welcome


def one_row(
    offer: Offer, roads: SearchRoads, rate: CostRate | None
) -> tuple[dict[str, int], I32, dict[str, npt.NDArray[Any]] | None]:
    """(columns of its row, packed drives, columns of its legs or None) of an OPEN offer, as `Store.add` takes them.

    Raises ValueError when the roads have no way for its drive, or its flexibility is longer than 18 hours.
    """
    if offer.flexibility_s > MOST_FLEXIBILITY_S:
        raise ValueError(f"offer {offer.id} has a flexibility of more than {MOST_FLEXIBILITY_S} s")
    stops = [stop.place.position for stop in offer.stops]
    drives = []
    for here, there in itertools.pairwise(stops):
        drive = roads.pack_drive(here, there)
        if drive is None:
            raise ValueError(f"offer {offer.id} has no way from its origin to its destination in this region")
        drives.append(drive)
    plan = Plan.of(offer, [drive.cost for drive in drives])
    fixed = [fixed_position(stop) for stop in stops]
    stated, welcome = preference_masks(offer.preferences)
    origin, origin_at, destination, destination_at = (np.array([value], np.int32) for value in (*fixed[0], *fixed[-1]))
    origin_node, destination_node, reach_ms = reach_of(
        roads.edges,
        origin,
        origin_at,
        destination,
        destination_at,
        np.array([plan.cost]),
        np.array([plan.max_detour_ms], np.int32),
    )
    high, low = halves(offer.id)
    row = {
        "origin_edge": fixed[0][0],
        "origin_at": fixed[0][1],
        "destination_edge": fixed[-1][0],
        "destination_at": fixed[-1][1],
        "base_cost": plan.cost,
        "path_size": len(drives[0].codes) if len(drives) == 1 else 0,
        "leg_count": len(drives),
        "origin_node": int(origin_node[0]),
        "destination_node": int(destination_node[0]),
        "reach_ms": int(reach_ms[0]),
        "departure_ms": plan.departure_ms,
        "shift_ms": offer.departure_shift_ms,
        "flexibility_s": offer.flexibility_s,
        "max_detour_ms": plan.max_detour_ms,
        "max_detour_cm": plan.max_detour_cm,
        "seats": max(plan.seats),
        "stated": stated | WOMEN_ONLY * offer.women_only | DRIVER_IS_WOMAN * offer.driver_is_woman,
        "welcome": welcome,
        "price": price_step(rate, offer.price, offer.seats_offered, offer.length_cm),
        "version": offer.version,
        "driver": driver_digest(offer.driver_id),
        "id_high": high,
        "id_low": low,
    }
    if len(drives) == 1:
        return row, drives[0].codes, None
    sizes = np.array([len(drive.codes) for drive in drives], np.int32)
    edge, at = np.array(fixed, dtype=np.int32).T
    legs = {
        "origin_edge": edge[:-1],
        "origin_at": at[:-1],
        "destination_edge": edge[1:],
        "destination_at": at[1:],
        "base_cost": np.array([drive.cost for drive in drives], np.int64),
        "path_begin": np.cumsum(sizes, dtype=np.int64) - sizes,
        "path_size": sizes,
        "seats": np.array(plan.seats, np.uint8),
        "early_ms": np.array(plan.early_ms, np.int32),
        "late_ms": np.array(plan.late_ms, np.int32),
    }
    return row, np.concatenate([drive.codes for drive in drives]), legs


def reach_of(
    edges: EdgeTable,
    origin_edge: I32,
    origin_at: I32,
    destination_edge: I32,
    destination_at: I32,
    cost: I64,
    max_detour_ms: I32,
) -> tuple[U32, U32, I32]:
    """(origin_node, destination_node, reach_ms) of k offers, as in `rows.Rows`."""
    found: tuple[U32, U32, I32] = reach_columns(
        edges.start,
        edges.end,
        edges.forward,
        edges.backward,
        origin_edge,
        origin_at,
        destination_edge,
        destination_at,
        cost,
        max_detour_ms,
    )
    return found
