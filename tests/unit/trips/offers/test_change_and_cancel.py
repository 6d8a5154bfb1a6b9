"""Changing and cancelling: what is kept, what is computed again, and who may."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from matcher.domain.errors.bookings import PromisedToRiders
from matcher.domain.errors.tree import (
    DepartureInPast,
    InvalidField,
    OfferNotFound,
    OfferNotOpen,
    PlacesTooClose,
    PlaceTooFarFromRoad,
    RoleForbidden,
    StaleVersion,
)
from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.offer import OfferChange, OfferStatus
from matcher.domain.place import Place, RoadPosition
from tests.world import ALICE, BOB, NOW, OPS, RIDER, World, address, at

LATER = NOW + timedelta(minutes=5)


async def test_a_change_replaces_what_it_names_and_keeps_the_rest(world: World) -> None:
    offer = await world.published(destination=address("Market"), comment="blue", max_detour_m=9000)
    drives, looked_up = world.roads.drives, list(world.geocoder.resolved)
    changed = await world.change(offer.id, OfferChange(seats=2, comment=""), 1, ALICE, LATER)
    assert changed == replace(offer, seats_offered=2, seats_left=2, comment="", version=2, updated_at=LATER)
    assert world.offers.stored[offer.id] == world.index.held[offer.id] == changed
    assert world.roads.drives == drives
    assert world.geocoder.resolved == looked_up


async def test_only_a_new_place_is_looked_up_and_the_drive_is_computed_again(world: World) -> None:
    offer = await world.published(origin=address("Market"), destination=at(0.5))
    changed = await world.change(offer.id, OfferChange(destination=at(0.8)), 1, ALICE, LATER)
    assert world.geocoder.resolved == ["Market"]
    assert changed.origin == offer.origin
    assert changed.destination.coordinate.lon == 0.8
    assert changed.length_cm == pytest.approx(offer.length_cm * 2.5, rel=1e-3)
    assert changed.max_detour_s == offer.max_detour_s


async def test_stops_on_the_way_can_be_set_and_taken_away(world: World) -> None:
    offer = await world.published()
    with_stop = await world.change(offer.id, OfferChange(via=(at(0.7),)), 1, ALICE, LATER)
    assert [place.coordinate.lon for place in with_stop.via] == [0.7]
    assert with_stop.length_cm > offer.length_cm
    without = await world.change(offer.id, OfferChange(via=()), 2, ALICE, LATER)
    assert without.via == ()
    assert without.length_cm == offer.length_cm


async def test_a_limit_in_metres_can_be_taken_away(world: World) -> None:
    offer = await world.published(max_detour_m=500)
    assert (await world.change(offer.id, OfferChange(clear_max_detour_m=True), 1, ALICE, LATER)).max_detour_m is None


async def test_after_a_new_import_every_place_is_put_on_the_new_roads(world: World) -> None:
    offer = await world.published(origin=address("Market"))
    nowhere = replace(offer.origin, position=RoadPosition(edge=99, fraction=0.0))
    world.offers.stored[offer.id] = replace(offer, booked_stops=_a_ride(nowhere, 1))
    world.roads.fingerprint = "second"
    changed = await world.change(offer.id, OfferChange(seats=1), 1, ALICE, LATER)
    assert changed.region_fingerprint == "second"
    assert changed.origin == changed.booked_stops[0].place == offer.origin
    assert world.geocoder.resolved == ["Market"]
    assert world.roads.drives == 2


async def test_seats_that_are_taken_stay_taken(world: World) -> None:
    offer = await world.published(seats=4)
    ride = _a_ride(offer.origin, 3)
    world.offers.stored[offer.id] = replace(offer, seats_left=1, booked_stops=ride)
    changed = await world.change(offer.id, OfferChange(seats=3), 1, ALICE, LATER)
    assert (changed.seats_offered, changed.seats_left) == (3, 0)
    with pytest.raises(PromisedToRiders) as refused:
        await world.change(offer.id, OfferChange(seats=2), 2, ALICE, LATER)
    assert refused.value.extra == {"bookings": [str(ride[0].booking_id)]}


def _a_ride(place: Place, seats: int) -> tuple[Stop, Stop]:
    booking = uuid4()
    return Stop(StopKind.PICKUP, place, booking, seats), Stop(StopKind.DROPOFF, place, booking, seats)


@pytest.mark.parametrize(
    ("change", "error", "pointer"),
    [
        (OfferChange(departure=NOW), DepartureInPast, "/departure"),
        (OfferChange(seats=9), InvalidField, "/seats"),
        (OfferChange(destination=at(0.5, lat=1.0)), PlaceTooFarFromRoad, "/destination"),
        (OfferChange(via=(at(0.2), at(0.2))), PlacesTooClose, "/via/1"),
        (OfferChange(destination=at(0.1)), PlacesTooClose, "/destination"),
    ],
)
async def test_a_bad_change_is_refused_and_changes_nothing(
    world: World, change: OfferChange, error: type[Exception], pointer: str
) -> None:
    offer = await world.published()
    with pytest.raises(error) as refused:
        await world.change(offer.id, change, 1, ALICE, LATER)
    assert refused.value.faults[0].pointer == pointer  # type: ignore[attr-defined]
    assert world.offers.stored[offer.id] == world.index.held[offer.id] == offer


async def test_a_stale_version_is_refused(world: World) -> None:
    offer = await world.published()
    with pytest.raises(StaleVersion):
        await world.change(offer.id, OfferChange(seats=1), 2, ALICE, LATER)


async def test_of_two_changes_of_one_version_one_wins(world: World) -> None:
    offer = await world.published()
    outcomes = await asyncio.gather(
        *(world.change(offer.id, OfferChange(seats=n), 1, ALICE, LATER) for n in (1, 2)), return_exceptions=True
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["Offer", "StaleVersion"]
    assert world.index.held[offer.id].seats_offered == 1


async def test_a_trip_that_is_over_cannot_be_changed(world: World) -> None:
    offer = await world.published()
    with pytest.raises(OfferNotOpen):
        await world.change(offer.id, OfferChange(seats=1), 1, ALICE, offer.latest_arrival + timedelta(seconds=1))


async def test_another_drivers_offer_does_not_exist(world: World) -> None:
    offer = await world.published()
    with pytest.raises(OfferNotFound):
        await world.change(offer.id, OfferChange(seats=1), 1, BOB, LATER)
    with pytest.raises(OfferNotFound):
        await world.cancel(offer.id, BOB, LATER)
    for principal in (RIDER, OPS):
        with pytest.raises(RoleForbidden):
            await world.change(offer.id, OfferChange(seats=1), 1, principal, LATER)
        with pytest.raises(RoleForbidden):
            await world.cancel(offer.id, principal, LATER)


async def test_a_cancelled_offer_cannot_be_found_and_cancelling_again_changes_nothing(world: World) -> None:
    offer = await world.published()
    cancelled = await world.cancel(offer.id, ALICE, LATER)
    assert cancelled == replace(offer, status=OfferStatus.CANCELLED, version=2, updated_at=LATER)
    assert not world.index.held
    assert await world.cancel(offer.id, ALICE, LATER + timedelta(hours=1)) == cancelled
    with pytest.raises(OfferNotOpen):
        await world.change(offer.id, OfferChange(seats=1), 2, ALICE, LATER)


async def test_cancelling_minds_the_version_when_one_is_given(world: World) -> None:
    offer = await world.published()
    await world.change(offer.id, OfferChange(seats=1), 1, ALICE, LATER)
    with pytest.raises(StaleVersion):
        await world.cancel(offer.id, ALICE, LATER, expected_version=1)
    assert (await world.cancel(offer.id, ALICE, LATER)).version == 3


async def test_cancelling_without_a_version_outlives_a_change_at_the_same_moment(world: World) -> None:
    offer = await world.published()
    _changed, cancelled = await asyncio.gather(
        world.change(offer.id, OfferChange(seats=1), 1, ALICE, LATER), world.cancel(offer.id, ALICE, LATER)
    )
    assert world.offers.stored[offer.id] == cancelled
    assert (cancelled.status, cancelled.version) == (OfferStatus.CANCELLED, 3)
    assert not world.index.held


async def test_trips_that_are_over_end_by_themselves(world: World) -> None:
    offer = await world.published()
    later = await world.published(departure=offer.departure + timedelta(days=1))
    assert await world.expire(offer.latest_arrival) == 0
    assert await world.expire(offer.latest_arrival + timedelta(seconds=1)) == 1
    assert world.offers.stored[offer.id].status is OfferStatus.PAST
    assert list(world.index.held) == [later.id]
    with pytest.raises(OfferNotOpen):
        await world.cancel(offer.id, ALICE, LATER)


async def test_people_read_their_own_offers_and_operators_read_any(world: World) -> None:
    offer = await world.published()
    assert await world.read.get(offer.id, ALICE) == await world.read.get(offer.id, OPS) == offer
    for stranger in (BOB, RIDER):
        with pytest.raises(OfferNotFound):
            await world.read.get(offer.id, stranger)
    pages = [await world.read.list_page(who, None, None, None, 10, None) for who in (ALICE, OPS, BOB)]
    assert [len(page.items) for page in pages] == [1, 1, 0]
