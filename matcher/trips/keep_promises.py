"""May a driver change a trip that riders are booked on? Only if everybody is still carried as promised.

Else it is said who is not.

Pure CPU work and synchronous: call it in the executor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from matcher.domain.clock import between
from matcher.domain.errors.bookings import PromisedToRiders
from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.offer import Offer
from matcher.domain.place import Place
from matcher.trips.planner import PlannedLegs, TripPlanner, has_left, reached_at, shift_for, with_stops

_GRAIN = timedelta(milliseconds=1)


def keep_promises(planner: TripPlanner, before: Offer, changed: Offer, now: datetime) -> Offer:
    """`changed` with the riders of `before`: their stops in order, the driver's own between them where they cost least.

    The trip leaves as near to the planned time as the new departure and all promises allow. Raises PromisedToRiders,
    which names the bookings in the way.
    """
    if not changed.booked_stops:
        return changed
    _require_seats(changed)
    stops: Sequence[Stop] = changed.booked_stops
    if [place.position for place in changed.via] != [
        stop.place.position for stop in stops if stop.kind is StopKind.VIA
    ]:
        stops = _with_own_stops(planner, changed)
    planned_ms = before.departure_shift_ms + round(
        between(changed.departure, before.departure) / timedelta(milliseconds=1)
    )
    moved = with_stops(changed, stops, shift_ms=planned_ms)
    if not _matters(before, moved):
        return moved
    drives = planner.drives(moved)
    _require_detour(moved, drives)
    return _timed(moved, drives, now, under_way=has_left(before, now))


def is_news(before: Offer, changed: Offer) -> bool:
    """Whether a rider with a booking would want to know: where or when the trip goes has changed."""
    where = [before.origin, *before.via, before.destination] != [changed.origin, *changed.via, changed.destination]
    return where or before.departure != changed.departure or before.planned_departure != changed.planned_departure


def _matters(before: Offer, moved: Offer) -> bool:
    """Whether anything has changed that a promise can depend on."""
    compared = ("departure", "flexibility_s", "max_detour_s", "max_detour_m", "duration_ms", "length_cm")
    where = [stop.place.position for stop in before.stops] != [stop.place.position for stop in moved.stops]
    return where or any(getattr(before, name) != getattr(moved, name) for name in compared)


def _require_seats(offer: Offer) -> None:
    aboard: dict[UUID, int] = {}
    for stop in offer.booked_stops:
        if stop.booking_id is None:
            continue
        if stop.kind is StopKind.DROPOFF:
            aboard.pop(stop.booking_id, None)
            continue
        aboard[stop.booking_id] = stop.seats
        taken = sum(aboard.values())
        if taken > offer.seats_offered:
            raise _promised(f"{taken} seats are taken on a part of the way: cancel a booking first", aboard)


def _require_detour(offer: Offer, drives: PlannedLegs) -> None:
    ms, cm = drives.total
    used_ms, used_cm = ms - offer.duration_ms, cm - offer.length_cm
    too_long = offer.max_detour_m is not None and used_cm > 100 * offer.max_detour_m
    if used_ms > 1000 * offer.max_detour_s or too_long:
        raise _promised(
            f"riders have been promised a detour of {used_ms / 1000:.0f} s and {used_cm / 100:.0f} m: "
            "cancel a booking first",
            _riders(offer.booked_stops),
        )


def _timed(offer: Offer, drives: PlannedLegs, now: datetime, *, under_way: bool) -> Offer:
    shift_ms = offer.departure_shift_ms if under_way else shift_for(offer, drives, now)
    if abs(shift_ms) > offer.flexibility_s * 1000:
        raise _promised("the trip would leave when riders have been promised otherwise", _riders(offer.booked_stops))
    times = reached_at(offer, drives, shift_ms)
    late = [
        stop.booking_id
        for stop, at in zip(offer.stops, times, strict=True)
        if stop.latest is not None and at - _GRAIN >= stop.latest and stop.booking_id is not None
    ]
    if late:
        raise _promised("riders would be met or set down later than promised: cancel their bookings first", late)
    return replace(offer, departure_shift_ms=shift_ms)


def _with_own_stops(planner: TripPlanner, offer: Offer) -> list[Stop]:
    """The riders' stops and the driver's own, each in order, merged into the fastest drive, on a tie the shortest.

    A shortest path through the (own, riders') pairs of how many have been passed; O(own · riders') drives.
    """
    own = [Stop(StopKind.VIA, place) for place in offer.via]
    riders = [stop for stop in offer.booked_stops if stop.kind is not StopKind.VIA]
    # (own passed, riders' passed) and which of the two came last -> (cost so far, the stops)
    reached: dict[tuple[int, int, bool], tuple[tuple[int, int], list[Stop]]] = {(0, 0, False): ((0, 0), [])}

    def step(cost: tuple[int, int], here: Place, there: Place) -> tuple[int, int]:
        ms, cm = planner.drives_between(offer, [here, there]).total
        return cost[0] + ms, cost[1] + cm

    for i in range(len(own) + 1):
        for j in range(len(riders) + 1):
            for last_own in (False, True):
                here = reached.get((i, j, last_own))
                if here is None:
                    continue
                cost, stops = here
                place = stops[-1].place if stops else offer.origin
                following = [(own[i], (i + 1, j, True))] if i < len(own) else []
                following += [(riders[j], (i, j + 1, False))] if j < len(riders) else []
                for stop, state in following:
                    there = (step(cost, place, stop.place), [*stops, stop])
                    if state not in reached or there[0] < reached[state][0]:
                        reached[state] = there
    ends = [reached[len(own), len(riders), last] for last in (False, True) if (len(own), len(riders), last) in reached]
    return min(ends, key=lambda end: step(end[0], end[1][-1].place, offer.destination))[1]


def _riders(stops: Sequence[Stop]) -> list[UUID]:
    return [stop.booking_id for stop in stops if stop.booking_id is not None]


def _promised(detail: str, bookings: Iterable[UUID]) -> PromisedToRiders:
    return PromisedToRiders(detail, extra={"bookings": [str(booking) for booking in dict.fromkeys(bookings)]})
