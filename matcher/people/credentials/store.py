"""API keys in PostgreSQL: never the secret, only its digest."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from matcher.domain.errors.tree import ApiKeyNotFound
from matcher.domain.principal import ApiKey, Role
from matcher.postgres.statements import Statements
from matcher.postgres.store import PostgresStore, by_column, from_row

if TYPE_CHECKING:
    from matcher.postgres.statements import Record


class PostgresApiKeys(PostgresStore):
    """Implements ApiKeyRepository."""

    _statements = Statements("api_keys")

    async def insert(self, key: ApiKey) -> None:
        """Store a new key. Raises Conflict when its id is taken."""
        values = by_column(key) | {"user_id": key.user, "act_as": sorted(key.act_as)}
        await self._run("insert_api_key", **self._statements.taken("insert_api_key", values))

    async def find(self, key_id: str) -> ApiKey | None:
        row = await self._row("find_api_key", id=key_id)
        return None if row is None else _to_key(row)

    async def list_keys(self) -> list[ApiKey]:
        rows = await self._rows("list_api_keys")
        return [_to_key(row) for row in rows]

    async def revoke(self, key_id: str, now: datetime) -> None:
        """Withdraw a key. Raises ApiKeyNotFound. Revoking twice keeps the first moment."""
        written = await self._run("revoke_api_key", id=key_id, now=now)
        if written == 0:
            raise ApiKeyNotFound(f"there is no API key {key_id}")

    async def touch(self, key_id: str, now: datetime) -> None:
        """Note that the key was used; written at most once a minute."""
        await self._run("touch_api_key", id=key_id, now=now)


def _to_key(row: Record) -> ApiKey:
    act_as = frozenset(map(Role, row["act_as"]))
    return from_row(ApiKey, row, role=Role(row["role"]), user=row["user_id"], act_as=act_as)
