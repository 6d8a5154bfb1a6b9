"""One veil: whatever an event, a webhook or an export says of a booking is what REST shows the same person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from api.schemas.bookings import BookingOut
from matcher.domain.booking import Actor, Booking, BookingStatus, CancelReason
from matcher.domain.match import Fare, PriceKind
from matcher.domain.money import Money
from matcher.domain.place import Coordinate
from matcher.events.event import Event, EventKind, NumberedEvent
from matcher.events.messages import body_of
from matcher.trips.told import events_of_move, events_of_trip
from matcher.trips.veil import VIEWS, Audience, audience_of, seen_by
from tests.builders import NOW, a_place, an_offer
from tests.builders_bookings import a_booking, a_point

_STATUS = BookingStatus
#: Kinds that say nothing of a booking but ids, and their own recipient's times.
_WITHOUT_BOOKING = {EventKind.MATCH_FOUND, EventKind.DEPARTURE_SOON, EventKind.WEBHOOK_DISABLED}
_ODD = timedelta(seconds=37, milliseconds=419)


def an_odd_booking(status: BookingStatus, **changes: Any) -> Booking:
    """A booking whose every number has digits to hide."""
    door = replace(a_place(0, 0.75, "Calle 7"), coordinate=Coordinate(lat=-29.9531234, lon=-71.3387654))
    boards = a_point(door, NOW + timedelta(hours=1) + _ODD)
    alights = a_point(door, NOW + timedelta(hours=2) + _ODD)
    lengths = {"ride_ms": 601_337, "ride_cm": 912_345, "detour_ms": 61_234, "detour_cm": 12_345, "shared_cm": 812_345}
    fare = Fare(Money(1234, "CLP"), PriceKind.SUGGESTED)
    return a_booking(
        status=status, pickup=boards, dropoff=alights, fare=fare, co2_saved_g=1337, **(lengths | changes)
    )  # fmt: skip


def cancelled(reason: CancelReason, *, confirmed: bool) -> Booking:
    """A booking that has ended so."""
    return an_odd_booking(_STATUS.CANCELLED, cancel_reason=reason, confirmed_at=NOW if confirmed else None)


def bookings() -> Iterator[Booking]:
    """Bookings in every state, and cancelled for every reason, before and after they were confirmed."""
    yield from (an_odd_booking(status) for status in _STATUS if status is not _STATUS.CANCELLED)
    yield from (cancelled(reason, confirmed=confirmed) for reason in CancelReason for confirmed in (False, True))


def told() -> Iterator[tuple[Booking, Event]]:
    """Every event that bookings lead to."""
    offer = replace(an_offer(), departure_shift_ms=int(_ODD / timedelta(milliseconds=1)))
    for booking in bookings():
        for actor in Actor:
            yield from ((booking, event) for event in events_of_move(booking, actor))
        if booking.is_open:
            yield from ((booking, event) for event in events_of_trip([booking], offer, {}))


def members(value: Any, name: str = "") -> dict[str, Any]:
    """Every member of a JSON value, by its path."""
    if not isinstance(value, dict):
        return {name: value}
    return {path: found for key in value for path, found in members(value[key], f"{name}/{key}").items()}


def test_every_event_of_every_audience_says_what_rest_shows() -> None:
    seen: set[tuple[EventKind, Audience]] = set()
    for booking, event in told():
        side = Actor.DRIVER if event.recipient == booking.driver_id else Actor.RIDER
        shown = BookingOut.seen_by(booking, side).model_dump()
        sent = json.loads(body_of(NumberedEvent(1, event, NOW)))["data"]  # as streams and webhooks carry it
        assert sent["booking_id"] == str(shown["id"])
        for name in ("status", "version", "seats"):
            assert sent[name] == shown[name]
        for end in ("pickup", "dropoff"):
            assert datetime.fromisoformat(sent[f"{end}_time"]) == shown[end]["time"], (event.kind, side)
        assert sent.get("reason") == shown["reason"]
        seen.add((event.kind, audience_of(booking, side)))
    assert {kind for kind, _ in seen} == {*EventKind} - _WITHOUT_BOOKING
    drivers = {Audience.COUNTERPART, Audience.COMPANION}
    assert {(EventKind.BOOKING_ASKED, Audience.COUNTERPART), (EventKind.BOOKING_CONFIRMED, Audience.COMPANION)} <= seen
    assert {kind for kind, audience in seen if audience in drivers} >= {
        EventKind.BOOKING_ASKED, EventKind.BOOKING_CONFIRMED, EventKind.BOOKING_CANCELLED, EventKind.BOOKING_COMPLETED
    }  # fmt: skip


def test_the_driver_is_told_the_minute_until_the_booking_is_confirmed() -> None:
    asked = an_odd_booking(_STATUS.WAITING_CONFIRMATION)
    for booking, exact in ((asked, False), (replace(asked, pickup=replace(asked.pickup, walk_cm=20_000)), True)):
        (event,) = events_of_move(booking, Actor.RIDER)
        at = booking.pickup.at
        assert event.data["pickup_time"] == (at if exact else at.replace(second=0, microsecond=0)).isoformat()


def test_the_departure_is_told_to_riders_who_are_confirmed_and_to_the_minute() -> None:
    offer = replace(an_offer(), departure_shift_ms=37_419)
    waiting, confirmed = an_odd_booking(_STATUS.WAITING_CONFIRMATION), an_odd_booking(_STATUS.CONFIRMED)
    (untold,), (of_confirmed,) = events_of_trip([waiting], offer, {}), events_of_trip([confirmed], offer, {})
    assert "departure_time" not in untold.data
    assert of_confirmed.data["departure_time"] == offer.departure.isoformat()


@pytest.mark.parametrize("booking", list(bookings()), ids=lambda booking: f"{booking.status}-{booking.cancel_reason}")
def test_a_driver_sees_nothing_exact_of_what_was_never_confirmed(booking: Booking) -> None:
    owner, driver = (members(BookingOut.seen_by(booking, side).model_dump()) for side in (Actor.RIDER, Actor.DRIVER))
    veiled = {path for path in owner if owner[path] != driver.get(path) and path != "/side"}
    hidden = {
        *(f"/{end}/{name}" for end in ("pickup", "dropoff") for name in ("lat", "lon", "exact", "label", "time")),
        *(f"/{end}/{name}" for end in ("pickup", "dropoff") for name in ("earliest", "latest", "walk_m", "walk_s")),
        "/ride_s", "/ride_m", "/detour_s", "/detour_m", "/shared_m", "/co2_saved_g", "/rider_id", "/driver_id",
        "/price/amount", "/price/currency", "/price/kind",
    }  # fmt: skip
    walks = {f"/{end}/{name}" for end in ("pickup", "dropoff") for name in ("walk_m", "walk_s")}
    assert veiled == (walks if booking.was_confirmed else hidden)


def test_each_audience_has_one_view() -> None:
    assert VIEWS.keys() == {*Audience}
    for booking in bookings():
        for side in Actor:
            assert seen_by(booking, side) == VIEWS[audience_of(booking, side)](booking)
