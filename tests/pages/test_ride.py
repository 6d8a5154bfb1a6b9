"""A rider finds a ride, asks for a seat, and sees what becomes of it, in a real browser against the real service."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from playwright.async_api import Page, expect

from api.app_keys import STREAMS
from tests.api.live import Live, a_search, around, quiet_morning
from tests.pages.browser import Visitor
from tests.pages.pixels import colours_of, near

FROM, TO = "Los Copihues & Los Clarines", "Balmaceda & Brasil"
#: The colour of a ride on the light map (api/pages/static/map/style.js).
RIDE = (0x0B, 0x6E, 0x5F)


def link(morning: datetime, **more: Any) -> str:
    """/ride with a search filled in that is made at once."""
    asked = {
        "from": "Los Copihues %26 Los Clarines", "to": "Balmaceda %26 Brasil", "date": f"{morning:%Y-%m-%d}",
        "earliest": "07:00", "latest": "08:30",
    } | more  # fmt: skip
    return "/ride?" + "&".join(f"{name}={value}" for name, value in asked.items())


async def a_trip(live: Live, driver: str, morning: datetime, **changes: Any) -> dict[str, Any]:
    """From one of those places to the other, more or less."""
    body = {"origin": {"lat": -29.983, "lon": -71.336}, "destination": {"lat": -29.9008, "lon": -71.2497}}
    return await live.published(driver, departure=morning.isoformat(), **(body | changes))


async def fill_place(page: Page, label: str, text: str) -> None:
    """Type a place and take what is proposed first, by keyboard."""
    box = page.get_by_role("combobox", name=label, exact=True)
    await box.fill("")
    await box.press_sequentially(text, delay=5)
    await page.get_by_role("option").first.wait_for()
    await box.press("ArrowDown")
    await box.press("Enter")


async def test_the_way_from_a_key_to_a_confirmed_seat(visitor: Visitor, pages: Live) -> None:
    page, morning = visitor.page, quiet_morning()
    driver, rider = await pages.key("driver"), await pages.key("rider")
    offer = await a_trip(pages, driver, morning)
    await visitor.open("/ride")
    await expect(page).to_have_title("Find a ride · carpool")
    await page.get_by_label("API key").fill("ck_0123456789abcdef_wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("This key is not valid, or not any more.")).to_be_visible()
    await page.get_by_label("API key").fill(rider)
    await page.get_by_role("button", name="Sign in").click()

    await fill_place(page, "From", "los copihues & los cla")
    await fill_place(page, "To", "balmaceda & brasil")
    await page.get_by_label("Day").fill(f"{morning:%Y-%m-%d}")
    await page.get_by_label("Not before").fill("07:00")
    await page.get_by_label("Not after").fill("08:30")
    await page.get_by_role("button", name="Search", exact=True).click()
    await expect(page.get_by_role("heading", name="1 ride fits")).to_be_visible()
    row = page.locator(f'[data-offer="{offer["id"]}"]')
    await expect(row).to_contain_text("3 seats left")
    await row.get_by_text("Why this score").click()
    await expect(row.get_by_role("rowheader", name="Detour")).to_be_visible()

    await visitor.map_drawn()
    await page.wait_for_timeout(300)  # news of the places comes late, and must not take the ride off the map again
    assert near(RIDE, await colours_of(page, ".map-canvas canvas"), share=0.0005)

    await row.get_by_role("button", name="Ask for a seat").click()
    await row.get_by_label("A word to the driver").fill("one small suitcase")
    await row.get_by_role("button", name="Send").click()
    card = page.locator("[data-booking]")
    await expect(card).to_contain_text("Waiting for the driver")
    await expect(card).to_contain_text("one small suitcase")
    booking = (await pages.call("GET", "/v1/bookings", driver)).json["bookings"][0]
    await pages.call(
        "PATCH", f"/v1/bookings/{booking['id']}", driver, data='{"status": "CONFIRMED"}',
        headers={"If-Match": "*", "Content-Type": "application/merge-patch+json"},
    )  # fmt: skip
    await expect(card).to_contain_text("Confirmed")
    await expect(page.get_by_text("Your ride is confirmed.")).to_be_visible()
    await expect(card).to_contain_text("Driver: ")


async def test_the_key_of_a_link_stays_in_the_tab(visitor: Visitor, pages: Live) -> None:
    await visitor.open("/ride", await pages.key("rider"))
    await expect(visitor.page.get_by_role("button", name="Search", exact=True)).to_be_visible()
    assert "key=" not in visitor.page.url
    assert await visitor.page.evaluate("localStorage.length") == 0
    await visitor.page.reload()
    await expect(visitor.page.get_by_role("button", name="Search", exact=True)).to_be_visible()
    await visitor.page.get_by_role("button", name="Sign out").click()
    await expect(visitor.page.get_by_label("API key")).to_be_visible()
    assert await visitor.page.evaluate("sessionStorage.length") == 0


async def test_nobody_fits_and_a_hint_is_a_button(visitor: Visitor, pages: Live) -> None:
    page, morning = visitor.page, quiet_morning()
    await a_trip(pages, await pages.key("driver"), morning.replace(hour=9), flexibility_s=0)
    await visitor.open(link(morning), await pages.key("rider"))
    await expect(page.get_by_role("heading", name="No ride fits")).to_be_visible()
    await expect(page.get_by_text("Nobody goes your way at that time.")).to_be_visible()
    hint = page.locator('[data-hint="widen_window"]')
    await expect(hint).to_contain_text("1 more")
    await page.get_by_text("offers fit").click()
    await expect(page.get_by_role("rowheader", name="at another time")).to_be_visible()
    await hint.click()
    await expect(page.get_by_role("heading", name="1 ride fits")).to_be_visible()
    assert await page.get_by_label("Not before").input_value() < "07:00"


async def test_a_search_that_waits_hears_of_a_new_trip(visitor: Visitor, pages: Live) -> None:
    page, morning = visitor.page, quiet_morning()
    await visitor.open(link(morning), await pages.key("rider"))
    await page.get_by_role("button", name="Keep this search").click()
    card = page.locator("[data-request]")
    await expect(card).to_contain_text("Waiting for a trip")
    await expect(page.locator('.stream[data-state="live"]')).to_be_visible()
    offer = await a_trip(pages, await pages.key("driver"), morning)
    await expect(card).to_contain_text("1 new trip")
    await card.get_by_role("button", name="Look now").click()
    await expect(page.locator(f'[data-offer="{offer["id"]}"]')).to_be_visible()
    await page.get_by_role("tab", name="My rides").click()
    await card.get_by_role("button", name="Stop waiting").click()
    await expect(card).to_have_count(0)
    await expect(page.get_by_text("No rides yet")).to_be_visible()


async def test_what_is_refused_is_said_at_its_field_and_nothing_typed_is_lost(visitor: Visitor, pages: Live) -> None:
    page, morning = visitor.page, quiet_morning()
    await visitor.open(link(morning), await pages.key("rider"))
    await expect(page.get_by_role("heading", name="No ride fits")).to_be_visible()
    await page.get_by_label("Seats").fill("9")
    await page.get_by_role("button", name="Search", exact=True).click()
    seats = page.locator('[data-pointer="/seats"]')
    await expect(seats.locator(".fault")).to_contain_text("less than or equal to 8")
    await expect(page.get_by_label("Seats")).to_be_focused()
    await expect(page.get_by_label("Seats")).to_have_value("9")
    await page.get_by_role("combobox", name="From", exact=True).fill("qqqqqqqqqq")
    await page.get_by_role("button", name="Search", exact=True).click()
    await expect(page.get_by_text("No such place is known here.")).to_be_visible()


async def test_a_service_that_is_away_is_said_and_a_try_again_works(visitor: Visitor, pages: Live) -> None:
    page, morning = visitor.page, quiet_morning()
    await visitor.open(link(morning), await pages.key("rider"))
    await expect(page.get_by_role("heading", name="No ride fits")).to_be_visible()
    await page.route("**/v1/match", lambda route: route.abort())
    await page.get_by_role("button", name="Search", exact=True).click()
    await expect(page.get_by_text("The service cannot be reached.")).to_be_visible()
    await expect(page.get_by_role("combobox", name="From", exact=True)).not_to_have_value("")
    await page.unroute("**/v1/match")
    await page.get_by_role("button", name="Search", exact=True).click()
    await expect(page.get_by_role("heading", name="No ride fits")).to_be_visible()
    await expect(page.get_by_text("The service cannot be reached.")).to_have_count(0)


async def test_a_stream_that_is_cut_is_told_and_mended(visitor: Visitor, pages: Live) -> None:
    """What happens while the page hears nothing is there once the stream is back."""
    page, morning = visitor.page, quiet_morning()
    driver, rider = await pages.key("driver"), await pages.key("rider")
    await pages.published(driver, departure=morning.isoformat())
    match = (await pages.call("POST", "/v1/match", rider, json=a_search(departure=around(morning)))).json["matches"][0]
    booking = (await pages.call("POST", "/v1/bookings", rider, json={"match_id": match["match_id"]})).json
    await visitor.open("/ride", rider)
    await expect(page.locator(".stream")).to_have_text("Live")
    await page.get_by_role("tab", name="My rides").click()
    card = page.locator("[data-booking]")
    await expect(card).to_contain_text("Waiting for the driver")
    await page.route("**/v1/events", lambda route: route.abort())
    for stream in list(pages.app[STREAMS]._open):
        stream.end()
    await expect(page.locator(".stream")).to_have_text("Reconnecting …")
    await expect(page.get_by_text("The connection was lost.")).to_be_visible()
    await pages.call(
        "PATCH", f"/v1/bookings/{booking['id']}", driver, data='{"status": "CONFIRMED"}',
        headers={"If-Match": "*", "Content-Type": "application/merge-patch+json"},
    )  # fmt: skip
    await page.unroute("**/v1/events")
    await expect(page.locator(".stream")).to_have_text("Live")
    await expect(card).to_contain_text("Confirmed")


async def test_everything_by_keyboard(visitor: Visitor, pages: Live) -> None:
    page, morning = visitor.page, quiet_morning()
    offer = await a_trip(pages, await pages.key("driver"), morning, instant_booking=True)
    await visitor.open("/ride", await pages.key("rider"))
    origin = page.get_by_role("combobox", name="From", exact=True)
    await origin.wait_for()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    for _ in range(12):
        if await origin.evaluate("element => element === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    await expect(origin).to_be_focused()
    await page.keyboard.type("los copihues & los cla", delay=5)
    await page.get_by_role("option").first.wait_for()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("combobox", name="To", exact=True)).to_be_focused()
    await page.keyboard.type("balmaceda & brasil", delay=5)
    await page.get_by_role("option").first.wait_for()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.get_by_label("Day").fill(f"{morning:%Y-%m-%d}")
    await page.get_by_label("Day").press("Enter")
    await expect(page.get_by_role("heading", name="1 ride fits")).to_be_focused()
    row = page.locator(f'[data-offer="{offer["id"]}"]')
    await page.keyboard.press("Tab")
    await expect(row.get_by_role("button", name="Ask for a seat")).to_be_focused()
    outline = await row.get_by_role("button", name="Ask for a seat").evaluate("e => getComputedStyle(e).outlineStyle")
    assert outline == "solid"
    await page.keyboard.press("Enter")
    await expect(row.get_by_label("A word to the driver")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-booking]")).to_contain_text("Confirmed")


async def test_a_place_is_taken_from_the_map(visitor: Visitor, pages: Live) -> None:
    page = visitor.page
    await visitor.open("/ride", await pages.key("rider"))
    await visitor.map_drawn()
    await page.get_by_role("button", name="From: take it from the map").click()
    await page.locator(".map-canvas").click(position={"x": 400, "y": 400})
    origin = page.get_by_role("combobox", name="From", exact=True)
    await expect(origin).not_to_have_value("")
    await expect(page.locator(".pin-origin")).to_have_count(1)


async def test_two_seats_are_cancelled_with_a_word(visitor: Visitor, pages: Live) -> None:
    page, morning = visitor.page, quiet_morning()
    driver, rider = await pages.key("driver"), await pages.key("rider")
    await pages.published(driver, departure=morning.isoformat(), instant_booking=True)
    match = (await pages.call("POST", "/v1/match", rider, json=a_search(departure=around(morning)))).json["matches"][0]
    assert (await pages.call("POST", "/v1/bookings", rider, json={"match_id": match["match_id"]})).status == 201
    await visitor.open("/ride", rider)
    await page.get_by_role("tab", name="My rides").click()
    card = page.locator("[data-booking]")
    await card.get_by_role("button", name="Cancel …").click()
    await card.get_by_label("A word to the other side").fill("I am ill")
    await card.get_by_role("button", name="Yes, do it").click()
    await page.get_by_text("1 over").click()
    await expect(card).to_contain_text("Cancelled by the rider")
    seen = (await pages.call("GET", "/v1/bookings", driver)).json["bookings"][0]
    assert (seen["status"], seen["reply"]) == ("CANCELLED", "I am ill")
