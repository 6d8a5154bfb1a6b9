"""Opens the database: started when it is the embedded one, migrated, connected."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from matcher.domain.errors.tree import DatabaseUnavailable
from matcher.postgres.embedded.server import EmbeddedPostgres
from matcher.postgres.migrations import check_schema, migrate
from matcher.postgres.pool import Database
from matcher.progress import Progress, no_progress
from matcher.settings.all import Settings

T = TypeVar("T")
Start = Callable[[], Coroutine[Any, Any, object]]


@dataclass(frozen=True)
class OpenDatabase:
    """A pool on a migrated database, and the URL to listen on; `start_again` when the server is embedded."""

    pool: Database
    direct_url: str
    start_again: Start | None

    async def revive(self, _now: datetime) -> None:
        """Start the embedded server again when it has died. Raises DatabaseUnavailable."""
        try:
            await self.pool.ping()
        except DatabaseUnavailable:
            if self.start_again is None:
                raise
            await self.start_again()
            await self.pool.ping()


@asynccontextmanager
async def opened_database(settings: Settings, *, progress: Progress = no_progress) -> AsyncIterator[OpenDatabase]:
    """The database of the settings; not migrated where that is turned off.

    Raises DatabaseUnavailable, and InvalidField when the embedded server cannot live in the data folder.
    """
    storage = settings.storage
    async with AsyncExitStack() as stack:
        url, start_again = await _database_url(stack, settings, progress)
        if storage.migrate_on_start:
            await migrate(url, newer_allowed=storage.newer_schema_allowed, progress=progress)
        else:
            await check_schema(url, newer_allowed=storage.newer_schema_allowed)
        pool = await Database.open(
            url,
            min_size=min(storage.database_pool_min, storage.database_pool_max),
            max_size=storage.database_pool_max,
            command_timeout_s=storage.database_timeout_s,
            statement_cache_size=0 if storage.database_transaction_pooler else 100,
        )
        stack.push_async_callback(pool.close)
        direct = storage.database_direct_url
        yield OpenDatabase(pool, url if direct is None else direct.get_secret_value(), start_again)


@asynccontextmanager
async def database_url(settings: Settings, *, progress: Progress = no_progress) -> AsyncIterator[str]:
    """The URL of the settings' database, whose server runs while the block does; nothing is migrated."""
    async with AsyncExitStack() as stack:
        url, _ = await _database_url(stack, settings, progress)
        yield url


async def _database_url(stack: AsyncExitStack, settings: Settings, progress: Progress) -> tuple[str, Start | None]:
    storage = settings.storage
    if storage.database_url is not None:
        return storage.database_url.get_secret_value(), None
    progress("starting the embedded database")
    server = EmbeddedPostgres(storage.data_dir, data_dir_is_default=storage.data_dir_is_default, progress=progress)
    stack.push_async_callback(_to_the_end, server.stop)
    return await _to_the_end(server.start), functools.partial(_to_the_end, server.start)


async def _to_the_end(work: Callable[[], T]) -> T:
    """Run blocking work in a thread. When cancelled, wait for it all the same, so that nothing is left half started."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # retrieved, as the caller who cancelled does not want it
        raise
