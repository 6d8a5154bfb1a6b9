"""Plans trips that take a rider along or let one go: stops, seats, detour and times, by the kernels of the search.

Pure CPU work and synchronous: call it in the executor. `now` is an argument.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from matcher.domain.booking import Booking, BookingStatus, RidePoint
from matcher.domain.errors.bookings import DetourExceeded, OfferChanged, OwnOffer
from matcher.domain.errors.tree import OfferNotOpen, SeatsExhausted
from matcher.domain.itinerary import Stop, StopKind, seats_by_leg
from matcher.domain.match import MatchRequest, TimeWindow, TurnedAway, WindowKind
from matcher.domain.offer import NO_PREFERENCES, Offer
from matcher.domain.place import Coordinate, Place, same_positions
from matcher.matching.base.plan import to_ms
from matcher.matching.base.positions import split_cost
from matcher.matching.base.roads import SearchRoads
from matcher.matching.index.index import OfferIndex
from matcher.matching.pipeline import Candidate, Candidates, find_candidates
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from matcher.places.public_places import PublicPlaces
from matcher.roads.engine import SnappedPosition
from matcher.trips.ride_points import is_at_door, met_again
from matcher.trips.writer import Overtaken

_WEIGHTS = ScoreWeights()
#: What a rider is told for whom there is no room.
NO_SEATS = "not enough seats are left on this ride: search again"
#: Each round moves the boarding by what the alighting is outside its promise; with other legs than before it may take
#: another.
_ROUNDS = 4


class TripRoads(Protocol):
    """What planning needs of the roads."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever stored road positions are no longer valid."""

    def at(self, departure: datetime) -> SearchRoads:
        """The roads as somebody drives them who leaves at this moment."""

    def snap(self, coordinate: Coordinate, *, limit_m: float) -> SnappedPosition | None:
        """The nearest road within `limit_m` metres, or None."""


class OfferFitter(Protocol):
    """Offers of an older import on the present roads."""

    def fit(self, offer: Offer) -> Offer | None:
        """The offer on these roads; None when no road fits any more."""


@dataclass(frozen=True, slots=True)
class Boarding:
    """A trip that has taken a rider along: one version later, with two stops more.

    And the rider's booking with its times in it.
    """

    offer: Offer
    booking: Booking


@dataclass(frozen=True, slots=True)
class PlannedLegs:
    """The legs of a trip as it is driven: (ms, cm) each."""

    legs: tuple[tuple[int, int], ...]

    @property
    def total(self) -> tuple[int, int]:
        """(ms, cm) of the whole trip."""
        return sum(ms for ms, _ in self.legs), sum(cm for _, cm in self.legs)


