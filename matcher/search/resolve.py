"""From what a rider asks to a request on the road network."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime
from typing import Any

from matcher.domain.errors.tree import DepartureInPast, RoleForbidden
from matcher.domain.match import MatchRequest, RequestDraft, RideRequest
from matcher.domain.place import same_positions
from matcher.domain.principal import Principal
from matcher.people.women_only import Sharing, shares_being_woman
from matcher.places.resolve import ResolvePlaces
from matcher.roads.asked import RoadsByTime
from matcher.search.requests.kept_request import KeptRequest


class ResolveRequest:
    """Checks that the caller may search, looks up the places, and adds what the rider shares."""

    def __init__(self, roads: RoadsByTime, resolve_places: ResolvePlaces, sharing: Sharing, executor: Executor) -> None:
        self.roads = roads
        self._resolve_places = resolve_places
        self._sharing = sharing
        self._executor = executor

    async def __call__(self, draft: RequestDraft, principal: Principal, now: datetime) -> MatchRequest:
        """Raises RoleForbidden, DepartureInPast, SharingRequired, and what ResolvePlaces raises."""
        is_woman = await self._checked(draft, principal, now)
        stops = [("/origin", draft.origin), ("/destination", draft.destination)]
        places = await self._resolve_places(stops)
        pointed = [(pointer, place) for (pointer, _), place in zip(stops, places, strict=True)]
        origin, destination = await self._resolve_places.met_at(pointed)
        return draft.of(principal.user, origin, destination, is_woman=is_woman)

    async def again(self, kept: KeptRequest, principal: Principal, now: datetime) -> MatchRequest:
        """A kept request, to be searched now.

        Raises RoleForbidden, DepartureInPast, SharingRequired, PlaceTooFarFromRoad.
        """
        is_woman = await self._checked(kept.request, principal, now)
        request = await asyncio.get_running_loop().run_in_executor(self._executor, self.fitted, kept)
        return replace(request, rider_is_woman=is_woman)

    def fitted(self, kept: KeptRequest) -> MatchRequest:
        """A kept request on these roads, snapped again if they are another import. Raises PlaceTooFarFromRoad."""
        request = kept.request
        if same_positions(kept.region_fingerprint, self.roads.fingerprint):
            return request
        snap, public = self._resolve_places.snap_again, self._resolve_places.public
        ends = [snap("/origin", request.origin), snap("/destination", request.destination)]
        if public is not None:
            ends = [public.met_at(end) for end in ends]
        return replace(request, origin=ends[0], destination=ends[1])

    def known(self, request: MatchRequest) -> MatchRequest:
        """What drivers and statistics may know of a request: what follows from its public points."""
        public = self._resolve_places.public
        if public is None:
            return request
        return replace(request, origin=public.known(request.origin), destination=public.known(request.destination))

    async def _checked(self, request: RideRequest[Any], principal: Principal, now: datetime) -> bool:
        """Whether the rider shares being a woman."""
        if not principal.rides:
            raise RoleForbidden("searching requires the role rider, partner or admin")
        require_future(request, now)
        return await shares_being_woman(self._sharing, principal.user, women_only=request.women_only)


def require_future(request: RideRequest[Any], now: datetime) -> None:
    """Raises DepartureInPast when the time window is over."""
    if request.window.latest < now:
        detail = "the time window must end in the future"
        pointer = f"/{request.window_kind.value}/latest"
        raise DepartureInPast.at(pointer, detail)
