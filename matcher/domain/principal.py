"""Who calls, and what they may do."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

#: Parts an operator's name from that of its user. Neither of the two may contain it, so no two operators' users can be
#: the same.
NAMESPACE_MARK = ":"
#: Whose name an erased person's pseudonym begins with; no user may have it.
ERASED = "erased"
#: Longest name of a user as it is stored.
MAX_USER_NAME = 200
_OWN_USER = re.compile(r"[!-9;-~]{1,64}", re.ASCII)


class Role(StrEnum):
    """driver publishes offers; rider searches; ops reads statistics and any offer; partner is another operator's server
    (driver and rider at once); admin may do everything."""

    RIDER = "rider"
    DRIVER = "driver"
    OPS = "ops"
    PARTNER = "partner"
    ADMIN = "admin"


#: Roles in which a server may act for users of its own: never more than what a person may do.
ACTABLE = frozenset({Role.RIDER, Role.DRIVER})


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller: `user` owns what the call makes; `key_id` is the credential it came with.

    `others` are further roles of the same credential, and `act_as` those in which it may act for users of its own.
    `claims_woman`: a token states that its user is a woman (`TokenRules.gender_claim`).
    """

    user: str
    role: Role
    key_id: str
    others: frozenset[Role] = frozenset()
    act_as: frozenset[Role] = frozenset()
    claims_woman: bool = False

    def for_call(self, roles: AbstractSet[Role]) -> Principal:
        """The caller in the role that a call which is open to `roles` asks for.

        Unchanged when one role is all there is, or none fits.

        Who is rider and driver calls what is open to both as both, which is what PARTNER means.
        """
        return self if not self.others else replace(self, role=_pick({self.role, *self.others}, roles) or self.role)

    def acting_for(self, user: str, roles: AbstractSet[Role]) -> Principal | None:
        """The user of this server's own whom it names, in the role that the call asks for.

        None where it may not act so.
        """
        role = _pick(self.act_as, roles)
        if role is None:
            return None
        return Principal(user=f"{self.user}{NAMESPACE_MARK}{user}", role=role, key_id=self.key_id)

    def qualified(self, user: str) -> str:
        """Another user as this one would name them: within the same namespace, unless one is named."""
        operator, mark, _ = self.user.rpartition(NAMESPACE_MARK)
        return f"{operator}{mark}{user}" if mark and NAMESPACE_MARK not in user else user

    @property
    def erasable(self) -> frozenset[Role]:
        """The roles of the keys that go when the caller is erased: none that may do more than the caller."""
        if self.role is Role.ADMIN:
            return frozenset(Role)
        # A rider and driver at once acts as PARTNER, but is none.
        return ACTABLE if self.others else ACTABLE | {self.role}

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
    """A stored API key: never the secret, only its HMAC-SHA256 under the server's pepper (`digest`, 32 bytes).

    `act_as`: the roles in which the server that holds it may act for users of its own.
    """

    id: str
    digest: bytes
    role: Role
    user: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    act_as: frozenset[Role] = frozenset()

    def is_usable(self, now: datetime) -> bool:
        """Neither revoked nor expired at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def is_own_user(name: str) -> bool:
    """Whether a server may name a user of its own so: 1 to 64 visible ASCII characters, none of them a colon."""
    return _OWN_USER.fullmatch(name) is not None


def _pick(mine: AbstractSet[Role], wanted: AbstractSet[Role]) -> Role | None:
    fitting = mine & wanted
    if fitting >= {Role.RIDER, Role.DRIVER} and Role.PARTNER in wanted:
        return Role.PARTNER
    return next((role for role in reversed(Role) if role in fitting), None)
