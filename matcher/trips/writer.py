"""The one way to write an offer: to disk, then to the offers in memory, and never only half of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from matcher.domain.errors.tree import DatabaseUnavailable, OfferNotFound
from matcher.domain.idempotency import IdempotencyRequest, StoredAnswer
from matcher.domain.offer import Offer
from matcher.trips.offer_index import OfferIndex
from matcher.trips.offers.repository import OfferRepository

T = TypeVar("T")


class OfferWriter:
    """Writes that finish even when their caller is cancelled, one at a time for each offer.

    When the database cannot say whether a write was committed, the offer is *in doubt*: `settle` asks again later, and brings the
    index in line with what is stored. Until then a search may still consider it, and checks it against the database before
    it is shown.
    """

    def __init__(self, offers: OfferRepository, index: OfferIndex) -> None:
        self._offers = offers
        self._index = index
        self._running: set[asyncio.Task[Any]] = set()
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
        self._doubts: set[UUID] = set()

    @property
    def in_doubt(self) -> int:
        """How many offers wait to be settled."""
        return len(self._doubts)

    async def insert(
        self,
        offer: Offer,
        *,
        idempotency: IdempotencyRequest | None = None,
        render: Callable[[Offer], StoredAnswer] | None = None,
    ) -> StoredAnswer | None:
        """OfferRepository.insert, then the index, when it was stored."""

        async def write() -> StoredAnswer | None:
            earlier = await self._offers.insert(offer, idempotency=idempotency, render=render)
            if earlier is None:
                self._index.put(offer)
            return earlier

        return await self._finish(self._guarded(offer.id, write))

    async def insert_all(self, offers: Sequence[Offer], store: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """Store new offers by `store`, all or none of them, then the index: when it returns None. What it returns else is passed on."""

        async def write() -> T | None:
            try:
                earlier = await store()
            except DatabaseUnavailable:
                self._doubts.update(offer.id for offer in offers)
                raise
            if earlier is None:
                for offer in offers:
                    self._index.put(offer)
            return earlier

        return await self._finish(write())

    async def update(self, offer: Offer, *, expected_version: int) -> None:
        """OfferRepository.update, then the index: an offer that is not OPEN any more leaves it."""

        async def write() -> None:
            await self._offers.update(offer, expected_version=expected_version)
            self._index.put(offer)

        await self._finish(self._guarded(offer.id, write))

    async def alter(self, offer_id: UUID, work: Callable[[], Coroutine[Any, Any, tuple[Offer | None, T]]]) -> T:
        """Read, decide and write as one, while nobody else here writes this offer; then the index.

        `work` returns the offer as it committed it (None when it did not write it), and what is passed on.
        """

        async def write() -> T:
            offer, outcome = await work()
            if offer is not None:
                self._index.put(offer)
            return outcome

        return await self._finish(self._guarded(offer_id, write))

    async def settle(self) -> int:
        """Bring every offer in doubt in line with the database; returns how many. Raises DatabaseUnavailable."""
        settled = 0
        for offer_id in list(self._doubts):
            async with self._lock(offer_id):
                try:
                    self._index.put(await self._offers.get(offer_id))
                except OfferNotFound:
                    self._index.remove(offer_id)
                self._doubts.discard(offer_id)
                settled += 1
        return settled

    async def drain(self) -> None:
        """Wait for every write that was begun."""
        while self._running:
            await asyncio.wait(self._running)

    async def _guarded(self, offer_id: UUID, write: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with self._lock(offer_id):
            try:
                return await write()
            except DatabaseUnavailable:
                self._doubts.add(offer_id)
                raise

    def _lock(self, offer_id: UUID) -> asyncio.Lock:
        lock = self._locks.get(offer_id)
        if lock is None:
            lock = self._locks[offer_id] = asyncio.Lock()
        return lock

    async def _finish(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that a write whose caller has gone does not warn; its doubt is kept above
