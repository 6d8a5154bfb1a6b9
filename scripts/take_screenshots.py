"""Take pictures of every page, small and large, light and dark, of a demo that runs for the purpose.

    scripts/take_screenshots.py [FOLDER]

Needs Chromium. Writes FOLDER/<page>-<width>-<scheme>.png; the default folder is build/screenshots.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from playwright.async_api import Page, async_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.pages.browser import FLAGS, NAMES, chromium  # noqa: E402  # the tests' browser is this one's too

WIDTHS = {360: 780, 768: 1024, 1440: 900}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_LINK = re.compile(r"^ *(rider|driver|operator)  (\S+)$")
PAGE_OF = {"rider": "ride", "driver": "drive", "operator": "ops"}
_READY = {"ride": ".rows .row", "drive": ".preview .figure", "ops": ".board .chart"}


async def main(folder: Path) -> None:
    """Every page, width and scheme."""
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103  # nothing else runs in this loop
    async with running_demo() as links, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        for role, link in links.items():
            for width, height in WIDTHS.items():
                for scheme in SCHEMES:
                    context = await browser.new_context(
                        viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-GB"
                    )
                    page = await context.new_page()
                    await page.goto(link)
                    await settled(page, PAGE_OF[role])
                    path = folder / f"{PAGE_OF[role]}-{width}-{scheme}.png"
                    await page.screenshot(path=path)
                    sys.stdout.write(f"{path}\n")
                    await context.close()
        await browser.close()


async def settled(page: Page, name: str) -> None:
    """Wait for what the page is about, and for its map."""
    await page.locator(_READY[name]).first.wait_for(timeout=60_000)
    await page.wait_for_selector('[data-map="ready"]', timeout=60_000)
    await page.wait_for_timeout(1500)


@asynccontextmanager
async def running_demo() -> AsyncIterator[dict[str, str]]:
    """A demo in a folder of its own, and its links by role."""
    with tempfile.TemporaryDirectory(prefix="carpool-pictures-") as data:
        os.chmod(data, 0o711)  # noqa: PTH101, S103  # the embedded server's user must enter it
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "api.cli.__main__", "demo", cwd=ROOT, stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "CARPOOL_DATA_DIR": data, "CARPOOL_PORT": "0"},
        )  # fmt: skip
        assert process.stdout is not None
        links: dict[str, str] = {}
        try:
            async for line in process.stdout:
                text = line.decode().rstrip()
                if found := _LINK.match(text):
                    links[found[1]] = found[2]
                if text.startswith("The service stays up"):
                    break
            if len(links) != len(PAGE_OF):
                raise SystemExit("the demo has ended without its links")
            yield links
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()


if __name__ == "__main__":
    if not any(Path(folder, name).exists() for name in NAMES for folder in os.environ["PATH"].split(os.pathsep)):
        sys.exit(f"no browser: install one of {', '.join(NAMES)}")
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "screenshots"))
