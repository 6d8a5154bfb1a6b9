"""What a process does once its service is loaded."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager, nullcontext
from typing import Any, cast

from aiohttp import web

from api.app_keys import LIFETIME
from api.lifetime import Lifetime
from api.process.server import settle


async def test_what_a_loaded_service_holds_is_looked_through_by_no_later_round_of_the_collector() -> None:
    app = web.Application()
    app[LIFETIME] = lifetime = Lifetime(cast("Any", nullcontext(object())))
    settling = asyncio.create_task(settle(app))
    await asyncio.sleep(0)
    before = gc.get_freeze_count()
    assert not settling.done()
    try:
        async with asynccontextmanager(lifetime.run)(app):
            await settling
            assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
