"""Migrations keep the version before theirs working: step by step, and beneath a running service."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.domain.offer import Offer, OfferDraft
from matcher.domain.place import Coordinate, PlaceInput
from matcher.domain.principal import Principal, Role
from matcher.postgres import migrations
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.migrations import check_schema, migrate
from matcher.postgres.statements import Statements
from matcher.wiring.service import Carpool, running
from tests.api.live import settings_for
from tests.architecture.repository import ROOT
from tests.integration.postgres.servers import ask

DRIVER = Principal(user="dora", role=Role.DRIVER, key_id="d")
FILES = [Statements(path.stem) for path in sorted((ROOT / "sql" / "queries").glob("*.sql"))]
COLUMNS = """
SELECT c.table_name || '.' || c.column_name AS name, c.data_type AS kind,
       c.is_nullable = 'NO' AND c.column_default IS NULL AND c.is_identity = 'NO'
        AND c.is_generated = 'NEVER' AS is_demanded
FROM information_schema.columns AS c WHERE c.table_schema = 'public'
"""
CONSTRAINTS = """
SELECT made.name, array(
    SELECT made.on_table || '.' || attname FROM pg_attribute
    WHERE attrelid = made.on_table AND attnum = ANY (made.columns)
) AS columns
FROM (
    SELECT conrelid::regclass AS on_table, conrelid::regclass || ' ' || conname AS name, conkey AS columns
    FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND contype <> 'n'
    UNION ALL
    SELECT indrelid::regclass, indrelid::regclass || ' ' || indexrelid::regclass, indkey::smallint[] FROM pg_index
    JOIN pg_class ON pg_class.oid = indrelid AND relnamespace = 'public'::regnamespace WHERE indisunique
) AS made
"""
#: A migration as the next version might bring it: it only adds.
NEXT = """-- migrate:up
ALTER TABLE offers ADD COLUMN colour text NOT NULL DEFAULT 'grey';
CREATE INDEX offers_by_colour ON offers (colour);
CREATE TABLE colours (name text PRIMARY KEY);
-- migrate:down
"""

#: Type of each column and whether every INSERT must name it; columns of each constraint and unique index;
#: statements that can be prepared.
Schema = tuple[dict[str, tuple[str, bool]], dict[str, set[str]], set[str]]


@pytest.fixture
def own_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations that a test may add to and take from."""
    copy = tmp_path / "migrations"
    shutil.copytree(str(migrations._migrations_folder()), copy)
    monkeypatch.setattr(migrations, "_migrations_folder", lambda: copy)
    return copy


def _put_aside(folder: Path) -> tuple[list[Path], Path]:
    """(the migrations in order, the folder they lie in now)."""
    files = sorted(folder.iterdir())
    later = folder.with_name("later")
    later.mkdir()
    for file in files:
        file.rename(later / file.name)
    return files, later


async def _schema(url: str) -> Schema:
    connection = await asyncpg.connect(url)
    try:
        columns = {row["name"]: (row["kind"], row["is_demanded"]) for row in await connection.fetch(COLUMNS)}
        constraints = {row["name"]: set(row["columns"]) for row in await connection.fetch(CONSTRAINTS)}
        prepared = set()
        for number, file in enumerate(FILES):
            for name in file.names():
                try:
                    await connection.prepare(file.sql(name))
                except asyncpg.PostgresError:
                    continue
                prepared.add(f"{number} {name}")
        return columns, constraints, prepared
    finally:
        await connection.close()


def _broken(before: Schema, after: Schema) -> list[str]:
    """What may break code written for `before`. A constraint on new columns alone holds for their defaults."""
    tables = {name.split(".")[0] for name in before[0]}
    found = [f"{name} is gone" for name in before[0].keys() - after[0].keys()]
    found += [
        f"{name} has another type" for name, (kind, _) in before[0].items() if after[0].get(name, (kind,))[0] != kind
    ]
    found += [
        f"{name} must be named by every INSERT"
        for name, (_, is_demanded) in after[0].items()
        if is_demanded and name.split(".")[0] in tables and not before[0].get(name, ("", False))[1]
    ]
    found += [f"{name} is new" for name in after[1].keys() - before[1].keys() if after[1][name] & before[0].keys()]
    return found + [f"the statement {name} no longer holds" for name in before[2] - after[2]]


#: Constraints on columns old and new that hold for every row that the version before writes.
HARMLESS = frozenset(
    [
        "api_keys api_keys_act_as_of_partner",  # whoever does not know the new column leaves it empty, which is allowed
    ]
)


