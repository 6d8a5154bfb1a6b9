"""The one door for whatever changes a trip and the bookings on it: decided on what is stored, and written if that is still so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from matcher.domain.errors.tree import Conflict, Overloaded, StaleVersion
from matcher.domain.idempotency import IdempotencyRequest, StoredAnswer
from matcher.domain.offer import Offer
from matcher.trips.ports import TripChange, TripRepository
from matcher.trips.writer import OfferWriter

T = TypeVar("T")

#: Within a process changes of one trip wait for each other; only other processes can make one try again.
_TRIES = 25


@dataclass(frozen=True, slots=True)
class Decision(Generic[T]):
    """What is to be written (None: nothing), and what the caller is told when it is; `answer` is kept under the idempotency key."""

    change: TripChange | None
    outcome: T
    answer: StoredAnswer | None = None


class AlterTrip:
    """Decides and writes until nobody has come in between, one at a time for each offer in this process."""

    def __init__(self, trips: TripRepository, writer: OfferWriter) -> None:
        self._trips = trips
        self._writer = writer

    async def __call__(
        self,
        offer_id: UUID,
        decide: Callable[[], Awaitable[Decision[T]]],
        *,
        idempotency: IdempotencyRequest | None = None,
    ) -> T | StoredAnswer:
        """The outcome of a decision that was written whole, or the answer that was given to this key before.

        `decide` reads what is stored now and says what to write; it is asked again when that has changed before it was written. It raises
        QuotedVersionStale for what its own caller quoted, which ends it as StaleVersion. Raises whatever `decide` and TripRepository.commit raise, and Overloaded when others were always faster.
        """

        async def work() -> tuple[Offer | None, T | StoredAnswer]:
            for _ in range(_TRIES):
                try:
                    decision = await decide()
                    if decision.change is None:
                        return None, decision.outcome
                    key = None if decision.answer is None else idempotency
                    earlier = await self._commit(decision, key)
                except QuotedVersionStale as error:
                    raise StaleVersion(str(error)) from None
                except StaleVersion:
                    continue
                except Conflict:
                    # A call that is repeated may meet what it has itself done the first time: seats taken, a booking that exists.
                    found = None if idempotency is None else await self._trips.find_answer(idempotency)
                    if found is None:
                        raise
                    return None, found
                if earlier is not None:
                    return None, earlier
                return (decision.change.offer if decision.change.changes_offer else None), decision.outcome
            raise Overloaded("the trip keeps changing: try again")

        return await self._writer.alter(offer_id, work)

    async def _commit(self, decision: Decision[T], key: IdempotencyRequest | None) -> StoredAnswer | None:
        assert decision.change is not None
        if key is None:
            return await self._trips.commit(decision.change)
        return await self._trips.commit(decision.change, idempotency=key, answer=decision.answer)


class QuotedVersionStale(Exception):
    """The version that the caller quoted is not the present one: trying again is for the caller to decide, who gets StaleVersion."""
