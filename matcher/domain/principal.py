"""Who calls, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """driver publishes offers; rider searches; ops reads statistics and any offer; partner is another operator's server
    (driver and rider at once); admin may do everything."""

    RIDER = "rider"
    DRIVER = "driver"
    OPS = "ops"
    PARTNER = "partner"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller: `user` owns what the call makes; `key_id` is the credential it came with."""

    user: str
    role: Role
    key_id: str

    @property
    def drives(self) -> bool:
        """May publish and change offers."""
        return self.role in {Role.DRIVER, Role.PARTNER, Role.ADMIN}

    @property
    def rides(self) -> bool:
        """May search."""
        return self.role in {Role.RIDER, Role.PARTNER, Role.ADMIN}

    @property
    def operates(self) -> bool:
        """May read any offer and the statistics."""
        return self.role in {Role.OPS, Role.ADMIN}


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored API key: never the secret, only its HMAC-SHA256 under the server's pepper (`digest`, 32 bytes)."""

    id: str
    digest: bytes
    role: Role
    user: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def is_usable(self, now: datetime) -> bool:
        """Neither revoked nor expired at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