async def test_every_migration_leaves_the_version_before_it_working(
    embedded_server: EmbeddedPostgres, own_migrations: Path
) -> None:
    url = urlsplit(embedded_server.url)._replace(path=f"/steps_{uuid4().hex}").geturl()
    administration = urlsplit(embedded_server.url)._replace(path="/postgres").geturl()
    files, later = _put_aside(own_migrations)
    await ask(administration, f"CREATE DATABASE {urlsplit(url).path[1:]}")
    try:
        before = await _schema(url)
        broken: dict[str, list[str]] = {}
        for file in files:
            (later / file.name).rename(file)
            await migrate(url)
            after = await _schema(url)
            broken[file.name] = [
                said for said in _broken(before, after) if said.removesuffix(" is new") not in HARMLESS
            ]
            before = after
        assert {name: said for name, said in broken.items() if said} == {}
        assert len(before[2]) == sum(len(file.names()) for file in FILES), (
            "every statement holds on the schema of today"
        )
    finally:
        await ask(administration, f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("ALTER TABLE offers DROP COLUMN comment", "is gone"),
        ("ALTER TABLE offers RENAME COLUMN comment TO remark", "is gone"),
        ("ALTER TABLE rate_limits RENAME TO limits", "no longer holds"),
        ("ALTER TABLE api_keys ADD COLUMN colour text NOT NULL", "must be named"),
        ("ALTER TABLE webhooks ADD CONSTRAINT one_each UNIQUE (owner)", "is new"),
        ("ALTER TABLE offers ALTER COLUMN seats_left TYPE bigint", "another type"),
    ],
)
async def test_a_migration_that_breaks_the_version_before_it_is_noticed(
    fresh_database: str, change: str, words: str
) -> None:
    before = await _schema(fresh_database)
    await ask(fresh_database, change)
    assert any(words in found for found in _broken(before, await _schema(fresh_database)))


async def test_a_service_at_work_does_not_notice_the_next_migration(
    fresh_database: str, own_migrations: Path, tmp_path: Path, with_sample: Callable[[Path], Path]
) -> None:
    settings = settings_for(with_sample(tmp_path), fresh_database)
    async with running(settings) as carpool:
        done = asyncio.Event()
        publishing = asyncio.create_task(_publish_until(carpool, done))
        await asyncio.sleep(0)
        added = own_migrations / "9000_colours.sql"
        added.write_text(NEXT, encoding="utf-8")
        assert await migrate(fresh_database) == ("9000",)
        first = await _published(carpool)
        done.set()
        offers = [*await publishing, first]
        added.unlink()  # we are the version before again
        for offer in offers:
            assert await carpool.offers.read.get(offer.id, DRIVER) == offer
        assert (await carpool.check_health()).ready

    for look in (migrate, check_schema):
        with pytest.raises(DatabaseUnavailable, match="CARPOOL_NEWER_SCHEMA_ALLOWED"):
            await look(fresh_database)
    back = replace(settings, storage=settings.storage.model_copy(update={"newer_schema_allowed": True}))
    async with running(back) as carpool:
        assert (await carpool.check_health()).ready
        offer = await _published(carpool)
        assert await carpool.offers.read.get(offer.id, DRIVER) == offer


async def test_a_schema_that_is_newer_and_older_at_once_is_refused_whatever_is_allowed(
    fresh_database: str, own_migrations: Path
) -> None:
    await ask(fresh_database, "INSERT INTO schema_migrations (version) VALUES ('9999')")
    (own_migrations / "9000_ours.sql").write_text(NEXT, encoding="utf-8")
    for look in (migrate, check_schema):
        with pytest.raises(DatabaseUnavailable, match="9999"):
            await look(fresh_database, newer_allowed=True)


async def _published(carpool: Carpool) -> Offer:
    now = datetime.now(UTC)
    south, north = Coordinate(lat=-29.953, lon=-71.338), Coordinate(lat=-29.905, lon=-71.25)
    draft = OfferDraft(
        origin=PlaceInput(coordinate=south), destination=PlaceInput(coordinate=north),
        departure=now + timedelta(days=1), seats=3,
    )  # fmt: skip
    offer = await carpool.offers.publish(draft, DRIVER, now)
    assert isinstance(offer, Offer)
    return offer


async def _publish_until(carpool: Carpool, done: asyncio.Event) -> list[Offer]:
    offers = []
    while not done.is_set():
        offers.append(await _published(carpool))
    return offers
