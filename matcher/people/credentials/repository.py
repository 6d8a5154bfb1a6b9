"""What the use cases ask of stored API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from matcher.domain.principal import ApiKey, Role


class ApiKeyRepository(Protocol):
    """API keys on disk."""

    async def insert(self, key: ApiKey) -> None:
        """Store a new key."""

    async def find(self, key_id: str) -> ApiKey | None:
        """The key, revoked and expired ones included, or None."""

    async def list_keys(self) -> list[ApiKey]:
        """All keys, oldest first."""

    async def revoke(self, key_id: str, now: datetime) -> None:
        """Raises ApiKeyNotFound. Revoking twice keeps the first moment."""

    async def touch(self, key_id: str, now: datetime) -> None:
        """Note that the key was used."""


class KeyMaker(Protocol):
    """Makes credentials: a random secret and its digest under the server's pepper."""

    def make(
        self,
        user: str,
        role: Role,
        now: datetime,
        expires_at: datetime | None,
        act_as: frozenset[Role] = frozenset(),
    ) -> tuple[str, ApiKey]:
        """(the token to show once, the key to store)."""
