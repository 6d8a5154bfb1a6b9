"""What a running server says of itself in `postmaster.pid`, and where its socket may be."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from matcher.postgres.embedded.server_user import ServerUser

#: The shortest sun_path is macOS's 104 bytes with its final NUL (Linux: 108).
SOCKET_PATH_LIMIT = 103
SOCKET_PORT = 5432
_SOCKET_FOLDER_PREFIX = "carpool-"
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server process that works in our data folder."""

    pid: int
    socket_folder: Path
    ready: bool

    @classmethod
    def find(cls, data: Path) -> Postmaster | None:
        """The live server of a data folder; None when there is none, or the file names a process that is another one.

        Process ids start anew with every boot and every container, so a number alone proves nothing.
        """
        lines = _pid_file(data)
        if len(lines) < 5 or not lines[0].isdigit():
            return None
        pid = int(lines[0])
        if not _works_in(pid, data):
            return None
        return cls(pid, Path(lines[4]), len(lines) > 7 and lines[7].strip() == "ready")

    def ask(self, request: signal.Signals, data: Path, *, patience_s: float) -> bool:
        """Send a signal and wait until the process is gone; False when it is still there after `patience_s` seconds."""
        try:
            os.kill(self.pid, request)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + patience_s
        while _works_in(self.pid, data):
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE_S)
        return True


def drop_stale_locks(data: Path, socket_folder: Path) -> None:
    """Remove the lock files of a server that is gone: were its number in use again, PostgreSQL would refuse to start.

    Two servers on one folder stay impossible: PostgreSQL also keys a shared memory segment by the folder.
    """
    if Postmaster.find(data) is None:
        (data / "postmaster.pid").unlink(missing_ok=True)
        (socket_folder / f".s.PGSQL.{SOCKET_PORT}.lock").unlink(missing_ok=True)


def choose_socket_folder(home: Path, data: Path, user: ServerUser) -> Path:
    """A folder that only the server's user may enter, with a path short enough for a socket; made when needed.

    `home`/socket, or where that is too long for the kernel, a folder in the system's temporary one: that of the last
    run when it is still there and still ours.
    """
    folder = home / "socket"
    if not fits_socket(folder):
        lines = _pid_file(data)
        last = Path(lines[4]) if len(lines) > 4 else None
        if last is not None and last.name.startswith(_SOCKET_FOLDER_PREFIX) and _is_private(last, user):
            return last
        places = [place for place in (tempfile.gettempdir(), "/tmp") if fits_socket(Path(place) / "carpool-01234567")]  # noqa: S108 - mkdtemp
        folder = Path(tempfile.mkdtemp(prefix=_SOCKET_FOLDER_PREFIX, dir=places[0]))
        user.give(folder)
        return folder
    folder.mkdir(mode=0o700, exist_ok=True)
    user.give(folder)
    folder.chmod(0o700)
    return folder


def fits_socket(folder: Path) -> bool:
    """Whether a server's socket in this folder has a path that the kernel accepts."""
    return len(os.fsencode(folder / f".s.PGSQL.{SOCKET_PORT}")) <= SOCKET_PATH_LIMIT


def _is_private(folder: Path, user: ServerUser) -> bool:
    try:
        return not folder.is_symlink() and folder.is_dir() and user.owns(folder) and folder.stat().st_mode & 0o077 == 0
    except OSError:
        return False


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _works_in(pid: int, data: Path) -> bool:
    """Whether a live process is a server on `data`: by its working folder, or by the -D it was started with.

    Root in a container often lacks CAP_SYS_PTRACE and may not ask for another user's working folder, but may read its
    command. Where /proc is absent (macOS): whether the process lives.
    """
    if not Path("/proc/self/cwd").exists():
        return _lives(pid)
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except PermissionError:
        return _was_started_on(pid, data)
    except OSError:
        return False


def _was_started_on(pid: int, data: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"-D" in words[:-1] and words[words.index(b"-D") + 1] == os.fsencode(data)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
