"""The oracle for offers with stops on the way: every pair of legs of every offer, by scipy's Dijkstra and numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bench.baselines import LENGTH_BITS
from bench.oracle import I64, NO_WAY, Oracle, Stops, in_cm, in_ms
from matcher.domain.itinerary import StopKind
from matcher.domain.offer import Offer
from matcher.matching.scan.query import Query
from matcher.roads.network.graph import RoadNetwork

_ANY_TIME = np.int64(1 << 40)


class StopsOracle(Oracle):
    """Rules written a second time, for offers that all have the same number of stops."""

    def __init__(self, network: RoadNetwork, offers: list[Offer], costs: Sequence[Sequence[int]]) -> None:
        """costs: what each leg of each offer costs, in the packed form; `wrong_legs` checks them."""
        super().__init__(network, offers)
        packed = np.array(costs, dtype=np.int64)
        self._costs = ((packed >> 32) << LENGTH_BITS) + (packed & 0xFFFFFFFF)
        self._legs = self._costs.shape[1]
        self._stops = [Stops.of([offer.stops[s].place.position for offer in offers]) for s in range(self._legs + 1)]
        reached = self._departure[:, None] + np.cumsum(in_ms(self._costs), axis=1)
        self._early = np.array([[_moment(stop.earliest) for stop in offer.stops[1:]] for offer in offers])
        self._early = np.where(self._early < 0, _ANY_TIME, reached - self._early)
        self._late = np.array([[_moment(stop.latest) for stop in offer.stops[1:]] for offer in offers])
        self._late = np.where(self._late < 0, _ANY_TIME, self._late - reached)
        self._free = np.array([_free_by_leg(offer) for offer in offers])
        used = in_ms(self._costs).sum(axis=1) - np.array([offer.duration_ms for offer in offers])
        self._left_ms = self._budget - np.where([bool(offer.booked_stops) for offer in offers], used, 0)

    def matches(self, query: Query) -> dict[int, tuple[int, int]]:
        """{offer number: (detour_ms, detour_cm)} of every offer that can carry the rider, on its cheapest pair of legs.
        Departure windows only; nobody but the riders aboard was promised anything in metres."""
        pickup, dropoff = Stops.of([query.pickup]), Stops.of([query.dropoff])
        to_pickup, to_dropoff = self._nodes_to(pickup), self._nodes_to(dropoff)
        from_pickup, from_dropoff = self._nodes_from(pickup), self._nodes_from(dropoff)
        direct = self._from_stops(pickup, to_dropoff, dropoff)[0]
        best_ms, best_cm = np.full(len(self._base), NO_WAY), np.zeros(len(self._base), np.int64)
        for i in range(self._legs):
            fetch = self._from_stops(self._stops[i], to_pickup, pickup)
            resume = self._to_stops(self._stops[i + 1], from_pickup, pickup)
            for j in range(i, self._legs):
                onward = self._to_stops(self._stops[j + 1], from_dropoff, dropoff)
                if i == j:
                    ways, replaced = [fetch, np.full_like(fetch, direct), onward], self._costs[:, i]
                else:
                    bring = self._from_stops(self._stops[j], to_dropoff, dropoff)
                    ways, replaced = [fetch, resume, bring, onward], self._costs[:, i] + self._costs[:, j]
                driven: I64 = np.sum(ways, axis=0)
                detour = in_ms(driven) - in_ms(replaced)
                detour_cm = in_cm(driven) - in_cm(replaced)
                picked_ms = in_ms(fetch) + in_ms(resume) - in_ms(self._costs[:, i])
                fits = np.all([way < NO_WAY for way in ways], axis=0) & (detour <= self._left_ms)
                fits &= (self._free[:, i : j + 1] >= query.seats).all(axis=1)
                fits &= self._in_time(query, i, j, fetch, picked_ms, detour)
                less = fits & ((detour < best_ms) | (detour == best_ms) & (detour_cm < best_cm))
                best_ms, best_cm = np.where(less, detour, best_ms), np.where(less, detour_cm, best_cm)
        return {int(k): (int(best_ms[k]), int(best_cm[k])) for k in np.flatnonzero(best_ms < NO_WAY)}

    def _in_time(self, query: Query, i: int, j: int, fetch: I64, picked_ms: I64, detour: I64) -> npt.NDArray[np.bool_]:
        """Whether the trip can leave so much earlier or later that the rider's window and every promise are kept."""
        boards = self._departure + in_ms(self._costs[:, :i]).sum(axis=1) + in_ms(fetch)
        soonest = np.maximum(-self._flexibility, query.now_ms - self._departure)
        soonest = np.maximum(soonest, np.maximum(query.earliest_ms, query.now_ms) - boards)
        furthest = np.minimum(self._flexibility, query.latest_ms - boards)
        for stop in range(self._legs):  # the stop at the end of this leg
            added = 0 if stop < i else picked_ms if stop < j else detour
            soonest = np.maximum(soonest, -self._early[:, stop] - added)
            furthest = np.minimum(furthest, self._late[:, stop] - added)
        active = self._departure + self._flexibility >= query.now_ms
        in_time: npt.NDArray[np.bool_] = active & (soonest <= furthest)
        return in_time

    def wrong_legs(self, numbers: list[int]) -> int:
        """How many legs of some offers have another drive than Dijkstra finds."""
        wrong = 0
        for number in numbers:
            for leg in range(self._legs):
                here, there = (Stops(stops.edge[[number]], stops.at[[number]]) for stops in self._stops[leg : leg + 2])
                wrong += int(self._from_stops(here, self._nodes_to(there), there)[0] != self._costs[number, leg])
        return wrong


def _moment(moment: object) -> int:
    return -1 if moment is None else round(moment.timestamp() * 1000)  # type: ignore[attr-defined]


def _free_by_leg(offer: Offer) -> list[int]:
    if not offer.booked_stops:
        return [offer.seats_left] * (len(offer.stops) - 1)
    change = [
        stop.seats * ((stop.kind is StopKind.DROPOFF) - (stop.kind is StopKind.PICKUP)) for stop in offer.stops[:-1]
    ]
    return [int(free) for free in offer.seats_offered + np.cumsum(change)]
