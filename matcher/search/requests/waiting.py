"""The waiting requests, in memory, on the roads this instance serves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime

from matcher.domain.errors.tree import InvalidInput
from matcher.matching.base.plan import to_ms
from matcher.matching.reverse.index import RequestIndex, WaitingRequest
from matcher.matching.scan.query import Query
from matcher.places.where_to_meet import WhereToMeet
from matcher.search.requests.kept_request import KeptRequest
from matcher.search.requests.store import PostgresRequests
from matcher.search.resolve import ResolveRequest

_log = logging.getLogger(__name__)


class WaitingRequests:
    """A `RequestIndex` that `catch_up` brings up to date with the database before it is used.

    A request of another import of the region is snapped again; one that no road fits any more is never matched, and is
    logged by its id. `present` leaves out the requests that were deleted meanwhile.
    """

    def __init__(
        self,
        requests: PostgresRequests,
        index: RequestIndex,
        resolve: ResolveRequest,
        where_to_meet: WhereToMeet,
        executor: Executor,
    ) -> None:
        self._requests = requests
        self.index = index
        self._resolve = resolve
        self._where_to_meet = where_to_meet
        self._executor = executor
        self._one_at_a_time = asyncio.Lock()
        self._seen: str | None = None

    async def catch_up(self, now: datetime) -> None:
        """Add every request that was stored before this call. Raises DatabaseUnavailable."""
        async with self._one_at_a_time:
            self.index.expire(to_ms(now))
            kept, seen = await self._requests.waiting(self._resolve.roads.name, self._seen, now)
            fresh = [one for one in kept if one.id not in self.index]
            if fresh:
                await asyncio.get_running_loop().run_in_executor(self._executor, self._put, fresh, now)
            self._seen = seen

    async def present(self, waiting: Sequence[WaitingRequest], now: datetime) -> list[WaitingRequest]:
        """Those that still exist, with what their riders share now. Raises DatabaseUnavailable.

        Those for women only whose riders no longer share being women are left out.
        """
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

    def _put(self, kept: Sequence[KeptRequest], now: datetime) -> None:
        self.index.put([one for one in (self._waiting(each, now) for each in kept) if one is not None])

    def _waiting(self, kept: KeptRequest, now: datetime) -> WaitingRequest | None:
        try:
            request = self._resolve.known(self._resolve.fitted(kept))
        except InvalidInput as error:
            _log.warning("request %s does not fit the roads any more and is not matched: %s", kept.id, error.detail)
            return None
        query = Query.of(request, now, *self._where_to_meet(request).in_core())
        return WaitingRequest(kept.id, kept.rider_id, query)
