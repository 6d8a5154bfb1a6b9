"""How soon a page can be used in a browser: from its address to a form that takes what is typed, and to the map drawn.

    bench/pages.py [--rounds 5] [--json FILE]

A demo of its own and Chromium without a graphics card, both on this machine. `first` is a browser that has never seen
the pages, `again` one that has their files. Bytes are those on the wire. See README.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

# Not this folder, where a module is named like the standard library's http, but the one above it.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import argparse
import asyncio
import json
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from scripts.take_screenshots import PAGE_OF, running_demo
from tests.pages.browser import FLAGS, chromium

Row = dict[str, Any]
_MARKS = """() => ({
  usable: performance.getEntriesByName("usable")[0].startTime,
  map: performance.getEntriesByName("map")[0].startTime,
  bytes: performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
    .reduce((sum, each) => sum + each.transferSize, 0),
})"""


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = asyncio.run(measured(options.rounds))
    print(json.dumps(result, indent=2))
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


async def measured(rounds: int) -> Row:
    """Every page, first and again: the median of the rounds, milliseconds and kilobytes."""
    result: Row = {}
    async with running_demo() as links, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        for role, link in links.items():
            runs = [await visit(browser, link) for _ in range(rounds + 1)][1:]  # one that warms up the service
            result[PAGE_OF[role]] = {
                when: {
                    "usable_ms": round(_median([run[when]["usable"] for run in runs])),
                    "map_ms": round(_median([run[when]["map"] for run in runs])),
                    "kb": round(_median([run[when]["bytes"] for run in runs]) / 1000),
                }
                for when in ("first", "again")
            }
        await browser.close()
    return result


async def visit(browser: Browser, link: str) -> Row:
    """Somebody who comes for the first time, and once more."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = await context.new_page()
    found = {"first": await marks(page, link)}
    await page.goto("about:blank")
    found["again"] = await marks(page, link)
    await context.close()
    return found


async def marks(page: Page, link: str) -> Row:
    """What a page notes of itself."""
    await page.goto(link)
    await page.wait_for_selector('[data-map="ready"]', timeout=60_000)
    found: Row = await page.evaluate(_MARKS)
    return found


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    sys.exit(main())
