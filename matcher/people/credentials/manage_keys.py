"""Operators create and revoke API keys."""

from __future__ import annotations

from datetime import datetime, timedelta

from matcher.domain.errors.tree import InvalidField
from matcher.domain.names import NAME_RULE, find_name
from matcher.domain.principal import ACTABLE, ERASED, NAMESPACE_MARK, ApiKey, Role
from matcher.people.credentials.api_keys import ApiKeys
from matcher.people.credentials.authenticate import ApiKeyRepository

MAX_USER = 100


class ManageKeys:
    """Creates, lists and revokes keys. A token is shown only once, when it is made."""

    def __init__(self, repository: ApiKeyRepository, maker: ApiKeys, *, token_prefix: str = "") -> None:
        """`token_prefix` begins the names of the users of signed tokens: no key may have such a name."""
        self._repository = repository
        self._maker = maker
        self._token_prefix = token_prefix

    async def create(
        self, user: str, role: Role, now: datetime, ttl: timedelta | None, act_as: frozenset[Role] = frozenset()
    ) -> tuple[str, ApiKey]:
        """(token, key). `ttl` None: it never expires; `act_as`: roles in which a partner's server may act for its
        users.

        Raises InvalidField.
        """
        user = _require_name(user)
        if user.partition(NAMESPACE_MARK)[0] == ERASED:
            raise InvalidField.at("/user", f"must not be {ERASED!r}, which stands for erased users", "user")
        if is_within(user, self._token_prefix):
            detail = f"must not be or begin with {self._token_prefix!r}, which stands for users of signed tokens"
            raise InvalidField.at("/user", detail, "user")
        if ttl is not None and ttl <= timedelta():
            raise InvalidField.at("/ttl", "must be longer than zero", "ttl")
        _require_actable(user, role, act_as)
        token, key = self._maker.make(user, role, now, None if ttl is None else now + ttl, act_as)
        await self._repository.insert(key)
        return token, key

    async def list_keys(self) -> list[ApiKey]:
        """All keys, oldest first, revoked and expired ones included."""
        return await self._repository.list_keys()

    async def revoke(self, key_id: str, now: datetime) -> None:
        """The key is refused from now on, within seconds everywhere. Raises ApiKeyNotFound."""
        await self._repository.revoke(key_id, now)


def is_within(user: str, prefix: str) -> bool:
    """Whether a user of API keys, or one that its server acts for, could have the name of a token's user."""
    return prefix != "" and f"{user}{NAMESPACE_MARK}".startswith(prefix)


def _require_name(user: str) -> str:
    """The name in NFC. Raises InvalidField when it cannot be one."""
    name = find_name(user)
    if name is None or len(name) > MAX_USER:
        detail = NAME_RULE if user and name is None else f"must have 1 to {MAX_USER} characters"
        raise InvalidField.at("/user", detail, "user")
    return name


def _require_actable(user: str, role: Role, act_as: frozenset[Role]) -> None:
    """Raises InvalidField unless this user may hold a key that acts for others."""
    detail = None
    if act_as and role is not Role.PARTNER:
        detail = "only a partner key can act for others"
    elif not act_as <= ACTABLE:
        detail = f"must be among: {', '.join(sorted(ACTABLE))}"
    elif act_as and NAMESPACE_MARK in user:
        detail = f"requires a user name without {NAMESPACE_MARK!r}, which separates the partner from its users"
    if detail is not None:
        raise InvalidField.at("/act_as", detail, "act_as")
