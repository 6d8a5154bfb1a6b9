"""The requests that wait, in memory, on the roads that this instance has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from matcher.domain.errors.tree import InvalidInput
from matcher.domain.match import MatchRequest
from matcher.domain.place import same_positions
from matcher.matching.base.plan import to_ms
from matcher.matching.reverse.index import RequestIndex, WaitingRequest
from matcher.matching.scan.query import Query
from matcher.places.resolve import ResolvePlaces
from matcher.places.where_to_meet import WhereToMeet
from matcher.roads.asked import RoadsByTime
from matcher.search.requests.kept_request import KeptRequest
from matcher.search.requests.ports import RequestRepository

_log = logging.getLogger(__name__)


class WaitingRequests:
    """A `RequestIndex` that is brought in line with the database when somebody is about to use it, by what has been kept since the last time.

    Positions mean something on one import of a region only: a request of another import is snapped again, and one that no road fits any more waits
    in vain and is logged by its id. What was taken back meanwhile is found out by asking for the `present` ones.
    """

    def __init__(
        self,
        requests: RequestRepository,
        index: RequestIndex,
        roads: RoadsByTime,
        resolve_places: ResolvePlaces,
        where_to_meet: WhereToMeet,
        executor: Executor,
    ) -> None:
        self._requests = requests
        self.index = index
        self._roads = roads
        self._resolve_places = resolve_places
        self._where_to_meet = where_to_meet
        self._executor = executor
        self._one_at_a_time = asyncio.Lock()
        self._seen: str | None = None

    async def catch_up(self, now: datetime) -> None:
        """Take in every request that was kept before this call. Raises DatabaseUnavailable."""
        async with self._one_at_a_time:
            self.index.expire(to_ms(now))
            kept, seen = await self._requests.waiting(self._roads.name, self._seen, now)
            fresh = [one for one in kept if one.id not in self.index]
            if fresh:
                await asyncio.get_running_loop().run_in_executor(self._executor, self._put, fresh, now)
            self._seen = seen

    async def present(self, waiting: Sequence[WaitingRequest], now: datetime) -> list[WaitingRequest]:
        """Those that have not been taken back, with what their riders share now; those for women only by somebody who shares it no more are left
        out. Raises DatabaseUnavailable."""
        if not waiting:
            return []
        is_woman = await self._requests.present([one.id for one in waiting], now)
        self.index.remove(one.id for one in waiting if one.id not in is_woman)
        return [
            one
            if one.query.rider_is_woman == is_woman[one.id]
            else replace(one, query=replace(one.query, rider_is_woman=is_woman[one.id]))
            for one in waiting
            if one.id in is_woman and (is_woman[one.id] or not one.query.women_only)
        ]

    def fit(self, kept: KeptRequest) -> MatchRequest | None:
        """The request on these roads, or None. Nothing is looked up again."""
        if same_positions(kept.region_fingerprint, self._roads.fingerprint):
            return kept.request
        try:
            return replace(
                kept.request,
                origin=self._resolve_places.snap_again("/origin", kept.request.origin),
                destination=self._resolve_places.snap_again("/destination", kept.request.destination),
            )
        except InvalidInput as error:
            _log.warning("request %s does not fit the roads any more and is not matched: %s", kept.id, error.detail)
            return None

    def _put(self, kept: Sequence[KeptRequest], now: datetime) -> None:
        fitted = ((one.id, self.fit(one)) for one in kept)
        self.index.put([self._waiting(id_, request, now) for id_, request in fitted if request is not None])

    def _waiting(self, request_id: UUID, request: MatchRequest, now: datetime) -> WaitingRequest:
        query = Query.of(request, now, *self._where_to_meet(request).in_core())
        return WaitingRequest(request_id, request.rider_id, query)
