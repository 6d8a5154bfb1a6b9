"""Describes candidates as matches: places and times, the line on the map, fare, and CO2 saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo

from matcher.domain.match import Match, MatchRequest, MeetingPoint, Walking
from matcher.domain.place import Coordinate, Place, RoadPosition
from matcher.domain.polyline import encode_polyline
from matcher.matching.base.positions import split_cost
from matcher.matching.base.roads import PackedDrive
from matcher.matching.pipeline import Candidate
from matcher.money.carbon import CarbonFactor
from matcher.money.cost_sharing import CostSharing
from matcher.places.public_places import DOOR
from matcher.places.where_to_meet import MeetingPlaces
from matcher.roads.by_time import RoadEngines
from matcher.roads.engine import RoadEngine
from matcher.roads.foot.meeting_points import StopCandidate
from matcher.trips.offers.repository import CurrentState
from matcher.trips.tickets import MatchTicket, MatchTokens, TicketPoint, roads_digest

#: Rounding of a stored distance to the road.
_SNAP_MARGIN_M = 1.0
#: (cm, ms) of walking from one place to another.
Walk = Callable[[Coordinate, Coordinate], tuple[int, int]]
#: The roads of a region, alike at every hour or with an engine for each slot of the week.
MatchRoads = RoadEngine | RoadEngines


class DescribeMatches:
    """Turns candidates into the matches a rider is shown."""

    def __init__(
        self,
        roads: MatchRoads,
        *,
        tokens: MatchTokens,
        carbon: CarbonFactor,
        cost_sharing: CostSharing,
        walk: Walk | None = None,
    ) -> None:
        """walk: from a door to the public point where its rider is met."""
        self._roads = roads
        self._walk = walk
        self._tokens = tokens
        self._cost_sharing = cost_sharing
        self.carbon = carbon

    def __call__(
        self,
        request: MatchRequest,
        places: MeetingPlaces,
        drives: Sequence[PackedDrive],
        chosen: Sequence[tuple[Candidate, CurrentState]],
        now: datetime,
    ) -> tuple[Match, ...]:
        """In the order given; `drives` are the rider's own, by slot. CPU work: call it in the executor."""
        zone = request.window.earliest.tzinfo or UTC
        matches = []
        at_ends: tuple[MeetingPoint, MeetingPoint] | None = None
        lines: dict[int, str] = {}  # by slot: the polyline of the rider's own drive
        for candidate, state in chosen:
            roads, drive = self._roads.slots[candidate.slot], drives[candidate.slot]
            if candidate.slot not in lines:
                points = roads.points(request.origin.position, request.destination.position, drive)
                lines[candidate.slot] = encode_polyline(points)
                at_ends = at_ends or (
                    self._met(request.origin, points[0], now),
                    self._met(request.destination, points[-1], now),
                )
            assert at_ends is not None
            direct_polyline = lines[candidate.slot]
            direct_m = split_cost(drive.cost)[1] / 100
            pickup = replace(at_ends[0], time=_moment(candidate.pickup_ms, zone))
            dropoff = replace(at_ends[1], time=_moment(candidate.dropoff_ms, zone))
            begin, end = request.origin.position, request.destination.position
            if candidate.pickup_choice:
                stop = places.pickups[candidate.pickup_choice]
                pickup, begin = _at_stop(stop, pickup.time), stop.position
            if candidate.dropoff_choice:
                stop = places.dropoffs[candidate.dropoff_choice]
                dropoff, end = _at_stop(stop, dropoff.time), stop.position
            walks = candidate.pickup_choice > 0 or candidate.dropoff_choice > 0
            fare = self._cost_sharing.ride(state, candidate.ride_cm, request.seats)
            ticket = MatchTicket(
                rider_id=request.rider_id,
                offer_id=candidate.offer_id,
                version=candidate.version,
                seats=request.seats,
                roads=roads_digest(self._roads.fingerprint),
                pickup=TicketPoint.of(pickup, begin),
                dropoff=TicketPoint.of(dropoff, end),
                window=request.window,
                window_kind=request.window_kind,
                women_only=request.women_only,
                rider_is_woman=request.rider_is_woman,
                search_id=request.search_id,
                direct_cm=split_cost(drive.cost)[1],
                fare=fare,
            )
            detour_m = candidate.detour_cm / 100
            polyline = direct_polyline
            # Stops in between belong to other riders: the line is the fastest way between the meeting points.
            if walks:
                polyline = _ride_polyline(roads, begin, end)
            matches.append(
                Match(
                    match_id=self._tokens.sign(ticket, now),
                    offer_id=candidate.offer_id,
                    score=candidate.score,
                    parts=candidate.parts,
                    pickup=pickup,
                    dropoff=dropoff,
                    detour_s=candidate.detour_ms / 1000,
                    detour_m=detour_m,
                    shared_m=candidate.shared_cm / 100,
                    overlap=candidate.overlap,
                    ride_s=candidate.ride_ms / 1000,
                    ride_m=candidate.ride_cm / 100,
                    seats_left=candidate.seats_left,
                    fare=fare,
                    co2_saved_g=self.carbon.saved_g(direct_m, detour_m),
                    polyline=polyline,
                    stated=state.stated,
                    walking=_walking(candidate, pickup, dropoff) if walks else None,
                )
            )
        return tuple(matches)

    def _met(self, place: Place, on_road: Coordinate, time: datetime) -> MeetingPoint:
        """Where the car stops for who is not met elsewhere: at the door, or at the public point that stands for it."""
        if not self._roads.is_public_point(place.position):
            return MeetingPoint(on_road, place.label, time, walk_m=0.0, walk_s=0.0)
        if place.position.fraction == DOOR:
            snapped = self._roads.snap(place.coordinate, limit_m=place.road_distance_m + _SNAP_MARGIN_M)
            return MeetingPoint(on_road if snapped is None else snapped.coordinate, place.label, time, 0.0, 0.0)
        walk_cm, walk_ms = (0, 0) if self._walk is None else self._walk(place.coordinate, on_road)
        label = self._roads.street(place.position) or f"{on_road.lat:.5f}, {on_road.lon:.5f}"
        return MeetingPoint(on_road, label, time, walk_cm / 100, walk_ms / 1000)


def _ride_polyline(roads: RoadEngine, begin: RoadPosition, end: RoadPosition) -> str:
    """The line of a ride that begins or ends away from the rider's door."""
    route = roads.drive([begin, end])
    return "" if route is None else encode_polyline(route.points)


def _moment(at_ms: int, zone: tzinfo) -> datetime:
    return (datetime.fromtimestamp(0, tz=UTC) + timedelta(milliseconds=at_ms)).astimezone(zone)


def _at_stop(stop: StopCandidate, time: datetime) -> MeetingPoint:
    """The rider walks to or from where the car stops."""
    return MeetingPoint(stop.coordinate, stop.label, time, walk_m=stop.walk_cm / 100, walk_s=stop.walk_ms / 1000)


def _walking(candidate: Candidate, pickup: MeetingPoint, dropoff: MeetingPoint) -> Walking:
    saved_s = saved_m = None
    if candidate.at_doors is not None:
        saved_s = (candidate.at_doors[0] - candidate.detour_ms) / 1000
        saved_m = (candidate.at_doors[1] - candidate.detour_cm) / 100
    return Walking(pickup.walk_s + dropoff.walk_s, pickup.walk_m + dropoff.walk_m, saved_s, saved_m)
