"""The matcher by the book: every offer, every insertion, one Dijkstra each; rules and score in exact fractions.

Takes domain types and streets; shares no code with matcher.matching or matcher.roads. Written from the design and the
docstrings of the domain, so that a mistake has to be made twice to go unseen.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.match import MatchRequest, WindowKind
from matcher.domain.money import CostRate
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.place import RoadPosition
from tests.builders import Street
from tests.property.oracle_roads import OracleRoads, Piece, common_cm

WEIGHTS = {
    "detour": Fraction(40),
    "overlap": Fraction(30),
    "time": Fraction(10),
    "walk": Fraction(10),
    "preferences": Fraction(5),
    "price": Fraction(5),
}
#: What prices are held against.
RATE = CostRate(Decimal("0.30"), "EUR", "a test")
DETOUR_CEILING_MS = 1_800_000
TIME_CEILING_MS = 3_600_000
WALK_CEILING_MS = 1_800_000


@dataclass(frozen=True)
class Meeting:
    """Where a rider can be met, and how long the walk between it and the door is."""

    position: RoadPosition
    walk_ms: int = 0


@dataclass(frozen=True)
class Ride:
    """How an offer carries the rider: picked up on one leg of the itinerary, set down on the same or a later one."""

    offer_id: UUID
    pickup_leg: int
    dropoff_leg: int
    shift: timedelta
    seats_left: int
    detour_ms: int
    detour_cm: int
    pickup: datetime
    dropoff: datetime
    ride_ms: int
    ride_cm: int
    shared_cm: int
    score: Fraction
    pickup_choice: int = 0
    dropoff_choice: int = 0
    walk_ms: int = 0
    at_doors: tuple[int, int] | None = (
        None  # detour (ms, cm) of carrying the rider from door to door, where that fits, too
    )


@dataclass(frozen=True)
class Verdict:
    """The oracle's whole answer; `sharp` is False when a drive has a rival as good, and shared road is a choice."""

    rides: dict[UUID, Ride]
    considered: int
    turned_away: dict[str, int]
    nearest_miss_ms: int | None
    sharp: bool

    @property
    def order(self) -> list[UUID]:
        """Best first: by the score in whole millionths, then by id."""
        return sorted(self.rides, key=lambda offer_id: (-millionths(self.rides[offer_id].score), offer_id))


@dataclass(frozen=True)
class _Terms:
    """What a driver has agreed to, bookings included. Milliseconds and centimetres; moments are datetimes."""

    leaves: datetime  # as planned now
    leaves_from: datetime
    leaves_by: datetime
    drive_ms: int
    left_ms: int  # of the detour
    left_cm: int | None
    seats: tuple[int, ...]  # free on each leg


@dataclass(frozen=True)
class _Insertion:
    pickup_leg: int
    dropoff_leg: int
    detour_ms: int
    detour_cm: int
    until_pickup_ms: int
    ride_ms: int
    ride_cm: int
    shift: timedelta | None  # how much later than planned the driver leaves; None when no shift suits everybody
    pickup_choice: int = 0
    dropoff_choice: int = 0
    walk_ms: int = 0

    @property
    def preference(self) -> tuple[object, ...]:
        """Less is better: what detour and walk cost at the prices of the score, then as documented."""
        cost = WEIGHTS["detour"] * self.detour_ms / DETOUR_CEILING_MS + WEIGHTS["walk"] * self.walk_ms / WALK_CEILING_MS
        choices = (self.pickup_choice, self.dropoff_choice, self.pickup_leg, self.dropoff_leg)
        return cost, self.walk_ms, self.detour_ms, self.detour_cm, *choices


def millionths(score: Fraction) -> int:
    """The score rounded as documented."""
    return round(score * 1_000_000)


