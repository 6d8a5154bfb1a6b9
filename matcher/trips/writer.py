"""The one way to write trips: to disk, then to the offers in memory, never only half of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from matcher.domain.errors.tree import Conflict, DatabaseUnavailable, OfferNotFound, Overloaded, StaleVersion
from matcher.domain.idempotency import AnsweredBefore, Keep, KeptAnswer, rendered
from matcher.domain.offer import Offer
from matcher.trips.bookings.repository import TripChange, TripRepository
from matcher.trips.offers.repository import OfferRepository

P = ParamSpec("P")
T = TypeVar("T")

#: Within a process changes of one trip wait for each other; only other processes can make one try again.
_TRIES = 25


class Overtaken(Exception):
    """Another process changed the trip between our reads or before our write: read it again."""


def until_written(use_case: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Run a use case again, on what is stored by then, whenever it is Overtaken. Raises Overloaded after 25 times."""

    @wraps(use_case)
    async def again(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(_TRIES):
            with suppress(Overtaken):
                return await use_case(*args, **kwargs)
        raise Overloaded("the trip keeps changing: try again")

    return again


class OpenOfferIndex(Protocol):
    """The offers in memory that searches run on.

    Thread-safe; a search works on a snapshot that writes do not disturb.
    """

    def put(self, offer: Offer) -> None:
        """Add an OPEN offer, or replace an older version of it; any other status removes it.

        A version that is not newer than the one held is ignored, so that writes applied out of order end the same.
        """

    def remove(self, offer_id: UUID) -> None:
        """Forget an offer; unknown ids are ignored."""

    def __len__(self) -> int:
        """How many offers can be matched."""


class PendingChange:
    """What a use case has decided about a trip; until `write` nothing."""

    def __init__(self) -> None:
        self.decided: tuple[TripChange, object] | None = None

    def write(self, change: TripChange, made: T) -> T:
        """Have the change committed at the end of the block.

        Returns `made`, from which an answer to keep is rendered.
        """
        self.decided = (change, made)
        return made


class TripWriter:
    """Writes that finish even when their caller is cancelled, one at a time for each offer.

    When the database cannot say whether a write was committed, the offer is *in doubt*: `settle` asks again later, and
    brings the index in line with what is stored. Until then a search may still consider it, and checks it against the
    database before it is shown.
    """

    def __init__(self, offers: OfferRepository, bookings: TripRepository, index: OpenOfferIndex) -> None:
        self.offers = offers
        self.bookings = bookings
        self._index = index
        self._running: set[asyncio.Task[None]] = set()
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
        self._doubts: set[UUID] = set()

    @property
    def in_doubt(self) -> int:
        """How many offers wait to be settled."""
        return len(self._doubts)

    async def require_new(self, keep: Keep[Any] | None) -> None:
        """Raises AnsweredBefore, once the index knows what that call wrote, and IdempotencyKeyReused."""
        try:
            await self._require_new(keep)
        except AnsweredBefore:
            # The database may have gone away just after it committed the first call.
            await self.settle()
            raise

    async def publish(self, offers: Sequence[Offer], store: Coroutine[Any, Any, None]) -> None:
        """Await `store`, which commits new offers, all or none; then they are in the index."""

        async def write() -> None:
            try:
                await store
            except DatabaseUnavailable:
                self._doubts.update(offer.id for offer in offers)
                raise
            for offer in offers:
                self._index.put(offer)

        await asyncio.shield(self._begin(write()))

    @asynccontextmanager
    async def changing(self, offer_id: UUID, keep: Keep[Any] | None = None) -> AsyncIterator[PendingChange]:
        """Nobody else here changes the trip during the block, which reads, decides, and says what to `write`.

        At its end that is committed with the answer under the key, then the index follows; what was begun is finished
        also when the caller is cancelled. Raises Overtaken (see `until_written`), AnsweredBefore, and what
        TripRepository.commit raises.
        """
        lock = self._lock(offer_id)
        await lock.acquire()
        task: asyncio.Task[None] | None = None
        try:
            pending = PendingChange()
            yield pending
            if pending.decided is not None:
                change, made = pending.decided
                task = self._begin(self._commit(offer_id, change, await rendered(keep, made)))
                await asyncio.shield(task)
        except Conflict:
            # A repeated call may meet what it has itself done the first time: seats taken, a booking that exists.
            await self._require_new(keep)
            raise
        finally:
            if task is None or task.done():
                lock.release()
            else:
                task.add_done_callback(lambda _: lock.release())

    async def settle(self) -> int:
        """Bring every offer in doubt in line with the database; returns how many. Raises DatabaseUnavailable."""
        settled = 0
        for offer_id in list(self._doubts):
            async with self._lock(offer_id):
                try:
                    self._index.put(await self.offers.get(offer_id))
                except OfferNotFound:
                    self._index.remove(offer_id)
                self._doubts.discard(offer_id)
                settled += 1
        return settled

    async def drain(self) -> None:
        """Wait for every write that was begun."""
        while self._running:
            await asyncio.wait(self._running)

    async def _require_new(self, keep: Keep[Any] | None) -> None:
        earlier = None if keep is None else await self.offers.find_answer(keep.request)
        if earlier is not None:
            raise AnsweredBefore(earlier)

    async def _commit(self, offer_id: UUID, change: TripChange, kept: KeptAnswer | None) -> None:
        try:
            await self.bookings.commit(change, kept)
        except StaleVersion as error:
            raise Overtaken from error
        except DatabaseUnavailable:
            self._doubts.add(offer_id)
            raise
        if change.offer is not None and change.changes_offer:
            self._index.put(change.offer)

    def _lock(self, offer_id: UUID) -> asyncio.Lock:
        lock = self._locks.get(offer_id)
        if lock is None:
            lock = self._locks[offer_id] = asyncio.Lock()
        return lock

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, so that a write whose caller has gone does not warn; its doubt is kept above
