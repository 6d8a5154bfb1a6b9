"""Who the embedded server runs as. PostgreSQL refuses to run as root, so root hands it to an ordinary user."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matcher.domain.errors.tree import DatabaseUnavailable

#: `nobody`: no log-in, no home, owns nothing of value; present on every Linux.
NOBODY = 65534


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The user (and its only group) of the server's processes; both None means "the one who calls"."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def for_data(cls, data: Path) -> ServerUser:
        """The caller; for root, the ordinary user that owns `data`, or nobody when it does not exist yet."""
        if os.geteuid() != 0:
            return cls()
        if data.exists() and (owner := data.stat()).st_uid != 0:
            return cls(owner.st_uid, owner.st_gid)
        return cls(NOBODY, NOBODY)

    def process_options(self) -> dict[str, Any]:
        """Arguments for subprocess: this user, no other groups, a bare environment, and the root folder.

        The environment is bare because PGPORT, PGOPTIONS and their kin would change what the server does.
        """
        options: dict[str, Any] = {
            "cwd": "/",
            "env": {"PATH": os.defpath, "LC_ALL": "C"},
            "stdin": subprocess.DEVNULL,
        }
        if self.uid is not None:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def run(self, command: Sequence[str | Path], *, feed: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end as this user; its output is captured, its exit status is the caller's to judge.

        Raises DatabaseUnavailable when this process may not start it (root in a container without CAP_SETUID, noexec).
        """
        options = self.process_options()
        if feed is not None:
            del options["stdin"]
        try:
            return subprocess.run(  # noqa: S603 - our own programs and paths, no shell
                [str(part) for part in command], input=feed, capture_output=True, text=True, check=False, **options
            )
        except OSError as error:
            who = "this user" if self.uid is None else f"uid {self.uid}"
            raise DatabaseUnavailable(f"cannot run {Path(command[0]).name} as {who}: {error.strerror}") from error

    def can_enter(self, folder: Path) -> bool:
        """Whether this user may enter a folder. Asks the kernel, which knows ACLs and mounts."""
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", folder]).returncode == 0

    def give(self, path: Path) -> None:
        """Make this user the owner of a path that we have just created."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def owns(self, path: Path) -> bool:
        """Whether the path itself (not what a link points to) belongs to this user."""
        return path.lstat().st_uid == (os.geteuid() if self.uid is None else self.uid)
