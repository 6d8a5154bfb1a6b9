"""At start the offers on disk are put where searches find them, on the roads as they are now."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime

from matcher.domain.errors import InvalidInput, NotFound, OfferNotOpen, StaleVersion
from matcher.domain.offer import Offer
from matcher.services.offer_rules import stops_of
from matcher.services.ports import OfferIndex, OfferRepository, Progress, Roads, no_progress
from matcher.services.resolve_places import ResolvePlaces

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many offers can be matched, how many of them were moved to new roads, and how many no road fits any more."""

    offers: int
    moved: int
    lost: int


class LoadOffers:
    """Fills an empty index with every OPEN offer of the region.

    An offer whose positions belong to an older import of the region is snapped and driven again, and stored so, one version
    later. One that no road fits any more stays as it is, is not matched, and is logged by its id.
    """

    def __init__(
        self,
        offers: OfferRepository,
        index: OfferIndex,
        roads: Roads,
        resolve_places: ResolvePlaces,
        executor: Executor,
    ) -> None:
        self._offers = offers
        self._index = index
        self._roads = roads
        self._resolve_places = resolve_places
        self._executor = executor

    async def __call__(self, now: datetime, progress: Progress = no_progress) -> Loaded:
        """Raises DatabaseUnavailable."""
        moved = lost = 0
        progress("loading offers")
        loop = asyncio.get_running_loop()
        outdated: list[Offer] = []
        async for chunk in self._offers.stream_open(self._roads.name):
            fitting = [offer for offer in chunk if offer.region_fingerprint == self._roads.fingerprint]
            await loop.run_in_executor(self._executor, self._put_all, fitting)
            outdated.extend(offer for offer in chunk if offer.region_fingerprint != self._roads.fingerprint)
        for done, offer in enumerate(outdated):
            progress("moving offers to the new roads", done / len(outdated))
            if await self._move(offer, now):
                moved += 1
            else:
                lost += 1
        return Loaded(offers=len(self._index), moved=moved, lost=lost)

    def _put_all(self, offers: Sequence[Offer]) -> None:
        for offer in offers:
            self._index.put(offer)

    async def _move(self, offer: Offer, now: datetime) -> bool:
        """Whether the offer can be driven on the present roads; then it is stored and can be matched."""
        try:
            stops = stops_of(offer.origin, offer.via, offer.destination)
            places = await self._resolve_places.resnap(stops)
            drive = await self._resolve_places.drive(
                [(pointer, place) for (pointer, _), place in zip(stops, places, strict=True)]
            )
        except InvalidInput as error:
            _log.warning("offer %s does not fit the roads any more and is not matched: %s", offer.id, error.detail)
            return False
        moved = replace(
            offer,
            region_fingerprint=self._roads.fingerprint,
            version=offer.version + 1,
            origin=places[0],
            via=tuple(places[1:-1]),
            destination=places[-1],
            duration_ms=drive.duration_ms,
            length_cm=drive.length_cm,
            updated_at=now,
        )
        try:
            await self._offers.update(moved, expected_version=offer.version)
        except (StaleVersion, OfferNotOpen, NotFound):
            return await self._take_newer(offer)
        self._index.put(moved)
        return True

    async def _take_newer(self, offer: Offer) -> bool:
        """Another instance, or the driver, was faster: what they stored holds."""
        try:
            newer = await self._offers.get(offer.id)
        except NotFound:
            return False
        if newer.region_fingerprint != self._roads.fingerprint:
            return False
        self._index.put(newer)
        return True
