"""A rider keeps a search, reads it, repeats it, and removes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from matcher.domain.errors.requests import RequestNotFound
from matcher.domain.errors.tree import DepartureTooFar, RoleForbidden
from matcher.domain.idempotency import Keep, rendered
from matcher.domain.match import DEFAULT_LIMIT, MatchAnswer, RequestDraft
from matcher.domain.principal import Principal
from matcher.postgres.store import KeysetPage
from matcher.search.find import FindMatches
from matcher.search.requests.kept_request import FoundOffer, KeptRequest
from matcher.search.requests.store import PostgresRequests
from matcher.search.resolve import ResolveRequest, require_future

#: Offers that a request lists as found, at most.
MOST_FOUND = 100

#: A new kept request and what its search found.
Searched = tuple[KeptRequest, MatchAnswer]


class KeepRequests:
    """The caller's kept requests. Those of others are not found; operators may read any.

    `most`: how many of one rider may wait at once; `horizon`: how far ahead a window may begin; `position`: the
    snapshot that the offers in memory have reached.
    """

    def __init__(
        self,
        requests: PostgresRequests,
        find_matches: FindMatches,
        resolve: ResolveRequest,
        *,
        make_id: Callable[[], UUID],
        position: Callable[[], str],
        most: int,
        horizon: timedelta,
    ) -> None:
        self._requests = requests
        self._find_matches = find_matches
        self._resolve = resolve
        self._make_id = make_id
        self._position = position
        self._most = most
        self._horizon = horizon

    async def keep(
        self,
        draft: RequestDraft,
        principal: Principal,
        now: datetime,
        keep: Keep[Searched] | None = None,
    ) -> Searched:
        """The stored request with what fits now; the rider is notified of every offer that fits later.

        Raises DepartureTooFar, TooManyKeptRequests, AnsweredBefore, IdempotencyKeyReused, what ResolveRequest and
        FindMatches raise, and DatabaseUnavailable, after which the same key may be sent again.
        """
        if not principal.rides:
            raise RoleForbidden("keeping a search requires the role rider, partner or admin")
        if keep is not None:
            await self._requests.require_new(keep.request)
        self._require_window(draft, now)
        request = await self._resolve(draft, principal, now)
        roads = self._resolve.roads
        kept = KeptRequest(self._make_id(), roads.name, roads.fingerprint, request, now)
        # Read before the search: what is committed later, and may not be in memory here yet, is matched by the next
        # turn.
        searched = self._position()
        answer = await self._find_matches.resolved(request, now)
        await self._requests.insert(
            kept,
            searched=searched,
            shown=[match.offer_id for match in answer.matches],
            most=self._most,
            answer=await rendered(keep, (kept, answer)),
        )
        return kept, answer

    async def get(self, request_id: UUID, principal: Principal) -> tuple[KeptRequest, list[FoundOffer]]:
        """The request, and the offers its rider was notified of. Raises RequestNotFound."""
        kept = await self._requests.get(request_id)
        if kept.rider_id != principal.user and not principal.operates:
            raise RequestNotFound("you have no request with this id")
        return kept, await self._requests.found(request_id, MOST_FOUND)

    async def list_own(
        self, principal: Principal, limit: int, after: tuple[datetime, UUID] | None
    ) -> KeysetPage[KeptRequest]:
        """Up to `limit` of them, oldest first, after the one named by `after`."""
        return await self._requests.list_page(principal.user, limit, after)

    async def matches(
        self, request_id: UUID, principal: Principal, now: datetime, limit: int = DEFAULT_LIMIT
    ) -> MatchAnswer:
        """Search for it now. Raises RequestNotFound, and what ResolveRequest and FindMatches raise."""
        kept = await self._own(request_id, principal)
        request = await self._resolve.again(kept, principal, now)
        return await self._find_matches.resolved(replace(request, limit=limit), now)

    async def take_back(self, request_id: UUID, principal: Principal) -> None:
        """Delete it. Raises RequestNotFound."""
        await self._own(request_id, principal)
        await self._requests.delete(request_id)

    async def _own(self, request_id: UUID, principal: Principal) -> KeptRequest:
        kept = await self._requests.get(request_id)
        if kept.rider_id != principal.user:
            raise RequestNotFound("you have no request with this id")
        return kept

    def _require_window(self, draft: RequestDraft, now: datetime) -> None:
        require_future(draft, now)
        if draft.window.earliest - now > self._horizon:
            pointer = f"/{draft.window_kind.value}/earliest"
            raise DepartureTooFar.at(pointer, f"requests can be kept at most {self._horizon.days} days ahead")
