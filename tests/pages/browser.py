"""A real browser for the tests of the pages: Chromium as the system has it, watched for errors and for foreign
requests.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright, expect

from tests.api.live import Live

#: Names that systems give it, the preferred first.
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
#: No GPU on a test machine, and nothing of its own that asks the network; as root there is no sandbox.
FLAGS = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-default-apps", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
)  # fmt: skip
#: A failing call is logged by the browser itself; the pages' own errors are another matter.
REPORTED_BY_BROWSER = "Failed to load resource"
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


def chromium() -> str:
    """The path of the browser; without one the test is skipped, or fails where continuous integration demands it."""
    for name in NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    reason = f"no browser: none of {', '.join(NAMES)} is installed"
    if os.environ.get("BROWSER_TESTS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """A browser without windows, until the block ends."""
    path = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        await browser.close()


@dataclass
class Watched:
    """What a page has done wrong."""

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


@dataclass
class Visitor:
    """Somebody in front of a page of their own."""

    page: Page
    live: Live
    watched: Watched

    async def open(self, path: str, key: str | None = None) -> None:
        """Open a page, signed in by its link when a key is given."""
        await self.page.goto(f"{self.live.url}{path}" + (f"#key={key}" if key else ""))

    async def map_drawn(self) -> None:
        """Wait for the map's first view."""
        await self.page.wait_for_selector('[data-map="ready"]', timeout=60_000)


@asynccontextmanager
async def visiting(browser: Browser, live: Live, **more: Any) -> AsyncIterator[Visitor]:
    """A visitor with a clean profile, whose page may make no error and ask nobody else."""
    settings: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB"} | more
    context = await browser.new_context(**settings)
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    watched = Watched()

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(REPORTED_BY_BROWSER):
            watched.errors.append(message.text)

    def on_request(request: Request) -> None:
        if not request.url.startswith((f"{live.url}/", "blob:", "data:")):
            watched.foreign.append(request.url)

    page.on("console", on_console)
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("request", on_request)
    try:
        yield Visitor(page, live, watched)
        assert watched.errors == [], watched.errors
        assert watched.foreign == [], watched.foreign
    finally:
        await context.close()
