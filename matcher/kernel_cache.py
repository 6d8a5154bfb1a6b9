"""Where numba may keep the compiled kernels, settled before numba is imported.

numba keeps them beside the sources, or in `NUMBA_CACHE_DIR`, or in the user's cache folder, whichever it may **write**
to; where it may write to none, importing a kernel fails, even if they all lie there compiled. A container with a
read-only root is such a place.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
SOURCES = Path(__file__).resolve().parent


def may_write(folder: Path) -> bool:
    """Whether files can be made in the folder, which need not exist yet."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def settle(writable: Callable[[Path], bool] = may_write) -> Path | None:
    """Give numba a private copy of its cache when it could write to none; the copy goes when this process ends.

    Returns the copy, or None when numba finds a place by itself. Raises RuntimeError when there is not even a temporary
    folder.
    """
    given = os.environ.get(VARIABLE)
    if "numba" in sys.modules or any(writable(place) for place in _places(given)):
        return None
    try:
        private = Path(tempfile.mkdtemp(prefix="carpool-kernels-"))
    except OSError as error:
        raise RuntimeError(f"compiled kernels need a folder that can be written to: name one in {VARIABLE}") from error
    atexit.register(_remove, private, os.getpid())
    copy = (
        private / "kernels"
    )  # one level down: a copy takes over its original's mode, and what is loaded as code stays private
    if given and Path(given).is_dir():
        shutil.copytree(given, copy)
    os.environ[VARIABLE] = str(copy)  # inherited by workers, which find it writable and keep it
    return copy


def _places(given: str | None) -> list[Path]:
    """What numba would try.

    A folder that was named and is not usable is not silently replaced by another permanent one.
    """
    if given:
        return [Path(given)]
    cache = os.environ.get("XDG_CACHE_HOME")
    return [SOURCES, Path(cache) if cache else Path("~/.cache").expanduser()]


def _remove(copy: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked worker runs the same exit handlers
        shutil.rmtree(copy, ignore_errors=True)
