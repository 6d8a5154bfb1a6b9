"""What tests share: one PostgreSQL for the whole run, databases cut from it, a watch for blocking calls, and Hypothesis
profiles.

- `postgres_url`: a migrated database for the whole run. Other tests see what is committed there; leave nothing behind.
- `db`: connections inside one transaction that is rolled back after the test. For repositories; cheap.
- `fresh_database`: the URL of a database of one's own, migrated and empty. For several connections, commits and races.
- `database`: an open pool on a fresh database.
- `with_sample`: puts the bundled region without public points, imported once for the run, into a data folder.
- `enterable_folder`: a temporary folder that the embedded server's user may enter, also when tests run as root.
"""

from __future__ import annotations

import fcntl
import linecache
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import util
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import settings

from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.errors import domain_errors
from matcher.postgres.migrations import migrate
from matcher.postgres.pool import Database, prepare_connection
from matcher.roads.region.store import RegionStore, ensure_sample
from tests.examples import THOROUGH, examples

# The same examples in every run: a failure in continuous integration is a failure here. `thorough` looks for new ones.
settings.register_profile("default", max_examples=examples(40), derandomize=True, deadline=None, print_blob=True)
settings.register_profile("thorough", max_examples=examples(40), deadline=None, print_blob=True)
settings.load_profile("thorough" if THOROUGH else "default")


@pytest.fixture(scope="session", autouse=True)
def sources_stay_as_they_are() -> Iterator[None]:
    """In debug mode asyncio notes where each call was made, and asks the disk ten times for each whether a source
    has changed: half of what busy tests did.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linecache, "checkcache", lambda filename=None: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def blocking_calls_fail() -> Iterator[BlockBuster]:
    """A call of ours that would hold up the event loop raises BlockingError."""
    rooms = [room for room in ("api", "matcher") if util.find_spec(room) is not None]
    with blockbuster_ctx(rooms) as watch:
        for function in watch.functions.values():
            # A time zone is read from disk once per process: 2 kB, the first time it is named.
            function.can_block_in("zoneinfo/_common.py", "load_tzdata")
            function.can_block_in("zoneinfo/_tzpath.py", "find_tzfile")
            # The driver looks for certificates and password files in the home folder before it connects.
            function.can_block_in("asyncpg/connect_utils.py", "_parse_connect_dsn_and_args")
        yield watch


@pytest.fixture(scope="session")
def with_sample(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Copies the bundled region into a data folder and returns that folder. All test processes import it once."""
    base = tmp_path_factory.getbasetemp()
    imported = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "sample"
    imported.mkdir(exist_ok=True)
    with (imported / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ensure_sample(RegionStore(imported), public_spacing_m=0)

    def copied(folder: Path) -> Path:
        shutil.copytree(imported / "regions", folder / "regions", symlinks=True)
        return folder

    return copied


@pytest.fixture
def enterable_folder() -> Iterator[Path]:
    """pytest's own temporary folders are closed to all but the user who runs the tests."""
    with _enterable_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[EmbeddedPostgres]:
    """The one server of the run; it may lose data if the machine crashes."""
    with _enterable_folder() as folder, EmbeddedPostgres(folder, durable=False) as server:
        yield server


@pytest.fixture(scope="session")
async def template_database(embedded_server: EmbeddedPostgres) -> str:
    """The name of a migrated, empty database that nobody is connected to."""
    async with _administration(embedded_server) as connection:
        await connection.execute("CREATE DATABASE template_carpool")
    await migrate(database_url(embedded_server.url, "template_carpool"))
    return "template_carpool"


@pytest.fixture(scope="session")
async def postgres_url(embedded_server: EmbeddedPostgres, template_database: str) -> str:
    """A migrated database for the whole run."""
    async with _administration(embedded_server) as connection:
        await connection.execute(f"CREATE DATABASE shared TEMPLATE {template_database} STRATEGY WAL_LOG")
    return database_url(embedded_server.url, "shared")


@pytest.fixture
async def fresh_database(embedded_server: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    """The URL of a migrated, empty database that is dropped after the test."""
    name = f"test_{uuid4().hex}"
    async with _administration(embedded_server) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY WAL_LOG")
    yield database_url(embedded_server.url, name)
    async with _administration(embedded_server) as connection:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(fresh_database: str) -> AsyncIterator[Database]:
    """An open pool on a fresh database."""
    database = await Database.open(fresh_database, min_size=1, max_size=8)
    yield database
    await database.close()


class OneTransaction:
    """Connections as repositories want them, all of them one connection in one transaction; theirs are savepoints."""

    def __init__(self, only: asyncpg.Connection[asyncpg.Record]) -> None:
        self.only = only

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """The one connection; a statement that fails undoes itself only."""
        async with self.transaction() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """A savepoint."""
        with domain_errors():
            async with self.only.transaction():
                yield self.only

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """A savepoint: nobody else writes into this transaction."""
        async with self.transaction() as connection:
            yield connection


@pytest.fixture(scope="session")
async def _shared_connection(postgres_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(postgres_url)
    await prepare_connection(connection)
    yield connection
    await connection.close()


@pytest.fixture
async def db(_shared_connection: asyncpg.Connection[asyncpg.Record]) -> AsyncIterator[OneTransaction]:
    """Connections whose every change is rolled back after the test."""
    transaction = _shared_connection.transaction()
    await transaction.start()
    yield OneTransaction(_shared_connection)
    await transaction.rollback()


def database_url(url: str, name: str) -> str:
    """The same server, another database."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@asynccontextmanager
async def _administration(server: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection[Any]]:
    connection = await asyncpg.connect(database_url(server.url, "postgres"))
    try:
        yield connection
    finally:
        await connection.close()


@contextmanager
def _enterable_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="carpool-test-"))
    try:
        folder.chmod(0o711)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
