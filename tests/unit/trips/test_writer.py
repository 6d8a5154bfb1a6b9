"""Writes: whole although the caller goes, one at a time for an offer, and settled when the database could not say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from matcher.domain.errors.tree import DatabaseUnavailable, OfferNotOpen, Overloaded, StaleVersion
from matcher.domain.idempotency import AnsweredBefore, IdempotencyRequest, Keep, KeptAnswer, StoredAnswer
from matcher.domain.offer import Offer, OfferStatus
from matcher.trips.bookings.repository import TripChange
from matcher.trips.writer import until_written
from tests.fakes import OffersInMemory
from tests.fakes_bookings import TripsInMemory
from tests.world import ALICE, NOW, World


class _Slow(TripsInMemory):
    """Waits before it commits, until it is told to go on."""

    def __init__(self, offers: OffersInMemory) -> None:
        super().__init__(offers)
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def commit(self, change: TripChange, kept: KeptAnswer | None = None) -> None:
        self.reached.set()
        await self.go_on.wait()
        await super().commit(change, kept)


async def _write(world: World, offer: Offer, keep: Keep[Offer] | None = None) -> Offer:
    async with world.writer.changing(offer.id, keep) as trip:
        return trip.write(TripChange(offer, offer.version - 1, NOW), offer)


def _overtaking(world: World, times: int) -> Callable[[Offer], Coroutine[Any, Any, Offer]]:
    """A change of the comment, during which another process changes the trip, so many times."""
    left = times

    @until_written
    async def change(offer: Offer) -> Offer:
        nonlocal left
        async with world.writer.changing(offer.id) as trip:
            read = await world.writer.offers.get(offer.id)
            if left:
                left -= 1
                world.offers.stored[offer.id] = replace(read, version=read.version + 1)
            changed = replace(read, version=read.version + 1, comment="mine")
            return trip.write(TripChange(changed, read.version, NOW), changed)

    return change


async def test_a_caller_that_goes_away_leaves_no_half_written_offer(world: World) -> None:
    offer = await world.published()
    slow = world.writer.bookings = _Slow(world.offers)
    call = asyncio.create_task(_write(world, replace(offer, version=2)))
    await slow.reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    next_in_line = asyncio.create_task(_write(world, replace(offer, version=3)))
    await asyncio.sleep(0)
    assert world.offers.stored[offer.id].version == 1, "the trip is free before the write has ended"
    slow.go_on.set()
    assert (await next_in_line).version == 3
    await world.writer.drain()
    assert world.offers.stored[offer.id] == world.index.held[offer.id] == replace(offer, version=3)


async def test_a_caller_that_goes_away_before_the_write_leaves_the_trip_as_it_is(world: World) -> None:
    offer = await world.published()

    async def hesitate() -> None:
        async with world.writer.changing(offer.id) as trip:
            trip.write(TripChange(replace(offer, version=2), 1, NOW), None)
            await asyncio.sleep(3600)

    call = asyncio.create_task(hesitate())
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert world.offers.stored[offer.id] == offer
    assert (await _write(world, replace(offer, version=2, comment="next"))).comment == "next"


async def test_changes_of_one_trip_wait_for_each_other(world: World) -> None:
    offer = await world.published()
    inside = 0

    async def change() -> None:
        nonlocal inside
        async with world.writer.changing(offer.id) as trip:
            inside += 1
            assert inside == 1
            read = await world.writer.offers.get(offer.id)
            await asyncio.sleep(0)
            trip.write(TripChange(replace(read, version=read.version + 1), read.version, NOW), None)
            inside -= 1

    await asyncio.gather(*(change() for _ in range(5)))
    assert world.index.held[offer.id].version == 6


async def test_who_is_overtaken_by_another_process_starts_again(world: World) -> None:
    offer = await world.published()
    await _overtaking(world, 3)(offer)
    assert (world.index.held[offer.id].version, world.index.held[offer.id].comment) == (5, "mine")
    with pytest.raises(Overloaded):
        await _overtaking(world, 100)(offer)


async def test_a_repeated_call_that_meets_its_own_first_gets_that_answer(world: World) -> None:
    offer = await world.published()

    async def render(made: Offer) -> StoredAnswer:
        return StoredAnswer(201, {}, str(made.version).encode())

    keep = Keep(IdempotencyRequest("alice", "key", b"1"), render)
    await _write(world, replace(offer, version=2), keep)
    with pytest.raises(AnsweredBefore) as again:
        async with world.writer.changing(offer.id, keep):
            raise OfferNotOpen("no seat is left")
    assert again.value.answer.body == b"2"
    with pytest.raises(OfferNotOpen):
        async with world.writer.changing(offer.id, replace(keep, request=replace(keep.request, key="other"))):
            raise OfferNotOpen("no seat is left")


async def test_a_write_that_was_committed_unseen_is_found_once_it_is_settled(world: World) -> None:
    world.offers.lost_after_commit = True
    with pytest.raises(DatabaseUnavailable):
        await world.published()
    assert len(world.offers.stored) == 1
    assert not world.index.held
    assert await world.writer.settle() == 1
    assert world.index.held.keys() == world.offers.stored.keys()
    assert world.writer.in_doubt == 0


async def test_a_write_that_was_not_committed_leaves_nothing_once_it_is_settled(world: World) -> None:
    world.offers.away = True
    with pytest.raises(DatabaseUnavailable):
        await world.published()
    with pytest.raises(DatabaseUnavailable):
        await world.writer.settle()
    assert world.writer.in_doubt == 1
    world.offers.away = False
    assert await world.writer.settle() == 1
    assert not world.index.held
    assert world.writer.in_doubt == 0


async def test_a_cancellation_that_was_committed_unseen_leaves_the_index_once_it_is_settled(world: World) -> None:
    offer = await world.published()
    world.offers.lost_after_commit = True
    with pytest.raises(DatabaseUnavailable):
        await world.cancel(offer.id, ALICE, NOW)
    assert offer.id in world.index.held
    await world.writer.settle()
    assert world.offers.stored[offer.id].status is OfferStatus.CANCELLED
    assert offer.id not in world.index.held


async def test_an_error_that_is_certain_leaves_no_doubt(world: World) -> None:
    offer = await world.published()
    with pytest.raises(StaleVersion):
        await world.cancel(offer.id, ALICE, NOW, expected_version=8)
    assert world.writer.in_doubt == 0
    assert world.index.held[offer.id].version == 1


async def test_an_offer_that_is_gone_from_the_database_leaves_the_index_once_it_is_settled(world: World) -> None:
    offer = await world.published()
    world.offers.lost_after_commit = True
    with pytest.raises(DatabaseUnavailable):
        await _write(world, replace(offer, version=2))
    del world.offers.stored[offer.id]
    await world.writer.settle()
    assert not world.index.held
