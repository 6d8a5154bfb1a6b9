"""Two instances of the service on one database, shared by the tests of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest

from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.settings.all import Settings
from matcher.wiring.service import Carpool, running
from tests.api.live import settings_for
from tests.conftest import database_url

Two = tuple[Carpool, Carpool]


@pytest.fixture(scope="module")
async def fresh_database(embedded_server: EmbeddedPostgres, template_database: str) -> str:
    """One database for these tests: each makes trips of its own, and after each all that is stored must agree."""
    connection = await asyncpg.connect(database_url(embedded_server.url, "postgres"))
    await connection.execute(f"CREATE DATABASE races TEMPLATE {template_database} STRATEGY WAL_LOG")
    await connection.close()
    return database_url(embedded_server.url, "races")


@pytest.fixture(scope="module")
def settings(
    tmp_path_factory: pytest.TempPathFactory, with_sample: Callable[[Path], Path], fresh_database: str
) -> Settings:
    """Settings with the bundled region."""
    return settings_for(with_sample(tmp_path_factory.mktemp("races")), fresh_database)


@pytest.fixture(scope="module")
async def two(settings: Settings) -> AsyncIterator[Two]:
    """Two instances of the service, as two processes would be."""
    async with running(settings) as one, running(settings, worker=2) as other:
        yield one, other