def judge(
    streets: Sequence[Street],
    offers: Iterable[Offer],
    request: MatchRequest,
    now: datetime,
    pickups: Sequence[Meeting] = (),
    dropoffs: Sequence[Meeting] = (),
) -> Verdict:
    """Everything there is to say about a request, offer by offer; met at `pickups` and `dropoffs`, or at the doors."""
    offers = list(offers)
    pickups = pickups or [Meeting(request.origin.position)]
    dropoffs = dropoffs or [Meeting(request.destination.position)]
    met = [meeting.position for meeting in (*pickups, *dropoffs)]
    roads = OracleRoads(streets, positions_of(offers, request) + met)
    direct = roads.drive(request.origin.position, request.destination.position)
    assert direct is not None, "scenarios are strongly connected"
    sharp = direct.unique
    rides: dict[UUID, Ride] = {}
    reasons: Counter[str] = Counter()
    misses: list[int] = []
    considered = 0
    for offer in offers:
        if offer.status is not OfferStatus.OPEN or offer.departure + timedelta(seconds=offer.flexibility_s) < now:
            continue
        considered += 1
        legs = [roads.drive(a, b) for a, b in itertools.pairwise(stops_of(offer))]
        terms = _terms(offer, [leg.cost for leg in legs if leg is not None])
        reason = _at_a_glance(offer, terms, request, pickups, dropoffs)
        if reason is not None:
            reasons[reason] += 1
            continue
        seated = max(terms.seats) >= request.seats
        if seated and (apart := _kept_apart(offer, request)) is not None:
            reasons[apart] += 1
            continue
        fitting: list[_Insertion] = []
        furthest = "no_seats" if max(terms.seats) < request.seats else "detour"
        missed: list[int] = []
        for insertion in _meetings(roads, offer, terms, request, now, pickups, dropoffs):
            in_time = insertion.shift is not None
            in_length = terms.left_cm is None or insertion.detour_cm <= terms.left_cm
            beyond = insertion.detour_ms - terms.left_ms
            if beyond > 0:
                if in_time and in_length:
                    missed.append(beyond)
            elif not in_length:
                furthest = "detour_length" if furthest == "detour" else furthest
            elif not in_time:
                furthest = "outside_window"
            else:
                fitting.append(insertion)
        if not fitting:
            reasons[furthest] += 1
            misses += missed
            continue
        best = min(fitting, key=lambda insertion: insertion.preference)
        doors = [i for i in fitting if i.pickup_choice == i.dropoff_choice == 0]
        driven: list[Piece] = [piece for leg in legs if leg is not None for piece in leg.pieces]
        sharp = sharp and all(leg is not None and leg.unique for leg in legs)
        ride = _ride(offer, terms, best, request, direct.pieces, direct.cost[1], driven)
        if doors and best not in doors:
            at_doors = min(doors, key=lambda insertion: insertion.preference)
            ride = replace(ride, at_doors=(at_doors.detour_ms, at_doors.detour_cm))
        rides[offer.id] = ride
    turned_away = {reason: count for reason, count in reasons.items() if count}
    return Verdict(rides, considered, turned_away, min(misses, default=None), sharp)


def stops_of(offer: Offer) -> list[RoadPosition]:
    """The places that a driver passes."""
    return [stop.place.position for stop in offer.stops]


def positions_of(offers: Iterable[Offer], request: MatchRequest) -> list[RoadPosition]:
    """Every position that a scenario mentions."""
    mine = [request.origin.position, request.destination.position]
    return mine + [stop for offer in offers for stop in stops_of(offer)]


def _terms(offer: Offer, legs: Sequence[tuple[int, int]]) -> _Terms:
    drive_ms, drive_cm = sum(ms for ms, _ in legs), sum(cm for _, cm in legs)
    left_ms = 1000 * offer.max_detour_s
    left_cm = None if offer.max_detour_m is None else 100 * offer.max_detour_m
    seats = [offer.seats_left] * len(legs)
    if offer.booked_stops:
        left_ms -= drive_ms - offer.duration_ms
        left_cm = None if left_cm is None else left_cm - (drive_cm - offer.length_cm)
        aboard = [
            sum(stop.seats * (1 if stop.kind is StopKind.PICKUP else -1) for stop in offer.booked_stops[:k])
            for k in range(len(legs))
        ]
        seats = [offer.seats_offered - riders for riders in aboard]
    flexibility = timedelta(seconds=offer.flexibility_s)
    return _Terms(
        leaves=offer.departure + timedelta(milliseconds=offer.departure_shift_ms),
        leaves_from=offer.departure - flexibility,
        leaves_by=offer.departure + flexibility,
        drive_ms=drive_ms,
        left_ms=left_ms,
        left_cm=left_cm,
        seats=tuple(seats),
    )


