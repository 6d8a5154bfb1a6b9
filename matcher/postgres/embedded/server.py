"""The PostgreSQL that a clone runs on: made, started, shared between processes and stopped by us.

The server listens on a Unix socket only, in a folder that only its user may enter, and asks for a password (SCRAM) even
there. It does not listen on TCP; were somebody to turn that on, its access rules still ask for the password.

Below `<data_dir>/postgres`: `data` is the cluster, `password` the secret (0600), `server.log` what the server says,
`start.lock` and `users.lock` keep several processes from treading on each other.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import quote

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.postgres.embedded.cluster import ROLE, Home, check_version, choose_home, make_cluster
from matcher.postgres.embedded.file_lock import UseCount, exclusive
from matcher.postgres.embedded.postmaster import SOCKET_PORT, Postmaster, choose_socket_folder, drop_stale_locks
from matcher.postgres.embedded.programs import Programs, find_programs
from matcher.progress import Progress, no_progress

DATABASE = "carpool"
FALLBACK_ROOT = Path("/var/lib/carpool-matcher")

_LOCK_PATIENCE_S = 180.0
_START_PATIENCE_S = 120.0  # replaying what a crash left takes seconds, not minutes, at max_wal_size = 1 GB
_STOP_PATIENCE_S = 20.0
_PAUSE_S = 0.02
_LOG_LIMIT_BYTES = 5_000_000
_log = logging.getLogger(__name__)

#: For one machine shared with the service: the data fits in memory, disks are solid, plans are short.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "idle_in_transaction_session_timeout": "60s",
    "log_checkpoints": "off",
    # Statements and the rows that break a constraint hold personal data.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_SETTINGS_THAT_MAY_LOSE_DATA = {"fsync": "off", "full_page_writes": "off"}

#: Servers that we launched and left to other processes; kept so that their handles are not collected while they run.
_left_to_others: list[subprocess.Popen[bytes]] = []


class EmbeddedPostgres:
    """One PostgreSQL server per data folder, for as many processes as ask for it.

    `start` and `stop` block (about a second; at most minutes): call them from a thread. Several processes may start the
    same folder at once: one launches, the others attach, and the last to stop stops the server. A server whose users
    were all killed goes on; the next start attaches to it, and its stop is then the last.

    `progress` is told of steps that can take over a second. `durable=False` is for tests: a crash of the machine may
    lose all.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        data_dir_is_default: bool = False,
        durable: bool = True,
        progress: Progress = no_progress,
        fallback_root: Path = FALLBACK_ROOT,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._data_dir_is_default = data_dir_is_default
        self._fallback_root = fallback_root
        self._durable = durable
        self._progress = progress
        self._home: Home | None = None
        self._url: str | None = None
        self._users: UseCount | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def home(self) -> Home:
        """Where the cluster, its password and its log are; known once started."""
        if self._home is None:
            raise RuntimeError("the embedded server has not been started")
        return self._home

    @property
    def url(self) -> str:
        """A URL that asyncpg and dbmate understand, known once started. It holds the password: never log it."""
        if self._url is None:
            raise RuntimeError("the embedded server has not been started")
        return self._url

    def start(self) -> str:
        """Make the cluster when there is none, start the server or attach to the running one, and return its URL.

        Safe to call again: a server that has died since is started anew. Raises InvalidField when a chosen data folder
        cannot be reached by the server's user, and DatabaseUnavailable for all else that keeps the server from running.
        """
        with _disk_errors(self._data_dir):
            if self._home is None:
                self._home = choose_home(
                    self._data_dir, is_default=self._data_dir_is_default, fallback_root=self._fallback_root
                )
            users = self._users or UseCount(self._home.folder / "users.lock")
            with self._alone(self._home):
                users.join()
                try:
                    socket_folder = self._attach(self._home) or self._launch(self._home)
                    self._url = _url(socket_folder, self._home.password())
                except BaseException:
                    users.leave()
                    self._users = None
                    raise
                self._users = users
        return self._url

    def stop(self) -> None:
        """Stop the server (connections are closed; what is committed stays) unless another process uses it."""
        if self._users is None:
            return
        with self._alone(self.home):
            last = self._users.leave()
            self._users = None
            running = Postmaster.find(self.home.data)
            if running is not None and last:
                self._shut_down(running)
            elif running is not None:
                _log.info("the embedded PostgreSQL goes on: another process uses it")
        self._let_go_of_process()

    def _let_go_of_process(self) -> None:
        """Collect the exit status of servers that we launched and that are gone; the others are left to run."""
        launched = [*_left_to_others, *([] if self._process is None else [self._process])]
        _left_to_others[:] = [process for process in launched if process.poll() is None]
        self._process = None

    def _alone(self, home: Home) -> AbstractContextManager[None]:
        return exclusive(
            home.folder / "start.lock",
            patience_s=_LOCK_PATIENCE_S,
            waiting=lambda: self._progress("waiting for another process that starts or stops the database"),
        )

    def _attach(self, home: Home) -> Path | None:
        """The socket folder of the running server, once it is ready; None when there is none to attach to."""
        deadline = time.monotonic() + _START_PATIENCE_S
        running = Postmaster.find(home.data)
        if running is not None and not running.ready:
            self._progress("waiting for the database to finish starting or stopping")
        while running is not None and not running.ready:
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(f"the database in {home.data} is neither ready nor gone: see {home.log_file}")
            time.sleep(_PAUSE_S)
            running = Postmaster.find(home.data)
        return None if running is None else running.socket_folder

    def _launch(self, home: Home) -> Path:
        """Start the server and wait until it is ready; returns its socket folder."""
        self._let_go_of_process()
        programs = find_programs(home.folder, home.user, self._progress)
        if not home.data.exists():
            make_cluster(home, programs, durable=self._durable, progress=self._progress)
        check_version(home, programs)
        home.password()
        socket_folder = choose_socket_folder(home.folder, home.data, home.user)
        drop_stale_locks(home.data, socket_folder)
        if home.log_file.exists() and home.log_file.stat().st_size > _LOG_LIMIT_BYTES:
            home.log_file.replace(home.log_file.with_suffix(".log.1"))
        deadline = time.monotonic() + _START_PATIENCE_S
        while True:
            said = self._try_launch(home, programs, socket_folder, deadline)
            if said is None:
                return socket_folder
            # The processes of a server that was killed need a moment to notice; until then PostgreSQL refuses, rightly.
            if "shared memory block" not in said or time.monotonic() > deadline:
                raise DatabaseUnavailable(f"PostgreSQL did not start; it said: {said}")
            time.sleep(10 * _PAUSE_S)

    def _try_launch(self, home: Home, programs: Programs, socket_folder: Path, deadline: float) -> str | None:
        """None once the server is ready, else the end of what it said before it gave up."""
        settings = _SETTINGS | {"unix_socket_directories": str(socket_folder), "port": str(SOCKET_PORT)}
        if not self._durable:
            settings |= _SETTINGS_THAT_MAY_LOSE_DATA
        command = [str(programs.postgres), "-D", str(home.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with os.fdopen(os.open(home.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as log:
            said_before = log.tell()
            process = subprocess.Popen(  # noqa: S603 - our own program and paths, no shell
                command, stdout=log, stderr=log, start_new_session=True, **home.user.process_options()
            )
        try:
            self._await_ready(home, process, deadline)
        except BaseException:
            process.send_signal(signal.SIGQUIT)
            process.wait()
            raise
        if process.poll() is None:
            self._process = process
            return None
        with home.log_file.open("rb") as log:
            log.seek(said_before)
            return " ".join(log.read().decode(errors="replace").split())[-400:]

    def _await_ready(self, home: Home, process: subprocess.Popen[bytes], deadline: float) -> None:
        tell_at = time.monotonic() + 1
        while process.poll() is None:
            running = Postmaster.find(home.data)
            if running is not None and running.ready:
                return
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"PostgreSQL is not ready after {_START_PATIENCE_S:.0f} s: see {home.log_file}"
                )
            if time.monotonic() > tell_at:
                self._progress("the database is starting, and replays what a crash may have left")
                tell_at = deadline + 1
            time.sleep(_PAUSE_S)

    def _shut_down(self, running: Postmaster) -> None:
        data = self.home.data
        if not running.ask(signal.SIGINT, data, patience_s=_STOP_PATIENCE_S):
            _log.warning(
                "the embedded PostgreSQL did not stop within %.0f s; it is told to drop everything", _STOP_PATIENCE_S
            )
            running.ask(signal.SIGQUIT, data, patience_s=_STOP_PATIENCE_S)
        if not running.socket_folder.is_relative_to(self.home.folder) and not any(running.socket_folder.iterdir()):
            running.socket_folder.rmdir()


def _url(socket_folder: Path, password: str) -> str:
    folder = quote(str(socket_folder), safe="/")
    return f"postgresql://{ROLE}:{quote(password, safe='')}@/{DATABASE}?host={folder}&port={SOCKET_PORT}"


@contextmanager
def _disk_errors(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or data_dir
        advice = ": it belongs to somebody else; run as its owner, or choose another data folder" * isinstance(
            error, PermissionError
        )
        raise DatabaseUnavailable(f"the database cannot be kept in {where}: {error.strerror}{advice}") from error
