"""The life of a booking over HTTP: asked, answered, ridden or given up, and who sees what of it when."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.api.booking import ask, asked, match_of, move, seen
from tests.api.live import HALF_WAY, Answer, Live, quiet_morning


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
    assert booking["confirmed_at"] == booking["created_at"]
    assert (await live.call("GET", f"/v1/offers/{offer['id']}", driver)).json["seats_left"] == 1


async def test_what_is_wrong_with_asking_is_said(live: Live) -> None:
    rider, other, driver = await live.key("rider"), await live.key("rider"), await live.key("driver")
    offer = await live.published(driver, departure=quiet_morning().isoformat())
    match = await match_of(live, rider, offer)
    for token, body, status, code in (
        (rider, {"match_id": match["match_id"][:-4] + "abcd"}, 422, "match_id_invalid"),
        (other, {"match_id": match["match_id"]}, 422, "match_id_invalid"),
        (rider, {"match_id": match["match_id"], "note": "x" * 501}, 422, "invalid_input"),
        (rider, {"match_id": match["match_id"], "seats": 2}, 422, "invalid_input"),
        (driver, {"match_id": match["match_id"]}, 403, "role_forbidden"),
    ):
        answer = await live.call("POST", "/v1/bookings", token, json=body)
        assert (answer.status, answer.problem()["code"]) == (status, code), answer.body
        if code == "match_id_invalid":
            assert [fault["pointer"] for fault in answer.json["errors"]] == ["/match_id"]
    first = await ask(live, rider, match, note="é" * 500)
    assert first.status == 201
    again = await ask(live, rider, match)
    assert (again.status, again.problem()["code"]) == (409, "booking_exists")
    assert again.json["booking_id"] == first.json["id"]
    await live.call("DELETE", f"/v1/offers/{offer['id']}", driver)
    gone = await ask(live, rider, match)
    assert (gone.status, gone.problem()["code"]) == (409, "offer_not_open")


async def test_a_trip_that_has_filled_changed_or_used_its_detour_is_refused_by_name(live: Live) -> None:
    driver = await live.key("driver")
    riders = [await live.key("rider") for _ in range(4)]
    day = quiet_morning().isoformat()

    full = await live.published(driver, departure=day, seats=1, instant_booking=True)
    matches = [await match_of(live, rider, full) for rider in riders[:2]]
    assert (await ask(live, riders[0], matches[0])).status == 201
    refused = await ask(live, riders[1], matches[1])
    assert (refused.status, refused.problem()["code"]) == (409, "seats_exhausted")

    changed = await live.published(driver, departure=day, flexibility_s=0)
    match = await match_of(live, riders[2], changed)
    later = (quiet_morning()).isoformat()
    moved = await live.call(
        "PATCH", f"/v1/offers/{changed['id']}", driver, json={"departure": later}, headers={"If-Match": "*"}
    )
    assert moved.status == 200, moved.body
    refused = await ask(live, riders[2], match)
    assert (refused.status, refused.problem()["code"]) == (409, "offer_changed")

    tight = await live.published(driver, departure=day)
    match = await match_of(live, riders[3], tight)
    await live.call("PATCH", f"/v1/offers/{tight['id']}", driver, json={"max_detour_s": 0}, headers={"If-Match": "*"})
    refused = await ask(live, riders[3], match)
    assert match["detour_s"] > 0
    assert (refused.status, refused.problem()["code"]) == (409, "detour_exceeded")


async def test_moves_are_conditional_and_made_by_whom_they_belong_to(live: Live) -> None:
    rider, driver, stranger, ops = [await live.key(role) for role in ("rider", "driver", "rider", "ops")]
    offer = await live.published(driver, departure=quiet_morning().isoformat())
    booking = await asked(live, rider, offer)
    path = f"/v1/bookings/{booking['id']}"
    missing = await live.call("PATCH", path, driver, json={"status": "CONFIRMED"})
    assert (missing.status, missing.problem()["code"]) == (428, "precondition_required")
    stale = await move(live, driver, booking, "CONFIRMED", tag='"7"')
    assert (stale.status, stale.problem()["code"]) == (412, "stale_version")
    for token, status, code, expected in (
        (stranger, "CANCELLED", "booking_not_found", 404),
        (rider, "CONFIRMED", "move_not_allowed", 409),
        (ops, "CONFIRMED", "move_not_allowed", 409),
        (driver, "COMPLETED_PENDING_VALIDATION", "move_not_allowed", 409),
        (driver, "VALIDATED", "move_not_allowed", 409),
        (driver, "WAITING_CONFIRMATION", "invalid_input", 422),
    ):
        answer = await move(live, token, booking, status)
        assert (answer.status, answer.problem()["code"]) == (expected, code)
    assert (await live.call("GET", path, stranger)).problem()["code"] == "booking_not_found"
    assert (await live.call("GET", "/v1/bookings/nonsense", rider)).problem()["code"] == "booking_not_found"
    assert (await seen(live, ops, booking))["side"] == "operator"

    confirmed = await move(live, driver, booking, "CONFIRMED", tag='"1"')
    again = await move(live, driver, booking, "CONFIRMED", tag=confirmed.headers["ETag"])
    assert (again.status, again.json) == (200, confirmed.json), "there already"
    known = await live.call("GET", path, rider, headers={"If-None-Match": confirmed.headers["ETag"]})
    assert known.status == 304
    by_ops = await move(live, ops, booking, "CANCELLED", note="fraud")
    assert (by_ops.json["reason"], by_ops.json["cancelled_by"]) == ("cancelled_by_operator", "operator")


async def test_a_refusal_and_a_withdrawal_free_the_rider_to_ask_again(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    offer = await live.published(driver, departure=quiet_morning().isoformat())
    first = await asked(live, rider, offer)
    refused = await move(live, driver, first, "CANCELLED", note="full of skis")
    assert (refused.json["reason"], refused.json["version"]) == ("refused_by_driver", 2)
    second = await asked(live, rider, offer)
    assert second["id"] != first["id"]
    withdrawn = await move(live, rider, second, "CANCELLED")
    assert withdrawn.json["reason"] == "cancelled_by_rider"
    assert (await asked(live, rider, offer))["status"] == "WAITING_CONFIRMATION"


async def test_nothing_exact_is_seen_before_it_is_confirmed(live: Live) -> None:
    rider, driver = await live.key("rider", "bk-private-rider"), await live.key("driver", "bk-private-driver")
    offer = await live.published(driver, departure=quiet_morning().isoformat())
    match = await match_of(live, rider, offer)
    booking = (await ask(live, rider, match)).json
    exact = [f"{match[end][axis]:.4f}"[:-1] for end in ("pickup", "dropoff") for axis in ("lat", "lon")]

    path = f"/v1/bookings/{booking['id']}"
    texts = [
        (await live.call("GET", path, driver)).body.decode(),
        (await live.call("GET", "/v1/bookings", driver)).body.decode(),
    ]
    for text in texts:
        assert "bk-private-rider" not in text
        assert not [number for number in exact if number in text]
        assert match["pickup"]["label"] not in text
    seen_by_driver = await seen(live, driver, booking)
    assert seen_by_driver["pickup"]["exact"] is False
    assert abs(seen_by_driver["pickup"]["lat"] - match["pickup"]["lat"]) < 0.006
    assert not {"walk_m", "walk_s", "label"} & seen_by_driver["pickup"].keys()
    assert datetime.fromisoformat(seen_by_driver["pickup"]["time"]).second == 0
    assert seen_by_driver["ride_m"] % 100 == seen_by_driver["detour_s"] % 60 == 0
    assert "bk-private-driver" not in (await live.call("GET", path, rider)).body.decode()

    await move(live, driver, booking, "CONFIRMED")
    told = await seen(live, driver, booking)
    assert (told["pickup"]["exact"], told["pickup"]["label"]) == (True, match["pickup"]["label"])
    assert (told["pickup"]["lat"], told["pickup"]["lon"]) == (match["pickup"]["lat"], match["pickup"]["lon"])
    assert told["rider_id"] == "bk-private-rider"
    assert (await seen(live, rider, booking))["driver_id"] == "bk-private-driver"


async def test_lists_are_of_ones_own_and_come_in_pages(live: Live) -> None:
    rider, driver, stranger = await live.key("rider"), await live.key("driver"), await live.key("rider")
    offers = [await live.published(driver, departure=quiet_morning().isoformat()) for _ in range(3)]
    made = [await asked(live, rider, offer) for offer in offers]
    await move(live, driver, made[1], "CONFIRMED")
    newest_first = [booking["id"] for booking in reversed(made)]
    for token in (rider, driver):
        listed = await live.call("GET", "/v1/bookings", token)
        assert [booking["id"] for booking in listed.json["bookings"]] == newest_first
    assert (await live.call("GET", "/v1/bookings", stranger)).json == {"bookings": []}
    confirmed = await live.call("GET", "/v1/bookings?status=CONFIRMED", rider)
    assert [booking["id"] for booking in confirmed.json["bookings"]] == [made[1]["id"]]
    of_one = await live.call("GET", f"/v1/bookings?offer_id={offers[0]['id']}", driver)
    assert [booking["id"] for booking in of_one.json["bookings"]] == [made[0]["id"]]
    first = await live.call("GET", "/v1/bookings?limit=2", rider)
    assert 'rel="next"' in first.headers["Link"]
    rest = await live.call("GET", f"/v1/bookings?limit=2&cursor={first.json['next_cursor']}", rider)
    assert [b["id"] for b in first.json["bookings"] + rest.json["bookings"]] == newest_first
    assert "next_cursor" not in rest.json
    foreign = await live.call("GET", f"/v1/bookings?status=CONFIRMED&cursor={first.json['next_cursor']}", rider)
    assert (foreign.status, foreign.problem()["code"]) == (422, "invalid_cursor")


async def test_a_driver_is_told_who_is_in_the_way_of_a_change(live: Live) -> None:
    driver = await live.key("driver")
    riders = [await live.key("rider") for _ in range(2)]
    day = quiet_morning()
    offer = await live.published(driver, departure=day.isoformat(), instant_booking=True, flexibility_s=600)
    made = [await asked(live, rider, offer) for rider in riders]
    ids = sorted(booking["id"] for booking in made)
    path = f"/v1/offers/{offer['id']}"

    async def change(**body: object) -> Answer:
        return await live.call("PATCH", path, driver, json=body, headers={"If-Match": "*"})

    for body in (
        {"seats": 1},
        {"max_detour_s": 0},
        {"departure": (day + timedelta(hours=2)).isoformat()},
        {"destination": {"lat": -29.962, "lon": -71.345}},
    ):
        answer = await change(**body)
        assert (answer.status, answer.problem()["code"]) == (409, "promised_to_riders"), body
        assert sorted(answer.json["bookings"]) == ids
    untouched = (await live.call("GET", path, driver)).json
    assert untouched["version"] == 3

    for allowed in ({"seats": 2}, {"comment": "a red one"}, {"departure": (day + timedelta(minutes=4)).isoformat()}):
        answer = await change(**allowed)
        assert answer.status == 200, answer.body
    for rider, booking in zip(riders, made, strict=True):
        now_it_is = await seen(live, rider, booking)
        assert now_it_is["status"] == "CONFIRMED"
        assert now_it_is["pickup"]["earliest"] <= now_it_is["pickup"]["time"] <= now_it_is["pickup"]["latest"]
    await move(live, riders[0], made[0], "CANCELLED")
    assert (await change(seats=1)).status == 200


async def test_a_driver_may_add_a_place_on_the_way_when_everybody_is_still_carried(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    offer = await live.published(driver, departure=quiet_morning().isoformat(), instant_booking=True)
    booking = await asked(live, rider, offer)
    path = f"/v1/offers/{offer['id']}"
    on_the_way = {"lat": booking["pickup"]["lat"] + 0.002, "lon": booking["pickup"]["lon"] + 0.002}
    answer = await live.call("PATCH", path, driver, json={"via": [on_the_way]}, headers={"If-Match": "*"})
    assert answer.status == 200, answer.body
    assert len(answer.json["via"]) == 1
    after = await seen(live, rider, booking)
    assert after["pickup"]["earliest"] <= after["pickup"]["time"] <= after["pickup"]["latest"]
    assert after["dropoff"]["time"] <= after["dropoff"]["latest"]
    back = await live.call("PATCH", path, driver, json={"via": []}, headers={"If-Match": "*"})
    assert back.status == 200
    assert (await seen(live, rider, booking))["status"] == "CONFIRMED"


async def test_a_cancelled_trip_takes_its_bookings_with_it(live: Live) -> None:
    driver = await live.key("driver")
    riders = [await live.key("rider") for _ in range(2)]
    offer = await live.published(driver, departure=quiet_morning().isoformat())
    made = [await asked(live, rider, offer) for rider in riders]
    await move(live, driver, made[0], "CONFIRMED")
    assert (await live.call("DELETE", f"/v1/offers/{offer['id']}", driver)).json["status"] == "CANCELLED"
    for rider, booking in zip(riders, made, strict=True):
        after = await seen(live, rider, booking)
        assert (after["status"], after["reason"], after["cancelled_by"]) == ("CANCELLED", "trip_cancelled", "driver")


async def test_a_repeated_call_gets_the_first_answer_byte_for_byte(live: Live) -> None:
    rider, driver = await live.key("rider"), await live.key("driver")
    offer = await live.published(driver, departure=quiet_morning().isoformat())
    match = await match_of(live, rider, offer)
    first = await ask(live, rider, match, key="k1")
    await move(live, driver, first.json, "CONFIRMED")
    again = await ask(live, rider, match, key="k1")
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (201, first.body, "true")
    other = await ask(live, rider, match, key="k1", note="another body")
    assert (other.status, other.problem()["code"]) == (422, "idempotency_key_reused")


async def test_who_rides_along_is_told_the_times_of_the_trip_as_it_is(live: Live) -> None:
    """Another rider's way is added and taken away again: whoever boards after it is met later, and then as before."""
    driver, first, second = await live.key("driver"), await live.key("rider"), await live.key("rider")
    offer = await live.published(driver, departure=quiet_morning().isoformat(), flexibility_s=0)
    early = await asked(live, first, offer, origin=HALF_WAY)
    assert (await move(live, driver, early, "CONFIRMED")).status == 200
    alone = await seen(live, first, early)
    late = await asked(live, second, offer)
    assert (await move(live, driver, late, "CONFIRMED")).status == 200
    together = await seen(live, first, early)
    added = datetime.fromisoformat(together["pickup"]["time"]) - datetime.fromisoformat(alone["pickup"]["time"])
    assert added >= timedelta(seconds=10), "the way of the second rider does not lie before the first one's boarding"
    assert together["version"] > alone["version"]
    assert (await move(live, second, late, "CANCELLED")).status == 200
    again = await seen(live, first, early)
    assert again["version"] > together["version"]
    assert (again["pickup"], again["dropoff"]) == (alone["pickup"], alone["dropoff"])


