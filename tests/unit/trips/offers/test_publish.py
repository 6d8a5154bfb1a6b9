"""Publishing: defaults, what is refused and where the fault points, and what is never half done."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from matcher.domain.errors.tree import (
    AddressAmbiguous,
    AddressNotFound,
    CarpoolError,
    DatabaseUnavailable,
    DepartureInPast,
    DepartureTooFar,
    IdempotencyKeyReused,
    InvalidField,
    PlacesTooClose,
    PlaceTooFarFromRoad,
    PlaceUnreachable,
    RoleForbidden,
)
from matcher.domain.idempotency import AnsweredBefore, IdempotencyRequest, Keep, StoredAnswer
from matcher.domain.offer import Offer, OfferStatus
from tests.world import ALICE, NOW, OPS, RIDER, World, a_draft, address, at


async def test_an_offer_is_stored_and_can_be_found_with_the_documented_defaults(world: World) -> None:
    offer = await world.published(origin=at(0.1), destination=at(0.5))
    assert world.offers.stored[offer.id] == offer
    assert world.index.held[offer.id] == offer
    assert offer.driver_id == "alice"
    assert (offer.status, offer.version) == (OfferStatus.OPEN, 1)
    assert (offer.seats_offered, offer.seats_left) == (3, 3)
    assert offer.flexibility_s == 900
    # 0.4 degrees at 20 m/s take 2,224 s; a fifth of it is 445 s
    assert offer.duration_ms == pytest.approx(2_223_898, abs=2)
    assert offer.length_cm == pytest.approx(4_447_797, abs=2)
    assert offer.max_detour_s == 445
    assert (offer.region, offer.region_fingerprint) == ("equator", "first")
    assert offer.origin.label == "Equator Road"
    assert offer.departure.utcoffset() == timedelta(hours=-3)


@pytest.mark.parametrize(("destination", "limit_s"), [(0.15, 300), (1.0, 1001)])
async def test_default_detour_is_a_fifth_of_the_drive_but_at_least_five_minutes(
    world: World, destination: float, limit_s: int
) -> None:
    assert (await world.published(destination=at(destination))).max_detour_s == limit_s


async def test_what_is_asked_for_is_kept_also_when_it_is_zero(world: World) -> None:
    offer = await world.published(flexibility_s=0, max_detour_s=0, max_detour_m=0)
    assert (offer.flexibility_s, offer.max_detour_s, offer.max_detour_m) == (0, 0, 0)


async def test_addresses_are_looked_up_and_coordinates_snapped(world: World) -> None:
    offer = await world.published(destination=address("Market"), via=(at(0.2),))
    assert offer.destination.label == "Market, Equator"
    assert offer.destination.address == "Market"
    assert offer.destination.road_distance_m == pytest.approx(111.2, abs=0.1)
    assert offer.via[0].position.fraction == pytest.approx(0.2)


async def test_a_road_without_a_name_is_labelled_by_its_coordinates(world: World) -> None:
    offer = await world.published(destination=at(0.95))
    assert offer.destination.label == "0.00000, 0.95000"


async def test_exchanged_coordinates_are_recognised(world: World) -> None:
    with pytest.raises(PlaceTooFarFromRoad, match="lat and lon seem to be swapped"):
        await world.published(origin=at(0.0, lat=0.5))
    with pytest.raises(PlaceTooFarFromRoad) as elsewhere:
        await world.published(origin=at(20.0, lat=30.0))
    assert "exchanged" not in elsewhere.value.detail


@pytest.mark.parametrize(
    ("changes", "error", "pointers"),
    [
        ({"origin": at(0.1, lat=0.01)}, PlaceTooFarFromRoad, ["/origin"]),
        ({"via": (at(0.2), at(0.3, lat=0.5))}, PlaceTooFarFromRoad, ["/via/1"]),
        ({"destination": address("Nowhere")}, AddressNotFound, ["/destination/address"]),
        ({"origin": address("Main Street")}, AddressAmbiguous, ["/origin/address"]),
        ({"origin": address("Lighthouse")}, PlaceTooFarFromRoad, ["/origin"]),
        ({"destination": at(0.1002)}, PlacesTooClose, ["/destination"]),
        ({"via": (at(0.1),)}, PlacesTooClose, ["/via/0"]),
        ({"departure": NOW - timedelta(seconds=1)}, DepartureInPast, ["/departure"]),
        ({"departure": NOW + timedelta(days=365, seconds=1)}, DepartureTooFar, ["/departure"]),
        ({"seats": 0}, InvalidField, ["/seats"]),
        ({"seats": 9}, InvalidField, ["/seats"]),
        ({"seats": 9, "flexibility_s": -1}, InvalidField, ["/seats", "/flexibility_s"]),
        ({"via": tuple(at(0.1 + i / 20) for i in range(1, 7))}, InvalidField, ["/via"]),
        ({"preferences": {"karaoke": True}}, InvalidField, ["/preferences"]),
        (
            {"origin": at(0.1, lat=0.02), "destination": at(0.5, lat=0.02)},
            PlaceTooFarFromRoad,
            ["/origin", "/destination"],
        ),
        ({"origin": address("Nowhere"), "via": (at(0.2, lat=9.0),)}, AddressNotFound, ["/origin/address", "/via/0"]),
    ],
)
async def test_what_cannot_be_driven_is_refused_and_pointed_at(
    world: World, changes: dict[str, object], error: type[CarpoolError], pointers: list[str]
) -> None:
    with pytest.raises(error) as refused:
        await world.published(**changes)
    assert type(refused.value) is error
    assert [fault.pointer for fault in refused.value.faults] == pointers
    assert not world.offers.stored
    assert not world.index.held


async def test_an_ambiguous_address_says_what_it_may_mean(world: World) -> None:
    with pytest.raises(AddressAmbiguous) as refused:
        await world.published(origin=address("Main Street"))
    assert refused.value.extra["candidates"] == ["Main Street, Equator", "Main Street, Equator"]


async def test_a_destination_that_no_road_leads_to_is_refused(world: World) -> None:
    world.roads.oneway = True
    with pytest.raises(PlaceUnreachable) as refused:
        await world.published(origin=at(0.5), destination=at(0.1))
    assert refused.value.faults[0].pointer == "/destination"


@pytest.mark.parametrize("departure", [NOW, NOW + timedelta(days=365)])
async def test_both_ends_of_the_horizon_may_be_used(world: World, departure: datetime) -> None:
    assert (await world.published(departure=departure)).departure == departure


@pytest.mark.parametrize("principal", [RIDER, OPS])
async def test_only_drivers_publish(world: World, principal: object) -> None:
    with pytest.raises(RoleForbidden):
        await world.publish(a_draft(), principal, NOW)  # type: ignore[arg-type]


async def _render(offer: Offer) -> StoredAnswer:
    return StoredAnswer(status=201, headers={"Location": f"/v1/offers/{offer.id}"}, body=b"first")


def _keep(fingerprint: bytes = b"1") -> Keep[Offer]:
    return Keep(IdempotencyRequest(owner="alice", key="abc", fingerprint=fingerprint), _render)


async def test_the_same_key_gives_the_first_answer_and_makes_nothing_new(world: World) -> None:
    first = await world.publish(a_draft(), ALICE, NOW, _keep())
    with pytest.raises(AnsweredBefore) as again:
        await world.publish(a_draft(departure=NOW - timedelta(days=9)), ALICE, NOW, _keep())
    assert again.value.answer == await _render(first)
    assert len(world.offers.stored) == len(world.index) == 1


async def test_two_calls_at_once_with_one_key_make_one_offer(world: World) -> None:
    calls = (world.publish(a_draft(), ALICE, NOW, _keep()) for _ in range(2))
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["AnsweredBefore", "Offer"]
    assert len(world.offers.stored) == len(world.index) == 1


async def test_a_key_cannot_be_used_for_another_request(world: World) -> None:
    await world.publish(a_draft(), ALICE, NOW, _keep())
    with pytest.raises(IdempotencyKeyReused):
        await world.publish(a_draft(), ALICE, NOW, _keep(b"2"))


async def test_an_offer_that_could_not_be_stored_is_not_found(world: World) -> None:
    world.offers.away = True
    with pytest.raises(DatabaseUnavailable):
        await world.published()
    assert not world.index.held
