"""Wires the booking use cases and the job that moves bookings that are due."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from matcher.money.carbon import CarbonFactor
from matcher.money.cost_sharing import CostSharing
from matcher.people.blocks import Blocks
from matcher.settings.bookings import BookingSettings
from matcher.trips.booking_rules import BookingTerms
from matcher.trips.bookings.book import BookSeats
from matcher.trips.bookings.change import ChangeBooking
from matcher.trips.bookings.job import run_bookings
from matcher.trips.bookings.read import ReadBookings
from matcher.trips.bookings.repository import TripRepository
from matcher.trips.bookings.tend import TendBookings
from matcher.trips.planning import Planning
from matcher.trips.tickets import MatchTokens
from matcher.trips.writer import TripWriter


@dataclass(frozen=True)
class Bookings:
    """The booking use cases; `tending` makes the coroutine that moves due bookings until it is cancelled."""

    book_seats: BookSeats
    change_booking: ChangeBooking
    read_bookings: ReadBookings
    trips: TripRepository
    tending: Callable[[], Coroutine[Any, Any, None]]


def make_bookings(
    settings: BookingSettings,
    writer: TripWriter,
    planning: Planning,
    *,
    tokens: MatchTokens,
    make_id: Callable[[], UUID],
    clock: Callable[[], datetime],
    cost_sharing: CostSharing,
    carbon: CarbonFactor,
    blocks: Blocks,
    note_booked: Callable[[UUID, datetime], None],
) -> Bookings:
    """The booking use cases on the roads of one version of a region."""
    terms = terms_of(settings)
    tend = TendBookings(writer.bookings, terms)
    return Bookings(
        book_seats=BookSeats(
            writer,
            planning,
            tokens=tokens,
            terms=terms,
            make_id=make_id,
            cost_sharing=cost_sharing,
            carbon=carbon,
            blocks=blocks,
            note_booked=note_booked,
        ),
        change_booking=ChangeBooking(writer, planning, terms=terms, carbon=carbon),
        read_bookings=ReadBookings(writer.bookings),
        trips=writer.bookings,
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
