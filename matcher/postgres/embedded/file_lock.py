"""Locks between processes that the kernel lets go of when their holder dies, however it dies (flock)."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from matcher.domain.errors.tree import DatabaseUnavailable

_PAUSE_S = 0.05


@contextmanager
def exclusive(path: Path, *, patience_s: float, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock alone. `waiting` is called once when another process has it.

    Raises DatabaseUnavailable after `patience_s` seconds.
    """
    handle = _open(path)
    try:
        deadline = time.monotonic() + patience_s
        told = False
        while not _try(handle, fcntl.LOCK_EX):
            if not told:
                waiting()
                told = True
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(f"another process has held {path} for over {patience_s:.0f} s")
            time.sleep(_PAUSE_S)
        yield
    finally:
        os.close(handle)


class UseCount:
    """Counts users by the shared locks they hold, so that no crash leaves a wrong count."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def join(self) -> None:
        """Become a user; once is enough, more is harmless."""
        if self._handle is None:
            handle = _open(self._path)
            fcntl.flock(handle, fcntl.LOCK_SH)
            self._handle = handle

    def leave(self) -> bool:
        """Stop being a user; True when nobody else is one. Only exact under a lock that keeps others from joining."""
        if self._handle is None:
            return False
        last = _try(self._handle, fcntl.LOCK_EX)
        os.close(self._handle)
        self._handle = None
        return last


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
