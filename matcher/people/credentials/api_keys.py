"""API keys: how a token looks, and what of it is stored."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from matcher.domain.principal import ApiKey, Role

# A secret of 256 random bits needs no slow hash: guessing it is hopeless at any speed.
_SECRET_BYTES = 32
_ID_BYTES = 8
_TOKEN = re.compile(r"ck_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)


class ApiKeys:
    """Makes tokens `ck_<id>_<secret>` and recognises them, under the server's pepper.

    Keys that were made under one of `others` are recognised too: the pepper is being changed.
    """

    def __init__(self, pepper: bytes, others: Sequence[bytes] = ()) -> None:
        self._peppers = (pepper, *others)
        if any(len(one) < 32 for one in self._peppers):
            raise ValueError("the key pepper must have at least 32 bytes")

    def make(
        self,
        user: str,
        role: Role,
        now: datetime,
        expires_at: datetime | None,
        act_as: frozenset[Role] = frozenset(),
    ) -> tuple[str, ApiKey]:
        """(the token to show once, the key to store)."""
        key_id = secrets.token_hex(_ID_BYTES)
        token = f"ck_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        digest = self.digest(token)
        return token, ApiKey(key_id, digest, role, user, created_at=now, expires_at=expires_at, act_as=act_as)

    @staticmethod
    def find_id(token: str) -> str | None:
        """The id inside a well-formed token, or None."""
        found = _TOKEN.fullmatch(token)
        return None if found is None else found.group(1)

    def digest(self, token: str) -> bytes:
        """HMAC-SHA256 of the whole token, 32 bytes."""
        return _digest(self._peppers[0], token)

    def matches(self, token: str, key: ApiKey) -> bool:
        """Whether this is the key's token; takes the same time wherever they differ."""
        return any([hmac.compare_digest(_digest(pepper, token), key.digest) for pepper in self._peppers])  # noqa: C419 - all of them


def _digest(pepper: bytes, token: str) -> bytes:
    return hmac.new(pepper, token.encode("utf-8"), hashlib.sha256).digest()
