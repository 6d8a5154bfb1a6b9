"""One live service for the run.

Tests take users of their own from it (`live.key`), so they do not see each other's offers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest
import structlog

from matcher.postgres.embedded.server import EmbeddedPostgres
from tests.api.live import Live, live_service, settings_for
from tests.conftest import database_url


@pytest.fixture(scope="session", autouse=True)
def quiet_log() -> None:
    """No line for each request; tests that look at the log capture it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))


@pytest.fixture(scope="session")
def service_folder(tmp_path_factory: pytest.TempPathFactory, with_sample: Callable[[Path], Path]) -> Path:
    """A data folder that the services of this run share."""
    return with_sample(tmp_path_factory.mktemp("service"))


@pytest.fixture(scope="session")
async def live(service_folder: Path, embedded_server: EmbeddedPostgres, template_database: str) -> AsyncIterator[Live]:
    """The service of the run, on a database of its own."""
    connection = await asyncpg.connect(database_url(embedded_server.url, "postgres"))
    await connection.execute(f"CREATE DATABASE api TEMPLATE {template_database} STRATEGY WAL_LOG")
    await connection.close()
    async with live_service(settings_for(service_folder, database_url(embedded_server.url, "api"))) as live:
        yield live


@pytest.fixture(scope="session")
async def driver(live: Live) -> str:
    """A driver's key, for calls that leave no offer behind."""
    return await live.key("driver")


@pytest.fixture(scope="session")
async def rider(live: Live) -> str:
    """A rider's key."""
    return await live.key("rider")
