"""Many at once: no seat is sold twice, nothing happens twice, and everybody is told one story.

Two processes' worth of service on one database.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from matcher.domain.booking import Actor, Booking, BookingStatus, CancelReason
from matcher.domain.errors.bookings import BookingExists, MoveNotAllowed
from matcher.domain.errors.tree import Conflict, DatabaseUnavailable, OfferNotOpen, SeatsExhausted, StaleVersion
from matcher.domain.idempotency import AnsweredBefore, IdempotencyRequest, KeptAnswer
from matcher.domain.itinerary import Stop, StopKind
from matcher.domain.offer import OfferChange, OfferStatus
from matcher.postgres.pool import Database
from matcher.settings.all import Settings
from matcher.trips.bookings import store as bookings_module
from matcher.trips.bookings.repository import TripChange
from matcher.trips.bookings.store import PostgresTrips
from matcher.trips.bookings.tend import TendBookings
from matcher.trips.offers.store import PostgresOffers
from matcher.wiring.service import Carpool
from tests.integration.trip_calls import (
    DRIVER,
    MIDDLE,
    NORTH,
    SOUTH,
    a_rider,
    answer_of,
    book,
    booked,
    broken_promises,
    find,
    for_another,
    publish,
    rows,
    told,
    utc_now,
)

CONFIRMED, CANCELLED = BookingStatus.CONFIRMED, BookingStatus.CANCELLED
Two = tuple[Carpool, Carpool]


async def _all(*calls: Any) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_two_hundred_riders_for_three_seats(two: Two, database: Database, fresh_database: str) -> None:
    for _ in range(2):
        offer = await publish(two[0], instant_booking=True)
        match = await find(two[0], offer, a_rider())
        riders = [a_rider() for _ in range(200)]
        ends = await _all(
            *(book(two[k % 2], for_another(two[0], match, rider), rider) for k, rider in enumerate(riders))
        )
        assert Counter(type(end) for end in ends) == {Booking: 3, SeatsExhausted: 197}
        stored = await PostgresOffers(database).get(offer.id)
        assert (stored.seats_left, stored.version, len(stored.booked_stops)) == (0, 4, 6)
        winners = {end.id for end in ends if isinstance(end, Booking)}
        assert {stop.booking_id for stop in stored.booked_stops} == winners
        assert (
            len(await told(fresh_database, offer.id, "booking_confirmed")) == 6
        )  # each rider and, of each, the driver
    assert await broken_promises(database) == []


async def test_a_seat_is_sold_again_only_where_it_is_free(two: Two, database: Database) -> None:
    offer = await publish(two[0], seats=1, instant_booking=True)
    parts = [(SOUTH, MIDDLE)] * 6 + [(MIDDLE, NORTH)] * 6 + [(SOUTH, NORTH)] * 6
    riders = [a_rider() for _ in parts]
    matches = [
        await find(two[0], offer, rider, begin=begin, end=end)
        for rider, (begin, end) in zip(riders, parts, strict=True)
    ]
    ends = await _all(*(book(two[k % 2], m.match_id, r) for k, (m, r) in enumerate(zip(matches, riders, strict=True))))
    won = [parts[k] for k, end in enumerate(ends) if isinstance(end, Booking)]
    assert won in ([(SOUTH, NORTH)], [(SOUTH, MIDDLE), (MIDDLE, NORTH)], [(SOUTH, MIDDLE)], [(MIDDLE, NORTH)])
    assert [end for end in ends if not isinstance(end, Booking | Conflict)] == []
    free_part = {(SOUTH, MIDDLE): (MIDDLE, NORTH), (MIDDLE, NORTH): (SOUTH, MIDDLE)}
    if (
        len(won) == 1 and won[0] in free_part
    ):  # the other part is still to be had, by who boards where the first alights
        begin, end = free_part[won[0]]
        assert (await booked(two[1], offer, begin=begin, end=end)).status is CONFIRMED
    assert await broken_promises(database) == []


async def test_a_driver_confirms_more_than_there_are_seats(two: Two, database: Database) -> None:
    offer = await publish(two[0])
    waiting = [await booked(two[0], offer) for _ in range(8)]
    now = utc_now()
    ends = await _all(
        *(two[k % 2].bookings.change_booking(b.id, CONFIRMED, None, 1, DRIVER, now) for k, b in enumerate(waiting))
    )
    assert Counter(type(end) for end in ends) == {Booking: 3, SeatsExhausted: 5}
    still = await PostgresTrips(database).list_open(offer.id)
    assert Counter(booking.status for booking in still) == {CONFIRMED: 3, BookingStatus.WAITING_CONFIRMATION: 5}
    assert await broken_promises(database) == []


@pytest.mark.parametrize("instant", [True, False])
async def test_a_driver_cancels_while_riders_book(
    two: Two, database: Database, fresh_database: str, instant: bool
) -> None:
    offer = await publish(two[0], instant_booking=instant, seats=8)
    match = await find(two[0], offer, a_rider())
    riders = [a_rider() for _ in range(40)]

    async def cancel() -> object:
        await asyncio.sleep(0.05)
        return await two[1].offers.cancel(offer.id, DRIVER, utc_now())

    ends = await _all(
        cancel(), *(book(two[k % 2], for_another(two[0], match, rider), rider) for k, rider in enumerate(riders))
    )
    assert not isinstance(ends[0], BaseException)
    made = [end for end in ends[1:] if isinstance(end, Booking)]
    refused = [end for end in ends[1:] if not isinstance(end, Booking)]
    assert all(isinstance(end, OfferNotOpen | SeatsExhausted) for end in refused), refused
    stored = await PostgresOffers(database).get(offer.id)
    assert (stored.status, stored.booked_stops) == (OfferStatus.CANCELLED, ())
    now_they_are = [await PostgresTrips(database).get(booking.id) for booking in made]
    assert {(booking.status, booking.cancel_reason) for booking in now_they_are} <= {
        (CANCELLED, CancelReason.TRIP_CANCELLED)
    }
    expected = sorted((booking.rider_id, str(booking.id)) for booking in made)
    assert await told(fresh_database, offer.id, "trip_cancelled") == expected
    assert await broken_promises(database) == []


@pytest.mark.parametrize("cancels", [True, False])
async def test_who_asks_in_another_process_while_the_driver_decides_is_told(
    two: Two, database: Database, fresh_database: str, monkeypatch: pytest.MonkeyPatch, cancels: bool
) -> None:
    """The driver's call has read who is to be told.

    Then somebody asks for two seats, which makes no new version of the trip. It is cancelled, or left with one seat.
    """
    offer, rider = await publish(two[0]), a_rider()
    match = await find(two[0], offer, rider, seats=2)
    list_open, asked = PostgresTrips.list_open, list[Any]()

    async def then_somebody_asks(trips: PostgresTrips, offer_id: UUID) -> list[Booking]:
        found = await list_open(trips, offer_id)
        if not asked:
            asked.append(None)
            asked[0] = await book(two[1], match.match_id, rider)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(PostgresTrips, "list_open", then_somebody_asks)
        if cancels:
            await two[0].offers.cancel(offer.id, DRIVER, utc_now())
        else:
            await two[0].offers.change(offer.id, OfferChange(seats=1), offer.version, DRIVER, utc_now())
    booking = await PostgresTrips(database).get(asked[0].id)
    ended = (CANCELLED, CancelReason.TRIP_CANCELLED) if cancels else (BookingStatus.WAITING_CONFIRMATION, None)
    assert (booking.status, booking.cancel_reason) == ended
    kind = "trip_cancelled" if cancels else "trip_changed"
    assert await told(fresh_database, offer.id, kind) == [(rider.user, str(booking.id))]
    assert await broken_promises(database) == []


async def test_a_rider_gives_up_while_the_driver_confirms(two: Two, database: Database) -> None:
    for _ in range(5):
        offer, rider = await publish(two[0]), a_rider()
        booking = await booked(two[0], offer, rider)
        now = utc_now()
        ends = await _all(
            two[0].bookings.change_booking(booking.id, CONFIRMED, None, 1, DRIVER, now),
            two[1].bookings.change_booking(booking.id, CANCELLED, None, 1, rider, now),
        )
        assert sorted(type(end).__name__ for end in ends) == ["Booking", "StaleVersion"]
        (moved,) = [end for end in ends if isinstance(end, Booking)]
        assert (await PostgresTrips(database).get(booking.id)) == replace(moved, updated_at=moved.updated_at)
        stored = await PostgresOffers(database).get(offer.id)
        assert stored.seats_left == (2 if moved.status is CONFIRMED else 3)
    assert await broken_promises(database) == []


async def test_one_rider_asks_ten_times_at_once(two: Two, database: Database) -> None:
    offer, rider = await publish(two[0]), a_rider()
    match = await find(two[0], offer, rider)
    ends = await _all(*(book(two[k % 2], match.match_id, rider) for k in range(10)))
    (made,) = [end for end in ends if isinstance(end, Booking)]
    others = [end for end in ends if isinstance(end, BookingExists)]
    assert len(others) == 9
    assert {error.extra["booking_id"] for error in others} == {str(made.id)}


@pytest.mark.parametrize("instant", [True, False])
async def test_a_call_repeated_in_parallel_books_once(two: Two, database: Database, instant: bool) -> None:
    offer, rider = await publish(two[0], instant_booking=instant, seats=1), a_rider()
    match = await find(two[0], offer, rider)
    key = IdempotencyRequest(rider.user, "tomorrow", b"the same body")
    ends = await _all(*(book(two[k % 2], match.match_id, rider, key=key) for k in range(12)))
    answers = [end.answer for end in ends if isinstance(end, AnsweredBefore)]
    made = [end for end in ends if isinstance(end, Booking)]
    assert len(answers) + len(made) == len(ends), ends
    ids = {str(booking.id) for booking in made} | {answer.body.decode() for answer in answers}
    (stored,) = await PostgresTrips(database).list_open(offer.id)
    assert ids == {str(stored.id)}
    assert len(made) == 1
    assert await broken_promises(database) == []


@pytest.mark.parametrize("instant", [True, False])
async def test_an_answer_that_was_lost_after_the_commit_is_found_by_asking_again(
    two: Two, database: Database, monkeypatch: pytest.MonkeyPatch, instant: bool
) -> None:
    offer, rider = await publish(two[0], instant_booking=instant, seats=1), a_rider()
    match = await find(two[0], offer, rider)
    key = IdempotencyRequest(rider.user, "tomorrow", b"the same body")

    async def cut_off(connection: Any) -> None:
        await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patch:
        patch.setattr(bookings_module, "announce_changes", cut_off)
        patch.setattr(bookings_module, "announce_events", cut_off)
        with pytest.raises(DatabaseUnavailable):
            await book(two[0], match.match_id, rider, key=key)
    (stored,) = await PostgresTrips(database).list_open(offer.id)
    for carpool in two:
        with pytest.raises(AnsweredBefore) as again:
            await book(carpool, match.match_id, rider, key=key)
        assert again.value.answer.body.decode() == str(stored.id)
        assert carpool.bookings.book_seats._trips.in_doubt == 0, "who is answered is in the index"
    assert await PostgresTrips(database).list_open(offer.id) == [stored]
    if instant:
        with pytest.raises(SeatsExhausted):
            await book(two[0], for_another(two[0], match, other := a_rider()), other)
    assert await broken_promises(database) == []


async def test_the_clock_of_every_process_moves_a_booking_once(
    two: Two, settings: Settings, database: Database, fresh_database: str
) -> None:
    offer = await publish(two[0])
    waiting = [await booked(two[0], offer) for _ in range(20)]
    trips = PostgresTrips(database)
    tend = TendBookings(trips, settings.bookings.terms)
    over = utc_now() + timedelta(days=2)
    counts = await asyncio.gather(*(tend(over) for _ in range(6)))
    assert sum(counts) >= len(waiting)
    after = [await trips.get(booking.id) for booking in waiting]
    assert {(b.status, b.version, b.cancelled_by, b.cancel_reason) for b in after} == {
        (CANCELLED, 2, Actor.SYSTEM, CancelReason.LAPSED)
    }
    expected = sorted((booking.rider_id, str(booking.id)) for booking in waiting)
    assert await told(fresh_database, offer.id, "booking_lapsed") == expected


async def test_the_last_moment_to_answer_is_one_story(two: Two, settings: Settings, database: Database) -> None:
    offer = await publish(two[0])
    waiting = [await booked(two[0], offer) for _ in range(6)]
    dues = [booking.due_at for booking in waiting if booking.due_at is not None]
    due = max(dues)
    assert len(dues) == len(waiting)
    trips = PostgresTrips(database)
    tend = TendBookings(trips, settings.bookings.terms)
    just_before = min(dues) - timedelta(milliseconds=1)
    ends = await _all(
        tend(due), *(two[0].bookings.change_booking(b.id, CONFIRMED, None, 1, DRIVER, just_before) for b in waiting)
    )
    for booking, end in zip(waiting, ends[1:], strict=True):
        stored = await trips.get(booking.id)
        if isinstance(end, Booking):
            assert stored.status is CONFIRMED
        else:
            assert isinstance(end, StaleVersion | MoveNotAllowed | SeatsExhausted)
            assert stored.status in {CANCELLED, BookingStatus.WAITING_CONFIRMATION}
    assert await broken_promises(database) == []


async def test_a_driver_changes_the_trip_while_riders_book_it(two: Two, database: Database) -> None:
    offer = await publish(two[0], instant_booking=True)
    match = await find(two[0], offer, a_rider())
    riders = [a_rider() for _ in range(12)]

    async def change(seats: int) -> object:
        present = await two[1].offers.read.get(offer.id, DRIVER)
        return await two[1].offers.change(offer.id, OfferChange(seats=seats), present.version, DRIVER, utc_now())

    ends = await _all(
        *(book(two[k % 2], for_another(two[0], match, rider), rider) for k, rider in enumerate(riders)),
        *(change(seats) for seats in (1, 2, 5, 1)),
    )
    assert all(not isinstance(end, BaseException) or isinstance(end, Conflict) for end in ends), ends
    stored = await PostgresOffers(database).get(offer.id)
    aboard = [booking for booking in await PostgresTrips(database).list_open(offer.id) if booking.status is CONFIRMED]
    assert stored.seats_left == stored.seats_offered - len(aboard) >= 0
    assert await broken_promises(database) == []


async def test_the_database_itself_refuses_to_oversell(two: Two, database: Database, fresh_database: str) -> None:
    offer = await publish(two[0], seats=2)
    booking = await booked(two[0], offer)
    confirmed = await two[0].bookings.change_booking(booking.id, CONFIRMED, None, 1, DRIVER, utc_now())
    stored = await PostgresOffers(database).get(offer.id)
    twice = tuple(replace(stop, seats=2) if stop.booking_id == confirmed.id else stop for stop in stored.booked_stops)
    another = await booked(two[0], offer)
    pickup, dropoff = (
        Stop(kind, point.place, another.id, 1, None, point.latest)
        for kind, point in ((StopKind.PICKUP, another.pickup), (StopKind.DROPOFF, another.dropoff))
    )
    oversold = replace(stored, version=stored.version + 1, booked_stops=(pickup, *twice, dropoff))
    key = IdempotencyRequest(another.rider_id, "refused by the database", b"body")
    kept = KeptAnswer(key, await answer_of(another))
    with pytest.raises(SeatsExhausted):
        await PostgresTrips(database).commit(TripChange(oversold, stored.version, utc_now()), kept)
    assert await PostgresOffers(database).find_answer(key) is None, "an answer is kept to a write that was not made"
    with pytest.raises(SeatsExhausted):
        await PostgresOffers(database).update(oversold, expected_version=stored.version)
    fewer_seats = "UPDATE offers SET seats_offered = 1, seats_left = 0"
    out_of_order = "UPDATE offer_stops SET seats = 2 WHERE kind = 'PICKUP'"
    for sql in ("UPDATE offer_stops SET seats = 3", f"{out_of_order}; {fewer_seats}"):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await rows(fresh_database, f"DO $do$ BEGIN {sql}; END $do$")
        assert refused.value.constraint_name == "offer_stops_no_oversold_leg"
    assert await PostgresOffers(database).get(offer.id) == stored


@pytest.mark.parametrize("instant", [True, False])
async def test_a_seat_that_another_process_sells_between_two_reads(
    two: Two, database: Database, monkeypatch: pytest.MonkeyPatch, instant: bool
) -> None:
    """The trip is read, then its bookings: who was confirmed in between is aboard of a trip not read yet."""
    offer = await publish(two[0], instant_booking=instant, seats=2)
    match, rider, other = await find(two[0], offer, a_rider()), a_rider(), a_rider()
    mine, others = (for_another(two[0], match, who) for who in (rider, other))
    waiting = [] if instant else [await booked(two[0], offer, who) for who in (rider, other)]
    list_open, reads = PostgresTrips.list_open, 0

    async def in_one(carpool: Carpool, number: int) -> object:
        if instant:
            return await book(carpool, (mine, others)[number], (rider, other)[number])
        return await carpool.bookings.change_booking(waiting[number].id, CONFIRMED, None, 1, DRIVER, utc_now())

    async def slowly(trips: PostgresTrips, offer_id: UUID) -> list[Booking]:
        nonlocal reads
        reads += 1
        if reads == (2 if instant else 1):  # the one before is for the rider's own bookings
            await in_one(two[1], 1)
        return await list_open(trips, offer_id)

    with monkeypatch.context() as patch:
        patch.setattr(PostgresTrips, "list_open", slowly)
        made = await in_one(two[0], 0)
    assert isinstance(made, Booking)
    assert made.status is CONFIRMED
    assert (await PostgresOffers(database).get(offer.id)).seats_left == 0
    assert await broken_promises(database) == []


async def test_a_kept_answer_and_its_booking_are_one(two: Two, fresh_database: str) -> None:
    """A booking that is refused leaves no answer, no event and no booking behind."""
    offer, rider, faster = await publish(two[0], seats=1, instant_booking=True), a_rider(), a_rider()
    match = await find(two[0], offer, rider)
    await book(two[1], for_another(two[0], match, faster), faster)
    key = IdempotencyRequest(rider.user, "k", b"body")
    with pytest.raises(SeatsExhausted):
        await book(two[0], match.match_id, rider, key=key)
    assert await rows(fresh_database, "SELECT 1 FROM idempotency_keys WHERE owner = $1", rider.user) == []
    assert await rows(fresh_database, "SELECT 1 FROM bookings WHERE rider_id = $1", rider.user) == []
    assert await rows(fresh_database, "SELECT 1 FROM events WHERE recipient = $1", rider.user) == []
