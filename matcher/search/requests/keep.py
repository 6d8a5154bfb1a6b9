"""A rider keeps a search, looks at it, and takes it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from matcher.domain.errors.requests import RequestNotFound
from matcher.domain.errors.tree import DepartureInPast, DepartureTooFar, Fault, RoleForbidden
from matcher.domain.idempotency import IdempotencyRequest, StoredAnswer
from matcher.domain.match import DEFAULT_LIMIT, MatchAnswer, MatchRequest, RequestDraft
from matcher.domain.place import Place, PlaceInput
from matcher.domain.principal import Principal
from matcher.people.women_only import Sharing, with_rider
from matcher.places.resolve import ResolvePlaces
from matcher.roads.asked import RoadsByTime
from matcher.search.find import FindMatches
from matcher.search.requests.kept_request import FoundOffer, KeptRequest
from matcher.search.requests.ports import RequestPage, RequestRepository

#: Offers that a request lists as found, at most.
MOST_FOUND = 100


class KeepRequests:
    """Kept requests of one's own. Another's is not found; operators read any.

    `most`: how many of one rider may wait at once; `horizon`: how far ahead they may begin; `position`: the snapshot that the offers in memory have
    reached at least.
    """

    def __init__(
        self,
        requests: RequestRepository,
        find_matches: FindMatches,
        roads: RoadsByTime,
        resolve_places: ResolvePlaces,
        sharing: Sharing,
        *,
        make_id: Callable[[], UUID],
        position: Callable[[], str],
        most: int,
        horizon: timedelta,
    ) -> None:
        self._requests = requests
        self._find_matches = find_matches
        self._roads = roads
        self._resolve_places = resolve_places
        self._sharing = sharing
        self._make_id = make_id
        self._position = position
        self._most = most
        self._horizon = horizon

    async def keep(
        self,
        draft: RequestDraft,
        principal: Principal,
        now: datetime,
        idempotency: IdempotencyRequest | None,
        render: Callable[[KeptRequest, MatchAnswer], StoredAnswer],
    ) -> StoredAnswer:
        """The answer, with what fits now: the request is on disk, and whatever comes to fit from the moment of its search on is told.

        Raises RoleForbidden, DepartureInPast, DepartureTooFar, SharingRequired, TooManyKeptRequests, IdempotencyKeyReused, PlaceUnreachable,
        whatever ResolvePlaces raises, and DatabaseUnavailable, after which the same key may safely be sent again.
        """
        if not principal.rides:
            raise RoleForbidden("keeping a search needs the role rider, partner or admin")
        if idempotency is not None:
            earlier = await self._requests.find_answer(idempotency)
            if earlier is not None:
                return replace(earlier, headers={**earlier.headers, "Idempotency-Replayed": "true"})
        self._require_window(draft, now)
        draft = await with_rider(draft, self._sharing, principal.user)
        kept = await self._make(draft, principal, now)
        # Before the search: what is committed later, and may not be in memory here yet, is matched by the next turn.
        searched = self._position()
        answer = await self._find_matches(_resolved(draft, kept.request), principal, now)
        rendered = render(kept, answer)
        earlier = await self._requests.insert(
            kept,
            searched=searched,
            shown=[match.offer_id for match in answer.matches],
            most=self._most,
            idempotency=None if idempotency is None else (idempotency, rendered),
        )
        if earlier is not None:
            return replace(earlier, headers={**earlier.headers, "Idempotency-Replayed": "true"})
        return rendered

    async def get(self, request_id: UUID, principal: Principal) -> tuple[KeptRequest, list[FoundOffer]]:
        """The request and the offers that its rider has been told of. Raises RequestNotFound."""
        kept = await self._requests.get(request_id)
        if kept.rider_id != principal.user and not principal.operates:
            raise RequestNotFound("no request of yours has this id")
        return kept, await self._requests.found(request_id, MOST_FOUND)

    async def list_own(self, principal: Principal, limit: int, after: tuple[datetime, UUID] | None) -> RequestPage:
        """Up to `limit` of them, oldest first, after the one named by `after`."""
        return await self._requests.list_page(principal.user, limit, after)

    async def matches(
        self, request_id: UUID, principal: Principal, now: datetime, limit: int = DEFAULT_LIMIT
    ) -> MatchAnswer:
        """Its search, made again. Raises RequestNotFound, DepartureInPast when its window is over, and what FindMatches raises."""
        kept = await self._own(request_id, principal)
        request = kept.request
        draft = RequestDraft(
            origin=PlaceInput(),
            destination=PlaceInput(),
            window=request.window,
            window_kind=request.window_kind,
            seats=request.seats,
            max_walk_m=request.max_walk_m,
            limit=limit,
            preferences=request.preferences,
            women_only=request.women_only,
        )
        return await self._find_matches(_resolved(draft, request), principal, now)

    async def take_back(self, request_id: UUID, principal: Principal) -> None:
        """No more is told of it, and nothing of it stays. Raises RequestNotFound."""
        await self._own(request_id, principal)
        await self._requests.delete(request_id)

    async def _own(self, request_id: UUID, principal: Principal) -> KeptRequest:
        kept = await self._requests.get(request_id)
        if kept.rider_id != principal.user:
            raise RequestNotFound("no request of yours has this id")
        return kept

    def _require_window(self, draft: RequestDraft, now: datetime) -> None:
        pointer = f"/{draft.window_kind.value}"
        if draft.window.latest < now:
            detail = "the time window is over: it must end in the future"
            raise DepartureInPast(detail, faults=[Fault(f"{pointer}/latest", detail, DepartureInPast.code)])
        if draft.window.earliest - now > self._horizon:
            detail = f"requests can be kept at most {self._horizon.days} days ahead"
            raise DepartureTooFar(detail, faults=[Fault(f"{pointer}/earliest", detail, DepartureTooFar.code)])

    async def _make(self, draft: RequestDraft, principal: Principal, now: datetime) -> KeptRequest:
        stops = [("/origin", draft.origin), ("/destination", draft.destination)]
        origin, destination = await self._resolve_places(stops)
        self._resolve_places.refuse_same_places([("/origin", origin), ("/destination", destination)])
        request = MatchRequest(
            rider_id=principal.user,
            origin=origin,
            destination=destination,
            window=draft.window,
            window_kind=draft.window_kind,
            seats=draft.seats,
            max_walk_m=draft.max_walk_m,
            limit=draft.limit,
            preferences=dict(draft.preferences),
            women_only=draft.women_only,
            rider_is_woman=draft.rider_is_woman,
        )
        return KeptRequest(self._make_id(), self._roads.name, self._roads.fingerprint, request, now)


def _resolved(draft: RequestDraft, request: MatchRequest) -> RequestDraft:
    """The draft with places that need not be looked up any more."""
    return replace(draft, origin=_input(request.origin), destination=_input(request.destination))


def _input(place: Place) -> PlaceInput:
    return PlaceInput(coordinate=place.coordinate, address=place.address)
