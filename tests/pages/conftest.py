"""One live service with pages for the run, and a browser to look at them with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest
import structlog
from playwright.async_api import Browser

from matcher.postgres.embedded.server import EmbeddedPostgres
from tests.api.live import Live, live_service, settings_for
from tests.conftest import database_url
from tests.pages.browser import Visitor, running_browser, visiting


@pytest.fixture(scope="session", autouse=True)
def quiet_log() -> None:
    """No line for each request."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))


@pytest.fixture(scope="session")
async def pages(
    tmp_path_factory: pytest.TempPathFactory,
    with_sample: Callable[[Path], Path],
    embedded_server: EmbeddedPostgres,
    template_database: str,
) -> AsyncIterator[Live]:
    """The service of the run, on a database of its own, with its tiles."""
    folder = with_sample(tmp_path_factory.mktemp("pages"))
    connection = await asyncpg.connect(database_url(embedded_server.url, "postgres"))
    await connection.execute(f"CREATE DATABASE pages TEMPLATE {template_database} STRATEGY WAL_LOG")
    await connection.close()
    async with live_service(settings_for(folder, database_url(embedded_server.url, "pages"))) as live:
        async with asyncio.timeout(120):
            while (await live.call("GET", "/tiles/coquimbo")).status != 200:  # noqa: ASYNC110  # only the answer tells
                await asyncio.sleep(0.2)
        yield live


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for the run; every visitor has a profile of their own."""
    async with running_browser() as browser:
        yield browser


@pytest.fixture
async def visitor(browser: Browser, pages: Live) -> AsyncIterator[Visitor]:
    """Somebody at a desk, with the browser in English."""
    async with visiting(browser, pages) as visitor:
        yield visitor
