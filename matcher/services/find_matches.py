"""A rider searches: resolve places, search the index, check with the database what is still true, and answer."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from time import perf_counter
from typing import Protocol

from matcher.domain.errors import DepartureInPast, Fault, RoleForbidden
from matcher.domain.match import (
    Match,
    MatchAnswer,
    MatchRequest,
    MeetingPoint,
    RequestDraft,
    TurnedAway,
    Walking,
)
from matcher.domain.offer import OfferStatus
from matcher.domain.place import Coordinate, Place, RoadPosition
from matcher.domain.polyline import encode_polyline
from matcher.domain.principal import Principal
from matcher.matching.cancellation import Cancellation
from matcher.matching.index_by_time import SlotSnapshot
from matcher.matching.pipeline import Candidate, Candidates, find_candidates_by_time
from matcher.matching.positions import split_cost
from matcher.matching.query import Query
from matcher.matching.roads import PackedDrive, SearchRoads
from matcher.matching.scoring import ScoreWeights
from matcher.services.blocks import NOBODY_BLOCKED
from matcher.services.match_tokens import MatchTicket, MatchTokens, TicketPoint, roads_digest
from matcher.services.people_ports import Blocks
from matcher.services.ports import MeetingPoints, OfferRepository, Roads, RoadsByTime, StopCandidate
from matcher.services.resolve_places import ResolvePlaces
from matcher.services.sharing import NOTHING_SHARED, Sharing, with_rider
from matcher.services.statistics_ports import NotesSearches
from matcher.services.where_to_meet import MeetingPlaces, WhereToMeet

#: Candidates beyond those asked for, so that an offer that has changed meanwhile can be replaced at once.
SPARE = 10


class SlotRoads(Roads, SearchRoads, Protocol):
    """What a search needs of the roads of one slot."""

    def points(self, origin: RoadPosition, destination: RoadPosition, drive: PackedDrive) -> list[Coordinate]:
        """The line that a drive follows."""


class MatchRoads(RoadsByTime, Protocol):
    """What a search needs of the roads."""

    @property
    def slots(self) -> Sequence[SlotRoads]:
        """The roads of each slot."""

    def at(self, departure: datetime) -> SlotRoads:
        """Those of the slot that a departure falls in."""


class SearchIndex(Protocol):
    """What a search needs of the index."""

    def snapshot(self, searcher: str, hidden: Collection[str] = ()) -> Sequence[SlotSnapshot]:
        """The offers as they are now, slot by slot; those of `hidden` drivers are as if they did not exist."""


@dataclass(frozen=True, slots=True)
class CarbonFactor:
    """Grams of CO2 equivalent that a car emits per kilometre, and where the figure is from."""

    grams_per_km: float
    source: str

    def saved_g(self, direct_m: float, detour_m: float) -> int:
        """What the rider's own car would have emitted on their direct drive, less the driver's detour; never below 0."""
        return max(0, round((direct_m - detour_m) / 1000 * self.grams_per_km))


class FindMatches:
    """Every active offer is considered, and none is shown that was full, cancelled or changed when the answer was made."""

    def __init__(
        self,
        offers: OfferRepository,
        index: SearchIndex,
        roads: MatchRoads,
        resolve_places: ResolvePlaces,
        executor: Executor,
        *,
        tokens: MatchTokens,
        weights: ScoreWeights,
        carbon: CarbonFactor,
        meeting_points: MeetingPoints | None = None,
        sharing: Sharing = NOTHING_SHARED,
        blocks: Blocks = NOBODY_BLOCKED,
        searches: NotesSearches | None = None,
    ) -> None:
        """meeting_points: None where riders can only be met at their doors; searches: None where nobody counts them."""
        self._offers = offers
        self._index = index
        self._roads = roads
        self._resolve_places = resolve_places
        self._executor = executor
        self._tokens = tokens
        self._weights = weights
        self._carbon = carbon
        self._searches = searches
        self._where_to_meet = WhereToMeet(roads, meeting_points)
        self._sharing = sharing
        self._blocks = blocks

    async def __call__(self, draft: RequestDraft, principal: Principal, now: datetime) -> MatchAnswer:
        """The best matches of a search, with an account of all that was considered.

        Raises RoleForbidden, DepartureInPast, SharingRequired, PlaceUnreachable, DatabaseUnavailable, and whatever ResolvePlaces raises.
        """
        if not principal.rides:
            raise RoleForbidden("searching needs the role rider, partner or admin")
        if draft.window.latest < now:
            detail = "the time window is over: it must end in the future"
            raise DepartureInPast(
                detail, faults=[Fault(f"/{draft.window_kind.value}/latest", detail, DepartureInPast.code)]
            )
        draft = await with_rider(draft, self._sharing, principal.user)
        watch = StopWatch()
        stops = [("/origin", draft.origin), ("/destination", draft.destination)]
        origin, destination = await self._resolve_places(stops)
        self._resolve_places.refuse_same_places([("/origin", origin), ("/destination", destination)])
        watch.lap("places")
        request = MatchRequest(
            rider_id=principal.user,
            origin=origin,
            destination=destination,
            window=draft.window,
            window_kind=draft.window_kind,
            seats=draft.seats,
            max_walk_m=draft.max_walk_m,
            limit=draft.limit,
            preferences=draft.preferences,
            women_only=draft.women_only,
            rider_is_woman=draft.rider_is_woman,
            search_id=None if self._searches is None else self._searches.new_id(),
        )
        cancellation = Cancellation()
        try:
            answer = await self._answer(request, now, watch, cancellation)
            if self._searches is not None and request.search_id is not None:
                self._searches.answered(request.search_id, request, answer, now)
            return answer
        finally:
            # When nobody waits any more, the thread that searches stops at its next step.
            cancellation.cancel()

    async def _answer(
        self, request: MatchRequest, now: datetime, watch: StopWatch, cancellation: Cancellation
    ) -> MatchAnswer:
        wanted = request.limit + SPARE
        loop = asyncio.get_running_loop()
        places = MeetingPlaces()
        if request.max_walk_m > 0:
            places = await loop.run_in_executor(self._executor, self._where_to_meet, request)
            watch.lap("walk")
        query = Query.of(request, now, *places.in_core())
        hidden = await self._blocks.hidden_from(request.rider_id)
        while True:
            slots = self._index.snapshot(request.rider_id, hidden)
            search = functools.partial(self._search, slots, request, query, wanted, watch, cancellation)
            found = await loop.run_in_executor(self._executor, search)
            current = await self._still_true(found)
            watch.lap("check")
            # Offers may have changed under the search; with spares used up, the search is made again with more of them.
            if len(current) >= min(request.limit, found.feasible) or len(found.best) == found.feasible:
                break
            wanted *= 2
        changed = len(found.best) - len(current)
        chosen = current[: request.limit]
        matches = await loop.run_in_executor(self._executor, self._describe, request, places, found.drives, chosen, now)
        watch.lap("describe")
        turned_away = dict(found.turned_away)
        if changed:
            turned_away[TurnedAway.CHANGED] = changed
        return MatchAnswer(
            matches=matches,
            considered=found.considered,
            feasible=found.feasible - changed,
            turned_away=turned_away,
            hints=found.hints,
            took_ms=watch.total_ms,
            stages_ms=watch.laps_ms,
        )

    def _search(
        self,
        slots: Sequence[SlotSnapshot],
        request: MatchRequest,
        query: Query,
        wanted: int,
        watch: StopWatch,
        cancellation: Cancellation,
    ) -> Candidates:
        watch.lap("queue")
        farther = self._where_to_meet.farther(request)
        return find_candidates_by_time(slots, query, self._weights, wanted, watch.lap, farther, cancellation)

    async def _still_true(self, found: Candidates) -> list[Candidate]:
        """Those candidates of which the database says the same as the index did.

        Every change of an offer, a booked seat among them, is a new version. The seats stored beside it are those of the fullest leg,
        which the rider may not ride on: the candidate's own legs have been counted.
        """
        if not found.best:
            return []
        states = await self._offers.current([candidate.offer_id for candidate in found.best])
        kept: list[Candidate] = []
        for candidate in found.best:
            state = states.get(candidate.offer_id)
            if state is not None and state.status is OfferStatus.OPEN and state.version == candidate.version:
                kept.append(candidate)
        return kept

    def _describe(
        self,
        request: MatchRequest,
        places: MeetingPlaces,
        drives: Sequence[PackedDrive],
        chosen: list[Candidate],
        now: datetime,
    ) -> tuple[Match, ...]:
        zone = request.window.earliest.tzinfo or UTC
        matches = []
        lines: dict[int, tuple[list[Coordinate], str]] = {}  # the rider's own drive in each slot, and its polyline
        for candidate in chosen:
            roads, drive = self._roads.slots[candidate.slot], drives[candidate.slot]
            if candidate.slot not in lines:
                points = roads.points(request.origin.position, request.destination.position, drive)
                lines[candidate.slot] = points, encode_polyline(points)
            line, direct_polyline = lines[candidate.slot]
            direct_m = split_cost(drive.cost)[1] / 100
            pickup = _at_door(request.origin, line[0], _moment(candidate.pickup_ms, zone))
            dropoff = _at_door(request.destination, line[-1], _moment(candidate.dropoff_ms, zone))
            begin, end = request.origin.position, request.destination.position
            if candidate.pickup_choice:
                stop = places.pickups[candidate.pickup_choice]
                pickup, begin = _at_stop(stop, pickup.time), stop.position
            if candidate.dropoff_choice:
                stop = places.dropoffs[candidate.dropoff_choice]
                dropoff, end = _at_stop(stop, dropoff.time), stop.position
            walks = candidate.pickup_choice > 0 or candidate.dropoff_choice > 0
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
            )
            detour_m = candidate.detour_cm / 100
            polyline = direct_polyline
            if walks or candidate.ride_via:
                polyline = _ride_polyline(roads, [begin, *candidate.ride_via, end])
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
                    co2_saved_g=self._carbon.saved_g(direct_m, detour_m),
                    polyline=polyline,
                    walking=_walking(candidate, pickup, dropoff) if walks else None,
                )
            )
        return tuple(matches)


def _ride_polyline(roads: Roads, stops: Sequence[RoadPosition]) -> str:
    """The line of a ride that is not the rider's own drive."""
    route = roads.drive(stops)
    return "" if route is None else encode_polyline(route.points)


