"""The connections to PostgreSQL that a process shares."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import asyncpg
import asyncpg.pool

from matcher.postgres.errors import domain_errors
from matcher.postgres.statements import Statements

if TYPE_CHECKING:
    from matcher.postgres.statements import Connection

_SERVER = Statements("server")
_CLOSE_PATIENCE_S = 10.0


class Connections(Protocol):
    """Where the repositories get their connections from. Errors come out of both as domain errors."""

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for single statements, each its own transaction."""

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """A connection in a transaction that commits at the end of the block, or rolls back when an error leaves it."""

    def snapshot(self) -> AbstractAsyncContextManager[Connection]:
        """A connection in a read-only transaction with one snapshot."""


class Database:
    """A pool that outlives its server: while PostgreSQL is away every use raises DatabaseUnavailable, and when it is
    back the next use connects anew.

    An error while committing leaves unknown whether the change is kept: that is what idempotency keys are for.
    """

    def __init__(self, pool: asyncpg.pool.Pool[asyncpg.Record], *, acquire_timeout_s: float) -> None:
        self._pool = pool
        self._acquire_timeout_s = acquire_timeout_s

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        min_size: int = 2,
        max_size: int = 10,
        command_timeout_s: float = 10.0,
        connect_timeout_s: float = 5.0,
        acquire_timeout_s: float = 5.0,
        statement_cache_size: int = 100,
        application_name: str = "carpool-matcher",
    ) -> Database:
        """Connect `min_size` times. Raises DatabaseUnavailable when the server cannot be reached or refuses.

        Behind a pooler in transaction mode `statement_cache_size` must be 0: prepared statements would end on other
        servers.
        """
        with domain_errors():
            pool = await asyncpg.create_pool(
                url,
                min_size=min_size,
                max_size=max_size,
                command_timeout=command_timeout_s,
                timeout=connect_timeout_s,
                statement_cache_size=statement_cache_size,
                server_settings={"application_name": application_name},
                init=prepare_connection,
                reset=_keep_as_it_is,
            )
        return cls(pool, acquire_timeout_s=acquire_timeout_s)

    async def close(self) -> None:
        """Wait for connections in use, at most 10 s, then cut them off."""
        try:
            async with asyncio.timeout(_CLOSE_PATIENCE_S):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @property
    def connections_used(self) -> int:
        return self._pool.get_size() - self._pool.get_idle_size()

    @property
    def connections_idle(self) -> int:
        return self._pool.get_idle_size()

    async def ping(self) -> None:
        """One round trip. Raises DatabaseUnavailable."""
        async with self.connection() as connection:
            await _SERVER.value(connection, "ping")

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        with domain_errors():
            async with self._pool.acquire(timeout=self._acquire_timeout_s) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction (READ COMMITTED)."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A connection in a transaction (REPEATABLE READ, read only)."""
        async with (
            self.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection


async def prepare_connection(connection: Connection) -> None:
    """Teach a new connection that JSONB is Python's lists and dicts."""
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_to_json, decoder=json.loads)


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


async def _keep_as_it_is(_connection: Connection) -> None:
    """Skip RESET ALL, a round trip for nothing: our statements leave no session state."""
