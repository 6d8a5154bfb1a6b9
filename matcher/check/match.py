"""Checks a match against the cheapest insertion, recomputed from the road graph alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from matcher.check.offer import DrivenOffer, Findings, free_seats
from matcher.check.plain_dijkstra import PlainDijkstra, PlainTree
from matcher.check.roads import PlainDrive, common_cm
from matcher.domain.match import MatchRequest, TimeWindow, WindowKind
from matcher.domain.place import RoadPosition
from matcher.matching.pipeline import Candidate

_MS = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rider:
    """A request with the fastest drives from its two ends. `number` counts searches from 1.

    For somebody who walks the ends are the meeting points, and the window is that of boarding or alighting there;
    `walk_ms` to the first and from the second. `own` is the drive from door to door, `direct` that between the ends.
    """

    number: int
    request: MatchRequest
    from_pickup: PlainTree
    from_dropoff: PlainTree
    direct: PlainDrive
    own: PlainDrive
    walk_ms: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, roads: PlainDijkstra, number: int, request: MatchRequest) -> Rider | None:
        """None when the rider's own trip has no way."""
        from_pickup = roads.tree(request.origin.position)
        direct = from_pickup.drive(request.destination.position)
        if direct is None:
            return None
        return cls(number, request, from_pickup, roads.tree(request.destination.position), direct, direct)

    def met_at(self, pickup: MeetingEnd, dropoff: MeetingEnd) -> Rider | None:
        """The same rider, met elsewhere; None when there is no way between the two places."""
        direct = pickup.tree.drive(dropoff.position)
        if direct is None:
            return None
        arrives = self.request.window_kind is WindowKind.ARRIVAL
        later = (-dropoff.walk_ms if arrives else pickup.walk_ms) * _MS
        window = TimeWindow(self.request.window.earliest + later, self.request.window.latest + later)
        request = replace(
            self.request,
            origin=replace(self.request.origin, position=pickup.position),
            destination=replace(self.request.destination, position=dropoff.position),
            window=window,
        )
        walk_ms = (pickup.walk_ms, dropoff.walk_ms)
        return Rider(self.number, request, pickup.tree, dropoff.tree, direct, self.own, walk_ms)


@dataclass(frozen=True, slots=True)
class MeetingEnd:
    """Where a rider can be met, the walk between it and their door, and the fastest drives from it."""

    position: RoadPosition
    walk_ms: int
    tree: PlainTree


@dataclass(frozen=True, slots=True)
class _Insertion:
    legs: tuple[int, int]
    detour: tuple[int, int]
    ride: tuple[int, int]
    pickup: datetime
    shift: timedelta

    @property
    def rank(self) -> tuple[int, int, int, int]:
        return (*self.detour, *self.legs)


def verify_match(driven: DrivenOffer, rider: Rider, claim: Candidate, now: datetime) -> Findings:
    """What was found. `driven` is the offer in the version that the claim is about."""
    found = Findings()
    offer, request = driven.offer, rider.request

    def expect(promise: str, holds: bool, promised: object, is_so: object) -> bool:
        return found.expect(f"match: {promise}", holds, offer.id, promised, is_so, rider.number)

    best = _best_insertion(driven, rider, now)
    if not expect("can be made", best is not None, "an insertion within all limits", "none"):
        return found
    assert best is not None
    expect(
        "detour",
        (claim.detour_ms, claim.detour_cm) == best.detour,
        f"{claim.detour_ms} ms, {claim.detour_cm} cm",
        f"{best.detour[0]} ms, {best.detour[1]} cm",
    )
    expect(
        "ride", (claim.ride_ms, claim.ride_cm) == best.ride,
        f"{claim.ride_ms} ms, {claim.ride_cm} cm", f"{best.ride[0]} ms, {best.ride[1]} cm",
    )  # fmt: skip
    pickup, dropoff = _moment(claim.pickup_ms), _moment(claim.dropoff_ms)
    times = (best.pickup, best.pickup + best.ride[0] * _MS)
    expect(
        "times",
        abs(pickup - times[0]) <= _MS
        and abs(dropoff - times[1]) <= _MS
        and abs(claim.shift_ms * _MS - best.shift) <= _MS,
        _times(pickup, dropoff),
        _times(*times),
    )
    told = dropoff if request.window_kind is WindowKind.ARRIVAL else pickup
    window = request.window
    expect(
        "window",
        window.earliest <= told + _MS and told - _MS <= window.latest,
        told.isoformat(),
        f"{window.earliest.isoformat()} to {window.latest.isoformat()}",
    )
    seats = min(free_seats(offer)[best.legs[0] : best.legs[1] + 1])
    expect("seats", claim.seats_left == seats >= request.seats, f"{claim.seats_left} left on the ride", f"{seats} left")
    if rider.own.unique and all(leg.unique for leg in driven.legs):
        shared = common_cm(rider.own.pieces, [piece for leg in driven.legs for piece in leg.pieces])
        expect("shared road", claim.shared_cm == shared, f"{claim.shared_cm} cm", f"{shared} cm")
    return found


