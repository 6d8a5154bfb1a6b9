"""The life of a booking over HTTP: asked, answered, ridden or given up, and who sees what of it when."""

from __future__ import annotations

from datetime import datetime

from tests.api.booking import ask, asked, match_of, move, seen
from tests.api.live import Live, quiet_morning


async def test_a_booking_is_asked_for_confirmed_and_given_up(live: Live) -> None:
    rider, driver = await live.key("rider", "bk-rita"), await live.key("driver", "bk-dora")
    offer = await live.published(driver, departure=quiet_morning().isoformat())
    match = await match_of(live, rider, offer)
    answer = await ask(live, rider, match, note="one small suitcase")
    assert answer.status == 201, answer.body
    booking = answer.json
    assert answer.headers["Location"] == f"/v1/bookings/{booking['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert (booking["status"], booking["side"], booking["seats"]) == ("WAITING_CONFIRMATION", "rider", 1)
    assert booking["pickup"]["time"] == match["pickup"]["time"]
    assert booking["dropoff"]["time"] == match["dropoff"]["time"]
    assert (booking["detour_s"], booking["ride_m"]) == (match["detour_s"], match["ride_m"])
    untouched = (await live.call("GET", f"/v1/offers/{offer['id']}", driver)).json
    assert (untouched["seats_left"], untouched["version"]) == (3, 1), "what waits holds no seat"

    confirmed = await move(live, driver, booking, "CONFIRMED", tag='"1"')
    assert confirmed.status == 200, confirmed.body
    assert confirmed.json["pickup"]["time"] == booking["pickup"]["time"]
    assert confirmed.json["rider_id"] == "bk-rita"
    taken = (await live.call("GET", f"/v1/offers/{offer['id']}", driver)).json
    assert (taken["seats_left"], taken["version"]) == (2, 2)
    assert (await seen(live, rider, booking))["driver_id"] == "bk-dora"

    cancelled = await move(live, rider, booking, "CANCELLED", tag='"2"', note="sorry, I am ill")
    assert cancelled.status == 200, cancelled.body
    assert (cancelled.json["reason"], cancelled.json["cancelled_by"]) == ("cancelled_by_rider", "rider")
    free = (await live.call("GET", f"/v1/offers/{offer['id']}", driver)).json
    assert (free["seats_left"], free["version"]) == (3, 3)
    assert (await seen(live, driver, booking))["reply"] == "sorry, I am ill"
    again = await match_of(live, rider, offer)
    assert (again["detour_s"], again["pickup"]["time"]) == (match["detour_s"], match["pickup"]["time"])


async def test_a_driver_may_book_at_once(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    offer = await live.published(driver, departure=quiet_morning().isoformat(), instant_booking=True)
    booking = await asked(live, rider, offer, seats=2)
    assert (booking["status"], booking["version"]) == ("CONFIRMED", 1)
    assert datetime.fromisoformat(booking["confirmed_at"])
    assert (await live.call("GET", f"/v1/offers/{offer['id']}", driver)).json["seats_left"] == 1
