"""How what is about bookings is wired: one repository, one planner, the use cases on them, and the clock's loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from matcher.money.carbon import CarbonFactor
from matcher.money.cost_sharing import CostSharing
from matcher.postgres.pool import Connections
from matcher.settings.bookings import BookingSettings
from matcher.trips.booking_rules import BookingTerms
from matcher.trips.bookings.book import BookSeats
from matcher.trips.bookings.change import ChangeBooking
from matcher.trips.bookings.job import run_bookings
from matcher.trips.bookings.read import ReadBookings
from matcher.trips.bookings.store import PostgresTrips
from matcher.trips.bookings.tend import TendBookings
from matcher.trips.offers.repository import OfferRepository
from matcher.trips.planner import TripPlanner, TripRoads
from matcher.trips.ports import Blocks, OfferFitter
from matcher.trips.tickets import MatchTokens
from matcher.trips.writer import OfferWriter


@dataclass(frozen=True)
class Bookings:
    """What can be asked of bookings, and the parts that changes of offers need as well."""

    book_seats: BookSeats
    change_booking: ChangeBooking
    read_bookings: ReadBookings
    trips: PostgresTrips
    planner: TripPlanner
    tending: Callable[[], Coroutine[Any, Any, None]]


def make_bookings(
    settings: BookingSettings,
    connections: Connections,
    offers: OfferRepository,
    writer: OfferWriter,
    roads: TripRoads,
    fitter: OfferFitter,
    executor: Executor,
    *,
    tokens: MatchTokens,
    make_id: Callable[[], UUID],
    clock: Callable[[], datetime],
    cost_sharing: CostSharing,
    carbon: CarbonFactor,
    blocks: Blocks | None = None,
    note_booked: Callable[[UUID, datetime], None] | None = None,
) -> Bookings:
    """Everything about bookings; `tending` makes the loop of the clock, which ends when it is cancelled."""
    trips, planner = PostgresTrips(connections), TripPlanner(roads, fitter)
    terms = terms_of(settings)
    tend = TendBookings(trips, terms)
    return Bookings(
        book_seats=BookSeats(
            offers,
            trips,
            writer,
            planner,
            executor,
            tokens=tokens,
            terms=terms,
            make_id=make_id,
            cost_sharing=cost_sharing,
            carbon=carbon,
            blocks=blocks,
            note_booked=note_booked,
        ),
        change_booking=ChangeBooking(offers, trips, writer, planner, executor, terms=terms, carbon=carbon),
        read_bookings=ReadBookings(trips),
        trips=trips,
        planner=planner,
        tending=lambda: run_bookings(tend, every_s=settings.booking_interval_s, clock=clock),
    )


def terms_of(settings: BookingSettings) -> BookingTerms:
    """The terms of the settings."""
    return BookingTerms(
        tolerance=timedelta(seconds=settings.booking_tolerance_s),
        answer_within=timedelta(seconds=settings.booking_answer_s),
        answer_before=timedelta(seconds=settings.booking_answer_before_s),
        completed_after=timedelta(seconds=settings.booking_complete_after_s),
        validated_after=timedelta(seconds=settings.booking_validate_after_s),
    )