def verify_walk(
    driven: DrivenOffer,
    rider: Rider,
    ends: tuple[Sequence[MeetingEnd], Sequence[MeetingEnd]],
    claim: Candidate,
    now: datetime,
    prices: tuple[int, int],
) -> Findings:
    """Checks that a match with walks holds at its meeting points, and that no other pair of points is cheaper.

    rider: at the doors. ends: candidates of either side, doors first. prices: of a millisecond of detour and of walk.
    """
    pickups, dropoffs = ends
    least: int | None = None
    chosen: Rider | None = None
    for (k, pickup), (c, dropoff) in itertools.product(enumerate(pickups), enumerate(dropoffs)):
        met = rider.met_at(pickup, dropoff)
        if met is None:
            continue
        if (k, c) == (claim.pickup_choice, claim.dropoff_choice):
            chosen = met
        best = _best_insertion(driven, met, now)
        if best is not None:
            cost = prices[0] * best.detour[0] + prices[1] * sum(met.walk_ms)
            least = cost if least is None else min(least, cost)
    found = Findings()
    offer_id = driven.offer.id
    walk_ms = None if chosen is None else sum(chosen.walk_ms)
    if not found.expect(
        "match: walk", walk_ms == claim.walk_ms, offer_id, f"{claim.walk_ms} ms", f"{walk_ms} ms", rider.number
    ):
        return found
    assert chosen is not None
    found.add(verify_match(driven, chosen, claim, now))
    cost = prices[0] * claim.detour_ms + prices[1] * claim.walk_ms
    found.expect(
        "match: cheapest meeting points", cost == least, offer_id, f"cost {cost}", f"cost {least}", rider.number
    )
    return found


def _best_insertion(driven: DrivenOffer, rider: Rider, now: datetime) -> _Insertion | None:
    """The cheapest that is within all limits."""
    offer, request = driven.offer, rider.request
    if (offer.women_only and not request.rider_is_woman) or (request.women_only and not offer.driver_is_woman):
        return None
    insertions = [
        insertion
        for i in range(len(driven.legs))
        for j in range(i, len(driven.legs))
        if (insertion := _insertion(driven, rider, i, j, now)) is not None
    ]
    return min(insertions, key=lambda insertion: insertion.rank, default=None)


def _insertion(driven: DrivenOffer, rider: Rider, i: int, j: int, now: datetime) -> _Insertion | None:
    """Boarding on leg i and alighting on leg j, when that is within all limits."""
    offer, request, legs = driven.offer, rider.request, driven.legs
    stops = offer.stops
    if min(free_seats(offer)[i : j + 1]) < request.seats:
        return None
    to_pickup = driven.trees[i].cost(request.origin.position)
    onward = rider.from_dropoff.cost(stops[j + 1].place.position)
    if i == j:
        ride = [(rider.direct.ms, rider.direct.cm)]
    else:
        first = rider.from_pickup.cost(stops[i + 1].place.position)
        last = driven.trees[j].cost(request.destination.position)
        if first is None or last is None:
            return None
        ride = [first, *((leg.ms, leg.cm) for leg in legs[i + 1 : j]), last]
    if to_pickup is None or onward is None:
        return None
    ride_ms, ride_cm = sum(ms for ms, _ in ride), sum(cm for _, cm in ride)
    detour_ms = to_pickup[0] + ride_ms + onward[0] - sum(leg.ms for leg in legs[i : j + 1])
    detour_cm = to_pickup[1] + ride_cm + onward[1] - sum(leg.cm for leg in legs[i : j + 1])
    if not _within_budget(driven, detour_ms, detour_cm):
        return None
    # When each stop would be reached if the driver left as planned: before the pickup, between the two, and behind the
    # dropoff.
    planned = driven.planned
    pickup = planned[i] + to_pickup[0] * _MS
    later = timedelta(0) if i == j else pickup + ride[0][0] * _MS - planned[i + 1]
    reached = [
        *planned[: i + 1],
        *(at + later for at in planned[i + 1 : j + 1]),
        *(at + detour_ms * _MS for at in planned[j + 1 :]),
    ]
    published, flexibility = offer.departure.astimezone(UTC), timedelta(seconds=offer.flexibility_s)
    least = [max(published - flexibility, now.astimezone(UTC)) - planned[0]]
    most = [published + flexibility - planned[0]]
    for stop, at in zip(stops, reached, strict=True):
        if stop.earliest is not None:
            least.append(stop.earliest - at)
        if stop.latest is not None:
            most.append(stop.latest - at)
    if rider.walk_ms[0]:
        least.append(now.astimezone(UTC) + rider.walk_ms[0] * _MS - pickup)  # nobody is there sooner than they can walk
    told = pickup + ride_ms * _MS if request.window_kind is WindowKind.ARRIVAL else pickup
    low, high = max(*least, request.window.earliest - told), min(*most, request.window.latest - told)
    if high < low - _MS:
        return None
    shift = min(max(timedelta(0), low), high)
    return _Insertion((i, j), (detour_ms, detour_cm), (ride_ms, ride_cm), pickup + shift, shift)


def _within_budget(driven: DrivenOffer, detour_ms: int, detour_cm: int) -> bool:
    offer = driven.offer
    used_ms = used_cm = 0
    if offer.booked_stops:
        used_ms = sum(leg.ms for leg in driven.legs) - offer.duration_ms
        used_cm = sum(leg.cm for leg in driven.legs) - offer.length_cm
    in_length = offer.max_detour_m is None or used_cm + detour_cm <= 100 * offer.max_detour_m
    return used_ms + detour_ms <= 1000 * offer.max_detour_s and in_length


def _moment(at_ms: int) -> datetime:
    return _EPOCH + at_ms * _MS


def _times(pickup: datetime, dropoff: datetime) -> str:
    return f"boards {pickup.isoformat()}, alights {dropoff.isoformat()}"
