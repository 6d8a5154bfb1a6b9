"""Secrets that nobody has to think of: made once, kept in private files of the data folder."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

_BYTES = 32


class SecretUnusable(ValueError):
    """A secret's file that others may read, or that does not hold a secret; the text says what to do."""


def read_or_make_secret(path: Path) -> bytes:
    """The secret in `path`, 32 random bytes made on the first call; several processes get the same.

    The file is 0600. Raises SecretUnusable when others may read it, or when it is empty or damaged.
    """
    if not path.exists():
        _make(path)
    if path.stat().st_mode & 0o077:
        raise SecretUnusable(
            f"{path} may be read by others: run `chmod 600 {path}`, or remove it to have a new one made"
        )
    try:
        secret = find_secret(path.read_text(encoding="ascii"))
    except UnicodeDecodeError:
        secret = None
    if secret is None:
        raise SecretUnusable(
            f"{path} does not hold a secret: put it back from a copy, or remove it to have a new one made"
        )
    return secret


def find_secret(text: str) -> bytes | None:
    """The secret that the text of a file stands for, or None when it holds none."""
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        return None
    return secret if len(secret) >= _BYTES else None


def _make(path: Path) -> None:
    """Write beside, then link: the file appears whole, and the first process wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(name)
        except FileExistsError:
            return
    finally:
        Path(name).unlink()
