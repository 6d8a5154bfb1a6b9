"""What a driver may ask, what is suggested, and what a rider is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from matcher.settings.matching import CostSettings
from tests.api.booking import asked, match_of, move
from tests.api.live import Live, a_search, an_offer, around, live_service, quiet_morning, settings_for


def _eur(amount: float) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


async def test_an_offer_says_what_to_ask_and_why(live: Live) -> None:
    offer = await live.published(await live.key("driver"), seats=3)
    advice = offer["price_advice"]
    km = offer["distance_m"] / 1000
    assert "price" not in offer
    assert advice["suggested"]["currency"] == advice["dearest"]["currency"] == "EUR"
    assert advice["suggested"]["amount"] == pytest.approx(km * 0.30 / 4, abs=0.01)
    assert advice["dearest"]["amount"] == pytest.approx(km * 0.30 / 3, abs=0.01)
    assert advice["cost_of_driving"] == {"per_km": 0.3, "currency": "EUR", "source": "a test"}


async def test_a_driver_names_changes_and_withdraws_a_price(live: Live) -> None:
    token = await live.key("driver")
    offer = await live.published(token, price=_eur(0.5))
    assert offer["price"] == _eur(0.5)
    where = f"/v1/offers/{offer['id']}"
    changed = await live.call("PATCH", where, token, json={"price": _eur(0)}, headers={"If-Match": '"1"'})
    assert changed.json["price"] == _eur(0)
    kept = await live.call("PATCH", where, token, json={"comment": "free"}, headers={"If-Match": '"2"'})
    assert kept.json["price"] == _eur(0)
    withdrawn = await live.call("PATCH", where, token, json={"price": None}, headers={"If-Match": '"3"'})
    assert "price" not in withdrawn.json
    assert "price" not in (await live.call("GET", where, token)).json


async def test_a_rider_is_told_what_the_ride_costs_and_what_that_rests_on(live: Live) -> None:
    day = quiet_morning()
    token, rider = await live.key("driver"), await live.key("rider")
    priced = await live.published(token, departure=day.isoformat(), seats=3, price=_eur(0.8))
    unpriced = await live.published(token, departure=day.isoformat(), seats=3)
    answer = (await live.call("POST", "/v1/match", rider, json=a_search(departure=around(day), seats=2))).json
    fares = {match["offer_id"]: match for match in answer["matches"]}
    for offer, kind, seat in (
        (priced, "driver", 0.8),
        (unpriced, "suggested", unpriced["price_advice"]["suggested"]["amount"]),
    ):
        match = fares[offer["id"]]
        share = min(1.0, match["ride_m"] / offer["distance_m"])
        assert match["price"]["kind"] == kind
        assert match["price"]["amount"] == pytest.approx(2 * seat * share, abs=0.0101)
        assert match["price"]["amount"] <= 2 * seat * share
    assert answer["basis"]["cost_of_driving"] == {"per_km": 0.3, "currency": "EUR", "source": "a test"}
    assert answer["basis"]["co2"]["grams_per_km"] == 160
    assert "alone" in answer["basis"]["co2"]["assumption"]
    assert "IPCC" in answer["basis"]["co2"]["source"]


async def test_of_two_trips_alike_the_cheaper_stands_first(live: Live) -> None:
    day = quiet_morning()
    rider = await live.key("rider")
    drivers = {name: await live.key("driver") for name in ("dear", "silent", "cheap", "free")}
    prices = {"dear": _eur(1.3), "silent": None, "cheap": _eur(0.3), "free": _eur(0)}
    # The dearest is published first, so that nothing but its price keeps it from standing first.
    trips = {
        name: await live.published(drivers[name], departure=day.isoformat(), price=price)
        for name, price in prices.items()
    }

    async def shown() -> dict[str, Any]:
        body = a_search(departure=around(day), explain=True)
        answer = await live.call("POST", "/v1/match", rider, json=body)
        names = {trip["id"]: name for name, trip in trips.items()}
        return {names[match["offer_id"]]: match for match in answer.json["matches"]}

    before = await shown()
    assert list(before) == ["free", "cheap", "silent", "dear"]
    for name, match in before.items():
        part = match["parts"]["price"]
        trip = trips[name]
        seat = (prices[name] or trip["price_advice"]["suggested"])["amount"]
        share = seat / (trip["distance_m"] / 1000 * 0.30)
        assert part["measured"] == pytest.approx(share, abs=0.5 / 255 + 1e-6)
        assert part["value"] == pytest.approx(1 - part["measured"])
        assert (part["weight"], part["ceiling"], part["unit"]) == (0.05, 1.0, "share")
        every = match["parts"].values()
        assert sum(each["value"] * each["weight"] for each in every) == pytest.approx(match["score"], abs=1e-5)
    assert before["free"]["parts"]["price"]["value"] == 1

    where = f"/v1/offers/{trips['dear']['id']}"
    cut = await live.call("PATCH", where, drivers["dear"], json={"price": _eur(0.2)}, headers={"If-Match": "*"})
    assert cut.status == 200, cut.body
    assert list(await shown()) == ["free", "dear", "cheap", "silent"]


async def test_where_no_cost_of_driving_is_known_prices_play_no_part(live: Live, service_folder: Path) -> None:
    """Another instance on the same trips, in a country without a rate: what was published first stands first,
    whatever it asks.
    """
    day = quiet_morning()
    trips = [
        await live.published(await live.key("driver"), departure=day.isoformat(), price=price)
        for price in (_eur(1.3), None, _eur(0))
    ]
    rider, body = await live.key("rider"), a_search(departure=around(day))
    here = (await live.call("POST", "/v1/match", rider, json=body)).json["matches"]
    assert [match["offer_id"] for match in here] == [trips[k]["id"] for k in (2, 1, 0)]
    stored = live.carpool.settings.storage.database_url
    assert stored is not None
    settings = replace(settings_for(service_folder, stored.get_secret_value()), cost=CostSettings.default())
    async with live_service(settings) as elsewhere:
        there = await elsewhere.call("POST", "/v1/match", rider, json=body)
        assert "cost_of_driving" not in there.json["basis"]
        matches = there.json["matches"]
        assert [match["offer_id"] for match in matches] == [trip["id"] for trip in trips]
        assert [match["parts"]["price"] for match in matches] == [{"value": 1.0, "weight": 0.05}] * 3
        assert [match.get("price") for match in matches] == [
            here[2]["price"], None, here[0]["price"]
        ]  # fmt: skip


async def test_a_booking_keeps_the_price_it_was_asked_for(live: Live) -> None:
    day = quiet_morning()
    token, rider, latecomer = await live.key("driver"), await live.key("rider"), await live.key("rider")
    offer = await live.published(token, departure=day.isoformat(), seats=3, price=_eur(0.8), instant_booking=True)
    search = a_search(departure=around(day))
    shown = (await live.call("POST", "/v1/match", rider, json=search)).json["matches"][0]
    seen_too = (await live.call("POST", "/v1/match", latecomer, json=search)).json["matches"][0]
    booked = await live.call("POST", "/v1/bookings", rider, json={"match_id": shown["match_id"]})
    assert booked.status == 201, booked.body
    assert booked.json["price"] == shown["price"]
    assert booked.json["co2_saved_g"] == shown["co2_saved_g"] > 0
    dearer = await live.call(
        "PATCH", f"/v1/offers/{offer['id']}", token, json={"price": _eur(0.9)}, headers={"If-Match": "*"}
    )
    assert dearer.status == 200, dearer.body
    where = f"/v1/bookings/{booked.json['id']}"
    assert (await live.call("GET", where, rider)).json["price"] == shown["price"]
    refused = await live.call("POST", "/v1/bookings", latecomer, json={"match_id": seen_too["match_id"]})
    assert (refused.status, refused.problem()["code"]) == (409, "offer_changed")
    cheaper = await live.call(
        "PATCH", f"/v1/offers/{offer['id']}", token, json={"price": _eur(0.4)}, headers={"If-Match": "*"}
    )
    assert cheaper.status == 200, cheaper.body
    better = await live.call("POST", "/v1/bookings", latecomer, json={"match_id": seen_too["match_id"]})
    assert better.status == 201, better.body
    assert better.json["price"]["amount"] < seen_too["price"]["amount"]


async def test_what_a_booking_saves_goes_by_the_trip_as_it_is_when_it_is_confirmed(live: Live) -> None:
    """Two ask for the same ride before the driver answers: the detour is counted for the first who is taken along,
    and for nobody else.
    """
    driver = await live.key("driver")
    riders = [await live.key("rider") for _ in range(3)]
    offer = await live.published(driver, departure=quiet_morning().isoformat(), seats=3)
    first, second = [await asked(live, rider, offer) for rider in riders[:2]]
    assert first["co2_saved_g"] == second["co2_saved_g"]
    assert first["detour_m"] == second["detour_m"] > 100
    agreed = [(await move(live, driver, booking, "CONFIRMED")).json for booking in (first, second)]
    assert [booking["detour_m"] for booking in agreed] == [pytest.approx(first["detour_m"], abs=50), 0]
    assert agreed[0]["co2_saved_g"] == first["co2_saved_g"]
    with_nothing_added = await match_of(live, riders[2], offer)
    assert with_nothing_added["detour_m"] == 0
    assert agreed[1]["co2_saved_g"] == pytest.approx(with_nothing_added["co2_saved_g"], abs=1)

    # The other way round: who asked while the way was made anyway is taken along alone, and the detour is theirs.
    third = await asked(live, riders[2], offer)
    for booking, rider in zip((first, second), riders, strict=False):
        assert (await move(live, rider, booking, "CANCELLED")).status == 200
    alone = (await move(live, driver, third, "CONFIRMED")).json
    assert alone["detour_m"] > 100
    assert third["co2_saved_g"] > alone["co2_saved_g"] == pytest.approx(first["co2_saved_g"], abs=1)


async def test_the_dearest_price_may_be_asked_and_no_cent_more(live: Live) -> None:
    token = await live.key("driver")
    dearest = (await live.published(token, seats=2))["price_advice"]["dearest"]["amount"]
    assert (await live.published(token, seats=2, price=_eur(dearest)))["price"] == _eur(dearest)
    refused = await live.call("POST", "/v1/offers", token, json=an_offer(seats=2, price=_eur(round(dearest + 0.01, 2))))
    assert refused.status == 422
    problem = refused.problem()
    assert problem["code"] == "price_too_high"
    assert problem["dearest"] == _eur(dearest)
    assert problem["errors"][0]["pointer"] == "/price/amount"


async def test_more_seats_may_not_turn_a_share_into_a_fare(live: Live) -> None:
    token = await live.key("driver")
    dearest = (await live.published(token, seats=1))["price_advice"]["dearest"]["amount"]
    offer = await live.published(token, seats=1, price=_eur(dearest))
    answer = await live.call(
        "PATCH", f"/v1/offers/{offer['id']}", token, json={"seats": 3}, headers={"If-Match": '"1"'}
    )
    assert (answer.status, answer.problem()["code"]) == (422, "price_too_high")
    assert (await live.call("GET", f"/v1/offers/{offer['id']}", token)).json["seats"] == 1


@pytest.mark.parametrize(
    ("price", "pointer"),
    [
        ({"amount": 0.505, "currency": "EUR"}, "/price/amount"),
        ({"amount": -1, "currency": "EUR"}, "/price/amount"),
        ({"amount": "1", "currency": "EUR"}, "/price/amount"),
        ({"amount": 1}, "/price/currency"),
        ({"amount": 1, "currency": "eur"}, "/price/currency"),
        ({"amount": 1, "currency": "USD"}, "/price/currency"),
        ({"amount": 1, "currency": "EUR", "tip": 1}, "/price/tip"),
        (1, "/price"),
    ],
)
async def test_what_is_no_price_is_refused(live: Live, driver: str, price: Any, pointer: str) -> None:
    answer = await live.call("POST", "/v1/offers", driver, json=an_offer(price=price))
    assert answer.status == 422
    assert answer.problem()["errors"][0]["pointer"] == pointer