class TripPlanner:
    """Takes riders along and lets them go; stateless.

    `snap_limit_m`: how far from a road a place may lie. `public`: what others may know of riders' places.
    """

    def __init__(
        self, roads: TripRoads, fitter: OfferFitter, *, snap_limit_m: float, public: PublicPlaces | None = None
    ) -> None:
        self._roads = roads
        self._fitter = fitter
        self._snap_limit_m = snap_limit_m
        self.public = public

    @property
    def fingerprint(self) -> str:
        return self._roads.fingerprint

    def present(self, offer: Offer) -> Offer:
        """The offer on the present roads. Raises OfferNotOpen when no road fits it any more."""
        fitted = self._fitter.fit(offer)
        if fitted is None:
            raise OfferNotOpen("the region of this trip is no longer served")
        return fitted

    def board(self, offer: Offer, booking: Booking, now: datetime) -> Boarding:
        """The trip with the rider of `booking`, inserted where it costs the driver least, within all promises.

        Boarding and alighting keep the booking's own promise. Raises OfferNotOpen, OwnOffer, SeatsExhausted,
        DetourExceeded, OfferChanged.
        """
        offer, booking = self.present(offer), self.on_present_roads(booking)
        try:
            found = self._insertion(offer, booking, now)
        except (DetourExceeded, OfferChanged):
            # Where the rider's own way is full there may be seats elsewhere on the trip, too far round: then the seats
            # are what is missing.
            self._insertion(replace(offer, seats_offered=offer.seats_offered + booking.seats), booking, now)
            raise SeatsExhausted(NO_SEATS) from None
        pickup = replace(booking.pickup, at=_moment(found.pickup_ms, booking.pickup.at))
        dropoff = replace(booking.dropoff, at=_moment(found.dropoff_ms, booking.dropoff.at))
        between = list(offer.stops[1:-1])
        between.insert(found.dropoff_leg, _stop(StopKind.DROPOFF, booking, dropoff))
        between.insert(found.pickup_leg, _stop(StopKind.PICKUP, booking, pickup))
        boarded = with_stops(
            replace(offer, version=offer.version + 1, updated_at=now),
            between,
            shift_ms=offer.departure_shift_ms + found.shift_ms,
        )
        seated = replace(
            booking,
            pickup=pickup,
            dropoff=dropoff,
            ride_ms=found.ride_ms,
            ride_cm=found.ride_cm,
            detour_ms=found.detour_ms,
            detour_cm=found.detour_cm,
            shared_cm=found.shared_cm,
        )
        return Boarding(boarded, seated)

    def let_go(self, offer: Offer, booking_ids: Collection[UUID], now: datetime) -> Offer:
        """The trip without some riders, one version later; the others are met within what they were promised.

        The stops of the others keep their order. The driver goes on leaving when planned, as far as promises allow; who
        would then be too early at a stop waits there until the promised moment. With nobody left the trip is as it was
        published.
        """
        offer = self.present(offer)
        kept = [stop for stop in offer.booked_stops if stop.booking_id not in booking_ids]
        changed = with_stops(replace(offer, version=offer.version + 1, updated_at=now), kept)
        if has_left(offer, now):
            return replace(changed, departure_shift_ms=offer.departure_shift_ms)
        if not changed.booked_stops:
            return replace(changed, departure_shift_ms=0)
        return replace(changed, departure_shift_ms=shift_for(changed, self.drives(changed), now))

    def retimed(self, offer: Offer, bookings: Iterable[Booking], now: datetime) -> list[Booking]:
        """The confirmed bookings whose times differ from those of the trip, one version later, with the new times.

        Raises Overtaken when one has no stops in the trip: another process confirmed it after the trip was read.
        """
        seated = [booking for booking in bookings if booking.status is BookingStatus.CONFIRMED]
        if not seated:
            return []
        reached = {(stop.booking_id, stop.kind): at for stop, at in zip(offer.stops, self.times(offer), strict=True)}
        moved = []
        for booking in seated:
            if (booking.id, StopKind.PICKUP) not in reached:
                raise Overtaken
            pickup = reached[booking.id, StopKind.PICKUP].astimezone(booking.pickup.at.tzinfo)
            dropoff = reached[booking.id, StopKind.DROPOFF].astimezone(booking.dropoff.at.tzinfo)
            if pickup != booking.pickup.at or dropoff != booking.dropoff.at:
                moved.append(
                    replace(
                        booking,
                        version=booking.version + 1,
                        updated_at=now,
                        pickup=replace(booking.pickup, at=pickup),
                        dropoff=replace(booking.dropoff, at=dropoff),
                    )
                )
        return moved

    def times(self, offer: Offer) -> tuple[datetime, ...]:
        """When each stop is reached, in UTC, waits included; the origin's is the departure."""
        return reached_at(offer, self.drives(offer), offer.departure_shift_ms)

    def drives(self, offer: Offer) -> PlannedLegs:
        """The legs of the trip. Raises OfferNotOpen when a stop cannot be reached."""
        return self.drives_between(offer, [stop.place for stop in offer.stops])

    def drives_between(self, offer: Offer, places: Sequence[Place]) -> PlannedLegs:
        """The legs of a way through places, at the time of the offer. Raises OfferNotOpen when there is none."""
        roads = self._roads.at(offer.departure)
        legs = []
        for here, there in itertools.pairwise(places):
            drive = roads.pack_drive(here.position, there.position)
            if drive is None:
                raise OfferNotOpen("the region of this trip is no longer served")
            legs.append(split_cost(drive.cost))
        return PlannedLegs(tuple(legs))

    def on_present_roads(self, booking: Booking) -> Booking:
        """The booking with positions on the present roads. Raises OfferChanged when no road is near any more."""
        if same_positions(booking.region_fingerprint, self._roads.fingerprint):
            return replace(booking, region_fingerprint=self._roads.fingerprint)
        return replace(
            booking,
            region_fingerprint=self._roads.fingerprint,
            pickup=self._fitted(booking.pickup, agreed=booking.was_confirmed),
            dropoff=self._fitted(booking.dropoff, agreed=booking.was_confirmed),
        )

    def _fitted(self, point: RidePoint, *, agreed: bool) -> RidePoint:
        return met_again(point, self._snapped(point.place), self.public, agreed=agreed)

    def _snapped(self, place: Place) -> Place:
        found = self._roads.snap(place.coordinate, limit_m=self._snap_limit_m)
        if found is None:
            raise OfferChanged("the roads have changed: search again")
        return replace(place, position=found.position, road_distance_m=found.distance_m)

    def _insertion(self, offer: Offer, booking: Booking, now: datetime) -> Candidate:
        roads = self._roads.at(offer.departure)
        index = OfferIndex(roads)
        index.put(offer)
        snapshot = index.snapshot(booking.rider_id)
        bounds = _Bounds.of(booking, now)

        def search(kind: WindowKind, low_ms: int, high_ms: int) -> Candidates:
            query = Query.of(_request(booking, kind, low_ms, high_ms), now)
            return find_candidates(snapshot, roads, query, _WEIGHTS, 1)

        # The kernels know one window. That of the end which the rider had asked about finds the very insertion of the
        # match.
        for kind in bounds.kinds:
            low_ms, high_ms = bounds.window(kind)
            for attempt in range(_ROUNDS):
                if low_ms > high_ms:
                    break
                found = search(kind, low_ms, high_ms)
                if not found.best:
                    if attempt == 0:
                        raise _why_not(found)
                    break
                best = found.best[0]
                late_ms, early_ms = bounds.missed_by(best)
                if late_ms <= 0 and early_ms <= 0:
                    return best
                told_ms = best.pickup_ms if kind is WindowKind.DEPARTURE else best.dropoff_ms
                if late_ms > 0:
                    high_ms = told_ms - late_ms
                else:
                    low_ms = told_ms + early_ms
        raise OfferChanged("the trip can no longer reach the rider at the agreed time: search again")


