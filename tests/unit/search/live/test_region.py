"""Another region, or the same with all offers read anew, takes the place of the one in use: no write is lost, and
nothing changes by halves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from matcher.domain.errors.tree import DatabaseUnavailable, RegionFileInvalid
from matcher.domain.offer import OfferStatus
from matcher.search.live.load import Loaded
from matcher.search.live.region import LiveOffers, ServedRegion
from matcher.search.live.renew import RenewRegion
from tests.fakes import SameThread
from tests.world import NOW, World, a_region


@pytest.fixture
def region(world: World) -> ServedRegion:
    return a_region(world)


def _held(region: ServedRegion) -> dict[UUID, int]:
    index: Any = region.index
    return {offer_id: offer.version for offer_id, offer in index.held.items()}


class _SlowLoad:
    """Loads what is stored at the beginning, and lets things happen before it returns."""

    def __init__(self, region: ServedRegion, meanwhile: Callable[[], object]) -> None:
        self._load = region.load
        self._meanwhile = meanwhile

    async def __call__(self, index: Any, progress: Any) -> Loaded:
        loaded = await self._load(index, progress)
        self._meanwhile()
        await asyncio.sleep(0)
        return loaded


async def test_what_is_written_while_another_is_filled_is_in_both(world: World, region: ServedRegion) -> None:
    stays, changes, goes, leaves = [await world.published() for _ in range(4)]
    live = LiveOffers(region, SameThread())
    await live.replace(region)
    new = replace(stays, id=UUID(int=99))

    def writes() -> None:
        live.put(new)
        live.put(replace(changes, version=2))
        live.put(replace(goes, version=2, status=OfferStatus.CANCELLED))
        live.remove(leaves.id)

    load: Any = _SlowLoad(region, writes)
    fresh = replace(a_region(world), load=load)
    told: list[ServedRegion] = []
    live.whenever_replaced(told.append)
    await live.replace(fresh)
    expected = {stays.id: 1, changes.id: 2, new.id: 1}
    assert _held(region) == _held(fresh) == expected
    assert live.now is fresh
    assert told == [fresh]
    assert len(live) == 3
    live.put(replace(stays, version=2))
    assert _held(fresh)[stays.id] == 2
    assert _held(region)[stays.id] == 1, "nobody writes to what is not in use any more"


async def test_when_the_database_is_away_everything_stays(world: World, region: ServedRegion) -> None:
    offer = await world.published()
    live = LiveOffers(region, SameThread())
    await live.replace(region)
    world.offers.away = True
    for attempt in (live.reload(), live.replace(a_region(world))):
        with pytest.raises(DatabaseUnavailable):
            await attempt
    assert live.now is region
    world.offers.away = False
    live.put(replace(offer, version=2))
    assert _held(region) == {offer.id: 2}


async def test_two_replacements_wait_for_each_other(world: World, region: ServedRegion) -> None:
    await world.published()
    live = LiveOffers(region, SameThread())
    fresh = a_region(world)
    await asyncio.gather(live.replace(fresh), live.reload(), live.reload())
    assert live.now.resolve_places is fresh.resolve_places
    assert len(live) == 1


class _Disk:
    """A region on disk, as a number; 13 is damaged."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.version = 1
        self.opened: list[int] = []

    def look(self) -> int:
        return self.version

    async def open(self) -> ServedRegion:
        self.opened.append(self.version)
        if self.version == 13:
            raise RegionFileInvalid("its file x is damaged")
        return a_region(self.world)


async def test_a_new_version_is_opened_once_and_a_damaged_one_is_told(world: World, region: ServedRegion) -> None:
    disk = _Disk(world)
    live = LiveOffers(region, SameThread())
    renew = RenewRegion(disk.look, disk.open, live, in_use=1)
    assert [await renew(NOW), disk.opened, await renew.state()] == [False, [], None]
    disk.version = 2
    assert await renew(NOW)
    second = live.now
    assert second is not region
    disk.version = 13
    for _ in range(2):
        assert not await renew(NOW)
    assert disk.opened == [2, 13], "what cannot be used is not tried over and over"
    assert live.now is second
    state = await renew.state()
    assert state is not None
    assert state.startswith("ok, but")
    assert "its file x is damaged" in state
    disk.version = 2
    assert not await renew(NOW)
    assert await renew.state() is None, "what we have has been put back"
    disk.version = 3
    assert await renew(NOW)
    assert disk.opened == [2, 13, 3]


async def test_a_new_version_waits_for_the_database(world: World, region: ServedRegion) -> None:
    disk = _Disk(world)
    renew = RenewRegion(disk.look, disk.open, LiveOffers(region, SameThread()), in_use=1)
    disk.version, world.offers.away = 2, True
    with pytest.raises(DatabaseUnavailable):
        await renew(NOW)
    assert await renew.state() is None
    world.offers.away = False
    assert await renew(NOW)
