"""A rider searches: resolve places, search the index, check with the database what is still true, and answer."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from datetime import datetime
from typing import Protocol

from matcher.domain.errors.tree import DepartureInPast, Fault, RoleForbidden
from matcher.domain.match import MatchAnswer, MatchRequest, RequestDraft, TurnedAway
from matcher.domain.offer import OfferStatus
from matcher.domain.principal import Principal
from matcher.matching.cancellation import Cancellation
from matcher.matching.index.by_time import SlotSnapshot
from matcher.matching.pipeline import Candidate, Candidates, find_candidates_by_time
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from matcher.operation.stop_watch import StopWatch
from matcher.people.blocks import NOBODY_BLOCKED
from matcher.people.ports import Blocks
from matcher.people.women_only import NOTHING_SHARED, Sharing, with_rider
from matcher.places.resolve import ResolvePlaces
from matcher.places.where_to_meet import MeetingPlaces, WhereToMeet
from matcher.roads.asked import MeetingPoints
from matcher.search.describe import DescribeMatches, MatchRoads
from matcher.statistics.ports import NotesSearches
from matcher.trips.offers.repository import CurrentState, OfferRepository

#: Candidates beyond those asked for, so that an offer that has changed meanwhile can be replaced at once.
SPARE = 10


class SearchIndex(Protocol):
    """What a search needs of the index."""

    def snapshot(self, searcher: str, hidden: Collection[str] = ()) -> Sequence[SlotSnapshot]:
        """The offers as they are now, slot by slot; those of `hidden` drivers are as if they did not exist."""


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
        describe: DescribeMatches,
        weights: ScoreWeights,
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
        self._describe_matches = describe
        self._weights = weights
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
        matches = await loop.run_in_executor(
            self._executor, self._describe_matches, request, places, found.drives, chosen, now
        )
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

    async def _still_true(self, found: Candidates) -> list[tuple[Candidate, CurrentState]]:
        """Those candidates of which the database says the same as the index did.

        Every change of an offer, a booked seat among them, is a new version. The seats stored beside it are those of the fullest leg,
        which the rider may not ride on: the candidate's own legs have been counted.
        """
        if not found.best:
            return []
        states = await self._offers.current([candidate.offer_id for candidate in found.best])
        kept: list[tuple[Candidate, CurrentState]] = []
        for candidate in found.best:
            state = states.get(candidate.offer_id)
            if state is not None and state.status is OfferStatus.OPEN and state.version == candidate.version:
                kept.append((candidate, state))
        return kept