@dataclass(frozen=True, slots=True)
class _Bounds:
    """When a rider may board and alight, (from, to) in ms since the epoch, and which end is searched first."""

    boarding: tuple[int, int]
    alighting: tuple[int, int]
    kinds: tuple[WindowKind, WindowKind]

    @classmethod
    def of(cls, booking: Booking, now: datetime) -> _Bounds:
        """What the rider of a booking was promised, and can still do."""
        pickup, dropoff = booking.pickup, booking.dropoff
        soonest = to_ms(now) + pickup.bound_walk_ms
        if pickup.earliest is not None:
            soonest = max(soonest, to_ms(pickup.earliest))
        kinds = (WindowKind.DEPARTURE, WindowKind.ARRIVAL)
        if dropoff.earliest is None:
            return cls((soonest, to_ms(pickup.latest)), (soonest, to_ms(dropoff.latest)), kinds)
        alighting = (to_ms(dropoff.earliest), to_ms(dropoff.latest))
        return cls((soonest, to_ms(pickup.latest)), alighting, (kinds[1], kinds[0]))

    def window(self, kind: WindowKind) -> tuple[int, int]:
        return self.boarding if kind is WindowKind.DEPARTURE else self.alighting

    def missed_by(self, found: Candidate) -> tuple[int, int]:
        """(ms too late, ms too early) at the end that misses its bounds by more; not above 0 where none does."""
        late = max(found.pickup_ms - self.boarding[1], found.dropoff_ms - self.alighting[1])
        early = max(self.boarding[0] - found.pickup_ms, self.alighting[0] - found.dropoff_ms)
        return late, early


