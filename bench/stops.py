"""Offers with stops on the way: vias, or pickups and dropoffs of riders. The same seed gives the same offers."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import numpy as np

from bench.worlds import World, place_at
from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.offer import Offer, default_max_detour_s
from matcher.domain.place import RoadPosition
from matcher.matching.base.positions import split_cost

#: A driver's own stop makes the drive at most that much longer; where none is drawn in a few tries, it lies on the way.
_LONGER = 1.25
_TRIES = 8
#: Riders who board and alight were promised these many minutes around the plan.
_PROMISED_MIN = 5


def with_stops(world: World, offers: list[Offer], stops: int, seed: int) -> list[Offer]:
    """The same offers, every second with `stops` places that its driver goes by, the others with riders aboard at so
    many stops (and one place of the driver's when the number is odd). The default budget follows the longer drive."""
    rng = np.random.default_rng([seed, 4, stops])
    return [
        _with_vias(world, offer, stops, rng) if number % 2 == 0 else _with_riders(world, offer, stops, rng)
        for number, offer in enumerate(offers)
    ]


def leg_costs(world: World, offer: Offer) -> list[int]:
    """The packed cost of each leg."""
    costs = [world.engine.cost(a.place.position, b.place.position) for a, b in itertools.pairwise(offer.stops)]
    assert None not in costs, "stops are drawn where they can be reached"
    return [cost for cost in costs if cost is not None]


def _with_vias(world: World, offer: Offer, stops: int, rng: np.random.Generator) -> Offer:
    here, there = offer.origin.position, offer.destination.position
    anywhere = [_aside(world, here, there, rng) if rng.random() < 0.5 else None for _ in range(stops)]
    on_the_way = _on_the_way(world, here, there, stops, rng)
    via = tuple(place_at(drawn or other) for drawn, other in zip(anywhere, on_the_way, strict=True))
    longer = replace(offer, via=via)
    duration_ms, length_cm = split_cost(sum(leg_costs(world, longer)))
    return replace(longer, duration_ms=duration_ms, length_cm=length_cm, max_detour_s=default_max_detour_s(duration_ms))


def _with_riders(world: World, offer: Offer, stops: int, rng: np.random.Generator) -> Offer:
    places = [place_at(p) for p in _on_the_way(world, offer.origin.position, offer.destination.position, stops, rng)]
    via = (places.pop(0),) if stops % 2 else ()
    duration_ms, length_cm = split_cost(sum(leg_costs(world, replace(offer, via=via))))
    riders = [UUID(int=int(rng.integers(2**63)) << 64 | k) for k in range(stops // 2)]
    # Riders alight in the order in which they boarded, as late as all of them are aboard.
    turns = [(StopKind.PICKUP, rider) for rider in riders] + [(StopKind.DROPOFF, rider) for rider in riders]
    booked = [Stop(kind, place, rider, 1) for (kind, rider), place in zip(turns, places, strict=True)]
    booked[:0] = [Stop(StopKind.VIA, place) for place in via]
    seats = len(riders) + int(rng.integers(1, 4))
    offer = replace(
        offer, via=via, booked_stops=tuple(booked), seats_offered=seats, seats_left=seats - len(riders),
        duration_ms=duration_ms, length_cm=length_cm, max_detour_s=default_max_detour_s(duration_ms),
    )  # fmt: skip
    used_s = -(-(split_cost(sum(leg_costs(world, offer)))[0] - duration_ms) // 1000)
    moment = offer.departure
    promised = []
    for stop, cost in zip(booked, leg_costs(world, offer), strict=False):
        moment += timedelta(milliseconds=split_cost(cost)[0])
        spare = timedelta(minutes=_PROMISED_MIN)
        promised.append(
            stop
            if stop.kind is StopKind.VIA
            else replace(stop, earliest=moment - spare if stop.kind is StopKind.PICKUP else None, latest=moment + spare)
        )
    return replace(offer, booked_stops=tuple(promised), max_detour_s=offer.max_detour_s + used_s)


def _aside(world: World, here: RoadPosition, there: RoadPosition, rng: np.random.Generator) -> RoadPosition | None:
    """A place drawn anywhere by which the drive is not much longer, if there is one in a few tries."""
    straight = world.engine.cost(here, there)
    for _ in range(_TRIES):
        drawn = world.draw(rng)
        out, home = world.engine.cost(here, drawn), world.engine.cost(drawn, there)
        if None not in {straight, out, home} and (out or 0) + (home or 0) <= _LONGER * (straight or 0):
            return drawn
    return None


def _on_the_way(
    world: World, here: RoadPosition, there: RoadPosition, count: int, rng: np.random.Generator
) -> list[RoadPosition]:
    """Places in order along the fastest drive."""
    drive = world.engine.pack_drive(here, there)
    assert drive is not None, "offers are drawn where there is a way"
    arcs = world.engine.arcs(drive)
    chosen = np.sort(rng.integers(len(arcs), size=count))
    network = world.engine.network
    positions = []
    for k, arc in zip(chosen.tolist(), arcs[chosen].tolist(), strict=True):
        # The ends of the drive are in the middle of their arcs: there the stop is where the driver begins or ends.
        if k == 0:
            positions.append(here)
        elif k == len(arcs) - 1:
            positions.append(there)
        else:
            positions.append(RoadPosition(int(network.arc_edge[arc]), 0.5))
    return positions
