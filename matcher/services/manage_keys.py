"""Operators hand out API keys and take them back."""

from __future__ import annotations

from datetime import datetime, timedelta

from matcher.domain.errors import Fault, InvalidField
from matcher.domain.principal import ApiKey, Role
from matcher.services.ports import ApiKeyRepository, KeyMaker

MAX_USER = 100


class ManageKeys:
    """Creates, lists and revokes keys. The token of a key can be seen once, when it is made."""

    def __init__(self, repository: ApiKeyRepository, maker: KeyMaker) -> None:
        self._repository = repository
        self._maker = maker

    async def create(self, user: str, role: Role, now: datetime, ttl: timedelta | None) -> tuple[str, ApiKey]:
        """(token, key). `ttl` None makes a key that does not expire. Raises InvalidField."""
        if not 1 <= len(user) <= MAX_USER or not user.isprintable() or user != user.strip():
            detail = f"must have from 1 to {MAX_USER} visible characters, without spaces around them"
            raise InvalidField(f"user {detail}", faults=[Fault("/user", detail, InvalidField.code)])
        if ttl is not None and ttl <= timedelta():
            detail = "must be longer than nothing"
            raise InvalidField(f"ttl {detail}", faults=[Fault("/ttl", detail, InvalidField.code)])
        token, key = self._maker.make(user, role, now, None if ttl is None else now + ttl)
        await self._repository.insert(key)
        return token, key

    async def list_keys(self) -> list[ApiKey]:
        """All keys, oldest first, revoked and expired ones included."""
        return await self._repository.list_keys()

    async def revoke(self, key_id: str, now: datetime) -> None:
        """The key is refused from now on, within seconds everywhere. Raises ApiKeyNotFound."""
        await self._repository.revoke(key_id, now)