def with_stops(offer: Offer, between: Sequence[Stop], *, shift_ms: int | None = None) -> Offer:
    """The offer with these stops between its ends; without a rider among them it has only its own.

    Raises SeatsExhausted.
    """
    booked = tuple(between) if any(stop.booking_id is not None for stop in between) else ()
    changed = replace(
        offer,
        booked_stops=booked,
        departure_shift_ms=offer.departure_shift_ms if shift_ms is None else shift_ms,
        seats_left=offer.seats_offered,
    )
    if not booked:
        return changed
    return replace(changed, seats_left=min(seats_by_leg(changed.stops, offer.seats_offered)))


def has_left(offer: Offer, now: datetime) -> bool:
    """Whether the driver is under way as planned."""
    return offer.planned_departure <= now


def shift_for(offer: Offer, drives: PlannedLegs, now: datetime) -> int:
    """How much later than published the trip leaves, in ms: as near to the plan as flexibility and promises allow.

    Where they cannot be kept without a wait, as late as all promises of "not later" allow, so that the wait is short.
    """
    published_ms = to_ms(offer.departure)
    low = soonest = max(-offer.flexibility_s * 1000, to_ms(now) - published_ms)
    high = offer.flexibility_s * 1000
    reached_ms = published_ms
    for stop, (leg_ms, _) in zip(offer.stops[1:], drives.legs, strict=True):
        reached_ms += leg_ms
        if stop.latest is not None:
            high = min(high, to_ms(stop.latest) - reached_ms)
        if stop.earliest is not None:
            soonest = max(soonest, to_ms(stop.earliest) - reached_ms)
    return max(low, min(max(offer.departure_shift_ms, soonest), high))


def reached_at(offer: Offer, drives: PlannedLegs, shift_ms: int) -> tuple[datetime, ...]:
    """When each stop is reached by a trip that leaves `shift_ms` after its published departure, in UTC.

    Whoever is too early for a promise waits.
    """
    at_ms = to_ms(offer.departure) + shift_ms
    reached = [at_ms]
    for stop, (leg_ms, _) in zip(offer.stops[1:], drives.legs, strict=True):
        at_ms += leg_ms
        if stop.earliest is not None:
            at_ms = max(at_ms, to_ms(stop.earliest))
        reached.append(at_ms)
    return tuple(datetime.fromtimestamp(0, tz=UTC) + timedelta(milliseconds=ms) for ms in reached)


def _stop(kind: StopKind, booking: Booking, point: RidePoint) -> Stop:
    return Stop(kind, point.place, booking.id, booking.seats, point.earliest, point.latest, is_at_door(point))


def _moment(at_ms: int, like: datetime) -> datetime:
    return (datetime.fromtimestamp(0, tz=UTC) + timedelta(milliseconds=at_ms)).astimezone(like.tzinfo)


def _request(booking: Booking, kind: WindowKind, earliest_ms: int, latest_ms: int) -> MatchRequest:
    """The booking as a search for its own ride. Who shares what has been settled when it was asked for."""
    epoch = datetime.fromtimestamp(0, tz=UTC)
    window = TimeWindow(epoch + timedelta(milliseconds=earliest_ms), epoch + timedelta(milliseconds=latest_ms))
    return MatchRequest(
        rider_id=booking.rider_id,
        origin=booking.pickup.place,
        destination=booking.dropoff.place,
        window=window,
        window_kind=kind,
        seats=booking.seats,
        max_walk_m=0,
        limit=1,
        preferences=NO_PREFERENCES,
        rider_is_woman=True,
    )


def _why_not(found: Candidates) -> Exception:
    reason = next(iter(found.turned_away), None)
    if reason is None:
        return OfferNotOpen("the trip has left")
    if reason is TurnedAway.OWN_OFFER:
        return OwnOffer("this offer is your own")
    if reason is TurnedAway.NO_SEATS:
        return SeatsExhausted(NO_SEATS)
    if reason in {TurnedAway.DETOUR, TurnedAway.DETOUR_LENGTH}:
        return DetourExceeded("the ride exceeds the driver's remaining detour: search again")
    return OfferChanged("the trip can no longer reach the rider at the agreed time: search again")
