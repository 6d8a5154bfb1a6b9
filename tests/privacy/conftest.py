"""A service whose region has public points, and one whose doors stand for themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.settings.protection import ProtectionSettings
from matcher.settings.roads import RoadSettings
from tests.api.live import Live, live_service, settings_for
from tests.conftest import database_url

#: What is tested is what can be learnt, not how fast.
_NO_LIMITS = ProtectionSettings.model_construct(
    rate_search_per_minute=0, rate_write_per_minute=0, rate_read_per_minute=0, rate_address_per_minute=0
)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Path]:
    """Data folders by spacing: the bundled region is imported once into each."""
    return {spacing_m: tmp_path_factory.mktemp(f"public{spacing_m:.0f}") for spacing_m in (0.0, 500.0)}


@asynccontextmanager
async def a_service(
    folders: dict[float, Path], server: EmbeddedPostgres, template: str, name: str, spacing_m: float = 500.0
) -> AsyncIterator[Live]:
    """A service on a database of its own."""
    connection = await asyncpg.connect(database_url(server.url, "postgres"))
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY WAL_LOG")
    finally:
        await connection.close()
    settings = settings_for(folders[spacing_m], database_url(server.url, name))
    roads = RoadSettings(public_point_spacing_m=spacing_m)
    async with live_service(replace(settings, roads=roads, protection=_NO_LIMITS)) as live:
        yield live


@pytest.fixture(scope="package")
async def public(
    folders: dict[float, Path], embedded_server: EmbeddedPostgres, template_database: str
) -> AsyncIterator[Live]:
    """Trips are shown from public point to public point."""
    async with a_service(folders, embedded_server, template_database, "public_points") as live:
        yield live


@pytest.fixture(scope="package")  # a service that stays open takes connections from the tests of other folders
async def exact(
    folders: dict[float, Path], embedded_server: EmbeddedPostgres, template_database: str
) -> AsyncIterator[Live]:
    """Every door stands for itself."""
    async with a_service(folders, embedded_server, template_database, "exact_doors", 0.0) as live:
        yield live
