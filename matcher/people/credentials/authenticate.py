"""Authenticates callers by API key or signed token."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Protocol

from matcher.domain.errors.tree import ApiKeyNotFound, Unauthenticated, Unavailable
from matcher.domain.principal import ApiKey, Principal
from matcher.people.credentials.api_keys import ApiKeys
from matcher.people.credentials.tokens import JsonWebTokens

_TOUCH_EVERY = timedelta(minutes=1)
_REMEMBERED = 10_000


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


class Authenticate:
    """From a bearer token to a principal: the token is an API key or, with `tokens`, signed by the trusted issuer.

    Keys are cached for `remember_for`, which is also how long a revoked key may still be accepted. Unknown ids are
    cached too, so that retrying one costs no query. `last_used_at` is written in the background, at most once a minute
    for each key.
    """

    def __init__(
        self,
        repository: ApiKeyRepository,
        keys: ApiKeys,
        *,
        remember_for: timedelta,
        tokens: JsonWebTokens | None = None,
    ) -> None:
        self._repository = repository
        self._keys = keys
        self._remember_for = remember_for
        self._tokens = tokens
        self._remembered: dict[str, tuple[datetime, ApiKey | None]] = {}
        self._touched: dict[str, datetime] = {}
        self._touching: set[asyncio.Task[None]] = set()

    async def __call__(self, token: str | None, now: datetime) -> Principal:
        """Raises Unauthenticated without a token, or with one that is malformed, unknown, revoked or expired; one
        message for all
        of the latter, so that guessing learns nothing. Raises what JsonWebTokens raises, and DatabaseUnavailable."""
        if token is None:
            raise Unauthenticated("send `Authorization: Bearer <key>`; `carpool keys create` makes a key")
        if self._tokens is not None and token.count(".") == 2:
            return await self._tokens(token, now)
        key_id = self._keys.find_id(token)
        key = None if key_id is None else await self._find(key_id, now)
        if key is None or not self._keys.matches(token, key) or not key.is_usable(now):
            raise Unauthenticated("the key is unknown, revoked or expired")
        self._touch(key.id, now)
        return Principal(user=key.user, role=key.role, key_id=key.id, act_as=key.act_as)

    def forget(self, user: str) -> None:
        """Look the keys of a user up anew, at least in this process."""
        for key_id in [key_id for key_id, (_, key) in self._remembered.items() if key is not None and key.user == user]:
            del self._remembered[key_id]

    async def drain(self) -> None:
        """Wait for what is still being written."""
        while self._touching:
            await asyncio.wait(self._touching)

    async def _find(self, key_id: str, now: datetime) -> ApiKey | None:
        held = self._remembered.get(key_id)
        if held is not None and timedelta() <= now - held[0] < self._remember_for:
            return held[1]
        key = await self._repository.find(key_id)
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        self._remembered[key_id] = (now, key)
        return key

    def _touch(self, key_id: str, now: datetime) -> None:
        last = self._touched.get(key_id)
        if last is not None and now - last < _TOUCH_EVERY:
            return
        if len(self._touched) >= _REMEMBERED:
            self._touched.clear()
        self._touched[key_id] = now
        task = asyncio.create_task(self._write_touch(key_id, now))
        self._touching.add(task)
        task.add_done_callback(self._touching.discard)

    async def _write_touch(self, key_id: str, now: datetime) -> None:
        try:
            await self._repository.touch(key_id, now)
        except (Unavailable, ApiKeyNotFound):
            self._touched.pop(key_id, None)  # it is a note for operators: the next call writes it
