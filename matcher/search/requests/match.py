"""Each new or changed offer is matched with the requests that wait, and riders are told of what fits."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime
from typing import Protocol, TypeVar
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
from matcher.people.ports import Blocks
from matcher.search.live.fitted import FittedIndex
from matcher.search.requests.ports import FoundPair, MatchingTurn, MatchingTurns
from matcher.search.requests.waiting import WaitingRequests
from matcher.trips.offers.repository import OfferRepository

#: Changes that are matched, and new requests that are settled, in one turn: it is a transaction, which others should not wait for long.
_AT_ONCE = 50
#: Offers that one request is told of at most when everything must be matched anew.
_MOST_ANEW = 1000
_log = logging.getLogger(__name__)

Fit = tuple[WaitingRequest, Candidate, PackedDrive]
T = TypeVar("T")


class SearchedOffers(Protocol):
    """The offers that searches run on."""

    def snapshot(self, searcher: str, hidden: Collection[str] = ()) -> Sequence[SlotSnapshot]:
        """As of now."""


class FitRequests:
    """Which waiting requests offers fit, decided as searches would."""

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
        """Those of the requests taken in so far that an offer fits, each with what a search would show its rider. Raises DatabaseUnavailable."""
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
        """Which requests which offers fit. only, without: by offer, those that are looked at alone, or passed over. Raises DatabaseUnavailable."""
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
        """Each offer on these roads, with requests that it may fit and that are still there."""
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
        # Whom the driver has blocked, and who has blocked the driver: hiding goes both ways.
        hidden = await self._blocks.hidden_from(offer.driver_id)
        return await asyncio.get_running_loop().run_in_executor(
            self._executor,
            lambda: list(decide(offer, there, hidden, self._roads, self.weights, to_ms(now), self._rate)),
        )

    async def hidden_from(self, riders: Collection[str]) -> dict[str, frozenset[str]]:
        """Whose offers do not exist for whom."""
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
    """Matches what has changed since the last turn, whichever process had it. No change is left out, and none is told twice.

    A turn begins where the last one ended: at a snapshot of the database that is noted, with what was found, when it ends. A request that came in between
    its own search and this turn is matched with all offers of that time, which other turns did not know of (see `MatchingTurn.unsettled`).
    When changes cannot be told any more, every request searches the offers in memory. Turns are short, whatever has piled up.

    position: the snapshot that the offers in memory have reached at least.
    """

    def __init__(
        self,
        turns: MatchingTurns,
        offers: OfferRepository,
        fit: FitRequests,
        index: SearchedOffers,
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
        """One turn; whether the next one has something to do at once. False as well while another process has the turn. Raises DatabaseUnavailable."""
        async with self._turns.turn(self._region) as turn:
            return turn is not None and await self._take(turn, now)

    async def _take(self, turn: MatchingTurn, now: datetime) -> bool:
        # First the new requests, then all requests: whatever is settled below has been taken in.
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
        self, turn: MatchingTurn, fresh: Sequence[tuple[UUID, str | None]], position: str, now: datetime
    ) -> list[tuple[FoundPair, str]]:
        """What fits the new requests of all that came since their own searches, and, of those that have none, of all there is."""
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
            # Other processes may have matched what this one has not in memory yet.
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
        """The other way round, as the riders would."""
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