def _at_a_glance(
    offer: Offer, terms: _Terms, request: MatchRequest, pickups: Sequence[Meeting], dropoffs: Sequence[Meeting]
) -> str | None:
    if offer.driver_id == request.rider_id:
        return "own_offer"
    windows = [_met_at(request, p, q).window for p in pickups for q in dropoffs]
    earliest, latest = min(window.earliest for window in windows), max(window.latest for window in windows)
    takes_at_most = timedelta(milliseconds=terms.drive_ms + max(0, terms.left_ms))
    if terms.leaves_from > latest or terms.leaves_by + takes_at_most < earliest:
        return "outside_window"
    return None


def _kept_apart(offer: Offer, request: MatchRequest) -> str | None:
    """The reason why the two do not ride together, though there are seats, whatever the roads say; None if they may."""
    # Who wants to be among women is, and is one.
    drivers_wish = request.rider_is_woman or not offer.women_only
    riders_wish = offer.driver_is_woman or not request.women_only
    return None if drivers_wish and riders_wish else "detour"


def _met_at(request: MatchRequest, pickup: Meeting, dropoff: Meeting) -> MatchRequest:
    """The request of somebody whose doors are the meeting points: the window is that of boarding, or of alighting."""
    walk_ms = -dropoff.walk_ms if request.window_kind is WindowKind.ARRIVAL else pickup.walk_ms
    later = timedelta(milliseconds=walk_ms)
    window = object.__new__(type(request.window))
    object.__setattr__(window, "earliest", request.window.earliest + later)
    object.__setattr__(window, "latest", request.window.latest + later)
    return replace(
        request,
        origin=replace(request.origin, position=pickup.position),
        destination=replace(request.destination, position=dropoff.position),
        window=window,
    )


def _meetings(
    roads: OracleRoads,
    offer: Offer,
    terms: _Terms,
    request: MatchRequest,
    now: datetime,
    pickups: Sequence[Meeting],
    dropoffs: Sequence[Meeting],
) -> Iterable[_Insertion]:
    """Every insertion with every pair of meeting points."""
    for k, pickup in enumerate(pickups):
        there = now + timedelta(milliseconds=pickup.walk_ms)
        for c, dropoff in enumerate(dropoffs):
            walk_ms = pickup.walk_ms + dropoff.walk_ms
            for insertion in _insertions(roads, offer, terms, _met_at(request, pickup, dropoff), now, there):
                yield replace(insertion, pickup_choice=k, dropoff_choice=c, walk_ms=walk_ms)


def _insertions(
    roads: OracleRoads, offer: Offer, terms: _Terms, request: MatchRequest, now: datetime, there: datetime
) -> Iterable[_Insertion]:
    """Every place in the itinerary with seats for pickup and dropoff, driven from stop to stop."""
    stops = offer.stops
    base = _cost(roads, [stop.place.position for stop in stops])
    assert base is not None
    pickup, dropoff = Stop(StopKind.PICKUP, request.origin), Stop(StopKind.DROPOFF, request.destination)
    for i in range(len(stops) - 1):
        for j in range(i, len(stops) - 1):
            if min(terms.seats[i : j + 1]) < request.seats:
                continue
            planned = [*stops[: i + 1], pickup, *stops[i + 1 : j + 1], dropoff, *stops[j + 1 :]]
            on_road = [stop.place.position for stop in planned]
            whole, until = _cost(roads, on_road), _cost(roads, on_road[: i + 2])
            ride = _cost(roads, on_road[i + 1 : j + 3])
            if whole is None or until is None or ride is None:
                continue
            shift = _shift(roads, planned, terms, request, now, there)
            yield _Insertion(i, j, whole[0] - base[0], whole[1] - base[1], until[0], *ride, shift)


