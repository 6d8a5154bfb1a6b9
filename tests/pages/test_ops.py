"""Operators see how well riders are matched, where they are not, how the service is, and one search again."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

from playwright.async_api import expect

from tests.api.live import Live, a_search, around, quiet_morning
from tests.api.streams import until
from tests.pages.browser import Visitor
from tests.pages.pixels import colours_of, near
from tests.receivers import receiving


async def searches(pages: Live, times: int, *, matched: bool) -> None:
    rider, morning = await pages.key("rider"), quiet_morning()
    if matched:
        await pages.published(await pages.key("driver"), departure=morning.isoformat())
    for number in range(times):
        answer = await pages.call(
            "POST", "/v1/match", rider, json=a_search(departure=around(morning)),
            headers={"X-Request-Id": f"ops-{matched}-{number}"},
        )  # fmt: skip
        assert bool(answer.json["matches"]) is matched
    await pages.carpool.search_log.flush(datetime.now(UTC))


async def test_numbers_charts_and_unmet_demand(visitor: Visitor, pages: Live) -> None:
    page = visitor.page
    await searches(pages, 4, matched=True)
    await searches(pages, 6, matched=False)
    ops = await pages.key("ops")
    await visitor.open("/ops", ops)
    totals = (await pages.call("GET", "/v1/stats/matches", ops, params={"bucket": "hour"})).json["totals"]
    hours = page.get_by_role("figure").filter(has_text="When riders want to travel")
    await hours.get_by_text("As a table").click()
    seven = hours.get_by_role("row").filter(has=page.get_by_role("rowheader", name="07", exact=True))
    wanted = await pages.call("GET", "/v1/stats/wanted", ops, params={"tz": "America/Santiago"})
    of_seven = wanted.json["by_hour"][7]
    assert of_seven["asked"] >= 10
    await expect(seven.get_by_role("cell")).to_have_text(
        [str(of_seven["asked"] - of_seven["unmatched"]), str(of_seven["unmatched"])]
    )
    first = page.locator(".board > .figures .figure").first
    await expect(first).to_contain_text(str(totals["searches"]))
    chart = page.get_by_role("figure").filter(has_text="Searches, by when they were made")
    assert await chart.locator("rect").count() >= 2
    await chart.get_by_text("As a table").click()
    await expect(chart.get_by_role("columnheader", name="found a ride")).to_be_visible()
    await expect(page.get_by_text("Why offers were turned away").first).to_be_visible()
    await expect(page.get_by_role("row", name="Database ok", exact=True)).to_be_visible()
    feed = page.get_by_role("row").filter(has_text="Change feed")
    await expect(feed).to_contain_text(re.compile(r"ok\s*[\d.]+ s behind the database"))
    await expect(page.get_by_role("figure").filter(has_text="Latency of searches").locator("circle")).not_to_have_count(
        0
    )
    await expect(page.get_by_text("None: everything was delivered")).to_be_visible()
    await expect(page.get_by_text("searches found nothing in the cells shown")).to_be_visible()
    await visitor.map_drawn()
    await page.wait_for_timeout(500)
    found = await colours_of(page, ".map-canvas canvas")
    assert near((0xC6, 0x6F, 0x68), found, share=0.0005, reach=30), found.most_common(12)
    await page.get_by_label("Range").select_option("7d")
    await expect(page.get_by_text("times of America/Santiago")).to_be_visible()
    await expect(chart.locator("rect").first).to_be_visible()


async def test_bookings_are_shown_by_state(visitor: Visitor, pages: Live) -> None:
    # The page looks two days ahead, in which nothing of other tests departs.
    soon = (datetime.now(UTC) + timedelta(hours=26)).replace(minute=0, second=0, microsecond=0)
    driver, rider = await pages.key("driver"), await pages.key("rider")
    for instant in (True, True, False):
        await pages.published(driver, departure=soon.isoformat(), instant_booking=instant)
    asked = a_search(departure=around(soon))
    for match in (await pages.call("POST", "/v1/match", rider, json=asked)).json["matches"]:
        assert (await pages.call("POST", "/v1/bookings", rider, json={"match_id": match["match_id"]})).status == 201
    await visitor.open("/ops", await pages.key("ops"))
    chart = visitor.page.get_by_role("figure").filter(has_text="Bookings by state")
    for state, count in (("Confirmed", "2"), ("Waiting for the driver", "1")):
        await expect(chart.get_by_role("row").filter(has_text=state)).to_contain_text(count)


async def test_a_delivery_that_was_given_up_is_sent_again(visitor: Visitor, pages: Live) -> None:
    page = visitor.page
    token, ops = await pages.key("driver"), await pages.key("ops")
    async with receiving(503) as receiver:
        hook = await pages.call("POST", "/v1/webhooks", token, json={"url": receiver.url})
        assert hook.status == 201, hook.body
        rider, morning = await pages.key("rider"), quiet_morning()
        await pages.published(token, departure=morning.isoformat(), instant_booking=True)
        asked = a_search(departure=around(morning))
        (match,) = (await pages.call("POST", "/v1/match", rider, json=asked)).json["matches"]
        booked = await pages.call("POST", "/v1/bookings", rider, json={"match_id": match["match_id"]})
        assert booked.status == 201, booked.body
        path = f"/v1/webhooks/deliveries?webhook_id={hook.json['id']}&status=DEAD"
        async with asyncio.timeout(60):
            while not (await pages.call("GET", path, ops)).json["deliveries"]:  # noqa: ASYNC110  # only the answer tells
                await asyncio.sleep(0.05)
        await visitor.open("/ops", ops)
        letter = page.locator("article.card").filter(has_text="HTTP 503").first
        await expect(letter).to_contain_text("3 attempts")
        receiver.answers = [200]
        before = len(receiver.got)
        await letter.get_by_role("button", name="Send again").click()
        await expect(page.get_by_text("It is being sent again.")).to_be_visible()
        await expect(page.locator("article.card").filter(has_text="HTTP 503")).to_have_count(0)
        await until(lambda: len(receiver.got) > before)


async def test_a_search_of_the_log_is_replayed_on_the_map(visitor: Visitor, pages: Live) -> None:
    page = visitor.page
    await searches(pages, 1, matched=True)
    await visitor.open("/ops", await pages.key("ops"))
    await page.get_by_label("Request id").fill("never-asked")
    await page.get_by_role("button", name="Replay", exact=True).first.click()
    await expect(page.get_by_text("No search with the request id never-asked is stored")).to_be_visible()
    await page.get_by_label("Request id").fill("ops-True-0")
    await page.get_by_role("button", name="Replay", exact=True).first.click()
    await expect(page.get_by_text("offers fit now.")).to_be_visible()
    await expect(page.get_by_text("The log holds the cells and the hour of a search only")).to_be_visible()
    row = page.locator(".results [data-offer]").first
    await row.get_by_text("Why this score").click()
    await expect(row.get_by_role("rowheader", name="Detour")).to_be_visible()
    await expect(page.locator(".pin-origin")).to_have_count(1)
    await page.get_by_role("button", name="Back to unmet demand").click()
    await expect(page.locator(".pin-origin")).to_have_count(0)


async def test_a_search_by_hand_is_replayed(visitor: Visitor, pages: Live) -> None:
    page, morning = visitor.page, quiet_morning()
    await pages.published(
        await pages.key("driver"), departure=morning.isoformat(), origin={"lat": -29.983, "lon": -71.336},
        destination={"lat": -29.9008, "lon": -71.2497},
    )  # fmt: skip
    await visitor.open("/ops", await pages.key("ops"))
    await page.get_by_text("By hand").click()
    form = page.locator("details", has_text="By hand")
    await form.get_by_role("combobox", name="From", exact=True).fill("Los Copihues & Los Clarines")
    await form.get_by_role("combobox", name="To", exact=True).fill("Balmaceda & Brasil")
    await form.get_by_label("Day").fill(f"{morning:%Y-%m-%d}")
    await form.get_by_role("button", name="Replay").click()
    await expect(page.get_by_text("offers fit now.")).to_be_visible()
    await expect(page.locator(".results [data-offer]")).to_have_count(1)
