"""A rider searches: search the index, check with the database which offers are unchanged, describe the best."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from matcher.domain.match import MatchAnswer, MatchRequest, RequestDraft, TurnedAway
from matcher.domain.offer import OfferStatus
from matcher.domain.principal import Principal
from matcher.matching.cancellation import Cancellation
from matcher.matching.pipeline import Candidate, Candidates, find_candidates_by_time
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.scan.query import Query
from matcher.operation.stop_watch import StopWatch
from matcher.people.blocks import HiddenFrom
from matcher.places.where_to_meet import MeetingPlaces, WhereToMeet
from matcher.search.describe import DescribeMatches
from matcher.search.live.load import SearchedIndex
from matcher.search.resolve import ResolveRequest
from matcher.statistics.search_log import SearchLog
from matcher.trips.offers.repository import CurrentState, OfferRepository

#: Candidates beyond the limit, so that one whose offer has changed meanwhile can be replaced at once.
SPARE = 10

R = TypeVar("R")


class FindMatches:
    """Considers every active offer, and shows none that was full, cancelled or changed when the answer was made."""

    def __init__(
        self,
        offers: OfferRepository,
        index: SearchedIndex,
        executor: Executor,
        *,
        resolve: ResolveRequest,
        where_to_meet: WhereToMeet,
        describe: DescribeMatches,
        weights: ScoreWeights,
        hidden_from: HiddenFrom,
        searches: SearchLog | None = None,
    ) -> None:
        """searches: None leaves searches out of the statistics."""
        self._offers = offers
        self._index = index
        self._executor = executor
        self._resolve = resolve
        self._where_to_meet = where_to_meet
        self._describe = describe
        self._weights = weights
        self._hidden_from = hidden_from
        self._searches = searches

    async def __call__(self, draft: RequestDraft, principal: Principal, now: datetime) -> MatchAnswer:
        """The best matches, and an account of all offers considered.

        Raises what ResolveRequest and `resolved` raise.
        """
        watch = StopWatch()
        request = await self._resolve(draft, principal, now)
        watch.lap("places")
        return await self.resolved(request, now, watch)

    async def resolved(self, request: MatchRequest, now: datetime, watch: StopWatch | None = None) -> MatchAnswer:
        """The same for a request whose places are known. Raises PlaceUnreachable, DatabaseUnavailable."""
        watch = watch or StopWatch()
        if self._searches is not None:
            request = replace(request, search_id=self._searches.new_id())
        places = MeetingPlaces()
        if request.max_walk_m > 0:
            places = await self._compute(self._where_to_meet, request)
            watch.lap("walk")
        found, unchanged = await self._search(request, places, now, watch)
        chosen = unchanged[: request.limit]
        matches = await self._compute(self._describe, request, places, found.drives, chosen, now)
        watch.lap("describe")
        changed = len(found.best) - len(unchanged)
        answer = MatchAnswer(
            matches=matches,
            considered=found.considered,
            feasible=found.feasible - changed,
            turned_away={**found.turned_away, **({TurnedAway.CHANGED: changed} if changed else {})},
            hints=found.hints,
            took_ms=watch.total_ms,
            stages_ms=watch.laps_ms,
        )
        if self._searches is not None:
            self._searches.answered(self._resolve.known(request), answer, now)
        return answer

    async def _search(
        self, request: MatchRequest, places: MeetingPlaces, now: datetime, watch: StopWatch
    ) -> tuple[Candidates, list[tuple[Candidate, CurrentState]]]:
        """What was found, and the candidates whose offers have not changed since."""
        query = Query.of(request, now, *places.in_core())
        hidden = await self._hidden_from(request.rider_id)
        cancellation = Cancellation()
        limit = request.limit + SPARE

        def search() -> Candidates:
            watch.lap("queue")
            farther = self._where_to_meet.farther(request)
            return find_candidates_by_time(slots, query, self._weights, limit, watch.lap, farther, cancellation)

        try:
            while True:
                slots = self._index.snapshot(request.rider_id, hidden)
                found = await self._compute(search)
                unchanged = await self._unchanged(found)
                watch.lap("check")
                # Offers may have changed during the search; when the spares are used up, it is repeated with more.
                if len(unchanged) >= min(request.limit, found.feasible) or len(found.best) == found.feasible:
                    return found, unchanged
                limit *= 2
        finally:
            # When the caller has gone, the thread that searches stops at its next step.
            cancellation.cancel()

    async def _unchanged(self, found: Candidates) -> list[tuple[Candidate, CurrentState]]:
        """The candidates whose version in the database is the one that was searched.

        Every change of an offer, a booked seat included, makes a new version. `seats_left` of the state is that of the
        fullest leg, which the rider may not ride on: the candidate has counted the rider's own legs.
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

    async def _compute(self, function: Callable[..., R], *args: object) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)
