"""A driver sees whom a trip would fit, publishes it, and answers those who ask."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import Browser, Page, expect

from tests.api.live import Live, a_search, around, quiet_morning
from tests.pages.browser import Visitor, visiting
from tests.pages.pixels import colours_of, near

RIDE = (0x0B, 0x6E, 0x5F)


def link(morning: datetime) -> str:
    """/drive with a trip filled in."""
    return f"/drive?from=Los Copihues %26 Los Clarines&to=Balmaceda %26 Brasil&date={morning:%Y-%m-%d}&time=07:15"


async def searched(pages: Live, rider: str, morning: datetime, times: int) -> None:
    """Searches along that trip, in the statistics."""
    body = {
        "origin": {"lat": -29.983, "lon": -71.336}, "destination": {"lat": -29.9008, "lon": -71.2497},
        "departure": around(morning),
    }  # fmt: skip
    for _ in range(times):
        assert (await pages.call("POST", "/v1/match", rider, json=body)).status == 200
    await pages.carpool.search_log.flush(datetime.now(UTC))


async def publish(page: Page) -> None:
    await page.get_by_role("button", name="Publish", exact=True).click()


async def test_a_trip_is_planned_published_asked_for_and_confirmed(browser: Browser, pages: Live) -> None:
    """Two browsers: what the driver accepts in one appears in the rider's."""
    morning = quiet_morning().replace(hour=7, minute=15)
    driver, rider = await pages.key("driver"), await pages.key("rider")
    wish = {
        "origin": {"lat": -29.983, "lon": -71.336}, "destination": {"lat": -29.9008, "lon": -71.2497},
        "departure": around(morning),
    }  # fmt: skip
    assert (await pages.call("POST", "/v1/requests", rider, json=wish)).status == 201
    await searched(pages, rider, morning, 5)
    async with visiting(browser, pages) as one, visiting(browser, pages) as other:
        page = one.page
        await one.open(link(morning), driver)
        preview = page.locator(".preview")
        await expect(preview.get_by_text("rider waits and would fit")).to_be_visible()
        await expect(preview.locator(".figure").first).to_contain_text("1")
        await expect(preview.get_by_text("went this way")).to_be_visible()
        await expect(preview.get_by_role("rowheader", name="07:00")).to_be_visible()
        await expect(page.get_by_text("Suggested €")).to_be_visible()
        await one.map_drawn()
        assert near(RIDE, await colours_of(page, ".map-canvas canvas"), share=0.0005)
        assert (await pages.call("GET", "/v1/offers", driver)).json["offers"] == []
        await publish(page)
        await expect(page.get_by_text("The trip is published.")).to_be_visible()
        trip = page.locator("article.trip")
        await expect(trip).to_contain_text("3 of 3 seats left")

        await other.open(
            f"/ride?from=Los Copihues %26 Los Clarines&to=Balmaceda %26 Brasil&date={morning:%Y-%m-%d}"
            "&earliest=07:00&latest=08:00",
            rider,
        )
        await other.page.get_by_role("button", name="Ask for a seat").click()
        await other.page.get_by_role("button", name="Send").click()
        await expect(other.page.locator("[data-booking]")).to_contain_text("Waiting for the driver")

        await expect(trip.locator("[data-booking]")).to_contain_text("Exact place once confirmed")
        await trip.get_by_role("button", name="Accept").click()
        await expect(other.page.locator("[data-booking]")).to_contain_text("Confirmed")
        await expect(trip).to_contain_text("2 of 3 seats left")
        await expect(trip.locator("[data-booking]")).to_contain_text("Rider: ")

        await trip.get_by_role("button", name="Cancel the trip …").click()
        await trip.get_by_role("button", name="Cancel it and tell 1 rider").click()
        await expect(page.get_by_text("No trips ahead")).to_be_visible()
        await expect(other.page.get_by_text("1 over")).to_be_visible()


async def test_a_weekly_trip_there_and_back(visitor: Visitor, pages: Live) -> None:
    page, driver = visitor.page, await pages.key("driver")
    await visitor.open(link(datetime.now(UTC) + timedelta(days=3)), driver)
    await page.get_by_label("How often").select_option("weekly")
    for day in ("Sat", "Sun"):
        await expect(page.get_by_label(day)).not_to_be_checked()
    await page.get_by_label("Way back at").fill("17:30")
    await expect(page.locator(".preview").get_by_text("trips in the coming weeks")).to_be_visible()
    assert (await pages.call("GET", "/v1/series", driver)).json["series"] == []
    await publish(page)
    await expect(page.get_by_text("The trips are published.")).to_be_visible()
    await expect(page.locator("article.trip").first).to_contain_text("weekly")
    (series,) = (await pages.call("GET", "/v1/series", driver)).json["series"]
    assert series["phases"][0]["weekdays"] == ["MO", "TU", "WE", "TH", "FR"]
    assert series["phases"][0]["return"]["departure"] == "17:30"


async def test_what_is_refused_is_said_at_its_field(visitor: Visitor, pages: Live) -> None:
    page = visitor.page
    await visitor.open(link(quiet_morning()), await pages.key("driver"))
    await expect(page.locator(".preview .figure").first).to_be_visible()
    await page.get_by_label("Price a seat").fill("900")
    await publish(page)
    await expect(page.locator('[data-pointer="/price"] .fault')).not_to_be_empty()
    await expect(page.get_by_label("Price a seat")).to_be_focused()
    await expect(page.get_by_label("Price a seat")).to_have_value("900")


async def test_a_refusal_with_a_word_reaches_the_rider(visitor: Visitor, pages: Live) -> None:
    page, morning = visitor.page, quiet_morning()
    driver, rider = await pages.key("driver"), await pages.key("rider")
    await pages.published(driver, departure=morning.isoformat())
    await visitor.open("/drive", driver)
    await expect(page.locator(".stream")).to_have_text("Live")
    match = (await pages.call("POST", "/v1/match", rider, json=a_search(departure=around(morning)))).json["matches"][0]
    booking = (await pages.call("POST", "/v1/bookings", rider, json={"match_id": match["match_id"]})).json
    await expect(page.get_by_text("A rider asks for a seat.")).to_be_visible()
    await page.get_by_role("tab", name="My trips 1").click()
    card = page.locator(f'[data-booking="{booking["id"]}"]')
    await card.get_by_role("button", name="Refuse …").click()
    await card.get_by_label("A word to the other side").fill("The boot is full")
    await card.get_by_role("button", name="Yes, do it").click()
    await expect(card).to_have_count(0)
    seen: dict[str, Any] = {}
    for _ in range(50):
        seen = (await pages.call("GET", f"/v1/bookings/{booking['id']}", rider)).json
        if seen["status"] == "CANCELLED":
            break
        await asyncio.sleep(0.1)
    assert (seen["reason"], seen["reply"]) == ("refused_by_driver", "The boot is full")


async def test_riders_are_sent_to_their_page(visitor: Visitor, pages: Live) -> None:
    await visitor.open("/drive", await pages.key("rider"))
    await expect(visitor.page.get_by_role("heading", name="This page is for somebody else")).to_be_visible()
    await visitor.page.get_by_role("main").get_by_role("link", name="Ride").click()
    await expect(visitor.page.get_by_role("heading", name="Find a ride")).to_be_visible()
