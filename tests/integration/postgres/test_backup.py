"""The backup of docs/operations.md, restored into a new server: everything promised still holds."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from matcher.domain.offer import Offer, OfferDraft
from matcher.domain.place import Coordinate, PlaceInput
from matcher.domain.principal import Principal, Role
from matcher.postgres.change_feed import PostgresChangeFeed, position_of
from matcher.postgres.embedded.programs import _package_folder
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.pool import Database
from matcher.trips.offers.store import PostgresOffers
from matcher.wiring.service import Carpool, running
from tests.api.live import settings_for
from tests.integration.service_process import ROOT, command, make_key

SOUTH, NORTH = Coordinate(lat=-29.953, lon=-71.338), Coordinate(lat=-29.905, lon=-71.25)
#: So that the old server has counted further than the new one will for a while.
BUSY_LIFE = "DO $$ BEGIN FOR i IN 1..20000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
AFTER_RESTORE = (ROOT / "docs" / "ops" / "after_restore.sql").read_text(encoding="utf-8")


async def _program(name: str, *words: str) -> None:
    """One of PostgreSQL's own programs, from the wheel."""
    path = _package_folder() / "pginstall" / "bin" / name
    done = await asyncio.to_thread(
        subprocess.run, [str(path), *words], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _published(carpool: Carpool, token: str) -> Offer:
    now = datetime.now(UTC)
    who = await carpool.authenticate(token, now)
    draft = OfferDraft(
        origin=PlaceInput(coordinate=SOUTH), destination=PlaceInput(coordinate=NORTH),
        departure=now + timedelta(days=1), seats=3,
    )  # fmt: skip
    offer = await carpool.offers.publish(draft, who, now)
    assert isinstance(offer, Offer)
    return offer


async def _is_quiet(url: str) -> bool:
    """Whether the feed of changes, read from now, tells of none, also after old ones were dropped."""
    connection = await asyncpg.connect(url)
    database = await Database.open(url, min_size=1, max_size=2)
    try:
        position = await position_of(connection)
        await PostgresOffers(database).forget_changes(datetime.now(UTC) + timedelta(minutes=1))
        async with PostgresChangeFeed(url, "coquimbo").listening() as listener:
            changes = await listener.read(position)
        return not changes.missed and changes.offer_ids == ()
    finally:
        await database.close()
        await connection.close()


async def test_a_dump_and_the_secrets_are_all_that_a_new_server_needs(
    fresh_database: str, enterable_folder: Path, tmp_path: Path, with_sample: Callable[[Path], Path]
) -> None:
    old_data, new_data, dump = tmp_path / "old", tmp_path / "new", tmp_path / "carpool.dump"
    for folder in (old_data, new_data):
        folder.mkdir()
    with_sample(old_data)
    await _execute(fresh_database, BUSY_LIFE)
    token = await asyncio.to_thread(make_key, old_data, "driver", "dora", DATABASE_URL=fresh_database)
    async with running(settings_for(old_data, fresh_database)) as carpool:
        before = [await _published(carpool, token) for _ in range(3)]
        # While the service runs: the dump is of one moment.
        await _program("pg_dump", "--format=custom", f"--file={dump}", fresh_database)

    await asyncio.to_thread(shutil.copytree, old_data / "secrets", new_data / "secrets")
    await asyncio.to_thread(shutil.copytree, old_data / "regions", new_data / "regions")
    new_server = EmbeddedPostgres(enterable_folder, durable=False)
    url = await asyncio.to_thread(new_server.start)
    try:
        await _program("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={url}", str(dump))
        assert not await _is_quiet(url), "the step that follows is needed"
        await _execute(url, AFTER_RESTORE)
        assert await _is_quiet(url)

        checked = await asyncio.to_thread(command, new_data, "check", "--sample", "5", DATABASE_URL=url)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "3 offers" in checked.stdout
        async with running(settings_for(new_data, url)) as carpool:
            after = await _published(carpool, token)
            dora = Principal(user="dora", role=Role.DRIVER, key_id="d")
            for offer in (*before, after):
                assert await carpool.offers.read.get(offer.id, dora) == offer
    finally:
        await asyncio.to_thread(new_server.stop)
