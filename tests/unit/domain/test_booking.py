"""The life of a booking, as one table: which moves there are, who makes them, and when."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from matcher.domain.booking import (
    MOVES,
    Actor,
    Booking,
    BookingStatus,
    CancelReason,
    reason_of,
    require_move,
)
from matcher.domain.errors.bookings import MoveNotAllowed
from tests.builders import NOW
from tests.builders_bookings import a_booking

WAITING, CONFIRMED = BookingStatus.WAITING_CONFIRMATION, BookingStatus.CONFIRMED
CANCELLED, VALIDATED = BookingStatus.CANCELLED, BookingStatus.VALIDATED
COMPLETED = BookingStatus.COMPLETED_PENDING_VALIDATION
RIDER, DRIVER, OPERATOR, SYSTEM = Actor.RIDER, Actor.DRIVER, Actor.OPERATOR, Actor.SYSTEM

#: Written from the design and from Standard covoiturage, not from the code: (from, to) -> who.
ALLOWED = {
    (WAITING, CONFIRMED): {DRIVER, SYSTEM},
    (WAITING, CANCELLED): {RIDER, DRIVER, OPERATOR, SYSTEM},
    (CONFIRMED, CANCELLED): {RIDER, DRIVER, OPERATOR, SYSTEM},
    (CONFIRMED, COMPLETED): {RIDER, DRIVER, SYSTEM},
    (COMPLETED, VALIDATED): {RIDER, DRIVER, SYSTEM},
}
EVERY_MOVE = [
    (before, after, actor)
    for before, after, actor in itertools.product(BookingStatus, BookingStatus, Actor)
    if before is not after
]


def _at_the_right_time(booking: Booking, to: BookingStatus) -> datetime:
    return booking.pickup.at + timedelta(minutes=1) if to in {COMPLETED, VALIDATED} else NOW


def _may(booking: Booking, to: BookingStatus, actor: Actor, now: datetime) -> bool:
    try:
        require_move(booking, to, actor, now)
    except MoveNotAllowed:
        return False
    return True


@pytest.mark.parametrize(("before", "after", "actor"), EVERY_MOVE, ids=str)
def test_every_move_by_everybody(before: BookingStatus, after: BookingStatus, actor: Actor) -> None:
    booking = a_booking(status=before, completed_by=SYSTEM if before is COMPLETED else None)
    allowed = actor in ALLOWED.get((before, after), set())
    assert _may(booking, after, actor, _at_the_right_time(booking, after)) == allowed


def test_the_table_has_no_move_that_the_design_has_not() -> None:
    assert {move: set(actors) for move, actors in MOVES.items()} == ALLOWED


@pytest.mark.parametrize("actor", [RIDER, DRIVER, OPERATOR])
def test_a_ride_that_has_begun_is_not_cancelled_by_people(actor: Actor) -> None:
    booking = a_booking(status=CONFIRMED)
    assert _may(booking, CANCELLED, actor, booking.pickup.latest)
    assert not _may(booking, CANCELLED, actor, booking.pickup.latest + timedelta(milliseconds=1))
    assert _may(booking, CANCELLED, SYSTEM, booking.pickup.latest + timedelta(hours=1))


@pytest.mark.parametrize("actor", [RIDER, DRIVER])
def test_a_ride_is_completed_from_the_boarding_on(actor: Actor) -> None:
    booking = a_booking(status=CONFIRMED)
    assert not _may(booking, COMPLETED, actor, booking.pickup.at - timedelta(milliseconds=1))
    assert _may(booking, COMPLETED, actor, booking.pickup.at)


def test_what_was_not_answered_in_time_is_not_confirmed() -> None:
    booking = a_booking(status=WAITING, due_at=NOW)
    assert _may(booking, CONFIRMED, DRIVER, NOW - timedelta(milliseconds=1))
    assert not _may(booking, CONFIRMED, DRIVER, NOW)


@pytest.mark.parametrize(("by", "may"), [(RIDER, {DRIVER}), (DRIVER, {RIDER}), (SYSTEM, {RIDER, DRIVER})])
def test_the_other_side_validates(by: Actor, may: set[Actor]) -> None:
    booking = a_booking(status=COMPLETED, completed_by=by)
    after = booking.dropoff.at + timedelta(hours=1)
    assert {actor for actor in (RIDER, DRIVER) if _may(booking, VALIDATED, actor, after)} == may


@pytest.mark.parametrize(
    ("status", "actor", "reason"),
    [
        (WAITING, DRIVER, CancelReason.REFUSED_BY_DRIVER),
        (CONFIRMED, DRIVER, CancelReason.CANCELLED_BY_DRIVER),
        (WAITING, RIDER, CancelReason.CANCELLED_BY_RIDER),
        (CONFIRMED, RIDER, CancelReason.CANCELLED_BY_RIDER),
        (WAITING, SYSTEM, CancelReason.LAPSED),
        (CONFIRMED, OPERATOR, CancelReason.CANCELLED_BY_OPERATOR),
    ],
)
def test_a_cancelled_booking_says_why(status: BookingStatus, actor: Actor, reason: CancelReason) -> None:
    assert reason_of(a_booking(status=status), actor) is reason


def test_only_what_waits_expires() -> None:
    waiting = a_booking(status=WAITING, due_at=NOW)
    assert waiting.expires_at == NOW
    assert replace(waiting, status=CONFIRMED).expires_at is None
