"""When a booking that nobody answers lapses, and when the clock moves the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from matcher.domain.booking import BookingStatus
from matcher.trips.booking_rules import BookingTerms
from tests.builders import an_offer
from tests.builders_bookings import a_booking

TERMS = BookingTerms(
    answer_within=timedelta(hours=24),
    answer_before=timedelta(minutes=30),
    completed_after=timedelta(minutes=15),
    validated_after=timedelta(days=2),
)


@pytest.mark.parametrize(
    ("asked", "lapses"),
    [
        (timedelta(days=-3), timedelta(days=-2)),
        (timedelta(hours=-24, minutes=-31), timedelta(minutes=-31)),
        (timedelta(hours=-24, minutes=-29), timedelta(minutes=-30)),
        (timedelta(hours=-5), timedelta(minutes=-30)),
        (timedelta(hours=-1), timedelta(minutes=-30)),
        (timedelta(minutes=-59), timedelta()),
        (timedelta(minutes=-1), timedelta()),
    ],
)
def test_what_is_not_answered_lapses_in_time_before_the_departure(asked: timedelta, lapses: timedelta) -> None:
    offer = an_offer()
    leaves = offer.planned_departure
    assert TERMS.lapses_at(offer, a_booking(offer_id=offer.id), leaves + asked) == leaves + lapses


@pytest.mark.parametrize("past_s", [1, 300, 899])
@pytest.mark.parametrize(
    ("asked", "lapses"), [(timedelta(hours=-5), timedelta(minutes=-30)), (timedelta(minutes=-40), timedelta())]
)
def test_the_moment_a_booking_lapses_shows_the_planned_departure_to_a_quarter_of_an_hour(
    asked: timedelta, lapses: timedelta, past_s: int
) -> None:
    """Beside a planned departure that is not the published one: it is the one that counts."""
    offer = replace(an_offer(), departure_shift_ms=past_s * 1000)
    quarter = offer.planned_departure - timedelta(seconds=past_s)
    assert TERMS.lapses_at(offer, a_booking(offer_id=offer.id), quarter + asked) == quarter + lapses


def test_what_is_asked_for_on_the_way_can_be_answered_until_the_boarding() -> None:
    offer = an_offer()
    booking = a_booking(offer_id=offer.id)
    for late in (timedelta(), timedelta(minutes=2)):
        assert TERMS.lapses_at(offer, booking, offer.planned_departure + late) == booking.pickup.latest


def test_the_clock_completes_after_the_promised_end_and_validates_later() -> None:
    confirmed = a_booking(status=BookingStatus.CONFIRMED)
    assert TERMS.due_at(confirmed, confirmed.updated_at) == confirmed.dropoff.latest + timedelta(minutes=15)
    completed = a_booking(status=BookingStatus.COMPLETED_PENDING_VALIDATION)
    assert TERMS.due_at(completed, completed.updated_at) == completed.updated_at + timedelta(days=2)
    for status in (BookingStatus.VALIDATED, BookingStatus.CANCELLED):
        assert TERMS.due_at(a_booking(status=status), confirmed.updated_at) is None
