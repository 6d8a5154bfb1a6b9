"""The files of the pages: our own under `static/`, and the map library out of its installed package."""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

STATIC: Final = Path(__file__).parent / "static"
#: Where a wheel carries the map library.
_BUNDLED: Final = Path(__file__).parent / "vendor"
#: Where set-up puts the packages whose files browsers need; they are no packages of this environment.
ASSETS_FOLDER: Final = Path(sys.prefix) / "share" / "carpool" / "assets"
_LIBRARY: Final = ("maplibre-gl.js", "maplibre-gl.css")
_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_IMPORT: Final = re.compile(r"""(?:from|import)\s+["'](\.[^"']+)["']""")


class MapLibraryMissing(FileNotFoundError):
    """The map library is not installed."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    body: bytes
    zipped: bytes
    content_type: str
    etag: str


@cache
def load_assets() -> Mapping[str, Asset]:
    """Every file by its path below /pages/.

    Reads and compresses for about a tenth of a second, once; raises MapLibraryMissing.
    """
    files = {
        path.relative_to(STATIC).as_posix(): path
        for path in sorted(STATIC.rglob("*"))
        if path.suffix in _TYPES and path.is_file()
    }
    library = library_folder()
    files |= {f"vendor/{name}": library / name for name in _LIBRARY}
    return {name: _asset(path) for name, path in files.items()}


@cache
def stamp() -> str:
    """Names the state of all files together, so that a browser may keep one for good under a path with this in it."""
    together = "".join(f"{name}{asset.etag}" for name, asset in load_assets().items())
    return hashlib.sha256(together.encode()).hexdigest()[:12]


def library_folder() -> Path:
    """The folder of the map library's files. Raises MapLibraryMissing."""
    for folder in (_BUNDLED, ASSETS_FOLDER / "maplibre" / "srcjs"):
        if all((folder / name).is_file() for name in _LIBRARY):
            return folder
    raise MapLibraryMissing(
        "the files of MapLibre GL JS are missing: pip install --no-deps --require-hashes "
        f"--target {ASSETS_FOLDER} -r requirements/assets.txt"
    )


@cache
def modules_of(entry: str) -> tuple[str, ...]:
    """A module of ours and every module that it imports, directly or not, in the order of their paths."""
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        source = (STATIC / name).read_text(encoding="utf-8")
        waiting += [
            posixpath.normpath(posixpath.join(posixpath.dirname(name), other)) for other in _IMPORT.findall(source)
        ]
    return tuple(sorted(found))


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    if path.suffix == ".js":
        body = re.sub(rb"\n//# sourceMappingURL=\S+\s*$", b"\n", body)  # the map is not there to be fetched
    return Asset(
        body=body,
        zipped=gzip.compress(body, 9, mtime=0),
        content_type=_TYPES[path.suffix],
        etag=f'"{hashlib.sha256(body).hexdigest()[:20]}"',
    )
