"""API keys in PostgreSQL: never the secret, only its digest."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from matcher.domain.errors.tree import ApiKeyNotFound
from matcher.domain.principal import ApiKey, Role
from matcher.postgres.pool import Connections
from matcher.postgres.statements import Statements

if TYPE_CHECKING:
    from matcher.postgres.statements import Record

_API_KEYS = Statements("api_keys")


class PostgresApiKeys:
    """Implements ApiKeyRepository."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def insert(self, key: ApiKey) -> None:
        """Store a new key. Raises Conflict when its id is taken."""
        async with self._connections.connection() as connection:
            await _API_KEYS.run(
                connection,
                "insert_api_key",
                id=key.id,
                digest=key.digest,
                role=key.role.value,
                user_id=key.user,
                created_at=key.created_at,
                expires_at=key.expires_at,
                revoked_at=key.revoked_at,
                last_used_at=key.last_used_at,
                act_as=sorted(key.act_as),
            )

    async def find(self, key_id: str) -> ApiKey | None:
        """The key, revoked and expired ones included, or None."""
        async with self._connections.connection() as connection:
            row = await _API_KEYS.row(connection, "find_api_key", id=key_id)
        return None if row is None else _to_key(row)

    async def list_keys(self) -> list[ApiKey]:
        """All keys, oldest first."""
        async with self._connections.connection() as connection:
            rows = await _API_KEYS.rows(connection, "list_api_keys")
        return [_to_key(row) for row in rows]

    async def revoke(self, key_id: str, now: datetime) -> None:
        """Withdraw a key. Raises ApiKeyNotFound. Revoking twice keeps the first moment."""
        async with self._connections.connection() as connection:
            written = await _API_KEYS.run(connection, "revoke_api_key", id=key_id, now=now)
        if written == 0:
            raise ApiKeyNotFound(f"there is no API key {key_id}")

    async def touch(self, key_id: str, now: datetime) -> None:
        """Note that the key was used; written at most once a minute."""
        async with self._connections.connection() as connection:
            await _API_KEYS.run(connection, "touch_api_key", id=key_id, now=now)


def _to_key(row: Record) -> ApiKey:
    return ApiKey(
        id=row["id"],
        digest=row["digest"],
        role=Role(row["role"]),
        user=row["user_id"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
        act_as=frozenset(Role(role) for role in row["act_as"]),
    )
