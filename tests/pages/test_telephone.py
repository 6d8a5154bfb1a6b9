"""The pages on a telephone: touched, narrow, one thing below the other."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Browser, expect

from tests.api.live import Live, quiet_morning
from tests.pages.browser import visiting

TELEPHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2,
}  # fmt: skip
TRIP: dict[str, Any] = {"origin": {"lat": -29.983, "lon": -71.336}, "destination": {"lat": -29.9008, "lon": -71.2497}}


async def test_a_seat_is_found_and_asked_for_by_touch(browser: Browser, pages: Live) -> None:
    morning = quiet_morning()
    driver, rider = await pages.key("driver"), await pages.key("rider")
    await pages.published(driver, departure=morning.isoformat(), instant_booking=True, **TRIP)
    async with visiting(browser, pages, **TELEPHONE) as visitor:
        page = visitor.page
        await visitor.open("/ride", rider)
        for label, typed in (("From", "los copihues & los cla"), ("To", "balmaceda & brasil")):
            box = page.get_by_role("combobox", name=label, exact=True)
            await box.tap()
            await box.press_sequentially(typed, delay=5)
            await page.locator("li[role=option]:visible").first.tap()
        await page.get_by_label("Day").fill(f"{morning:%Y-%m-%d}")
        await page.get_by_label("Not before").fill("07:00")
        await page.get_by_label("Not after").fill("08:30")
        await page.get_by_role("button", name="Search", exact=True).tap()
        heading = page.get_by_role("heading", name="1 ride fits")
        # What was searched for is brought into view, and the map that stays on top does not cover it.
        await expect(heading).to_be_in_viewport()
        map_area, area = await page.locator(".map").bounding_box(), await heading.bounding_box()
        assert map_area is not None
        assert area is not None
        assert area["y"] >= map_area["y"] + map_area["height"]
        await page.get_by_role("button", name="Ask for a seat").tap()
        await page.get_by_role("button", name="Send").tap()
        await expect(page.locator("[data-booking]")).to_contain_text("Confirmed")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_a_trip_is_published_and_a_rider_accepted_by_touch(browser: Browser, pages: Live) -> None:
    morning = quiet_morning().replace(hour=7, minute=15)
    driver, rider = await pages.key("driver"), await pages.key("rider")
    async with visiting(browser, pages, **TELEPHONE) as visitor:
        page = visitor.page
        await visitor.open(
            f"/drive?from=Los Copihues %26 Los Clarines&to=Balmaceda %26 Brasil&date={morning:%Y-%m-%d}&time=07:15",
            driver,
        )
        await expect(page.locator(".preview .figure").first).to_be_visible()
        await page.get_by_role("button", name="Publish", exact=True).tap()
        trip = page.locator("article.trip")
        await expect(trip).to_contain_text("3 of 3 seats left")
        asked = {
            **TRIP, "departure": {
                "earliest": morning.replace(minute=0).isoformat(), "latest": morning.replace(minute=45).isoformat()
            },
        }  # fmt: skip
        match = (await pages.call("POST", "/v1/match", rider, json=asked)).json["matches"][0]
        assert (await pages.call("POST", "/v1/bookings", rider, json={"match_id": match["match_id"]})).status == 201
        await trip.get_by_role("button", name="Accept").tap()
        await expect(trip).to_contain_text("2 of 3 seats left")
