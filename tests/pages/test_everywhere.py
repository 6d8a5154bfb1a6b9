"""What holds for every page: no accessibility violation, three languages, small and dark screens, weight and speed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Browser, Response, expect

from tests.api.live import Live, a_search, around, quiet_morning
from tests.pages.browser import Visitor, visiting

KEYS = {"ride": "rider", "drive": "driver", "ops": "ops"}
WIDTHS = (360, 768, 1440)
#: Bytes on the wire for everything that a page needs for its first view, tiles included.
HEAVIEST = 1_500_000
AXE = Path(AXE_FILE_PATH).read_text(encoding="utf-8")


async def settled(visitor: Visitor, name: str, pages: Live) -> None:
    """The page as somebody works with it: signed in, with something on it."""
    morning = quiet_morning()
    query = f"?from=Los Copihues %26 Los Clarines&to=Balmaceda %26 Brasil&date={morning:%Y-%m-%d}&time=07:30"
    if name == "ride":
        await pages.published(
            await pages.key("driver"), departure=morning.replace(hour=7, minute=40).isoformat(),
            origin={"lat": -29.983, "lon": -71.336}, destination={"lat": -29.9008, "lon": -71.2497},
        )  # fmt: skip
    await visitor.open(f"/{name}{query if name != 'ops' else ''}", await pages.key(KEYS[name]))
    ready = {"ride": ".rows .row", "drive": ".preview .figure", "ops": ".board .chart"}[name]
    await visitor.page.locator(ready).first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", KEYS)
async def test_nobody_is_shut_out(browser: Browser, pages: Live, name: str, scheme: str) -> None:
    async with visiting(browser, pages, color_scheme=scheme, bypass_csp=True) as visitor:
        await settled(visitor, name, pages)
        await visitor.map_drawn()
        await visitor.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
        await visitor.page.evaluate(AXE)
        outcome = await visitor.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        found = [
            (each["id"], each["impact"], [node["html"][:160] for node in each["nodes"]])
            for each in outcome["violations"]
            if each["impact"] in {"serious", "critical"}
        ]
        assert found == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", KEYS)
async def test_nothing_runs_out_of_a_screen(browser: Browser, pages: Live, name: str, width: int) -> None:
    async with visiting(browser, pages, viewport={"width": width, "height": 800}) as visitor:
        await settled(visitor, name, pages)
        wide = await visitor.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        small = await visitor.page.evaluate(
            """() => [...document.querySelectorAll("main button, main select, main input:not([type=checkbox])")]
                 .filter((each) => each.offsetParent && each.getBoundingClientRect().height < 30)
                 .filter((each) => !each.closest(".map"))
                 .map((each) => each.outerHTML.slice(0, 120))"""
        )
        assert small == []


@pytest.mark.parametrize(
    ("locale", "language", "title", "button"),
    [("fr-FR", "fr", "Trouver un trajet", "Chercher"), ("es-CL", "es", "Buscar un viaje", "Buscar")],
)
async def test_in_the_language_of_the_browser(
    browser: Browser, pages: Live, locale: str, language: str, title: str, button: str
) -> None:
    async with visiting(browser, pages, locale=locale, timezone_id="Asia/Tokyo") as visitor:
        await settled(visitor, "ride", pages)
        await expect(visitor.page).to_have_title(f"{title} · carpool")
        await expect(visitor.page.get_by_role("button", name=button, exact=True)).to_be_visible()
        assert await visitor.page.evaluate("document.documentElement.lang") == language
        # Times are the region's, wherever the browser is.
        await expect(visitor.page.locator(".row .times").first).to_contain_text("07:")


@pytest.mark.parametrize("name", KEYS)
async def test_a_page_is_light(browser: Browser, pages: Live, name: str) -> None:
    async with visiting(browser, pages, viewport={"width": 1440, "height": 900}) as visitor:
        sizes: dict[str, int] = {}

        async def weigh(response: Response) -> None:
            if response.url.startswith("http") and not response.url.endswith("/v1/events"):
                size = await response.request.sizes()
                sizes[response.url] = size["responseBodySize"] + size["responseHeadersSize"]

        visitor.page.on("response", weigh)
        await settled(visitor, name, pages)
        await visitor.map_drawn()
        assert 200_000 < sum(sizes.values()) < HEAVIEST, sorted(sizes.items(), key=lambda row: -row[1])[:8]


async def test_a_page_is_there_soon(browser: Browser, pages: Live) -> None:
    """From the first byte that is asked for to a form that can be filled in; two seconds without load, more on a
    busy machine.
    """
    async with visiting(browser, pages) as visitor:
        key = await pages.key("rider")
        began = time.perf_counter()
        await visitor.open("/ride", key)
        await visitor.page.get_by_role("combobox", name="From", exact=True).wait_for()
        assert time.perf_counter() - began < 10


async def test_a_map_that_cannot_be_had_stops_nothing(browser: Browser, pages: Live) -> None:
    async with visiting(browser, pages) as visitor:
        await visitor.page.route("**/vendor/maplibre-gl.js", lambda route: route.abort())
        await settled(visitor, "ride", pages)
        await expect(visitor.page.get_by_text("The map cannot be shown.")).to_be_visible()


async def test_text_of_others_is_never_markup(visitor: Visitor, pages: Live) -> None:
    morning, page = quiet_morning(), visitor.page
    driver, rider = await pages.key("driver"), await pages.key("rider")
    await pages.published(driver, departure=morning.isoformat())
    match = (await pages.call("POST", "/v1/match", rider, json=a_search(departure=around(morning)))).json["matches"][0]
    note = "<img src=x onerror=alert(1)><b>bold</b>"
    await pages.call("POST", "/v1/bookings", rider, json={"match_id": match["match_id"], "note": note})
    await visitor.open("/drive", driver)
    await page.get_by_role("tab", name="My trips 1").click()
    await expect(page.locator(".said")).to_contain_text(note)
    assert await page.locator(".said img").count() == 0
    # Trusted Types: a string is refused where it would become markup, and the browser says so.
    refused = await page.evaluate(
        "() => { try { document.createElement('p').innerHTML = '<i>x</i>'; return false } catch { return true } }"
    )
    assert refused is True
    assert all("TrustedHTML" in error for error in visitor.watched.errors)
    visitor.watched.errors.clear()
