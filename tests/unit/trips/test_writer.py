"""Writes: whole although the caller goes, one at a time for an offer, and settled when the database could not say."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from matcher.domain.errors.tree import DatabaseUnavailable, StaleVersion
from matcher.domain.idempotency import StoredAnswer
from matcher.domain.offer import Offer, OfferStatus
from tests.fakes import OffersInMemory
from tests.world import World


class _Slow(OffersInMemory):
    """Waits before it commits, until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def insert(self, offer: Offer, **options: object) -> StoredAnswer | None:
        self.reached.set()
        await self.go_on.wait()
        return await super().insert(offer, **options)  # type: ignore[arg-type]


async def test_a_caller_that_goes_away_leaves_no_half_written_offer(world: World) -> None:
    offer = await world.published()
    world.index.held.clear()
    slow = world.writer._offers = _Slow()
    call = asyncio.create_task(world.writer.insert(offer))
    await slow.reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    slow.go_on.set()
    await world.writer.drain()
    assert offer.id in slow.stored
    assert offer.id in world.index.held


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
        await world.writer.update(replace(offer, status=OfferStatus.CANCELLED, version=2), expected_version=1)
    assert offer.id in world.index.held
    await world.writer.settle()
    assert offer.id not in world.index.held


async def test_an_error_that_is_certain_leaves_no_doubt(world: World) -> None:
    offer = await world.published()
    with pytest.raises(StaleVersion):
        await world.writer.update(replace(offer, version=9), expected_version=8)
    assert world.writer.in_doubt == 0
    assert world.index.held[offer.id].version == 1


async def test_an_offer_that_is_gone_from_the_database_leaves_the_index_once_it_is_settled(world: World) -> None:
    offer = await world.published()
    world.offers.lost_after_commit = True
    with pytest.raises(DatabaseUnavailable):
        await world.writer.update(replace(offer, version=2), expected_version=1)
    del world.offers.stored[offer.id]
    await world.writer.settle()
    assert not world.index.held
