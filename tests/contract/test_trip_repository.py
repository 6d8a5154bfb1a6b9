"""What `TripRepository` promises, kept by PostgreSQL and by the one in memory that use cases are tested with."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from matcher.domain.booking import Actor, Booking, BookingStatus, CancelReason
from matcher.domain.errors.bookings import BookingExists, BookingNotFound
from matcher.domain.errors.tree import OfferNotOpen, StaleVersion
from matcher.domain.idempotency import AnsweredBefore, IdempotencyRequest, KeptAnswer, StoredAnswer
from matcher.domain.match import Fare, PriceKind
from matcher.domain.money import Money
from matcher.domain.offer import Offer, OfferStatus
from matcher.postgres.pool import Connections
from matcher.trips.bookings.repository import TripChange, TripRepository
from matcher.trips.bookings.store import PostgresTrips
from matcher.trips.offers.repository import OfferRepository
from matcher.trips.offers.store import PostgresOffers
from tests.builders_bookings import a_booking
from tests.contract.stored_offers import NOW, a_stored_offer
from tests.fakes import OffersInMemory
from tests.fakes_bookings import TripsInMemory

Stores = tuple[OfferRepository, TripRepository]


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        offers = OffersInMemory()
        return offers, TripsInMemory(offers)
    connections: Connections = request.getfixturevalue("db")
    return PostgresOffers(connections), PostgresTrips(connections)


async def _booked(stores: Stores, **changes: object) -> tuple[Offer, Booking]:
    offers, trips = stores
    offer = a_stored_offer()
    await offers.insert(offer)
    booking = a_booking(offer_id=offer.id, driver_id=offer.driver_id, **changes)  # type: ignore[arg-type]
    await trips.commit(TripChange(offer, 1, NOW, new=booking))
    return offer, booking


async def test_a_booking_comes_back_as_it_was_stored(stores: Stores) -> None:
    fare = Fare(Money(250, "EUR"), PriceKind.SUGGESTED)
    _, booking = await _booked(stores, note="by the «door»", due_at=NOW, fare=fare, co2_saved_g=7)
    assert await stores[1].get(booking.id) == booking
    with pytest.raises(BookingNotFound):
        await stores[1].get(uuid4())


async def test_a_move_replaces_a_booking_of_the_version_that_was_read(stores: Stores) -> None:
    offer, booking = await _booked(stores)
    moved = replace(
        booking, status=BookingStatus.CANCELLED, version=2, updated_at=NOW + timedelta(minutes=1), reply="sorry",
        cancelled_by=Actor.RIDER, cancel_reason=CancelReason.CANCELLED_BY_RIDER, ride_ms=5, co2_saved_g=9,
        region_fingerprint="newer",
    )  # fmt: skip
    await stores[1].commit(TripChange(None, 0, NOW, moved=(moved,)))
    assert await stores[1].get(booking.id) == moved
    assert await stores[1].list_open(offer.id) == []
    with pytest.raises(StaleVersion):
        await stores[1].commit(TripChange(None, 0, NOW, moved=(moved,)))


async def test_a_rider_has_one_open_booking_of_an_offer(stores: Stores) -> None:
    offer, booking = await _booked(stores)
    with pytest.raises(BookingExists) as refused:
        await stores[1].commit(TripChange(offer, 1, NOW, new=replace(booking, id=uuid4())))
    assert refused.value.extra == {"booking_id": str(booking.id)}


async def test_nothing_is_written_beside_a_change_that_was_not_seen(stores: Stores) -> None:
    offers, trips = stores
    offer, booking = await _booked(stores)
    another = replace(booking, id=uuid4(), rider_id="rosa")
    with pytest.raises(StaleVersion):
        await trips.commit(TripChange(replace(offer, version=7), 7, NOW, new=another))
    with pytest.raises(StaleVersion):
        await trips.commit(TripChange(replace(offer, version=2), 1, NOW, known=frozenset()))
    await trips.commit(TripChange(replace(offer, version=2), 1, NOW, known=frozenset({booking.id})))
    cancelled = replace(offer, version=3, status=OfferStatus.CANCELLED)
    await trips.commit(TripChange(cancelled, 2, NOW))
    with pytest.raises(OfferNotOpen):
        await trips.commit(TripChange(cancelled, 3, NOW, new=another))
    assert await offers.get(offer.id) == cancelled
    assert await trips.list_open(offer.id) == [booking]


async def test_the_answer_under_a_key_is_given_again_and_nothing_else_is_written(stores: Stores) -> None:
    offer, booking = await _booked(stores)
    kept = KeptAnswer(IdempotencyRequest("rosa", "key", b"1"), StoredAnswer(201, {"ETag": '"1"'}, b"{}"))
    rosa = replace(booking, id=uuid4(), rider_id="rosa")
    await stores[1].commit(TripChange(offer, 1, NOW, new=rosa), kept)
    with pytest.raises(AnsweredBefore) as before:
        await stores[1].commit(TripChange(offer, 1, NOW, new=replace(rosa, id=uuid4(), rider_id="ruth")), kept)
    assert before.value.answer == kept.answer
    assert {other.id for other in await stores[1].list_open(offer.id)} == {booking.id, rosa.id}


async def test_what_waits_between_two_people_is_listed_whoever_drives(stores: Stores) -> None:
    offer, first = await _booked(stores, rider_id="rosa")
    back = replace(a_stored_offer(), driver_id="rosa")
    await stores[0].insert(back)
    other_way = replace(first, id=uuid4(), offer_id=back.id, driver_id="rosa", rider_id=offer.driver_id)
    await stores[1].commit(TripChange(back, 1, NOW, new=other_way))
    confirmed = replace(first, id=uuid4(), rider_id="ruth", status=BookingStatus.CONFIRMED, confirmed_at=NOW)
    await stores[1].commit(TripChange(offer, 1, NOW, new=confirmed))
    both = sorted((first, other_way), key=lambda booking: (booking.created_at, booking.id))
    assert await stores[1].list_waiting("rosa", offer.driver_id) == both
    assert await stores[1].list_waiting(offer.driver_id, "rosa") == both
    assert await stores[1].list_waiting(offer.driver_id, "ruth") == []


async def test_withdrawals_are_counted_from_the_last(stores: Stores) -> None:
    offer, booking = await _booked(stores)
    reasons = [CancelReason.CANCELLED_BY_RIDER, CancelReason.REFUSED_BY_DRIVER, CancelReason.CANCELLED_BY_RIDER]
    for n, reason in enumerate(reasons):
        ended = replace(
            booking, version=2, status=BookingStatus.CANCELLED, cancel_reason=reason, cancelled_by=Actor.RIDER,
            updated_at=NOW + timedelta(minutes=n),
        )  # fmt: skip
        await stores[1].commit(TripChange(None, 0, NOW, moved=(ended,)))
        booking = replace(booking, id=uuid4())
        await stores[1].commit(TripChange(offer, 1, NOW, new=booking))
    found = [await stores[1].find_withdrawal(offer.id, booking.rider_id, number) for number in (1, 2, 3)]
    assert found == [NOW + timedelta(minutes=2), NOW, None]
    assert await stores[1].find_withdrawal(offer.id, "rosa", 1) is None


async def test_pages_go_from_the_newest_to_the_oldest(stores: Stores) -> None:
    offer, first = await _booked(stores)
    later = [
        replace(first, id=uuid4(), rider_id=f"r{n}", created_at=NOW + timedelta(minutes=n), updated_at=NOW)
        for n in (1, 2)
    ]
    for booking in later:
        await stores[1].commit(TripChange(offer, 1, NOW, new=booking))
    page = await stores[1].list_page(user=offer.driver_id, statuses=None, offer_id=None, limit=2, after=None)
    assert page.items == (later[1], later[0])
    rest = await stores[1].list_page(
        user=None, statuses=[BookingStatus.WAITING_CONFIRMATION], offer_id=offer.id, limit=2, after=page.next_cursor
    )
    assert (rest.items, rest.next_cursor) == ((first,), None)


async def test_what_is_due_is_moved_once(stores: Stores) -> None:
    _, booking = await _booked(stores, due_at=NOW)
    lapsed = replace(booking, version=2, due_at=None, reply="too late")
    assert await stores[1].move_due(NOW - timedelta(seconds=1), lambda _: (lapsed, []), limit=5) == 0
    assert await stores[1].move_due(NOW, lambda _: (lapsed, []), limit=5) == 1
    assert await stores[1].move_due(NOW, lambda _: (lapsed, []), limit=5) == 0
    assert await stores[1].get(booking.id) == lapsed
