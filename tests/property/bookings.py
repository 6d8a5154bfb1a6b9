"""Offers with riders aboard: stops in a legal order, promises close to the plan, and a budget that is nearly used
up.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.offer import Offer
from matcher.domain.place import RoadPosition
from tests.builders import Street, a_place
from tests.property.oracle_roads import OracleRoads

Spot = tuple[int, float]
#: How much a promise leaves beyond the plan, in ms: nothing, little, or plenty.
_SLACK_MS = (0, 1, 1_000, 30_000, 120_000, 600_000, 3_600_000)


def with_bookings(
    random_: random.Random, streets: Sequence[Street], spots: Sequence[Spot], offer: Offer, most: int = 3
) -> Offer:
    """The offer with one to `most` riders booked, its base drive as it was published, and a budget about as large as
    they need.
    """
    seats = random_.randint(1, 5)
    stops = _some_stops(random_, spots, offer, seats, random_.randint(1, most))
    everywhere = [offer.origin, *offer.via, *(stop.place for stop in stops), offer.destination]
    roads = OracleRoads(streets, [place.position for place in everywhere])
    published = _drive(roads, _without_riders(offer))
    shift_ms = random_.choice([0, 0, random_.randint(-1000, 1000) * offer.flexibility_s])
    leaves = offer.departure + timedelta(milliseconds=shift_ms)
    booked, now_driven = _promise(random_, roads, offer, stops, leaves)
    used_s = (now_driven[0] - published[0]) // 1000
    used_m = (now_driven[1] - published[1]) // 100
    spare_s = random_.choice([-30, 0, 60, 300, 900, 3600])
    spare_m = random_.choice([None, None, -100, 0, 500, 5_000, 20_000])
    return replace(
        offer,
        seats_offered=seats,
        seats_left=_emptiest(seats, booked),
        duration_ms=published[0],
        length_cm=published[1],
        max_detour_s=max(0, used_s + spare_s),
        max_detour_m=None if spare_m is None else max(0, used_m + spare_m),
        booked_stops=booked,
        departure_shift_ms=shift_ms,
    )


def base_drive(streets: Sequence[Street], offer: Offer) -> tuple[int, int]:
    """(ms, cm) of the offer's drive without riders."""
    stops = _without_riders(offer)
    return _drive(OracleRoads(streets, stops), stops)


def boarded(
    offer: Offer,
    rider: tuple[Stop, Stop],
    legs: tuple[int, int],
    shift: timedelta,
) -> Offer:
    """The offer one version later, with a rider's pickup and dropoff on the given legs and the departure moved."""
    pickup, dropoff = rider
    between = list(offer.stops[1:-1])
    between.insert(legs[1], dropoff)
    between.insert(legs[0], pickup)
    return replace(
        offer,
        version=offer.version + 1,
        booked_stops=tuple(between),
        seats_left=_emptiest(offer.seats_offered, between),
        departure_shift_ms=offer.departure_shift_ms + shift // timedelta(milliseconds=1),
    )


def _without_riders(offer: Offer) -> list[RoadPosition]:
    return [offer.origin.position, *(place.position for place in offer.via), offer.destination.position]


def _some_stops(random_: random.Random, spots: Sequence[Spot], offer: Offer, seats: int, riders: int) -> list[Stop]:
    """The driver's own stops in order, with riders boarding and alighting between them, never more than `seats`
    aboard.
    """
    waiting = [(UUID(int=random_.getrandbits(128)), random_.randint(1, min(2, seats))) for _ in range(riders)]
    vias = list(offer.via)
    aboard: list[tuple[UUID, int]] = []
    stops: list[Stop] = []
    while vias or waiting or aboard:
        can_board = bool(waiting) and sum(taken for _, taken in aboard) + waiting[0][1] <= seats
        kind = random_.choice(
            [StopKind.VIA] * bool(vias) + [StopKind.PICKUP] * can_board + [StopKind.DROPOFF] * bool(aboard)
        )
        if kind is StopKind.VIA:
            stops.append(Stop(kind, vias.pop(0)))
            continue
        rider = waiting.pop(0) if kind is StopKind.PICKUP else aboard.pop(random_.randrange(len(aboard)))
        if kind is StopKind.PICKUP:
            aboard.append(rider)
        stops.append(Stop(kind, a_place(*random_.choice(spots), label=kind.value), *rider))
    return stops


def _promise(
    random_: random.Random, roads: OracleRoads, offer: Offer, stops: Sequence[Stop], leaves: datetime
) -> tuple[tuple[Stop, ...], tuple[int, int]]:
    """(the stops with promises around the times at which they are reached, ms and cm of the whole drive)."""
    promised: list[Stop] = []
    ms = cm = 0
    for here, stop in itertools.pairwise([Stop(StopKind.ORIGIN, offer.origin), *stops]):
        step = _drive(roads, [here.place.position, stop.place.position])
        ms, cm = ms + step[0], cm + step[1]
        if stop.kind is StopKind.VIA:
            promised.append(stop)
            continue
        planned = leaves + timedelta(milliseconds=ms)
        slack = [random_.choice([None, *_SLACK_MS]) for _ in range(2)]
        promised.append(
            replace(
                stop,
                earliest=None if slack[0] is None else planned - timedelta(milliseconds=slack[0]),
                latest=None if slack[1] is None else planned + timedelta(milliseconds=slack[1]),
            )
        )
    last = _drive(roads, [promised[-1].place.position, offer.destination.position])
    return tuple(promised), (ms + last[0], cm + last[1])


def _drive(roads: OracleRoads, stops: Sequence[RoadPosition]) -> tuple[int, int]:
    costs = []
    for a, b in itertools.pairwise(stops):
        drive = roads.drive(a, b)
        assert drive is not None, "scenarios are strongly connected"
        costs.append(drive.cost)
    return sum(ms for ms, _ in costs), sum(cm for _, cm in costs)


def _emptiest(seats: int, stops: Sequence[Stop]) -> int:
    """Seats that nobody takes on any leg."""
    change = {StopKind.PICKUP: 1, StopKind.DROPOFF: -1}
    aboard = itertools.accumulate(change.get(stop.kind, 0) * stop.seats for stop in stops)
    return seats - max(aboard, default=0)
