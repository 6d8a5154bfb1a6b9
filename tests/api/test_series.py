"""Trips that are made again and again, or there and back."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from matcher.trips.series import change as change_series
from tests.api.booking import asked, move
from tests.api.live import LA_SERENA, TONGOY_ROAD, Answer, Live, a_search, around

CHILE = ZoneInfo("America/Santiago")
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def today() -> date:
    """Where the trips are driven."""
    return datetime.now(CHILE).date()


def on(days: int) -> date:
    """So many days ahead."""
    return today() + timedelta(days=days)


def name_of(day: date) -> str:
    """Its day of the week."""
    return WEEKDAYS[day.weekday()]


def a_series(**changes: Any) -> dict[str, Any]:
    """The body of a trip once a week, in the small hours, when no other test travels; a change to None leaves the
    key out.
    """
    body: dict[str, Any] = {
        "origin": TONGOY_ROAD,
        "destination": LA_SERENA,
        "weekdays": [name_of(on(3))],
        "departure": "03:10",
        "seats": 3,
        "max_detour_s": 900,
    }
    return {key: value for key, value in (body | changes).items() if value is not None}


async def posted(live: Live, token: str, **changes: Any) -> dict[str, Any]:
    """The answer to a series."""
    answer = await live.call("POST", "/v1/series", token, json=a_series(**changes))
    assert answer.status == 201, answer.body
    series: dict[str, Any] = answer.json
    return series


async def patched(live: Live, token: str, series: dict[str, Any], *, query: str = "", **changes: Any) -> Answer:
    """The answer to a change of whatever version there is."""
    return await live.call("PATCH", f"/v1/series/{series['id']}{query}", token, json=changes, headers={"If-Match": "*"})


async def read(live: Live, token: str, series: dict[str, Any]) -> dict[str, Any]:
    """The series as it is now."""
    answer = await live.call("GET", f"/v1/series/{series['id']}", token)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


async def offer_of(live: Live, token: str, occurrence: dict[str, Any]) -> dict[str, Any]:
    """The offer of an occurrence."""
    answer = await live.call("GET", f"/v1/offers/{occurrence['offer_id']}", token)
    assert answer.status == 200, answer.body
    offer: dict[str, Any] = answer.json
    return offer


def dates(series: dict[str, Any], *, status: str = "OPEN") -> list[str]:
    """When it is driven."""
    return [one["date"] for one in series["occurrences"] if one["status"] == status]


async def test_a_weekly_trip_can_be_found_on_each_of_its_dates_ahead(live: Live) -> None:
    driver, rider = await live.key("driver"), await live.key("rider")
    answer = await live.call("POST", "/v1/series", driver, json=a_series())
    series = answer.json
    assert answer.status == 201
    assert answer.headers["Location"] == f"/v1/series/{series['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert (series["status"], series["time_zone"]) == ("OPEN", "America/Santiago")
    assert dates(series) == [on(n).isoformat() for n in (3, 10, 17, 24)]
    for occurrence in series["occurrences"]:
        leaves = datetime.fromisoformat(occurrence["departure"])
        local = leaves.astimezone(CHILE)
        assert (local.date().isoformat(), local.strftime("%H:%M")) == (occurrence["date"], "03:10")
        found = await live.call("POST", "/v1/match", rider, json=a_search(departure=around(leaves), limit=50))
        assert occurrence["offer_id"] in {match["offer_id"] for match in found.json["matches"]}
    offer = await offer_of(live, driver, series["occurrences"][0])
    assert (offer["seats"], offer["max_detour_s"], offer["flexibility_s"]) == (3, 900, 900)
    assert (await read(live, driver, series)) == series


async def test_the_same_call_again_makes_nothing_new(live: Live) -> None:
    driver = await live.key("driver")
    headers = {"Idempotency-Key": "every-week"}
    first, again = [await live.call("POST", "/v1/series", driver, json=a_series(), headers=headers) for _ in range(2)]
    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len((await live.call("GET", "/v1/series", driver)).json["series"]) == 1
    assert len((await live.call("GET", "/v1/offers", driver)).json["offers"]) == 4


async def test_a_trip_there_and_back_is_one_thing(live: Live) -> None:
    driver = await live.key("driver")
    series = await posted(
        live, driver, weekdays=None, date=on(5).isoformat(), **{"return": {"departure": "02:20", "days_later": 2}}
    )
    there, back = [await offer_of(live, driver, one) for one in series["occurrences"]]
    assert [one["direction"] for one in series["occurrences"]] == ["OUT", "BACK"]
    assert [one["date"] for one in series["occurrences"]] == [on(5).isoformat()] * 2
    assert (there["origin"], there["destination"]) == (back["destination"], back["origin"])
    leaves = [datetime.fromisoformat(offer["departure"]).astimezone(CHILE) for offer in (there, back)]
    assert [(at.date(), at.strftime("%H:%M")) for at in leaves] == [(on(5), "03:10"), (on(7), "02:20")]


async def test_one_trip_that_was_changed_or_cancelled_by_itself_goes_its_own_way(live: Live) -> None:
    driver = await live.key("driver")
    series = await posted(live, driver)
    first, second, third, _ = [one["offer_id"] for one in series["occurrences"]]
    await live.call("PATCH", f"/v1/offers/{first}", driver, json={"seats": 1}, headers={"If-Match": "*"})
    await live.call("DELETE", f"/v1/offers/{second}", driver)
    answer = await patched(live, driver, series, departure="04:20", seats=2)
    assert answer.status == 200, answer.body
    after = {one["offer_id"]: one for one in answer.json["occurrences"]}
    assert set(after) == {one["offer_id"] for one in series["occurrences"]}, "nothing is made anew"
    assert [after[one]["detached"] for one in (first, second, third)] == [True, True, False]
    listed = (await live.call("GET", "/v1/offers", driver)).json["offers"]
    assert {offer["id"]: offer["series"] for offer in listed} == {
        one["offer_id"]: {"id": series["id"]} | {key: one[key] for key in ("date", "direction", "detached")}
        for one in after.values()
    }
    assert "series" not in await live.published(driver)
    assert after[second]["status"] == "CANCELLED"
    assert (await offer_of(live, driver, after[first]))["series"]["id"] == series["id"]
    kept, moved = await offer_of(live, driver, after[first]), await offer_of(live, driver, after[third])
    assert (kept["seats"], kept["departure"][11:16]) == (1, "03:10")
    assert (moved["seats"], moved["departure"][11:16]) == (2, "04:20")


async def test_a_change_from_a_date_on_leaves_what_is_before(live: Live) -> None:
    driver = await live.key("driver")
    series = await posted(live, driver)
    changed = await patched(live, driver, series, query=f"?from={on(11)}", departure="04:20", comment="later")
    assert changed.status == 200, changed.body
    assert [phase["from"] for phase in changed.json["phases"]] == [on(0).isoformat(), on(11).isoformat()]
    offers = [await offer_of(live, driver, one) for one in changed.json["occurrences"]]
    assert [offer["departure"][11:16] for offer in offers] == ["03:10", "03:10", "04:20", "04:20"]
    assert [offer["comment"] for offer in offers] == ["", "", "later", "later"]
    assert changed.json["occurrences"][2]["offer_id"] == series["occurrences"][2]["offer_id"]


async def test_a_change_is_laid_over_what_was_changed_for_later(live: Live) -> None:
    driver = await live.key("driver")
    series = await posted(live, driver, preferences={"smoking": False, "pets": True})
    later = {"departure": "04:20", "preferences": {"pets": False}}
    assert (await patched(live, driver, series, query=f"?from={on(11)}", **later)).status == 200
    changed = await patched(live, driver, series, seats=1, preferences={"smoking": True, "music": True})
    assert changed.status == 200, changed.body
    offers = [await offer_of(live, driver, one) for one in changed.json["occurrences"]]
    assert [offer["departure"][11:16] for offer in offers] == ["03:10", "03:10", "04:20", "04:20"]
    assert {offer["seats"] for offer in offers} == {1}
    pets = [offer["preferences"].pop("pets") for offer in offers]
    assert pets == [True, True, False, False]
    assert all(offer["preferences"] == {"smoking": True, "music": True} for offer in offers)
    until = (await patched(live, driver, series, until=on(10).isoformat())).json
    assert ([phase["until"] for phase in until["phases"]], dates(until)) == (
        [on(10).isoformat()], [on(3).isoformat(), on(10).isoformat()],
    )  # fmt: skip
    after = await patched(live, driver, series, query=f"?from={on(30)}", seats=2)
    assert after.problem()["errors"][0]["pointer"] == "/until"


async def test_a_series_changes_ahead_a_number_of_times_only(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_series, "MAX_PHASES", 4)
    driver = await live.key("driver")
    series = await posted(live, driver, weekdays=WEEKDAYS, **{"from": on(60).isoformat()})
    for n in range(3):
        changed = await patched(live, driver, series, query=f"?from={on(61 + n)}", seats=1 + n % 2)
        assert changed.status == 200, changed.body
    refused = await patched(live, driver, series, query=f"?from={on(150)}", seats=3)
    assert refused.problem()["errors"][0]["pointer"] == "/from"


async def test_weekdays_that_are_given_up_cancel_what_is_booked_and_riders_are_told(live: Live) -> None:
    driver, rider = await live.key("driver"), await live.key("rider")
    series = await posted(live, driver)
    booking = await asked(live, rider, await offer_of(live, driver, series["occurrences"][1]))
    assert (await move(live, driver, booking, "CONFIRMED")).status == 200
    changed = await patched(live, driver, series, weekdays=[name_of(on(4))])
    assert "left_alone" not in changed.json
    assert (await live.call("GET", f"/v1/bookings/{booking['id']}", rider)).json["status"] == "CANCELLED"
    held = (await live.call("GET", "/v1/me/export", rider)).json["events"]
    assert [event["kind"] for event in held if event["trip_id"] == booking["offer_id"]].count("trip_cancelled") == 1


async def test_other_weekdays_cancel_some_trips_and_make_others(live: Live) -> None:
    driver = await live.key("driver")
    series = await posted(live, driver)
    changed = (await patched(live, driver, series, weekdays=[name_of(on(4))])).json
    assert dates(changed) == [on(n).isoformat() for n in (4, 11, 18, 25)]
    assert dates(changed, status="CANCELLED") == [on(n).isoformat() for n in (3, 10, 17, 24)]
    again = (await patched(live, driver, series, weekdays=[name_of(on(3))])).json
    assert dates(again) == dates(series), "what the series itself had cancelled is made anew"


async def test_an_exception_is_not_driven_and_driven_again_when_it_is_taken_back(live: Live) -> None:
    driver = await live.key("driver")
    series = await posted(live, driver, exceptions=[on(10).isoformat()])
    assert dates(series) == [on(n).isoformat() for n in (3, 17, 24)]
    changed = (await patched(live, driver, series, exceptions=[on(3).isoformat()])).json
    assert dates(changed) == [on(n).isoformat() for n in (10, 17, 24)]


async def test_withdrawn_from_a_date_on(live: Live) -> None:
    driver = await live.key("driver")
    series = await posted(live, driver)
    path = f"/v1/series/{series['id']}"
    last = series["occurrences"][3]["offer_id"]
    await live.call("PATCH", f"/v1/offers/{last}", driver, json={"seats": 1}, headers={"If-Match": "*"})
    withdrawn = await live.call("DELETE", f"{path}?from={on(11)}", driver)
    assert withdrawn.status == 200, withdrawn.body
    assert withdrawn.json["status"] == "OPEN"
    assert dates(withdrawn.json) == [on(3).isoformat(), on(10).isoformat()]
    late = await patched(live, driver, series, query=f"?from={on(12)}", seats=1)
    assert late.problem()["code"] == "series_not_open"
    whole = await live.call("DELETE", path, driver)
    assert (whole.json["status"], dates(whole.json)) == ("CANCELLED", [])
    again = await live.call("DELETE", path, driver)
    assert (again.status, again.json["version"]) == (200, whole.json["version"])
    assert (await patched(live, driver, series, seats=1)).problem()["code"] == "series_not_open"


async def test_a_trip_whose_riders_were_promised_otherwise_is_left_and_named(live: Live) -> None:
    driver, rider = await live.key("driver"), await live.key("rider")
    series = await posted(live, driver)
    booked = await offer_of(live, driver, series["occurrences"][1])
    booking = await asked(live, rider, booked)
    assert (await move(live, driver, booking, "CONFIRMED")).status == 200
    answer = await patched(live, driver, series, departure="05:30")
    assert answer.status == 200, answer.body
    (left,) = answer.json["left_alone"]
    assert (left["offer_id"], left["code"], left["bookings"]) == (booked["id"], "promised_to_riders", [booking["id"]])
    departures = [(await offer_of(live, driver, one))["departure"][11:16] for one in answer.json["occurrences"]]
    assert departures == ["05:30", "03:10", "05:30", "05:30"]
    assert answer.json["occurrences"][1]["detached"]
    withdrawn = await live.call("DELETE", f"/v1/series/{series['id']}", driver)
    assert dates(withdrawn.json) == []
    seen = await live.call("GET", f"/v1/bookings/{booking['id']}", rider)
    assert seen.json["status"] == "CANCELLED"


async def test_new_places_keep_their_labels_and_are_not_looked_up_again(live: Live) -> None:
    driver = await live.key("driver")
    series = await posted(live, driver)
    address = {"address": "Avenida La Cantera, Coquimbo"}
    changed = (await patched(live, driver, series, destination=address)).json
    for occurrence in changed["occurrences"]:
        offer = await offer_of(live, driver, occurrence)
        assert offer["destination"] == changed["phases"][0]["destination"]
        assert offer["destination"]["address"] == address["address"]


async def test_conditions(live: Live) -> None:
    driver = await live.key("driver")
    series = await posted(live, driver)
    path = f"/v1/series/{series['id']}"
    assert (await live.call("PATCH", path, driver, json={"seats": 1})).problem()["code"] == "precondition_required"
    stale = await live.call("PATCH", path, driver, json={"seats": 1}, headers={"If-Match": '"7"'})
    assert stale.problem()["code"] == "stale_version"
    assert (await live.call("DELETE", path, driver, headers={"If-Match": '"7"'})).status == 412
    good = await live.call("PATCH", path, driver, json={"seats": 1}, headers={"If-Match": '"1"'})
    assert (good.status, good.headers["ETag"]) == (200, '"2"')


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"weekdays": []}, "/weekdays"),
        ({"weekdays": ["XX"]}, "/weekdays/0"),
        ({"date": "2031-01-01"}, "/weekdays"),
        ({"weekdays": None}, "/weekdays"),
        ({"departure": "24:00"}, "/departure"),
        ({"departure": "7:45"}, "/departure"),
        ({"exceptions": ["2026-02-30"]}, "/exceptions/0"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"until": "2020-01-01"}, "/until"),
        ({"until": "2150-01-01"}, "/until"),
        ({"return": {"departure": "03:00"}}, "/return/departure"),
        ({"return": {"departure": "03:12"}}, "/return/departure"),  # the way there takes longer
        ({"weekdays": None, "date": "2020-01-01"}, "/date"),
        ({"from": "2150-01-01"}, "/from"),
        ({"price": {"amount": 900, "currency": "EUR"}}, "/price/amount"),
    ],
)
async def test_what_cannot_be_is_refused_with_a_pointer(
    live: Live, driver: str, changes: dict[str, Any], pointer: str
) -> None:
    answer = await live.call("POST", "/v1/series", driver, json=a_series(**changes))
    assert answer.status == 422, answer.body
    assert pointer in {fault["pointer"] for fault in answer.problem()["errors"]}, answer.body


async def test_pages_and_other_peoples_series(live: Live) -> None:
    driver, other = await live.key("driver"), await live.key("driver")
    ids = [(await posted(live, driver))["id"] for _ in range(3)]
    first = (await live.call("GET", "/v1/series?limit=2", driver)).json
    rest = (await live.call("GET", f"/v1/series?limit=2&cursor={first['next_cursor']}", driver)).json
    assert [one["id"] for one in first["series"] + rest["series"]] == ids
    assert "next_cursor" not in rest
    for method in ("GET", "DELETE"):
        answer = await live.call(method, f"/v1/series/{ids[0]}", other)
        assert answer.problem()["code"] == "series_not_found"


async def test_an_erased_driver_leaves_no_series(live: Live) -> None:
    driver = await live.key("driver")
    series = await posted(live, driver)
    exported = (await live.call("GET", "/v1/me/export", driver)).json["series"]
    assert [one["id"] for one in exported] == [series["id"]]
    assert [one["offer_id"] for one in exported[0]["occurrences"]] == [o["offer_id"] for o in series["occurrences"]]
    assert "edge" not in str(exported)
    assert (await live.call("DELETE", "/v1/me", driver)).status == 204
    admin = await live.key("admin")
    assert (await live.call("GET", f"/v1/series/{series['id']}", admin)).status == 404