def _moment(at_ms: int, zone: tzinfo) -> datetime:
    return (datetime.fromtimestamp(0, tz=UTC) + timedelta(milliseconds=at_ms)).astimezone(zone)


def _at_door(place: Place, on_road: Coordinate, time: datetime) -> MeetingPoint:
    """The car stops where the rider's place meets the road, and nothing is walked."""
    return MeetingPoint(on_road, place.label, time, walk_m=0.0, walk_s=0.0)


def _at_stop(stop: StopCandidate, time: datetime) -> MeetingPoint:
    """The rider walks to where the car stops, or from there."""
    return MeetingPoint(stop.coordinate, stop.label, time, walk_m=stop.walk_cm / 100, walk_s=stop.walk_ms / 1000)


def _walking(candidate: Candidate, pickup: MeetingPoint, dropoff: MeetingPoint) -> Walking:
    saved_s = saved_m = None
    if candidate.at_doors is not None:
        saved_s = (candidate.at_doors[0] - candidate.detour_ms) / 1000
        saved_m = (candidate.at_doors[1] - candidate.detour_cm) / 100
    return Walking(pickup.walk_s + dropoff.walk_s, pickup.walk_m + dropoff.walk_m, saved_s, saved_m)


class StopWatch:
    """How long each step of one answer took."""

    def __init__(self) -> None:
        self._begin = self._last = perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, step: str) -> None:
        """A step has ended; repeated steps add up."""
        now = perf_counter()
        self._laps[step] = self._laps.get(step, 0.0) + (now - self._last) * 1000
        self._last = now

    @property
    def laps_ms(self) -> Mapping[str, float]:
        """Milliseconds by step, in order."""
        return {step: round(spent, 3) for step, spent in self._laps.items()}

    @property
    def total_ms(self) -> float:
        """Milliseconds since the beginning."""
        return round((perf_counter() - self._begin) * 1000, 3)
