"""Loading at start: everything that is open, on the roads as they are."""

from __future__ import annotations

from dataclasses import replace

from matcher.domain.offer import OfferStatus
from matcher.services.load_offers import Loaded, LoadOffers
from tests.unit.services.fakes import IndexInMemory, SameThread
from tests.unit.services.world import ALICE, NOW, World, at


def _loader(world: World, index: IndexInMemory) -> LoadOffers:
    return LoadOffers(world.offers, index, world.roads, world.resolve_places, SameThread())


async def test_open_offers_of_the_region_are_loaded_as_they_were_stored(world: World) -> None:
    kept = await world.published()
    cancelled = await world.published()
    await world.cancel(cancelled.id, ALICE, NOW)
    elsewhere = await world.published()
    world.offers.stored[elsewhere.id] = replace(elsewhere, region="elsewhere")
    index = IndexInMemory()
    assert await _loader(world, index)(NOW) == Loaded(offers=1, moved=0, lost=0)
    assert index.held == {kept.id: kept}


async def test_after_a_new_import_offers_are_put_on_the_new_roads_and_stored_so(world: World) -> None:
    offer = await world.published(via=(at(0.3),))
    world.offers.stored[offer.id] = old = replace(offer, region_fingerprint="older", length_cm=1)
    index = IndexInMemory()
    assert await _loader(world, index)(NOW) == Loaded(offers=1, moved=1, lost=0)
    assert index.held[offer.id] == replace(offer, version=old.version + 1) == world.offers.stored[offer.id]


async def test_an_offer_that_no_road_fits_any_more_is_left_alone_and_not_matched(world: World) -> None:
    offer = await world.published()
    far = replace(offer.origin, coordinate=replace(offer.origin.coordinate, lat=50.0))
    world.offers.stored[offer.id] = lost = replace(offer, region_fingerprint="older", origin=far)
    index = IndexInMemory()
    assert await _loader(world, index)(NOW) == Loaded(offers=0, moved=0, lost=1)
    assert world.offers.stored[offer.id] == lost
    assert lost.status is OfferStatus.OPEN


async def test_what_another_instance_stored_meanwhile_holds(world: World) -> None:
    offer = await world.published(seats=3)
    older = replace(offer, region_fingerprint="older")

    class Behind(type(world.offers)):  # type: ignore[misc]  # a snapshot from before the other instance's write
        async def stream_open(self, region: str):  # type: ignore[no-untyped-def]
            yield [older]

    newer = replace(offer, version=2, seats_left=1)
    behind = Behind()
    behind.stored[offer.id] = newer
    index = IndexInMemory()
    loader = LoadOffers(behind, index, world.roads, world.resolve_places, SameThread())
    assert await loader(NOW) == Loaded(offers=1, moved=1, lost=0)
    assert index.held == {offer.id: newer}