def _cost(roads: OracleRoads, stops: Sequence[RoadPosition]) -> tuple[int, int] | None:
    ms = cm = 0
    for a, b in itertools.pairwise(stops):
        leg = roads.drive(a, b)
        if leg is None:
            return None
        ms, cm = ms + leg.cost[0], cm + leg.cost[1]
    return ms, cm


def _shift(
    roads: OracleRoads, planned: Sequence[Stop], terms: _Terms, request: MatchRequest, now: datetime, there: datetime
) -> timedelta | None:
    """How much later than planned, at least, the driver must leave to suit everybody; None when nothing does.

    The rider cannot be at the pickup before `there`. `planned` is the itinerary with the rider in it; the rider's own
    two stops have no booking.
    """
    low = max(terms.leaves_from, now) - terms.leaves
    high = terms.leaves_by - terms.leaves
    wanted = StopKind.DROPOFF if request.window_kind is WindowKind.ARRIVAL else StopKind.PICKUP
    reached = terms.leaves
    for before, stop in itertools.pairwise(planned):
        leg = roads.drive(before.place.position, stop.place.position)
        assert leg is not None
        reached += timedelta(milliseconds=leg.cost[0])
        earliest, latest = stop.earliest, stop.latest
        if stop.kind is StopKind.PICKUP and stop.booking_id is None:
            low = max(low, there - reached)
        if stop.kind is wanted and stop.booking_id is None:
            earliest, latest = request.window.earliest, request.window.latest
        if earliest is not None:
            low = max(low, earliest - reached)
        if latest is not None:
            high = min(high, latest - reached)
    return None if low > high else min(max(timedelta(0), low), high)


def _price_steps(offer: Offer) -> int:
    """A seat from end to end as a part of what the whole drive costs, in the nearest of 255 steps."""
    cost = Fraction(RATE.per_km) * 100 * max(1, offer.length_cm) / 100_000  # cents
    seat = math.floor(cost / (offer.seats_offered + 1))
    if offer.price is not None and offer.price.currency == "EUR":
        seat = offer.price.minor
    return min(255, round(255 * seat / cost))


def _ride(
    offer: Offer,
    terms: _Terms,
    insertion: _Insertion,
    request: MatchRequest,
    direct: Sequence[Piece],
    direct_cm: int,
    driven: Sequence[Piece],
) -> Ride:
    shift = insertion.shift
    assert shift is not None
    pickup = terms.leaves + shift + timedelta(milliseconds=insertion.until_pickup_ms)
    shared_cm = common_cm(direct, driven)
    shift_ms = shift // timedelta(milliseconds=1)
    wishes = request.preferences
    against = sum(1 for key, wish in wishes.items() if key in offer.preferences and offer.preferences[key] != wish)
    parts = {
        "detour": 1 - min(Fraction(1), Fraction(abs(insertion.detour_ms), DETOUR_CEILING_MS)),
        "overlap": min(Fraction(1), Fraction(shared_cm, max(1, direct_cm))),
        "time": 1 - min(Fraction(1), Fraction(abs(shift_ms), TIME_CEILING_MS)),
        "walk": 1 - min(Fraction(1), Fraction(insertion.walk_ms, WALK_CEILING_MS)),
        "preferences": 1 - (Fraction(against, len(wishes)) if wishes else Fraction(0)),
        "price": 1 - Fraction(_price_steps(offer), 255),
    }
    score = sum((WEIGHTS[name] * value for name, value in parts.items()), Fraction(0)) / sum(WEIGHTS.values())
    return Ride(
        offer_id=offer.id,
        pickup_leg=insertion.pickup_leg,
        dropoff_leg=insertion.dropoff_leg,
        shift=shift,
        seats_left=min(terms.seats[insertion.pickup_leg : insertion.dropoff_leg + 1]),
        detour_ms=insertion.detour_ms,
        detour_cm=insertion.detour_cm,
        pickup=pickup,
        dropoff=pickup + timedelta(milliseconds=insertion.ride_ms),
        ride_ms=insertion.ride_ms,
        ride_cm=insertion.ride_cm,
        shared_cm=shared_cm,
        score=score,
        pickup_choice=insertion.pickup_choice,
        dropoff_choice=insertion.dropoff_choice,
        walk_ms=insertion.walk_ms,
    )
