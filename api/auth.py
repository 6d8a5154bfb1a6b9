"""Who calls, and what they may do: the credential of a request, and the roles that a call is open to."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from aiohttp import web

from matcher.domain.errors import RoleForbidden, Unauthenticated
from matcher.domain.principal import Principal, Role

EVERYBODY = frozenset(Role)
DRIVERS = frozenset({Role.DRIVER, Role.PARTNER, Role.ADMIN})
RIDERS = frozenset({Role.RIDER, Role.PARTNER, Role.ADMIN})
DRIVERS_AND_OPS = DRIVERS | {Role.OPS}

#: RFC 6750 section 2.1; RFC 9110 section 11.1: the scheme's case does not matter.
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.ASCII | re.IGNORECASE)
_MAX_TOKEN = 4096


def bearer_token(request: web.BaseRequest) -> str | None:
    """The token of the Authorization header, or None without one. Raises Unauthenticated when it is no bearer token."""
    given = request.headers.getall("Authorization", [])
    if not given:
        return None
    match = _BEARER.fullmatch(given[0].strip()) if len(given) == 1 and len(given[0]) <= _MAX_TOKEN else None
    if match is None:
        raise Unauthenticated("send one `Authorization: Bearer <key>` header")
    return match[1]


def require_role(principal: Principal, roles: AbstractSet[Role]) -> None:
    """Raises RoleForbidden unless the caller's role is one of `roles`."""
    if principal.role not in roles:
        wanted = " or ".join(sorted(role.value for role in roles))
        raise RoleForbidden(f"this call needs a key with the role {wanted}; yours is {principal.role.value}")