async def test_asking_and_withdrawing_in_a_loop_ends_and_the_driver_hears_of_it_a_few_times(live: Live) -> None:
    driver, rider, other = await live.key("driver"), await live.key("rider"), await live.key("rider")
    offer = await live.published(driver, departure=quiet_morning().isoformat())
    another = await live.published(driver, departure=quiet_morning().isoformat())
    match = await match_of(live, rider, offer)
    most = live.carpool.settings.bookings.booking_withdrawals
    answers = []
    for _ in range(3 * most):
        answer = await ask(live, rider, match)
        answers.append(answer)
        if answer.status == 201:
            assert (await move(live, rider, answer.json, "CANCELLED")).status == 200
    assert [answer.status for answer in answers] == [201] * most + [429] * (2 * most)
    assert answers[-1].problem()["code"] == "asked_too_often"
    assert 24 * 3600 - 600 < int(answers[-1].headers["Retry-After"]) <= 24 * 3600
    told = (await live.call("GET", "/v1/me/export", driver)).json["events"]
    assert [event["kind"] for event in told] == ["booking_asked", "booking_cancelled"] * most
    # It is about this rider and this trip only.
    await asked(live, other, offer)
    await asked(live, rider, another)


async def test_a_rider_who_is_refused_may_ask_again(live: Live) -> None:
    driver, rider = await live.key("driver"), await live.key("rider")
    offer = await live.published(driver, departure=quiet_morning().isoformat())
    for _ in range(live.carpool.settings.bookings.booking_withdrawals + 1):
        assert (await move(live, driver, await asked(live, rider, offer), "CANCELLED")).status == 200
