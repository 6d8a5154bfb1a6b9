"""When compiled kernels are no longer good: as soon as their source, or that of what they call, changes.

numba keeps the machine code of a kernel under the hash of the file it is written in. Our kernels call each other across
files, and what is called is compiled in: without this module, a change to one file would leave the others running its
old code. Here the hash is that of the file and of all files that it takes kernels or constants from, and it is part of
the name under which the code is kept, so that processes of two versions never share a file.

The folders with kernels import this in their `__init__.py`, so that it is in place before the first kernel is declared.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numba.core import config
from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

_PACKAGE = Path(__file__).resolve().parents[2]
#: Kernels are imported one way only: `from matcher.room.module import kernel`.
_IMPORT = re.compile(rb"^from matcher\.([\w.]+) import ", re.MULTILINE)
#: Our own locators first, in numba's order; then numba's, for the kernels of other packages.
_LOCATORS = (
    f"{__name__}.InChosenFolder",
    f"{__name__}.BesideSource",
    f"{__name__}.InHomeFolder",
    "UserProvidedCacheLocator",
    "InTreeCacheLocator",
    "UserWideCacheLocator",
    "IPythonCacheLocator",
    "ZipCacheLocator",
)


def version_of(path: Path) -> str:
    """The hash of a source file and of those of this package whose kernels and constants it uses, directly or not."""
    digest = hashlib.sha256()
    for name in sorted(_with_imports(path.resolve(), set())):
        digest.update(f"{name.relative_to(_PACKAGE)} {_hash_of(name)}\n".encode())
    return digest.hexdigest()


def _with_imports(path: Path, seen: set[Path]) -> set[Path]:
    if path not in seen:
        seen.add(path)
        # A file without kernels can still give constants, which are compiled in; what it imports itself is not.
        for module in _IMPORT.findall(_source(path)) if b"njit" in _source(path) else ():
            imported = _PACKAGE.joinpath(*module.decode().split(".")).with_suffix(".py")
            if imported.is_file():
                _with_imports(imported, seen)
    return seen


@functools.cache
def _source(path: Path) -> bytes:
    return path.read_bytes()


@functools.cache
def _hash_of(path: Path) -> str:
    return hashlib.sha256(_source(path)).hexdigest()


class _OfVersion:
    """A locator whose files are good for one version of a kernel and all it calls.

    Takes kernels of this package only.
    """

    _py_file: str

    def get_source_stamp(self) -> str:
        """What numba compares before it trusts a file."""
        return version_of(Path(self._py_file))

    def get_disambiguator(self) -> str:
        """What numba adds to a kernel's name to name its files."""
        return f"{super().get_disambiguator()}-{self.get_source_stamp()[:12]}"  # type: ignore[misc]  # numba's mixin has it

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> object | None:
        """A locator for a kernel, or None where another one must be asked."""
        if not Path(py_file).resolve().is_relative_to(_PACKAGE):
            return None
        return super().from_function(py_func, py_file)  # type: ignore[misc,no-any-return]  # numba's mixin has it


class InChosenFolder(_OfVersion, UserProvidedCacheLocator):
    """NUMBA_CACHE_DIR, where it is set."""


class BesideSource(_OfVersion, InTreeCacheLocator):
    """`__pycache__` beside the source, where it can be written."""


class InHomeFolder(_OfVersion, UserWideCacheLocator):
    """The user's cache folder."""


@contextmanager
def one_compiles(kernel: Any, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """While the block runs, other processes wait that are about to compile kernels; then they find them compiled.

    kernel: any of ours; they are kept together. waiting is called once when another process is at work. Where the
    folder cannot be written there is nothing to share, and nobody waits.
    """
    lock = Path(kernel.stats.cache_path) / "compiling.lock"
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:
        yield
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


if not config.CACHE_LOCATOR_CLASSES:  # type: ignore[attr-defined]  # set at run time, from NUMBA_CACHE_LOCATOR_CLASSES
    config.CACHE_LOCATOR_CLASSES = ",".join(_LOCATORS)  # type: ignore[attr-defined]
