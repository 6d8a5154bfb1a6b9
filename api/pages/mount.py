"""Puts the pages and the tiles into the application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from api.app_keys import LIFETIME, TILES
from api.call.endpoint import Page
from api.pages import handlers
from api.pages.map_tiles import MapTiles

#: No row has `answers`: none of them is part of the API that is documented.
ROWS: Final = (
    *(Page(f"/{name}", handlers.page, {}) for name in handlers.PAGES),
    Page("/pages/setup", handlers.setup, {}),
    Page("/pages/{path:.+}", handlers.asset, {}),
    Page("/tiles/{region}", handlers.tile_index, {}),
    Page(r"/tiles/{region}/{z:\d{1,2}}/{x:\d{1,8}}/{y:\d{1,8}}", handlers.tile, {}),
)


def mount_pages(app: web.Application) -> None:
    """Keep the tiles while the application runs; the rows are for whoever fills the router."""
    app[TILES] = MapTiles()
    app.cleanup_ctx.append(_kept_tiles)


async def _kept_tiles(app: web.Application) -> AsyncIterator[None]:
    async def keep() -> None:
        await app[LIFETIME].loaded()
        settings = app[LIFETIME].carpool.settings
        await app[TILES].keep(settings.storage.data_dir, settings.roads.region)

    task = asyncio.create_task(keep(), name="map tiles")
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
