"""One search made again for operators: its candidates, and where the offers that were turned away begin, by reason."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from matcher.domain.cell import Cell
from matcher.domain.errors.requests import SearchNotFound
from matcher.domain.match import (
    MatchRequest,
    RequestDraft,
    ScorePart,
    ScorePartName,
    TimeWindow,
    TurnedAway,
    WindowKind,
)
from matcher.domain.offer import Offer, OfferStatus
from matcher.domain.place import PlaceInput
from matcher.domain.principal import Principal
from matcher.matching.pipeline import find_candidates_by_time
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.reverse.fit import why_not
from matcher.matching.reverse.index import WaitingRequest
from matcher.matching.scan.query import Query
from matcher.places.where_to_meet import MeetingPlaces, WhereToMeet
from matcher.search.live.region import ServedRegion
from matcher.search.requests.of_offer import FittingRequest, described
from matcher.statistics.search_store import PostgresSearchStore, StoredSearch
from matcher.trips.offers.read import ReadOffers

#: Candidates shown, and offers near the window whose reason is located.
_SHOWN, _LOCATED, _PAGE = 20, 300, 100
#: An offer that leaves longer than this before the window ends, or after it begins, is outside of it.
_BEFORE, _AFTER = timedelta(hours=4), timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class ReplayedCandidate:
    """An offer that can carry the rider, as coarsely as a driver sees a rider before they agree."""

    ride: FittingRequest
    offer: Offer
    score: float
    parts: Mapping[ScorePartName, ScorePart]
    seats_left: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """How a search is decided now. stored: what the statistics hold of it, None for one made by hand.

    located: by reason, how many offers of those near the window begin in which cell.
    """

    request: MatchRequest
    stored: StoredSearch | None
    candidates: tuple[ReplayedCandidate, ...]
    considered: int
    feasible: int
    turned_away: Mapping[TurnedAway, int]
    located: Mapping[TurnedAway, Mapping[Cell, int]]


class ReplaySearch:
    """Searches the offers in memory as `FindMatches` does; nothing is counted, signed or stored."""

    def __init__(
        self,
        region: ServedRegion,
        searches: PostgresSearchStore,
        read_offers: ReadOffers,
        executor: Executor,
        *,
        where_to_meet: WhereToMeet,
        weights: ScoreWeights,
    ) -> None:
        self._region = region
        self._roads: Any = region.roads
        self._searches = searches
        self._read_offers = read_offers
        self._executor = executor
        self._where_to_meet = where_to_meet
        self._weights = weights

    async def logged(self, request_id: str, principal: Principal, now: datetime) -> Replayed:
        """The search of a call in the log: from the middle of its cell to the middle of the other, within its hour.

        Raises SearchNotFound, and what `__call__` raises.
        """
        stored = await self._searches.of_request(self._region.roads.name, request_id)
        if stored is None:
            raise SearchNotFound(f"no search with the request id {request_id} is stored: rows are kept for some weeks")
        middle = stored.wanted_at + timedelta(minutes=30)
        half = timedelta(seconds=max(stored.window_s, 1800) / 2)
        draft = RequestDraft(
            origin=PlaceInput(coordinate=Cell.from_number(stored.origin_cell).middle),
            destination=PlaceInput(coordinate=Cell.from_number(stored.destination_cell).middle),
            window=TimeWindow(middle - half, middle + half),
            window_kind=WindowKind.DEPARTURE,
            seats=stored.seats,
            max_walk_m=600,
            limit=_SHOWN,
        )
        return await self(draft, principal, now, stored)

    async def __call__(
        self, draft: RequestDraft, principal: Principal, now: datetime, stored: StoredSearch | None = None
    ) -> Replayed:
        """A search as it would be answered now.

        Raises PlaceUnreachable, DatabaseUnavailable, what ResolvePlaces raises.
        """
        origin, destination = await self._region.resolve_places(
            [("/search/origin", draft.origin), ("/search/destination", draft.destination)]
        )
        public = self._region.resolve_places.public
        if public is not None:
            origin, destination = public.met_at(origin), public.met_at(destination)
        request = draft.of(principal.user, origin, destination, is_woman=False)
        places = MeetingPlaces()
        if request.max_walk_m > 0:
            places = await self._compute(self._where_to_meet, request)
        # The clock of the search is before its window: a past one shows who would have fitted of those still in memory.
        query = Query.of(request, min(now, request.window.earliest), *places.in_core())
        slots = self._region.index.snapshot(request.rider_id, ())
        found = await self._compute(lambda: find_candidates_by_time(slots, query, self._weights, _SHOWN, hinting=False))
        near = await self._near(request, principal)
        by_id = {offer.id: offer for offer in near}
        candidates = []
        for candidate in found.best:
            offer = by_id.get(candidate.offer_id) or await self._read_offers.get(candidate.offer_id, principal)
            waiting = WaitingRequest(candidate.offer_id, request.rider_id, query)
            ride = described(self._roads, offer, (waiting, candidate, found.drives[candidate.slot]))
            candidates.append(ReplayedCandidate(ride, offer, candidate.score, candidate.parts, candidate.seats_left))
        shown = {candidate.offer.id for candidate in candidates}
        located = await self._compute(self._located, [offer for offer in near if offer.id not in shown], request, query)
        return Replayed(
            request, stored, tuple(candidates), found.considered, found.feasible, found.turned_away, located
        )

    async def _near(self, request: MatchRequest, principal: Principal) -> list[Offer]:
        """Open offers that leave about the window, at most `_LOCATED`."""
        begin, end = request.window.earliest - _BEFORE, request.window.latest + _AFTER
        offers: list[Offer] = []
        cursor = None
        while len(offers) < _LOCATED:
            page = await self._read_offers.list_page(principal, OfferStatus.OPEN, begin, end, _PAGE, cursor)
            offers += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        return offers

    def _located(
        self, offers: list[Offer], request: MatchRequest, query: Query
    ) -> Mapping[TurnedAway, Mapping[Cell, int]]:
        """Why each offer is turned away, found by the search itself on an index of that offer alone. CPU work."""
        cells: dict[TurnedAway, Counter[Cell]] = {}
        now_ms = query.now_ms
        for offer in offers:
            fitted = self._region.fitted.fit(offer)
            if fitted is None:
                continue
            waiting = WaitingRequest(offer.id, request.rider_id, query)
            reason = why_not(fitted, waiting, self._roads, self._weights, now_ms, self._region.rate)
            if reason is not None:
                cells.setdefault(reason, Counter())[Cell.of(offer.origin.coordinate)] += 1
        return cells

    async def _compute(self, function: Any, *args: object) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)
