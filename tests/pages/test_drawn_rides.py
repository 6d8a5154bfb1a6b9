"""A ride is drawn where it runs, in the colour of what it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, Locator, Page, expect

from matcher.domain.place import Coordinate
from tests.api.live import Live, around, quiet_morning
from tests.pages.browser import visiting
from tests.pages.pixels import Colour, has_at
from tests.polylines import decode_polyline

#: Of the light map (api/pages/static/map/style.js).
RIDE: Colour = (0x0B, 0x6E, 0x5F)
SHARED: Colour = (0x3F, 0xB8, 0xA3)
ENDS = {"origin": {"address": "Los Copihues & Los Clarines"}, "destination": {"address": "Balmaceda & Brasil"}}


@dataclass(frozen=True, slots=True)
class Chart:
    """Where places are on the picture of a map, from one place on it and the pixels of a radian."""

    at: Coordinate
    x: float
    y: float
    scale: float

    def pixel(self, place: Coordinate) -> tuple[float, float]:
        """Web Mercator, north up."""
        east = math.radians(place.lon - self.at.lon)
        return self.x + east * self.scale, self.y - (_north(place) - _north(self.at)) * self.scale


def _north(place: Coordinate) -> float:
    return math.log(math.tan(math.pi / 4 + math.radians(place.lat) / 2))


def _place(spot: dict[str, Any]) -> Coordinate:
    return Coordinate(lat=spot["lat"], lon=spot["lon"])


async def _foot(pin: Locator, canvas: Locator) -> tuple[float, float]:
    """The pixel that a pin stands on."""
    box, area = await pin.bounding_box(), await canvas.bounding_box()
    assert box is not None
    assert area is not None
    return box["x"] + box["width"] / 2 - area["x"], box["y"] + box["height"] - area["y"]


async def _chart(page: Page, match: dict[str, Any]) -> Chart:
    """From the pins of where a match is boarded and left."""
    canvas = page.locator(".map-canvas")
    stops = page.locator(".pin-stop")
    await expect(stops).to_have_count(2)
    (x, y), (other_x, _) = [await _foot(stops.nth(number), canvas) for number in (0, 1)]
    here, there = _place(match["pickup"]), _place(match["dropoff"])
    return Chart(here, x, y, (other_x - x) / math.radians(there.lon - here.lon))


async def _seen(page: Page, chart: Chart, colour: Colour, place: Coordinate, *, aside: float = 0) -> bool:
    picture = await page.locator(".map-canvas").screenshot()
    x, y = chart.pixel(place)
    return has_at(picture, colour, x - aside, y - aside)


async def test_a_ride_and_what_it_shares_are_drawn_where_they_run(browser: Browser, pages: Live) -> None:
    morning = quiet_morning()
    driver, rider = await pages.key("driver"), await pages.key("rider")
    trip: dict[str, Any] = {
        "origin": {"lat": -29.983, "lon": -71.336},
        "destination": {"lat": -29.9008, "lon": -71.2497},
    }
    await pages.published(driver, departure=morning.isoformat(), **trip)
    # This one starts farther on and takes no detour: the rider walks to it.
    farther = trip | {"origin": {"lat": -29.9795, "lon": -71.3395}}
    await pages.published(driver, departure=morning.isoformat(), max_detour_s=60, **farther)
    asked = ENDS | {"departure": around(morning), "max_walk_m": 600}
    door, walked = (await pages.call("POST", "/v1/match", rider, json=asked)).json["matches"]
    assert "walking" not in door
    assert walked["pickup"]["walk_m"] > 100

    async with visiting(browser, pages, reduced_motion="reduce") as visitor:
        page = visitor.page
        await visitor.open(
            "/ride?from=Los Copihues %26 Los Clarines&to=Balmaceda %26 Brasil&earliest=07:00&latest=08:00"
            f"&date={morning:%Y-%m-%d}",
            rider,
        )
        await expect(page.locator(".rows .row")).to_have_count(2)
        await visitor.map_drawn()
        way = decode_polyline(door["polyline"])
        middle = way[len(way) // 2]
        for match, shares in ((door, False), (walked, True)):
            row = page.locator(f'[data-offer="{match["offer_id"]}"]')
            await row.hover()
            await expect(row).to_have_class("row shown")
            await page.wait_for_timeout(600)
            chart = await _chart(page, match)
            assert await _seen(page, chart, RIDE, middle)
            assert not await _seen(page, chart, RIDE, middle, aside=25)
            # Only a ride that is walked to has the rider's own way beside it.
            assert await _seen(page, chart, SHARED, middle) is shares
