"""Matches new and changed offers with waiting requests, and notifies riders of what fits."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from matcher.domain.errors.tree import PlaceUnreachable
from matcher.domain.money import CostRate
from matcher.domain.offer import Offer, OfferStatus
from matcher.matching.base.plan import to_ms
from matcher.matching.base.roads import PackedDrive, SearchRoadsByTime
from matcher.matching.index.by_time import SlotSnapshot
from matcher.matching.pipeline import find_candidates_by_time
from matcher.matching.rank.candidates import Candidate
from matcher.matching.rank.scoring import ScoreWeights
from matcher.matching.reverse.fit import fitting_requests, who_fits
from matcher.matching.reverse.index import WaitingRequest
from matcher.people.blocks import Blocks
from matcher.search.live.fitted import FittedIndex
from matcher.search.live.load import SearchedIndex
from matcher.search.requests.store import FoundPair, PostgresRequests, PostgresTurn
from matcher.search.requests.waiting import WaitingRequests
from matcher.trips.offers.repository import OfferRepository

#: Changes matched, and new requests settled, in one turn: a short transaction, as others wait for it.
_AT_ONCE = 50
#: The most offers that one request is matched with when everything is searched again.
_MOST_ANEW = 1000
_log = logging.getLogger(__name__)

Fit = tuple[WaitingRequest, Candidate, PackedDrive]
T = TypeVar("T")


class FitRequests:
    """Which waiting requests an offer fits, with the same result as their searches."""

    def __init__(
        self,
        waiting: WaitingRequests,
        roads: SearchRoadsByTime,
        fitted: FittedIndex,
        blocks: Blocks,
        executor: Executor,
        *,
        weights: ScoreWeights,
        rate: CostRate | None,
    ) -> None:
        self.waiting = waiting
        self._rate = rate
        self.weights = weights
        self._roads = roads
        self._fitted = fitted
        self._blocks = blocks
        self._executor = executor

    async def __call__(self, offer: Offer, now: datetime) -> list[Fit]:
        """The requests an offer fits, each with what a search would show its rider. Raises DatabaseUnavailable."""
        ((fitted, there),) = await self._possible([offer], now, None, None)
        return await self._decided(fitting_requests, fitted, there, now) if there else []

    async def pairs(
        self,
        offers: Sequence[Offer],
        now: datetime,
        *,
        only: Mapping[UUID, Collection[UUID]] | None = None,
        without: Mapping[UUID, Collection[UUID]] | None = None,
    ) -> list[tuple[Offer, WaitingRequest]]:
        """Pairs that fit. only, without: by offer, the requests to consider, or to skip. Raises DatabaseUnavailable."""
        return [
            (fitted, one)
            for fitted, there in await self._possible(offers, now, only, without)
            for one in await self._decided(who_fits, fitted, there, now)
        ]

    async def _possible(
        self,
        offers: Sequence[Offer],
        now: datetime,
        only: Mapping[UUID, Collection[UUID]] | None,
        without: Mapping[UUID, Collection[UUID]] | None,
    ) -> list[tuple[Offer, list[WaitingRequest]]]:
        """Each offer on these roads, with the existing requests it may fit."""
        loop = asyncio.get_running_loop()
        held = []
        for offer in offers:
            fitted, possible = await loop.run_in_executor(self._executor, self._candidates, offer)
            if only is not None:
                possible = [one for one in possible if one.id in only.get(offer.id, ())]
            if without is not None:
                possible = [one for one in possible if one.id not in without.get(offer.id, ())]
            held.append((fitted, possible))
        every = {one.id: one for _, possible in held for one in possible}
        present = {one.id: one for one in await self.waiting.present(list(every.values()), now)}
        return [(offer, [present[one.id] for one in possible if one.id in present]) for offer, possible in held]

    async def _decided(
        self, decide: Callable[..., Iterable[T]], offer: Offer, there: Sequence[WaitingRequest], now: datetime
    ) -> list[T]:
        # Blocks hide both ways, so the driver's are enough.
        hidden = await self._blocks.hidden_from(offer.driver_id)
        return await asyncio.get_running_loop().run_in_executor(
            self._executor,
            lambda: list(decide(offer, there, hidden, self._roads, self.weights, to_ms(now), self._rate)),
        )

    async def hidden_from(self, riders: Collection[str]) -> dict[str, frozenset[str]]:
        """By rider, the drivers whose offers are hidden from them."""
        return {rider: await self._blocks.hidden_from(rider) for rider in riders}

    def _candidates(self, offer: Offer) -> tuple[Offer, list[WaitingRequest]]:
        fitted = self._fitted.fit(offer) if offer.status is OfferStatus.OPEN else None
        if fitted is None:
            return offer, []
        try:
            return fitted, self.waiting.index.candidates(fitted)
        except ValueError as error:
            _log.warning("offer %s cannot be matched with requests: %s", offer.id, error)
            return offer, []


class MatchRequests:
    """Matches what has changed since the last turn, in whichever process. No change is left out or notified twice.

    A turn begins at the snapshot of the database that the last one stored, together with what it found. A request that
    was stored between its own search and this turn is matched with all changes of that time, which earlier turns did
    not know of (see `PostgresTurn.unsettled`). When changes are no longer available, every request searches the offers
    in memory. Turns are short, however much there is to do.

    position: the snapshot that the offers in memory have reached.
    """

    def __init__(
        self,
        turns: PostgresRequests,
        offers: OfferRepository,
        fit: FitRequests,
        index: SearchedIndex,
        executor: Executor,
        *,
        region: str,
        position: Callable[[], str],
    ) -> None:
        self._turns = turns
        self._offers = offers
        self._fit = fit
        self._index = index
        self._executor = executor
        self._region = region
        self._position = position

    async def __call__(self, now: datetime) -> bool:
        """Take one turn; whether there is more to do.

        False while another process has the turn. Raises DatabaseUnavailable.
        """
        async with self._turns.turn(self._region) as turn:
            return turn is not None and await self._take(turn, now)

    async def _take(self, turn: PostgresTurn, now: datetime) -> bool:
        # Unsettled requests are read before `catch_up`: whatever is settled below is in memory.
        fresh = await turn.unsettled(now, _AT_ONCE)
        await self._fit.waiting.catch_up(now)
        seen = await turn.progress()
        position = self._position()
        changed = None if seen is None else await turn.changed(seen, _AT_ONCE)
        if changed is None or changed.missed:
            if await turn.unsettle(now):
                _log.warning("changes of offers were missed: all requests search anew")
            await turn.note_progress(position)
            return True
        known = await turn.known(changed.offer_ids)
        pairs = await self._match(changed.offer_ids, now, without=known)
        if changed.offer_ids:
            await turn.note_progress(changed.seen)
        pairs += await self._settle(turn, fresh, position, now)
        await turn.tell([pair for pair, _ in pairs], {pair.request_id: rider for pair, rider in pairs}, now)
        return changed.more or len(fresh) == _AT_ONCE

    async def _settle(
        self, turn: PostgresTurn, fresh: Sequence[tuple[UUID, str | None]], position: str, now: datetime
    ) -> list[tuple[FoundPair, str]]:
        """What fits new requests among the changes since their searches; without a search, among everything."""
        by_search: dict[str | None, set[UUID]] = defaultdict(set)
        for request_id, searched in fresh:
            by_search[searched].add(request_id)
        anew = by_search.pop(None, set())
        only: dict[UUID, set[UUID]] = defaultdict(set)
        for searched, request_ids in by_search.items():
            assert searched is not None
            gap = await turn.changed(searched)
            if gap.missed:
                anew |= request_ids
            for offer_id in () if gap.missed else gap.offer_ids:
                only[offer_id] |= request_ids
        pairs: list[tuple[FoundPair, str]] = []
        if anew:
            waiting = [one for one in self._fit.waiting.index.all() if one.id in anew]
            pairs += await self._search(waiting, now)
            # Other processes may have matched changes that are not in memory here yet.
            for offer_id in (await turn.changed(position)).offer_ids:
                only[offer_id] |= anew
        if only:
            pairs += await self._match(list(only), now, only=only)
        if fresh:
            await turn.settle([request_id for request_id, _ in fresh])
        return pairs

    async def _match(
        self,
        offer_ids: Sequence[UUID],
        now: datetime,
        *,
        only: Mapping[UUID, Collection[UUID]] | None = None,
        without: Mapping[UUID, Collection[UUID]] | None = None,
    ) -> list[tuple[FoundPair, str]]:
        if not len(self._fit.waiting.index):
            return []
        return [
            (FoundPair(request.id, offer.id, offer.version), request.rider)
            for some in _batches(offer_ids, _AT_ONCE)
            for offer, request in await self._fit.pairs(
                await self._offers.get_many(some), now, only=only, without=without
            )
        ]

    async def _search(self, waiting: Sequence[WaitingRequest], now: datetime) -> list[tuple[FoundPair, str]]:
        found: list[tuple[FoundPair, str]] = []
        present = await self._fit.waiting.present(waiting, now)
        hidden = await self._fit.hidden_from({one.rider for one in present})
        loop = asyncio.get_running_loop()
        for one in present:
            slots = self._index.snapshot(one.rider, hidden[one.rider])
            candidates = await loop.run_in_executor(self._executor, self._best, slots, one, to_ms(now))
            found += [(FoundPair(one.id, each.offer_id, each.version), one.rider) for each in candidates]
        return found

    def _best(self, slots: Sequence[SlotSnapshot], one: WaitingRequest, now_ms: int) -> Sequence[Candidate]:
        try:
            query = one.at(now_ms)
            return find_candidates_by_time(slots, query, self._fit.weights, _MOST_ANEW, hinting=False).best
        except PlaceUnreachable:
            return ()


def _batches(ids: Sequence[UUID], size: int) -> list[Sequence[UUID]]:
    return [ids[first : first + size] for first in range(0, len(ids), size)]
