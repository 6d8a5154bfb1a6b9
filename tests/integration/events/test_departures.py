"""Who is reminded of a departure, when, and that it is once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from matcher.domain.booking import BookingStatus
from matcher.domain.offer import Offer, OfferStatus
from matcher.events.departures import PostgresDepartures
from matcher.events.store import PostgresEvents
from matcher.postgres.pool import Database
from matcher.trips.bookings.repository import TripChange
from matcher.trips.bookings.store import PostgresTrips
from matcher.trips.offers.store import PostgresOffers
from tests.builders_bookings import a_booking, a_point
from tests.contract.stored_offers import COQUIMBO_TIME, a_place, a_stored_offer

DEPARTURE = datetime(2026, 12, 1, 7, 45, tzinfo=COQUIMBO_TIME)
AHEAD, MINUTE = timedelta(minutes=60), timedelta(minutes=1)


async def _trip(database: Database, *riders: tuple[str, BookingStatus, timedelta], **changes: object) -> Offer:
    """A trip with bookings; each is picked up so long after the departure."""
    offer = a_stored_offer(**changes)
    await PostgresOffers(database).insert(offer)
    for rider, status, later in riders:
        pickup_at = offer.departure + later
        booking = a_booking(
            status=status,
            offer_id=offer.id,
            driver_id=offer.driver_id,
            rider_id=rider,
            pickup=a_point(a_place(), pickup_at),
            dropoff=a_point(a_place(), pickup_at + 10 * MINUTE),
        )
        await PostgresTrips(database).commit(TripChange(None, 0, offer.created_at, new=booking))
    return offer


async def _told(database: Database) -> list[tuple[str, UUID, dict[str, object]]]:
    store = PostgresEvents(database)
    await store.give_numbers(DEPARTURE)
    return [(e.event.recipient, e.event.trip_id, dict(e.event.data)) for e in await store.list_after(0, 100)]


CONFIRMED, WAITING, CANCELLED = BookingStatus.CONFIRMED, BookingStatus.WAITING_CONFIRMATION, BookingStatus.CANCELLED


async def test_driver_and_confirmed_riders_are_reminded_once_each_at_their_time(database: Database) -> None:
    offer = await _trip(
        database,
        ("rita", CONFIRMED, 5 * MINUTE),
        ("ruth", WAITING, MINUTE),
        ("rosa", CANCELLED, MINUTE),
        driver_id="dora",
    )
    await _trip(database, driver_id="nobody-rides")
    await _trip(database, ("rob", CONFIRMED, MINUTE), driver_id="dan", status=OfferStatus.CANCELLED)
    departures = PostgresDepartures(database)
    assert await departures.write_departures_soon(DEPARTURE - AHEAD - MINUTE, AHEAD) == 0
    assert await departures.write_departures_soon(DEPARTURE - AHEAD, AHEAD) == 1
    assert await departures.write_departures_soon(DEPARTURE - AHEAD + 4 * MINUTE, AHEAD) == 0
    assert await departures.write_departures_soon(DEPARTURE - AHEAD + 5 * MINUTE, AHEAD) == 1
    assert await departures.write_departures_soon(DEPARTURE, AHEAD) == 0
    (driver, trip, hers), (rider, _, theirs) = await _told(database)
    assert (driver, rider, trip) == ("dora", "rita", offer.id)
    assert hers["departure_time"] == "2026-12-01T07:45:00-03:00"
    assert hers["booking_ids"] == [theirs["booking_id"]]
    assert datetime.fromisoformat(str(theirs["pickup_time"])) == DEPARTURE + 5 * MINUTE
    assert {"offer_id", "booking_id", "pickup_time"} == theirs.keys()


async def test_nobody_is_reminded_of_what_has_left(database: Database) -> None:
    await _trip(database, ("rita", CONFIRMED, MINUTE))
    assert await PostgresDepartures(database).write_departures_soon(DEPARTURE + 2 * MINUTE, AHEAD) == 0


async def test_a_departure_that_bookings_shift_is_the_same_and_one_that_the_driver_moves_is_another(
    database: Database,
) -> None:
    offer = await _trip(database, ("rita", CONFIRMED, 90 * MINUTE))
    departures, offers = PostgresDepartures(database), PostgresOffers(database)
    assert await departures.write_departures_soon(DEPARTURE - 30 * MINUTE, AHEAD) == 1
    shifted = replace(offer, departure_shift_ms=300_000, version=2)
    await offers.update(shifted, expected_version=1)
    assert await departures.write_departures_soon(DEPARTURE - 20 * MINUTE, AHEAD) == 0
    moved = replace(shifted, departure=DEPARTURE + 20 * MINUTE, version=3)
    await offers.update(moved, expected_version=2)
    assert await departures.write_departures_soon(DEPARTURE - 10 * MINUTE, AHEAD) == 1


async def test_many_processes_remind_once(database: Database) -> None:
    for number in range(5):
        await _trip(database, ("rita", CONFIRMED, MINUTE), driver_id=f"driver-{number}")
    departures = PostgresDepartures(database)
    told = await asyncio.gather(*(departures.write_departures_soon(DEPARTURE - 10 * MINUTE, AHEAD) for _ in range(8)))
    assert sum(told) == 10
    assert len(await _told(database)) == 10


async def test_a_trip_that_is_being_changed_waits_for_the_next_turn(database: Database) -> None:
    offer = await _trip(database, ("rita", CONFIRMED, MINUTE))
    departures = PostgresDepartures(database)
    async with database.transaction() as connection:
        await connection.execute("SELECT 1 FROM offers WHERE id = $1 FOR UPDATE", offer.id)
        assert await departures.write_departures_soon(DEPARTURE - 10 * MINUTE, AHEAD) == 0
    assert await departures.write_departures_soon(DEPARTURE - 10 * MINUTE, AHEAD) == 2
