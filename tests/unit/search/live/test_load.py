"""Loading: everything that is open, on the roads as they are."""

from __future__ import annotations

import logging
from dataclasses import replace
from uuid import uuid4

import pytest

from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.offer import FeedPosition, OfferStatus
from matcher.search.live.load import Loaded, LoadOffers
from tests.fakes import IndexInMemory, SameThread
from tests.world import ALICE, NOW, World, at

HERE = FeedPosition("now", 0, "memory")


async def _load(world: World, index: IndexInMemory) -> Loaded:
    return await LoadOffers(world.offers, world.roads, world.resolve_places, SameThread())(index)


async def test_open_offers_of_the_region_are_loaded_as_they_were_stored(world: World) -> None:
    kept, with_stop = await world.published(), await world.published(via=(at(0.3),))
    cancelled = await world.published()
    await world.cancel(cancelled.id, ALICE, NOW)
    elsewhere = await world.published()
    world.offers.stored[elsewhere.id] = replace(elsewhere, region="elsewhere")
    index = IndexInMemory()
    assert await _load(world, index) == Loaded(offers=2, moved=0, lost=0, position=HERE)
    assert index.held == {kept.id: kept, with_stop.id: with_stop}


async def test_after_a_new_import_offers_are_put_on_the_new_roads_and_stored_so(world: World) -> None:
    """The version stays: the driver has changed nothing, and what they hold an ETag of is still what they said."""
    booking = uuid4()
    offer = await world.published(via=(at(0.3),))
    stops = [
        Stop(StopKind.PICKUP, offer.origin, booking, 1), Stop(StopKind.VIA, offer.via[0]),
        Stop(StopKind.DROPOFF, offer.destination, booking, 1),
    ]  # fmt: skip
    expected = replace(offer, booked_stops=tuple(stops))
    nowhere = replace(offer.origin, position=replace(offer.origin.position, edge=77))
    stale = [replace(stop, place=replace(stop.place, position=nowhere.position)) for stop in stops]
    world.offers.stored[offer.id] = replace(
        offer, region_fingerprint="older", length_cm=1, origin=nowhere, booked_stops=tuple(stale)
    )
    index = IndexInMemory()
    assert await _load(world, index) == Loaded(offers=1, moved=1, lost=0, position=HERE)
    assert index.held[offer.id] == expected
    assert world.offers.stored[offer.id] == expected
    assert (await _load(world, IndexInMemory())).moved == 0


async def test_an_offer_that_no_road_fits_any_more_is_left_alone_and_not_matched(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    offer = await world.published()
    far = replace(offer.origin, coordinate=replace(offer.origin.coordinate, lat=50.0))
    world.offers.stored[offer.id] = lost = replace(offer, region_fingerprint="older", origin=far)
    index = IndexInMemory()
    caplog.set_level(logging.WARNING)
    assert await _load(world, index) == Loaded(offers=0, moved=0, lost=1, position=HERE)
    assert world.offers.stored[offer.id] == lost
    assert lost.status is OfferStatus.OPEN
    assert str(offer.id) in caplog.text


async def test_what_was_changed_while_it_was_moved_is_not_overwritten(world: World) -> None:
    offer = await world.published(seats=3)
    world.offers.stored[offer.id] = replace(offer, region_fingerprint="older")

    class Slow(IndexInMemory):
        def put(self, moved: object) -> None:
            super().put(moved)  # type: ignore[arg-type]
            world.offers.stored[offer.id] = replace(offer, region_fingerprint="older", version=2, seats_left=1)

    index = Slow()
    await _load(world, index)
    assert world.offers.stored[offer.id].region_fingerprint == "older"
    assert world.offers.stored[offer.id].seats_left == 1
    assert index.held == {offer.id: offer}
