"""The tiles of the map: built beside the service when a region has none, and read from disk."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from threading import Event
from typing import Final

from matcher.domain.errors.tree import CarpoolError
from matcher.roads.region.store import RegionStore
from matcher.roads.tiles.archive import TileArchive
from matcher.roads.tiles.build import ensure_tiles

#: How long it is believed which file of tiles is in use.
_LOOK_EVERY_S: Final = 5.0
_TRY_AGAIN_S: Final = 60.0
_log = logging.getLogger(__name__)


class _ToldToStop(Exception):
    """The service ends."""


class MapTiles:
    """The tiles of a data folder's regions. For one event loop; the disk is read in threads."""

    def __init__(self) -> None:
        self._store: RegionStore | None = None
        self._known: dict[str, tuple[float, TileArchive | None]] = {}
        self._progress: dict[str, float] = {}

    async def keep(self, data_dir: Path, region: str) -> None:
        """Build the tiles of the served region whenever they are missing or of another import. Until cancelled."""
        self._store = store = RegionStore(data_dir)
        while True:
            stop = Event()
            try:
                await asyncio.to_thread(self._ensure, store, region, stop)
            except CarpoolError as error:
                _log.warning("the map of region %s cannot be built: %s", region, error.detail)
            except OSError:
                _log.exception("the map of region %s cannot be built", region)
            finally:
                stop.set()
            await asyncio.sleep(_TRY_AGAIN_S)

    async def find(self, region: str) -> TileArchive | None:
        """The tiles of a region, or None while there are none.

        Raises RegionNotFound, RegionFileInvalid, InvalidField.
        """
        if self._store is None:
            return None
        now = time.monotonic()
        seen_at, archive = self._known.get(region, (-_LOOK_EVERY_S, None))
        if archive is None or now - seen_at > _LOOK_EVERY_S:
            archive = await asyncio.to_thread(TileArchive.find, self._store, region)
            self._known[region] = (now, archive)
        return archive

    def progress_of(self, region: str) -> float:
        """How far the tiles of a region that are being built are, from 0 to 1."""
        return self._progress.get(region, 0.0)

    def _ensure(self, store: RegionStore, region: str, stop: Event) -> None:
        def report(_step: str, done: float = 0, total: float | None = None, /) -> None:
            if stop.is_set():
                raise _ToldToStop
            if total:
                self._progress[region] = min(1.0, done / total)

        try:
            ensure_tiles(store, region, report)
        except _ToldToStop:
            return
