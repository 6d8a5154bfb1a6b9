"""The tiles of a region on disk: an MBTiles file, which is a SQLite database of gzipped tiles."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from matcher.roads.region.store import RegionStore

FILE: Final = "tiles.mbtiles"
#: Lowest and highest zoom that are kept; browsers draw higher ones from the highest.
ZOOMS: Final = (5, 14)


@dataclass(frozen=True, slots=True)
class TileArchive:
    """The tiles of one import of a region. Each read opens the file on its own, so any thread may read."""

    path: Path
    stamp: str  # changes when the file does
    metadata: dict[str, Any]

    @classmethod
    def find(cls, store: RegionStore, name: str) -> Self | None:
        """The tiles of a region as it was imported last, or None when they are missing, damaged, or of another import.

        Raises RegionNotFound, RegionFileInvalid.
        """
        source = store.get_manifest(name).source_sha256
        archive = cls.open(store.beside(name) / FILE)
        return archive if archive is not None and archive.source == source else None

    @classmethod
    def open(cls, path: Path) -> Self | None:
        """A file of tiles, or None when there is none that can be read."""
        try:
            state = path.stat()
            with _connected(path) as connection:
                metadata = dict(connection.execute("SELECT name, value FROM metadata"))
        except (OSError, sqlite3.Error):
            return None
        mark = f"{state.st_ino} {state.st_mtime_ns} {state.st_size}".encode()
        return cls(path, hashlib.sha256(mark).hexdigest()[:16], metadata)

    @property
    def source(self) -> str | None:
        """The SHA-256 of the extract that the region was imported from."""
        try:
            return str(json.loads(self.metadata["description"])["source"])
        except (KeyError, TypeError, ValueError):
            return None

    def read(self, zoom: int, column: int, row: int) -> bytes | None:
        """A tile in the XYZ scheme, gzipped, or None where nothing is drawn.

        Raises OSError when the file cannot be read.
        """
        flipped = 2**zoom - 1 - row  # MBTiles counts rows from the south
        try:
            with _connected(self.path) as connection:
                found = connection.execute(
                    "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?",
                    (zoom, column, flipped),
                ).fetchone()
        except sqlite3.Error as error:
            raise OSError(f"{self.path.name} cannot be read: {error}") from error
        return None if found is None else bytes(found[0])


class _connected:  # noqa: N801  # used as a function
    """A read-only connection, closed at the end of the block; the file is only ever replaced, never written to."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()
